/**
 * A process of its own, run with `--expose-gc`, that measures what shows cost in memory and sends a
 * {@link MemoryFigures} over IPC. The actors are the real ones; the journal keeps nothing, so that only what a node
 * itself remembers is counted.
 */
import { IDLE_MS } from '../../src/actors/falling-asleep.ts';
import { ShowActors } from '../../src/actors/show-actors.ts';
import type { HoldView, OrderView } from '../../src/actors/shows.ts';
import { RULES } from '../../src/actors/turns.ts';
import type { Hall } from '../../src/allocator/hall.ts';
import { FORMAT } from '../../src/formats.ts';
import { newId, parseScopedId } from '../../src/ids.ts';
import type { Journal } from '../../src/journal/journal.ts';
import { pause } from '../../src/system/pause.ts';
import { systemRandom } from '../../src/system/random.ts';
import { newBuyer, newOnce } from './hold-commands.ts';
import { PLAYED_AT, stadium, termsOf } from './stadium.ts';

export interface MemoryFigures {
  /** Bytes of an awake, sold-out show. */
  readonly perActiveShow: number;
  /** Bytes of a show that was awake and sleeps again. */
  readonly perPassivatedShow: number;
  readonly passivatedShows: number;
}

const ACTIVE_SHOWS = 4;
const PASSIVATED_SHOWS = 10_000;
/** Shows that are awake together on the way to sleep. */
const AWAKE_TOGETHER = 50;
/** Buyers who ask at once. */
const BUYERS_TOGETHER = 250;
const LARGEST_PARTY = 4;
const SHARDS = 1_024;
const COLLECTIONS = 4;
const SETTLE_MS = 20;

const FORGETFUL: Journal = {
  append: async () => 'durable',
  keepSnapshot: async () => true,
  readSnapshot: async () => null,
  async *rowsAfter() {},
  readRow: async () => null,
};

/** Actors on a clock that is set by hand. */
class Node {
  readonly actors: ShowActors;
  #now = PLAYED_AT;
  #sweep = (): void => undefined;

  constructor(hall: Hall) {
    const terms = termsOf(hall);
    const silent = () => undefined;
    this.actors = new ShowActors({
      source: { exists: async () => true, load: async () => ({ hall, terms, laterHall: async () => null }) },
      journal: FORGETFUL,
      format: () => FORMAT.newest,
      writer: 'nod_bench',
      leases: { epochOf: () => 1, advance: async () => 1 },
      shardOf: (showId) => showId.charCodeAt(showId.length - 1) % SHARDS,
      clock: { now: () => this.#now },
      timers: {
        after: () => ({ cancel: silent }),
        every: (_ms, task) => {
          this.#sweep = task;
          return { cancel: silent };
        },
        soon: (task) => void setImmediate(task),
      },
      rules: RULES,
      log: {
        info: silent,
        warn: silent,
        error: (fields, message) => process.stderr.write(`${message} ${JSON.stringify(fields)}\n`),
      },
      onUnsettled: silent,
    });
  }

  get deadline(): number {
    return this.#now + IDLE_MS;
  }

  /** Lets all shows fall asleep. */
  async idle(): Promise<void> {
    this.#now += IDLE_MS;
    this.#sweep();
    while (this.actors.awake > 0) await pause(1);
  }
}

async function bytesInUse(): Promise<number> {
  for (let i = 0; i < COLLECTIONS; i++) {
    globalThis.gc?.();
    await pause(SETTLE_MS);
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Buys parties of the best seats until there are none: every seat ends as a valid ticket. */
async function sellOut(node: Node, showId: string, seats: number): Promise<void> {
  let left = seats;
  const buyer = async (): Promise<void> => {
    while (left > 0) {
      const quantity = Math.min(left, 1 + (left % LARGEST_PARTY));
      left -= quantity;
      await buy(node, showId, quantity);
    }
  };
  await Promise.all(Array.from({ length: BUYERS_TOGETHER }, buyer));
}

async function buy(node: Node, showId: string, quantity: number): Promise<void> {
  const user = newBuyer();
  const { actors, deadline } = node;
  const held = await actors.ask<HoldView>(
    showId,
    { type: 'hold', once: newOnce(), buyer: user, best: { quantity } },
    deadline,
  );
  if (!held.ok) throw new Error(`no hold: ${held.refusal.detail}`);
  const hold = parseScopedId('hld', held.value.id);
  if (hold === null) throw new Error(`no hold id: ${held.value.id}`);
  const ordered = await actors.ask<OrderView>(
    showId,
    { type: 'order', once: newOnce(), buyer: user, hold: hold.number, at: hold.at },
    deadline,
  );
  if (!ordered.ok) throw new Error(`no order: ${ordered.refusal.detail}`);
  const order = parseScopedId('ord', ordered.value.id)?.number ?? 0;
  const { amount, currency } = ordered.value.total;
  const committed = await actors.ask(showId, { type: 'commit', order, amount, currency }, deadline);
  const captured = await actors.ask(showId, { type: 'captured', order }, deadline);
  if (!committed.ok || !captured.ok) throw new Error('the sale was not committed');
}

async function measure(): Promise<MemoryFigures> {
  const hall = stadium();
  const node = new Node(hall);
  const wake = async (shows: number): Promise<string[]> => {
    const ids = Array.from({ length: shows }, () => newId('shw', systemRandom));
    for (const id of ids) {
      const summary = await node.actors.ask(id, { type: 'get-summary' }, node.deadline);
      if (!summary.ok) throw new Error(`the show did not wake: ${summary.refusal.detail}`);
    }
    return ids;
  };
  // Everything that is made once is made before counting.
  await wake(AWAKE_TOGETHER);
  await node.idle();

  const before = await bytesInUse();
  for (let slept = 0; slept < PASSIVATED_SHOWS; slept += AWAKE_TOGETHER) {
    await wake(AWAKE_TOGETHER);
    await node.idle();
  }
  const passivated = await bytesInUse();
  for (const id of await wake(ACTIVE_SHOWS)) await sellOut(node, id, hall.seatCount - reserved(hall));
  const active = await bytesInUse();
  return {
    perActiveShow: (active - passivated) / ACTIVE_SHOWS,
    perPassivatedShow: Math.max(0, passivated - before) / PASSIVATED_SHOWS,
    passivatedShows: PASSIVATED_SHOWS,
  };
}

/** Accessible and companion seats, which best available keeps for those who ask for them. */
function reserved(hall: Hall): number {
  let count = 0;
  for (const features of hall.features) if (features !== 0) count++;
  return count;
}

const figures = await measure();
process.send?.(figures, undefined, undefined, () => process.exit());
