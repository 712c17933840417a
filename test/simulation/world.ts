import type { ShowSource } from '../../src/actors/shows.ts';
import type { ShowEvent, ShowTerms } from '../../src/allocator/events.ts';
import type { Hall } from '../../src/allocator/hall.ts';
import { InvariantViolation } from '../../src/allocator/invariants.ts';
import { shardOf } from '../../src/cluster/shards.ts';
import { FORMAT } from '../../src/formats.ts';
import { FENCE } from '../../src/journal/append-statement.ts';
import type { Log } from '../../src/system/log.ts';
import { Dice } from '../support/dice.ts';
import { madeOf } from '../support/made-show.ts';
import { MemoryPlanStore } from '../support/memory-plan-store.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { ON_SALE_AT, rowsOfTen, termsOf } from '../support/small-show.ts';
import { Dangers } from './dangers.ts';
import { Database } from './database.ts';
import { CALM_DATABASE } from './database-wire.ts';
import { CALM_PROVIDER, type MoneyTaker, MoneyWire } from './money.ts';
import { CALM_NETWORK, Network } from './network.ts';
import type { Options } from './options.ts';
import { PlainProvider } from './plain-provider.ts';
import { inDocumentOrder, type ReplacingPlan, replacingPlans } from './replacing-plans.ts';
import { SimulatedNode } from './simulated-node.ts';
import { StripeProvider } from './stripe-provider.ts';
import { Trace } from './trace.ts';
import { VirtualTime } from './virtual-time.ts';

/** The sale opens so long after the first nodes start, ms. */
export const OPENING_MS = 4_000;
/** What nodes log of a show that must never be: names of the errors that the code throws where an invariant is broken. */
const BROKEN = new Map([
  ['JournalDamaged', 'I2'],
  ['TypeError', 'crash'],
  ['RangeError', 'crash'],
]);

const halls = new Map<number, Hall>();

function hallOf(rows: number): Hall {
  let hall = halls.get(rows);
  if (hall === undefined) {
    hall = rowsOfTen(rows);
    halls.set(rows, hall);
  }
  return hall;
}

export interface Violation {
  readonly invariant: string;
  readonly what: string;
}

/** A show of the simulated catalogue. */
export interface SimulatedShow {
  readonly id: string;
  readonly hall: Hall;
  readonly terms: ShowTerms;
  /** Those that may take the place of its first; none if nobody replaces plans. */
  readonly plans: readonly ReplacingPlan[];
  /** All seats of all its plans: those of the first in the order of its document, then the others. */
  readonly seatIds: readonly string[];
}

/** A whole cluster with all that it stands on and all who use it, in one process, on one clock, from one seed. */
export class World {
  readonly options: Options;
  readonly time: VirtualTime;
  readonly trace = new Trace();
  readonly dangers = new Dangers();
  readonly database: Database;
  readonly network: Network;
  readonly provider: MoneyTaker;
  readonly moneyWire: MoneyWire;
  readonly plans: MemoryPlanStore;
  readonly source: ShowSource;
  readonly fence = FENCE;
  readonly shows: readonly SimulatedShow[];
  /** Names of the nodes. */
  readonly hosts: readonly string[];
  /** The present process of each node, by its name. */
  readonly nodes = new Map<string, SimulatedNode>();
  readonly violations: Violation[] = [];
  readonly #clocks: Dice;
  readonly #latency: Dice;
  readonly #wall = new Map<string, number>();
  /** Orders that a durable row says are sold: `show/order`. */
  readonly #sold = new Set<string>();
  #seeds: number;

