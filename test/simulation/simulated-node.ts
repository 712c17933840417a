import type { SeatMap } from '../../src/actors/seat-map.ts';
import type { Answer } from '../../src/actors/shows.ts';
import type { Command, Question } from '../../src/allocator/commands.ts';
import { shardOf } from '../../src/cluster/shards.ts';
import type { Refusal } from '../../src/errors.ts';
import { Lane } from '../../src/journal/lane.ts';
import type { DialLane } from '../../src/journal/lane-connection.ts';
import type { PaymentGateway } from '../../src/payments/gateway.ts';
import { createSellingNode, type OpenedJournal, type SellingNode } from '../../src/selling-node.ts';
import { MemoryRegistry } from '../support/memory-registry.ts';
import { seededRandom } from '../support/seeded-random.ts';
import type { DatabaseWire } from './database-wire.ts';
import { LaneSession } from './lane-session.ts';
import { SimulatedTransport } from './network.ts';
import { type ClockFault, SimulatedProcess } from './simulated-process.ts';
import type { World } from './world.ts';

/** Connections that append, as a real node has. */
const LANES = 2;
/** From opening a lane's connection to its readiness, in round trips. */
const HANDSHAKES = 3;
/** A route answers by then. */
export const ANSWER_MS = 10_000;
/** I13: by then every request has its answer: its deadline, then an append behind another one, and a lane without a connection. */
export const ANSWERED_MS = ANSWER_MS + 15_000;

/** A request that its connection, or its node, did not survive. */
export const LOST = Symbol('lost');
export type Heard<T> = T | typeof LOST;

/** One process of a node, from its start until it is killed or has left. The node's name outlives it. */
export class SimulatedNode {
  readonly host: string;
  /** The newest form of rows and letters that it reads. */
  readonly format: number;
  readonly process: SimulatedProcess;
  readonly wire: DatabaseWire;
  readonly transport: SimulatedTransport;
  readonly selling: SellingNode;
  readonly gateway: PaymentGateway;
  /** Whether the start is over, and was good. */
  isStarted = false;
  /** Requests of buyers that it has. */
  unanswered = 0;
  /** Errors that it logged, for the report of a failing seed. */
  readonly logged: string[] = [];
  readonly #world: World;
  /** Requests without an answer, and how to tell that there will be none. */
  readonly #open = new Set<() => void>();
  #arriving: (() => void)[] = [];
  #answers: (() => void)[] = [];

  constructor(world: World, host: string, format: number, clock: ClockFault) {
    const { time, database, network, provider } = world;
    this.host = host;
    this.format = format;
    this.#world = world;
    this.process = new SimulatedProcess(time, clock);
    this.wire = database.wire(host, this.process);
    this.transport = new SimulatedTransport(network, host, this.process);
    const { wire, process } = this;
    this.gateway = provider.gateway(host, process);
    const random = seededRandom(world.nextSeed());
    const reader = {
      readSnapshot: (showId: string) => database.readSnapshot(wire, showId),
      rowsAfter: (showId: string, after: number) => database.rowsAfter(wire, showId, after, format),
      readRow: (showId: string, seq: number) => database.readRow(wire, showId, seq),
    };
    this.selling = createSellingNode({
      registry: new MemoryRegistry(database.tables, process.timers, database.registryWire(wire)),
      transport: this.transport,
      plans: world.plans,
      source: world.source,
      reader,
      openJournal: (owner) => this.#openJournal(owner, reader),
      gateway: this.gateway,
      clock: process.clock,
      timers: process.timers,
      random,
      log: world.logOf(this),
      self: { id: host, pid: 1, url: null, adminUrl: null, format, weight: 1 },
      fail: () => world.nodeFailed(this),
    });
    provider.attach(this);
  }

