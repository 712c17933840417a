import { apply } from '../../src/allocator/apply.ts';
import type { Command } from '../../src/allocator/commands.ts';
import { decide } from '../../src/allocator/decide.ts';
import type { Hall } from '../../src/allocator/hall.ts';
import { assertCounts } from '../../src/allocator/invariants.ts';
import { newOnce } from './hold-commands.ts';
import { PlayedShow } from './played-show.ts';
import { PLAYED_AT } from './stadium.ts';

const TURN = 256;
const SOLD_SHARE = 0.5;
const SEED = 15;
const GATES = 40;
const ROUNDS = 3;

/** Admissions a second: decided, applied and the counts asserted after each turn of 256, in a hall half sold; the best of three rounds. */
export function admissionsPerSecond(hall: Hall): number {
  const played = new PlayedShow(hall, false);
  played.sellTo(SOLD_SHARE, SEED);
  const { show } = played;
  let best = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const commands: Command[] = [];
    for (let ticket = 1; ticket <= show.tickets.count; ticket++) {
      const gate = `Gate ${ticket % GATES}`;
      const at = show.orders.at[show.tickets.order[ticket]];
      commands.push({ type: 'admit', once: newOnce(), ticket, at, gate });
    }
    const start = performance.now();
    for (let from = 0; from < commands.length; from += TURN) {
      const end = Math.min(from + TURN, commands.length);
      for (let i = from; i < end; i++) {
        const decision = decide(show, commands[i], PLAYED_AT);
        if (decision.kind !== 'done' || decision.event === null)
          throw new Error(`refused: ${JSON.stringify(decision)}`);
        apply(show, decision.event, show.seq + 1, i - from, PLAYED_AT);
      }
      assertCounts(show);
      show.seq++;
    }
    best = Math.max(best, commands.length / ((performance.now() - start) / 1_000));
    for (let ticket = 1; ticket <= show.tickets.count; ticket++) show.doors.undo(ticket, PLAYED_AT + round);
  }
  return best;
}