  constructor(options: Options) {
    const { seed } = options;
    const dice = (salt: number): Dice => new Dice(Math.imul(seed, 0x27d4eb2f) ^ salt);
    this.options = options;
    this.hosts = Array.from({ length: options.nodes }, (_, number) => `node-${number}`);
    this.#seeds = Math.imul(seed, 0x165667b1) >>> 0;
    this.#clocks = dice(0xc10c);
    this.#latency = dice(0x1a7e);
    this.time = new VirtualTime(ON_SALE_AT - OPENING_MS);
    this.time.onError = (error) => this.violated('crash', describe(error));
    const { time, trace, dangers } = this;
    const onViolation = (invariant: string, what: string): void => this.violated(invariant, what);
    this.database = new Database({ time, dice: dice(0xdb), trace, dangers, onViolation });
    this.database.onWritten = (showId, events) => this.#note(showId, events);
    this.network = new Network({ time, dice: dice(0x4e7), trace, dangers });
    const money = {
      time,
      dice: dice(0x9a1d),
      dangers,
      bankMs: options.bankMs,
      onViolation,
      isSold: (order: string) => this.#sold.has(order),
    };
    this.moneyWire = new MoneyWire(money);
    this.provider = options.isStripe
      ? new StripeProvider({
          ...money,
          wire: this.moneyWire,
          seed,
          nextSeed: () => this.nextSeed(),
          wireOf: (host, process) => this.database.wire(host, process),
          someNode: () => this.someNode(this.#latency.between(0, 999)),
        })
      : new PlainProvider({ ...money, wire: this.moneyWire, hint: (showId, order) => this.#hint(showId, order) });
    this.plans = new MemoryPlanStore({ now: () => Math.floor(time.now) }, seededRandom(this.nextSeed()));
    const hall = hallOf(options.rows);
    const terms = termsOf({
      prices: { A: 4_550 },
      onSaleAt: Math.floor(ON_SALE_AT + options.opensAfterMs),
      holdSeconds: options.holdSeconds,
      perHold: options.perHold,
      perBuyer: options.perBuyer,
    });
    const plans = options.replans > 0 ? replacingPlans(options.rows) : [];
    const seatIds = [...new Set([hall, ...plans.map((plan) => plan.hall)].flatMap(inDocumentOrder))];
    const ids = seededRandom(this.nextSeed());
    this.shows = Array.from({ length: options.shows }, () => ({
      id: `shw_${String(Buffer.from(ids.bytes(4)).readUInt32BE()).padStart(26, '0')}`,
      ...{ hall, terms, plans, seatIds },
    }));
    const hallsById = Object.fromEntries(plans.map((plan) => [plan.id, plan.hall]));
    const known = new Map(this.shows.map((show) => [show.id, show]));
    this.source = {
      exists: async (showId) => known.has(showId),
      load: async (showId) => {
        const show = known.get(showId);
        return show === undefined ? null : madeOf(show.hall, show.terms, hallsById);
      },
    };
  }

  nextSeed(): number {
    this.#seeds = (this.#seeds + 0x9e3779b9) >>> 0;
    return this.#seeds;
  }

  violated(invariant: string, what: string): void {
    this.violations.push({ invariant, what });
  }

  /** One way between a client and a node, ms. */
  clientLatency = (): number => 0.3 + this.#latency.roll() * 2;

  // --- nodes ---------------------------------------------------------------------------------------------------------

  /** Starts a process of this node. Its machine's clock is as wrong as it was, or as `stepClock` has left it. */
  startNode(host: string, format: number = FORMAT.newest): SimulatedNode {
    const { drift } = this.options;
    if (!this.#wall.has(host)) this.stepClock(host);
    const clock = {
      aheadMs: this.#wall.get(host) ?? 0,
      drift: drift === 0 ? 0 : (this.#clocks.roll() * 2 - 1) * drift,
    };
    const node = new SimulatedNode(this, host, format, clock);
    this.nodes.set(host, node);
    node.start();
    return node;
  }

  /** The wall clock of this machine jumps. Processes read it when they start. */
  stepClock(host: string): void {
    const { clockAheadMs } = this.options;
    this.#wall.set(host, clockAheadMs === 0 ? 0 : (this.#clocks.roll() * 2 - 1) * clockAheadMs);
  }

  /** Its process gives up, as the real one would exit: somebody starts it again. */
  nodeFailed(node: SimulatedNode): void {
    if (!node.isAlive) return;
    node.kill();
    this.time.after(500, () => {
      if (this.nodes.get(node.host) === node) this.startNode(node.host);
    });
  }

  living(): SimulatedNode[] {
    return [...this.nodes.values()].filter((node) => node.isAlive);
  }

  /** A node that answers; null while none does. */
  someNode(number: number): SimulatedNode | null {
    const living = this.living().filter(({ process }) => process.state === 'running');
    return living.length === 0 ? null : living[number % living.length];
  }

  logOf(node: SimulatedNode): Log {
    const note = (fields: object, message: string): void => {
      const { err, reason } = fields as { err?: Error; reason?: string };
      node.logged.push(`${this.time.now - ON_SALE_AT} ${message}${err ? `: ${err.message}` : ''}${reason ?? ''}`);
      const broken = err === undefined ? undefined : brokenBy(err, message);
      if (broken !== undefined) this.violated(broken, `${node.host}: ${message}: ${describe(err)}`);
    };
    return { info: () => {}, warn: note, error: note } as unknown as Log;
  }

  // --- the provider's news ---------------------------------------------------------------------------------------------

  #hint(showId: string, order: number): void {
    const node = this.someNode(this.#latency.between(0, 999));
    if (node === null) return;
    this.time.soon(() => void node.selling.settlement.settle({ showId, order }), node.process);
  }

  #note(showId: string, events: string): void {
    if (!events.includes('"committed"')) return;
    const show = this.shows.find(({ id }) => id === showId);
    if (show === undefined) return;
    for (const event of JSON.parse(events) as ShowEvent[]) {
      if (event.type === 'committed') this.#sold.add(`${showId}/${event.order}`);
    }
  }

  /** Whether faults may strike by themselves. */
  calm(): void {
    this.network.weather = CALM_NETWORK;
    this.database.weather = CALM_DATABASE;
    this.moneyWire.weather = CALM_PROVIDER;
    this.provider.calm();
  }

  storm(): void {
    const { network, database, provider } = this.options;
    this.network.weather = network;
    this.database.weather = database;
    this.moneyWire.weather = provider;
  }

  /** The node that the table says owns the show, as long as its process lives. */
  ownerOf(showId: string): SimulatedNode | null {
    const { owner } = this.database.tables.shards[shardOf(showId)];
    if (owner === null) return null;
    return this.living().find(({ incarnation }) => incarnation === owner) ?? null;
  }
}

/** The invariant that is broken where a node logs this error; undefined if that may be. */
function brokenBy(error: Error, message: string): string | undefined {
  if (error instanceof InvariantViolation) return error.invariant;
  // The one thing that may stop a show is that its turn did not become durable.
  if (message === 'the show stopped and will be recovered' && error.name !== 'TurnLost') return 'crash';
  return BROKEN.get(error.name);
}

export function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message).split('\n').slice(0, 4).join(' | ') : String(error);
}