  #openJournal(owner: string, reader: Pick<OpenedJournal, 'readSnapshot' | 'rowsAfter' | 'readRow'>): OpenedJournal {
    const { database, fence } = this.#world;
    const { wire, process } = this;
    const dial: DialLane = ({ onLost }) => {
      let session: LaneSession | null = null;
      const ready = (async () => {
        for (let trip = 0; trip < HANDSHAKES; trip++) await wire.ask(null, 5_000, () => null);
        session = new LaneSession({ database, wire, owner, fence, onLost });
        return session;
      })();
      return { ready, destroy: () => session?.destroy() };
    };
    const lanes = Array.from(
      { length: LANES },
      (_, number) =>
        new Lane({ dial, number, owner, clock: process.clock, timers: process.timers, log: this.#world.logOf(this) }),
    );
    return {
      ...reader,
      append: (turn) => lanes[turn.shard % lanes.length].append(turn),
      keepSnapshot: (showId, shard, snapshot) => database.keepSnapshot(wire, owner, showId, shard, snapshot),
      wakeable: (shards) => database.wakeable(wire, shards, shardOf),
      figures: () => lanes.map((lane) => lane.figures()),
      close: async () => void (await Promise.all(lanes.map((lane) => lane.close()))),
    };
  }

  /** Its present incarnation in the table; null while none of it is alive. */
  get incarnation(): string | null {
    return this.selling.node.incarnation;
  }

  get isAlive(): boolean {
    return this.process.state !== 'dead';
  }

  start(): void {
    this.#world.time.soon(() => {
      this.selling.node.start().then(
        () => {
          this.isStarted = true;
        },
        () => this.#world.nodeFailed(this),
      );
    }, this.process);
  }

  /** As HTTP asks for a client: there and back over the network, by the route's deadline. */
  ask<T>(showId: string, message: Command | Question): Promise<Heard<Answer<T>>> {
    return this.request(() =>
      this.#inTime(message.type, () =>
        this.selling.node.shows.ask<T>(showId, message, this.process.clock.now() + ANSWER_MS),
      ),
    );
  }

  /** The seats as they are read in the tick in which they came. */
  seats<T>(showId: string, read: (map: SeatMap) => T): Promise<Heard<T | Refusal>> {
    return this.request(async () => {
      const map = await this.#inTime('seats', () => this.selling.node.shows.seatMap(showId));
      return 'code' in map ? map : read(map);
    });
  }

  /** I13: there is an answer in time, as long as the process is not stopped meanwhile. */
  async #inTime<T>(what: string, work: () => Promise<T>): Promise<T> {
    const { process } = this;
    const { resumes } = process;
    this.unanswered++;
    const limit = process.timers.after(ANSWERED_MS, () => {
      if (process.resumes === resumes)
        this.#world.violated('I13', `${this.host} has not answered ${what} after ${ANSWERED_MS} ms`);
    });
    try {
      return await work();
    } finally {
      this.unanswered--;
      limit.cancel();
    }
  }

  /** Has something done in the process for a client outside. What is asked at about the same time arrives together. */
  request<T>(work: () => Promise<T>): Promise<Heard<T>> {
    return new Promise((resolve, reject) => {
      const lost = (): void => resolve(LOST);
      const answer = (tell: () => void): void => {
        if (this.#open.delete(lost)) this.#answer(tell);
      };
      this.#open.add(lost);
      this.#arriving.push(() => {
        work().then(
          (value) => answer(() => resolve(value)),
          (error) => answer(() => reject(error)),
        );
      });
      if (this.#arriving.length === 1) this.#world.time.after(this.#world.clientLatency(), () => this.#arrive());
    });
  }

  #arrive(): void {
    const { time, dangers } = this.#world;
    const arriving = this.#arriving;
    this.#arriving = [];
    if (!this.isAlive) {
      this.#hangUp();
      return;
    }
    dangers.enter(this.host, 'buyer waits');
    time.into(this.process, () => {
      for (const begin of arriving) begin();
    });
  }

  #answer(tell: () => void): void {
    if (this.#open.size === 0) this.#world.dangers.leave(this.host, 'buyer waits');
    if (this.#answers.push(tell) > 1) return;
    this.#world.time.after(this.#world.clientLatency(), () => {
      const answers = this.#answers;
      this.#answers = [];
      for (const each of answers) each();
    });
  }

  /** Whoever waits for an answer hears that the connection has ended. */
  #hangUp(): void {
    for (const lost of this.#open) lost();
    this.#open.clear();
  }

  /** SIGKILL: nothing of it happens any more, and its machine closes its connections. */
  kill(): void {
    const { database, network, time, dangers } = this.#world;
    const { incarnation } = this;
    this.process.kill();
    network.hangUp(this.process);
    database.hangUp(this.process, incarnation);
    dangers.forget(this.host);
    time.after(1, () => this.#hangUp());
  }
}
