import type { NodeShows } from '../actors/node-shows.ts';
import { FormatUnknown } from '../formats.ts';
import type { Clock, Timers } from '../ports.ts';
import type { Letter, LetterRequest, Nudge, Preparation } from './messages/letter.ts';
import { LetterReader } from './messages/letter-reader.ts';
import { Outbox } from './messages/outbox.ts';
import { SeenRequests } from './messages/seen-requests.ts';
import type { Line, Receiver, Transport } from './messages/transport.ts';
import { HandOffs } from './ownership/hand-off.ts';
import type { HandOffPauses } from './ownership/hand-off-pauses.ts';
import { Leases } from './ownership/leases.ts';
import { Preparations } from './ownership/preparations.ts';
import type { Registry, ShardEpoch } from './registry/registry.ts';
import type { Carrier } from './routing/carrier.ts';
import { type LocalNode, serveRequest } from './routing/serving.ts';

/** What one incarnation runs its shows with: a journal that writes in its name, and the actors on it. */
export interface OpenedShows {
  readonly shows: NodeShows;
  /** Shows of these shards that have unfinished work, in pages. */
  wakeable(shards: readonly number[]): AsyncIterable<readonly { readonly showId: string }[]>;
  /** For how long turns or canaries have waited without one becoming durable (0 while all is well), and since when one has, ms. */
  progress(): { readonly stalledMs: number; readonly durableMsAgo: number };
  /** Ends the journal's connections, after the appends under way. */
  close(): Promise<void>;
}

export interface IncarnationOptions {
  readonly incarnation: string;
  readonly registry: Registry;
  readonly transport: Transport;
  readonly carrier: Carrier;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: {
    info(fields: object, message: string): void;
    warn(fields: object, message: string): void;
    error(fields: object, message: string): void;
  };
  readonly shardOf: (showId: string) => number;
  readonly openShows: (incarnation: string, leases: Leases) => OpenedShows;
  /** The newest form of messages that this node reads. */
  readonly format: number;
  /** The newest form of messages that both this node and that one read. */
  readonly formatOf: (incarnation: string) => number;
  readonly clockOffset: () => number;
  readonly counts: IncarnationCounts;
  readonly pauses: HandOffPauses;
  /** Whether this incarnation takes shards, as the newest view has it. */
  readonly isUp: (incarnation: string) => boolean;
  /** Nobody listens under this incarnation any more, as the transport says. */
  readonly onUnreachable: (incarnation: string) => void;
  /** Another node says that the tables have changed, or something here says that they may have. */
  readonly onLook: () => void;
}

export interface IncarnationCounts {
  servedForPeers: number;
  acquired: number;
  released: number;
  unknownFormats: number;
}

/** Until the shows with unfinished work are looked for again, when they could not all be found. */
const WAKE_RETRY_MS = 1_000;

/**
 * One start of this node in the cluster, from its first subscription to its end: its leases, its shows, its line to the
 * others. Once fenced it is thrown away whole; nothing of it is used again.
 */
export class Incarnation implements LocalNode {
  readonly incarnation: string;
  readonly leases: Leases;
  readonly shows: NodeShows;
  readonly handOffs: HandOffs;
  readonly #options: IncarnationOptions;
  readonly #opened: OpenedShows;
  readonly #seen = new SeenRequests();
  readonly #reader: LetterReader;
  readonly #preparations: Preparations;
  #line: Line | null = null;
  #outbox: Outbox | null = null;
  #ended = false;
  #takes = true;

