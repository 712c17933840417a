import { apply } from '../../src/allocator/apply.ts';
import type { Command } from '../../src/allocator/commands.ts';
import { decide } from '../../src/allocator/decide.ts';
import type { Hall } from '../../src/allocator/hall.ts';
import { assertCounts } from '../../src/allocator/invariants.ts';
import { Show } from '../../src/allocator/show.ts';
import { newId } from '../../src/ids.ts';
import { systemRandom } from '../../src/system/random.ts';
import { singleSeatHolds } from './hold-commands.ts';
import { PLAYED_AT, termsOf } from './stadium.ts';

const TURN = 256;
const WARM_UP_SHOWS = 3;
const SHOWS_AT_LEAST = 5;

/**
 * Single-seat holds a second: decided, applied and the counts asserted after each turn of 256, on shows of this hall
 * that are empty at first and held to nine tenths at last. Only the turns are timed.
 */
export function singleHoldsPerSecond(hall: Hall, seconds: number): number {
  const commands = singleSeatHolds(hall);
  for (let i = 0; i < WARM_UP_SHOWS; i++) playOneShow(hall, commands);
  let spent = 0;
  let shows = 0;
  while (shows < SHOWS_AT_LEAST || spent < seconds * 1_000) {
    spent += playOneShow(hall, commands);
    shows++;
  }
  return (shows * commands.length) / (spent / 1_000);
}

/** Milliseconds it took. */
function playOneShow(hall: Hall, commands: readonly Command[]): number {
  const show = new Show(newId('shw', systemRandom), hall, termsOf(hall));
  const start = performance.now();
  for (let from = 0; from < commands.length; from += TURN) {
    const end = Math.min(from + TURN, commands.length);
    for (let i = from; i < end; i++) {
      const decision = decide(show, commands[i], PLAYED_AT);
      if (decision.kind !== 'done' || decision.event === null) throw new Error(`refused: ${JSON.stringify(decision)}`);
      apply(show, decision.event, show.seq + 1, i - from, PLAYED_AT);
    }
    assertCounts(show);
    show.seq++;
    show.touched.length = 0;
  }
  return performance.now() - start;
}