  constructor(options: IncarnationOptions) {
    const { incarnation, registry, clock, shardOf, log, counts } = options;
    this.#options = options;
    this.incarnation = incarnation;
    this.#reader = new LetterReader(options.timers, options.format);
    this.leases = new Leases(registry, incarnation, clock);
    this.#opened = options.openShows(incarnation, this.leases);
    this.shows = this.#opened.shows;
    this.leases.onLost = (shard) => {
      this.shows.drop(new Set([shard]));
      options.onLook();
    };
    this.#preparations = new Preparations(
      options.timers,
      (to, preparation) => this.#outbox?.prepare(to, preparation) === true,
    );
    this.handOffs = new HandOffs({
      incarnation,
      registry,
      leases: this.leases,
      shows: this.shows,
      shardOf,
      clock,
      log,
      prepare: (to, showIds, limitMs) => this.#preparations.ask(to, showIds, limitMs),
      nudge: (to, nudges) => this.#outbox?.nudge(to, nudges),
      isUp: options.isUp,
      onLook: options.onLook,
      released: (shards) => {
        counts.released += shards.length;
        options.carrier.learn(shards.map((each) => ({ ...each, owner: null })));
      },
    });
  }

  /** Hears the others from when this resolves; to be called before the node is entered in the table. */
  async listen(): Promise<void> {
    const { transport, incarnation, timers, formatOf, carrier } = this.#options;
    const receiver: Receiver = {
      message: (bytes) => this.#receive(bytes),
      unreachable: (to, number) => {
        this.#outbox?.unreachable(to, number);
        this.#preparations.unreachable(to);
        this.#options.onUnreachable(to);
      },
    };
    this.#line = await transport.listen(incarnation, receiver);
    this.#outbox = new Outbox({
      from: incarnation,
      line: this.#line,
      timers,
      formatOf,
      undelivered: (numbers) => carrier.undelivered(numbers),
    });
    carrier.attach(this, this.#outbox);
  }

  /** As {@link OpenedShows.progress}. */
  progress(): ReturnType<OpenedShows['progress']> {
    return this.#opened.progress();
  }

  /** Asks whether somebody listens under these incarnations; nothing comes back if so. */
  ping(incarnations: readonly string[]): void {
    for (const to of incarnations) this.#outbox?.ping(to);
  }

  /** Tells all nodes that the tables have changed. */
  tellToLook(): void {
    this.#outbox?.look();
  }

  /** Takes shards that are nobody's, tells everybody, and wakes their shows that have unfinished work. */
  async acquire(wanted: readonly ShardEpoch[]): Promise<void> {
    const taken = await this.#take(wanted);
    // There are those of hand-offs whose nudge was lost, or whose target died. Nobody waits: other duties are more urgent.
    if (taken.length > 0) void this.#noteReady(taken);
  }

  /** From now on nothing is taken any more, whatever others hand over. */
  takeNoMore(): void {
    this.#takes = false;
  }

  /** Another node owns these. */
  lose(shards: readonly number[]): void {
    if (shards.length === 0) return;
    this.leases.drop(shards);
    this.shows.drop(new Set(shards));
  }

  /** Ends at once: nothing is answered from memory any more. What is under way at the journal still answers. */
  fence(): void {
    this.#ended = true;
    this.leases.dropAll();
    this.#options.carrier.attach(null, null);
    this.shows.drop('all');
    void this.close();
  }

  /** Ends the line and the journal. Shards that are still taken must have been given up before. */
  async close(): Promise<void> {
    this.#ended = true;
    // Ends their timers also where nothing was ever asked of them; after a drain it finds nothing.
    this.shows.drop('all');
    await this.#opened.close();
    await this.#line?.stop();
  }

  // --- letters -------------------------------------------------------------------------------------------------------

  #receive(bytes: Uint8Array): void {
    const { log, carrier, counts } = this.#options;
    if (this.#ended) return;
    let letter: Letter;
    try {
      letter = this.#reader.read(bytes);
    } catch (error) {
      if (error instanceof FormatUnknown) counts.unknownFormats++;
      log.error({ reason: (error as Error).message }, 'a message of another node cannot be read');
      return;
    }
    for (const answer of letter.answers) carrier.answered(letter.from, answer);
    for (const request of letter.requests) {
      if (this.#seen.isNew(letter.from, request.number)) void this.#serve(letter.from, request);
    }
    carrier.learn(letter.owned.map((each) => ({ ...each, owner: letter.from })));
    if (letter.owned.length > 0) {
      this.lose(
        letter.owned.flatMap(({ shard, epoch }) => (epoch > (this.leases.takenAs(shard) ?? epoch) ? [shard] : [])),
      );
      carrier.drive(letter.owned.map(({ shard }) => shard));
    }
    if (letter.nudges.length > 0) void this.#takeOver(letter.nudges);
    for (const preparation of letter.prepare) void this.#prepare(letter.from, preparation);
    for (const number of letter.prepared) this.#preparations.done(letter.from, number);
    if (letter.look) this.#options.onLook();
  }

  async #serve(from: string, request: LetterRequest): Promise<void> {
    const { carrier, clockOffset, counts, onLook } = this.#options;
    counts.servedForPeers++;
    const deadline = request.deadline - clockOffset();
    const newest = (shard: number): number => carrier.routes.of(shard).epoch;
    const answer = await serveRequest(this, request, deadline, newest);
    // Its sender has seen a newer epoch: this node is behind.
    if ('moved' in answer && request.epoch > answer.epoch) onLook();
    this.#outbox?.answer(from, answer);
  }

  async #prepare(from: string, { number, shows }: Preparation): Promise<void> {
    await this.shows.prepare(shows);
    this.#outbox?.prepared(from, number);
  }

  // --- taking --------------------------------------------------------------------------------------------------------

  async #take(wanted: readonly ShardEpoch[]): Promise<readonly ShardEpoch[]> {
    const { registry, carrier, counts } = this.#options;
    if (!this.#takes) return [];
    const taken = await registry.acquire(this.incarnation, wanted);
    if (this.#ended || taken.length === 0) return [];
    this.leases.take(taken);
    counts.acquired += taken.length;
    carrier.learn(taken.map((each) => ({ ...each, owner: this.incarnation })));
    this.#outbox?.owned(taken);
    carrier.drive(taken.map(({ shard }) => shard));
    void this.#wakePending(taken.map(({ shard }) => shard));
    return taken;
  }

  /** Takes what another node gave up for this one, and wakes what was awake there. The next look takes what this misses. */
  async #takeOver(nudges: readonly Nudge[]): Promise<void> {
    const { log, onLook } = this.#options;
    try {
      const taken = await this.#take(nudges);
      if (taken.length === 0) return;
      await this.shows.wake(this.#ours(nudges.flatMap((nudge) => nudge.awake)));
      await this.#noteReady(taken);
    } catch (error) {
      log.warn({ reason: (error as Error).message }, 'a hand-over could not be ended in order');
      onLook();
    }
  }

  /** Notes that these answer again, and how long those were paused that came by a hand-off. Never rejects. */
  async #noteReady(taken: readonly ShardEpoch[]): Promise<void> {
    const { registry, pauses, log } = this.#options;
    try {
      for (const ms of await registry.ready(this.incarnation, taken)) pauses.observe(ms);
    } catch (error) {
      log.warn({ reason: (error as Error).message }, 'that shards answer again could not be noted');
    }
  }

  // --- waking --------------------------------------------------------------------------------------------------------

  /** Those of shards that are taken: some may not have come, or be gone again, or on their way to where they are woken. */
  #ours(showIds: readonly string[]): string[] {
    return showIds.filter((showId) => this.#stays(this.#options.shardOf(showId)));
  }

  /** Also while the lease has lapsed: then its shows are remembered until it is back. */
  #stays(shard: number): boolean {
    return this.leases.takenAs(shard) !== null && !this.leases.isClosed(shard);
  }

  async #wakePending(shards: readonly number[]): Promise<void> {
    const { timers, log } = this.#options;
    const ours = shards.filter((shard) => this.#stays(shard));
    if (this.#ended || ours.length === 0) return;
    try {
      for await (const page of this.#opened.wakeable(ours)) {
        await this.shows.wake(this.#ours(page.map(({ showId }) => showId)));
      }
    } catch (error) {
      if (this.#ended) return;
      log.error({ err: error }, 'not all shows with unfinished work were woken; trying again');
      timers.after(WAKE_RETRY_MS, () => void this.#wakePending(ours));
    }
  }
}
