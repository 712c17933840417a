import type { NodeShows } from '../actors/node-shows.ts';
import { type Refusal, StartError } from '../errors.ts';
import { FORMAT } from '../formats.ts';
import type { Random, Timer } from '../ports.ts';
import type { ClusterFigures } from './cluster-figures.ts';
import { Incarnation, type IncarnationCounts, type IncarnationOptions } from './incarnation.ts';
import { HandOffPauses } from './ownership/hand-off-pauses.ts';
import { dutiesOf, takers } from './ownership/ownership.ts';
import { place } from './ownership/placement.ts';
import { drainedItself, type Finding, type Self, Watch } from './ownership/watch.ts';
import { HEARTBEAT_MS, type NodeReport, type NodeSelf } from './registry/registry.ts';
import { Carrier } from './routing/carrier.ts';
import { Router, type RouterOptions } from './routing/router.ts';
import type { ClusterView, NodeState } from './view.ts';

/** How often nodes ask whether the others still listen. */
export const PING_MS = 250;
/** Until the next heartbeat after one that failed. */
const RETRY_MS = 200;
/** Heartbeats that events ask for do not come closer than this. */
const LEAST_GAP_MS = 20;
/** Nor do those that requests on a wrong way ask for. */
const REFRESH_MS = 250;
/** How long a node that leaves waits for others to take its shards; then it gives them up to nobody. */
const LEAVE_MS = 20_000;
/** How often a leaving node looks whether its shards are gone. */
const LEAVE_POLL_MS = 25;
/** A heartbeat whose answer took longer says too little of when the database's clock was read. */
const CLOCK_SAMPLE_MS = 500;
/** Until a fenced node tries to join again, when it could not. */
const REJOIN_MS = 500;

const STOPPING: Refusal = { code: 'UNAVAILABLE', detail: 'This node is stopping; try again.', retryAfter: 1 };

export interface ClusterNodeOptions
  extends Pick<IncarnationOptions, 'registry' | 'transport' | 'clock' | 'timers' | 'log' | 'shardOf' | 'openShows'> {
  readonly random: Random;
  readonly self: Omit<NodeSelf, 'incarnation' | 'transport'>;
  readonly replicas: RouterOptions['replicas'];
  /** This node cannot go on: another start of it has taken its place. */
  readonly onSuperseded: (reason: string) => void;
}

export interface ClusterCounts extends IncarnationCounts {
  heartbeatFailures: number;
  takeovers: number;
  fenced: number;
}

/**
 * This process as a node of the cluster. What it does follows from what it reads with each heartbeat: take what is placed
 * here and nobody's, give away what is placed elsewhere, declare dead who is. An incarnation of it:
 *
 *     joining ──► alive ──► leaving ──► left
 *        ▲          └──► fenced (declared dead, by others, in the table): everything of it is thrown away
 *        └──────────────────┘
 */
export class ClusterNode {
  /** All shows of the cluster. */
  readonly shows: Router;
  readonly counts: ClusterCounts = {
    servedForPeers: 0,
    acquired: 0,
    released: 0,
    unknownFormats: 0,
    heartbeatFailures: 0,
    takeovers: 0,
    fenced: 0,
  };
  readonly #options: ClusterNodeOptions;
  readonly #carrier: Carrier;
  #current: Incarnation | null = null;
  readonly #pauses = new HandOffPauses();
  #watch = new Watch();
  #view: ClusterView | null = null;
  #state: NodeState = 'up';
  /** The database's clock minus ours, ms; null before the first heartbeat. */
  #clockSample: number | null = null;
  #lastBeat = Number.NEGATIVE_INFINITY;
  /** No heartbeat before, whoever asks for one. */
  #quietUntil = Number.NEGATIVE_INFINITY;
  #beating = false;
  #beatAgain = false;
  #placement: { readonly inputs: string; readonly targets: readonly (string | null)[] } | null = null;
  #checking = false;
  #format: number = FORMAT.oldest;
  #raising: Promise<void> | null = null;
  #reconciling: Promise<void> | null = null;
  #reconcileAgain = false;
  #nextBeat: Timer | null = null;
  #nextBeatAt = Number.POSITIVE_INFINITY;
  #pings: Timer | null = null;
  /** Why an operator drained this node; null while none did. */
  #drainedBecause: string | null = null;
  #leaving = false;
  #closed = false;

  constructor(options: ClusterNodeOptions) {
    this.#options = options;
    const { shardOf, clock, timers, replicas, transport } = options;
    this.#carrier = new Carrier({
      clock,
      timers,
      clockOffset: () => this.#clockOffset,
      refresh: () => this.#refresh(),
    });
    this.shows = new Router({ shardOf, clock, carrier: this.#carrier, replicas });
    transport.onLink((isLinked) => {
      if (isLinked) this.#carrier.linkIsBack();
      this.look();
    });
  }

  /** Joins the cluster and takes what is placed here. Rejects with StartError when that is not to be. */
  async start(): Promise<void> {
    await this.#join();
    await this.#beat();
    if (this.#view === null) throw new StartError('The database did not answer in time; see the log.');
    await Promise.all([this.#raising, this.#reconcile()]);
    this.#pings = this.#options.timers.every(PING_MS, () => this.#ping());
  }

  /** The form in which rows of the journal are written now. */
  get format(): number {
    return this.#format;
  }

  get view(): ClusterView | null {
    return this.#view;
  }

  /** The present one; null between two. */
  get incarnation(): string | null {
    return this.#current?.incarnation ?? null;
  }

  /** What it knows of itself, for `/metrics`. */
  figures(): ClusterFigures {
    const { clock, transport } = this.#options;
    const current = this.#current;
    return {
      ...this.counts,
      ...this.#carrier.counts,
      state: current === null || current.leases.isCurrent ? this.#state : 'lapsed',
      shardsOwned: current?.leases.owned ?? 0,
      leaseAgeMs: clock.now() - this.#lastBeat,
      oldestUndurableTurnMs: current?.shows.load().lagMs ?? 0,
      parked: this.#carrier.parked,
      isLinked: transport.isLinked,
      clockAheadMs: -this.#clockOffset,
      pauses: this.#pauses,
    };
  }

  /** Whether another node is up, and can take over what is here. */
  get hasOthers(): boolean {
    return this.#view?.nodes.some((node) => node.state === 'up' && node.id !== this.#options.self.id) === true;
  }

  /** Throws, with a message for operators, while this node should get no traffic. */
  assertReady(): void {
    if (this.#leaving) throw new Error('this node is stopping');
    if (this.#current === null) throw new Error('this node was declared dead and joins again');
    if (!this.#current.leases.isCurrent) throw new Error('no heartbeat was acknowledged in the time of a lease');
    // While nobody reaches anybody, each node still sells its own shows.
    const othersAreLinked = this.#view?.nodes.some(
      (node) => node.state === 'up' && node.isLinked && node.id !== this.#options.self.id,
    );
    if (!this.#options.transport.isLinked && othersAreLinked === true) {
      throw new Error('this node is cut off from the others');
    }
  }

  /** The database's clock minus ours, ms. */
  get #clockOffset(): number {
    return this.#clockSample ?? 0;
  }

  /** The shows of this node; null between two incarnations. */
  get ownShows(): NodeShows | null {
    return this.#current?.shows ?? null;
  }

  /** Reads the tables soon; calls in quick succession are one. */
  look(): void {
    if (this.#beating) this.#beatAgain = true;
    else this.#beatIn(Math.max(0, this.#quietUntil - this.#options.clock.now()));
  }

  /** Some request found the routes out of date. News come by themselves too, so this need not be quick. */
  #refresh(): void {
    if (!this.#options.transport.isLinked) return;
    const notBefore = Math.max(this.#quietUntil, this.#lastBeat + REFRESH_MS);
    this.#lookIn(Math.max(0, notBefore - this.#options.clock.now()));
  }

  /** The tables were changed: here and everywhere they are read soon. */
  tellToLook(): void {
    this.#current?.tellToLook();
    this.look();
  }

  /**
   * Gives all shards away, answering what comes in meanwhile, and leaves. Afterwards requests for shows are refused, but
   * for those that other nodes answer. Never rejects.
   */
  async leave(): Promise<void> {
    this.#leaving = true;
    const { registry, clock, timers, log } = this.#options;
    const current = this.#current;
    if (current === null) return;
    try {
      current.takeNoMore();
      await registry.setState(current.incarnation, ['up', 'draining'], 'leaving', 'stops');
      this.tellToLook();
      const end = clock.now() + LEAVE_MS;
      while (current.leases.owned > 0 && clock.now() < end && this.#current === current && this.hasOthers) {
        await new Promise<void>((resolve) => timers.after(LEAVE_POLL_MS, resolve));
      }
      if (!this.hasOthers) {
        this.#carrier.close(STOPPING);
        // Nobody goes on from here at once: the next start is to find snapshots.
        await current.shows.drain();
      }
      // What is being handed over already ends first; what was being taken when this began may come in meanwhile.
      for (let left = this.#taken(current); left.length > 0; left = this.#taken(current)) {
        await current.handOffs.start(left.map((shard) => ({ shard, to: null })));
      }
      await registry.setState(current.incarnation, ['up', 'draining', 'leaving'], 'left', 'stopped');
    } catch (error) {
      log.warn({ err: error }, 'the node could not leave in order; its leases run out');
    }
    this.tellToLook();
  }

  /** Ends everything. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#nextBeat?.cancel();
    this.#pings?.cancel();
    this.#carrier.close(STOPPING);
    const current = this.#current;
    await current?.shows.drain();
    await this.#leaveAtOnce();
  }

  /** Ends the incarnation without handing anything over, for there is nothing or nobody to hand it to. Never rejects. */
  async #leaveAtOnce(): Promise<void> {
    const { registry, log } = this.#options;
    const current = this.#current;
    this.#current = null;
    if (current === null) return;
    try {
      await registry.setState(current.incarnation, ['up', 'draining', 'leaving'], 'left', 'stopped');
    } catch (error) {
      log.warn({ reason: (error as Error).message }, 'that the node has left could not be noted');
    }
    await current.close();
  }

  // --- incarnations --------------------------------------------------------------------------------------------------

  async #join(): Promise<void> {
    const { registry, transport, random, self } = this.#options;
    const incarnation = `nod_${random.uuidv7()}`;
    const current = new Incarnation({
      ...this.#options,
      incarnation,
      carrier: this.#carrier,
      counts: this.counts,
      pauses: this.#pauses,
      format: self.format,
      formatOf: (other) => this.#formatOf(other),
      clockOffset: () => this.#clockOffset,
      isUp: (other) => this.#view?.nodes.some((node) => node.incarnation === other && node.state === 'up') === true,
      onUnreachable: (other) => this.#suspect(other),
      onLook: () => this.look(),
    });
    try {
      await current.listen();
      await registry.join({ ...self, incarnation, transport: transport.kind });
    } catch (error) {
      this.#carrier.attach(null, null);
      await current.close();
      throw error;
    }
    this.#current = current;
    this.#watch = new Watch();
    this.#state = 'up';
  }

  /** The newest form of messages that both this node and another read. */
  #formatOf(other: string): number {
    const { format } = this.#options.self;
    const theirs = this.#view?.nodes.find((node) => node.incarnation === other)?.format ?? FORMAT.oldest;
    return Math.min(format, theirs);
  }

  /** This incarnation was declared dead: nothing of it may be used again. The next one starts with a look at the tables. */
  #fenced(incarnation: Incarnation): void {
    const { log } = this.#options;
    if (this.#current !== incarnation) return;
    this.counts.fenced++;
    this.#current = null;
    this.#state = 'dead';
    incarnation.fence();
    if (this.#leaving || this.#closed) return;
    log.error(
      { incarnation: incarnation.incarnation },
      'this node was declared dead; it joins again as a new incarnation',
    );
    void this.#rejoin();
  }

  async #rejoin(): Promise<void> {
    if (this.#leaving || this.#closed) return;
    try {
      await this.#join();
      await this.#stayDrained();
      if (this.#leaving || this.#closed) await this.#leaveAtOnce();
      else this.look();
    } catch (error) {
      if ((error as Error).name === 'StartError') {
        this.#options.onSuperseded((error as Error).message);
        return;
      }
      this.#options.log.warn({ err: error }, 'the node could not join again yet');
      this.#options.timers.after(REJOIN_MS, () => void this.#rejoin());
    }
  }

  /** What an operator drained is not filled again because it was declared dead meanwhile. */
  async #stayDrained(): Promise<void> {
    const [current, reason] = [this.#current, this.#drainedBecause];
    if (current === null || reason === null) return;
    await this.#options.registry.setState(current.incarnation, ['up'], 'draining', reason);
  }

  // --- heartbeats ----------------------------------------------------------------------------------------------------

  /** A heartbeat in `ms` at the latest. */
  #lookIn(ms: number): void {
    if (!this.#beating && this.#options.clock.now() + ms < this.#nextBeatAt) this.#beatIn(ms);
  }

  #beatIn(ms: number): void {
    if (this.#closed) return;
    this.#nextBeat?.cancel();
    this.#nextBeatAt = this.#options.clock.now() + ms;
    this.#nextBeat = this.#options.timers.after(ms, () => void this.#beat());
  }

  async #beat(): Promise<void> {
    const current = this.#current;
    if (current === null || this.#closed) return;
    if (this.#beating) {
      this.#beatAgain = true;
      return;
    }
    const { registry, clock, log } = this.#options;
    this.#beating = true;
    this.#beatAgain = false;
    const sentAt = clock.now();
    let [next, gap] = [HEARTBEAT_MS, LEAST_GAP_MS];
    try {
      const { state, view } = await registry.beat(current.incarnation, this.#report(current));
      if (state === null || state === 'dead' || state === 'left') {
        if (!(this.#leaving && state === 'left')) this.#fenced(current);
      } else if (this.#current === current) {
        this.#acknowledged(current, sentAt, state, view);
        next = this.#watch.nextLook(view, this.#selfOf(current));
      }
    } catch (error) {
      this.counts.heartbeatFailures++;
      log.warn({ reason: (error as Error).message }, 'a heartbeat failed');
      next = gap = RETRY_MS;
    } finally {
      this.#beating = false;
      this.#quietUntil = clock.now() + gap;
      this.#beatIn(this.#beatAgain ? gap : next);
    }
  }

  #acknowledged(current: Incarnation, sentAt: number, state: NodeState, view: ClusterView): void {
    const now = this.#options.clock.now();
    this.#lastBeat = now;
    current.leases.renew(sentAt);
    if (this.#clockSample === null || now - sentAt <= CLOCK_SAMPLE_MS) {
      this.#clockSample = Math.round(view.at - (sentAt + now) / 2);
    }
    this.#state = state;
    const own = view.nodes.find((node) => node.incarnation === current.incarnation);
    this.#drainedBecause = own?.state === 'draining' && !drainedItself(own.reason) ? own.reason : null;
    const gone = new Set(this.#view?.nodes.map((node) => node.incarnation) ?? []);
    for (const { incarnation } of view.nodes) gone.delete(incarnation);
    this.#view = view;
    const alive = new Set(view.nodes.map((node) => node.incarnation));
    const owners = view.owners.map((owner) => (owner !== null && alive.has(owner) ? owner : null));
    this.#carrier.learn(owners.map((owner, shard) => ({ shard, owner, epoch: view.epochs[shard] })));
    this.#carrier.gone(gone);
    void this.#act(this.#watch.look(sentAt, now, view, this.#selfOf(current)));
    void this.#reconcile();
    this.#learnFormat(view.format);
    this.#raiseFormat(view);
  }

  /** Never goes back, whichever answer comes first. */
  #learnFormat(format: number): void {
    this.#format = Math.max(this.#format, Math.min(format, this.#options.self.format));
  }

  /** Once every node that is alive reads a newer form of rows than is written, that is written. */
  #raiseFormat(view: ClusterView): void {
    const format = Math.min(this.#options.self.format, ...view.nodes.map((node) => node.format));
    if (format <= view.format) return;
    this.#raising ??= this.#raiseFormatTo(format).finally(() => {
      this.#raising = null;
    });
  }

  async #raiseFormatTo(wanted: number): Promise<void> {
    const { registry, log } = this.#options;
    try {
      const format = await registry.raiseFormat(wanted);
      this.#learnFormat(format);
      if (format < wanted) return;
      log.info({ format }, 'every node reads this format: rows of the journal are written in it from now on');
      this.tellToLook();
    } catch (error) {
      log.warn({ err: error, format: wanted }, 'the format could not be raised yet');
    }
  }

  #report(current: Incarnation): NodeReport {
    const { isLinked, stalledMs } = this.#selfOf(current);
    return { isLinked, stalledMs, load: current.shows.load() };
  }

  #selfOf(current: Incarnation): Self {
    return {
      incarnation: current.incarnation,
      isLinked: this.#options.transport.isLinked,
      ...current.progress(),
    };
  }

  // --- the others ----------------------------------------------------------------------------------------------------

  #ping(): void {
    const current = this.#current;
    if (current === null || this.#view === null) return;
    const others = this.#view.nodes.map((node) => node.incarnation).filter((other) => other !== current.incarnation);
    current.ping(others);
  }

  /** Looks, once for all hints that come together, whether the suspects' sessions at the database are gone too. */
  #suspect(incarnation: string): void {
    this.#watch.suspect(incarnation);
    if (this.#checking) return;
    this.#checking = true;
    this.#options.timers.soon(async () => {
      const suspects = this.#watch.suspects(this.#options.clock.now());
      await this.#act(suspects.map((each) => ({ do: 'declare', incarnation: each, cause: 'gone' })));
      this.#checking = false;
    });
  }

  async #act(findings: readonly Finding[]): Promise<void> {
    if (findings.length === 0) return;
    const { registry, log } = this.#options;
    let hasChanged = false;
    try {
      const deaths = findings.filter((finding) => finding.do === 'declare');
      if (deaths.length > 0) {
        const dead = await registry.declareDead(deaths);
        this.counts.takeovers += dead.length;
        if (dead.length > 0) log.warn({ dead, causes: deaths }, 'nodes were declared dead');
        hasChanged ||= dead.length > 0;
      }
      for (const finding of findings) {
        if (finding.do === 'drain') {
          const { incarnation, reason } = finding;
          log.warn({ incarnation, reason }, 'a node is drained because it is not well');
          hasChanged = (await registry.setState(incarnation, ['up'], 'draining', reason)) || hasChanged;
        } else if (finding.do === 'undrain') {
          hasChanged = (await registry.setState(finding.incarnation, ['draining'], 'up', null)) || hasChanged;
        }
      }
    } catch (error) {
      log.warn({ err: error }, 'what is wrong with a node could not be noted');
    }
    if (hasChanged) this.tellToLook();
  }

  // --- shards --------------------------------------------------------------------------------------------------------

  /** One at a time, on the newest view; resolves when that was acted on. Never rejects. */
  #reconcile(): Promise<void> {
    this.#reconcileAgain = true;
    this.#reconciling ??= this.#reconcileUntilDone().finally(() => {
      this.#reconciling = null;
    });
    return this.#reconciling;
  }

  async #reconcileUntilDone(): Promise<void> {
    while (this.#reconcileAgain) {
      this.#reconcileAgain = false;
      try {
        await this.#doDuties();
      } catch (error) {
        this.#options.log.warn({ err: error }, 'shards could not be taken yet');
      }
    }
  }

  async #doDuties(): Promise<void> {
    const [current, view] = [this.#current, this.#view];
    if (current === null || view === null || this.#closed) return;
    const targets = this.#placed(view);
    const self = { id: this.#options.self.id, incarnation: current.incarnation };
    const { lost, acquire, handOff } = dutiesOf(view, self, current.leases, targets);
    current.lose(lost);
    current.handOffs.keepOnly(new Set(handOff.map(({ shard }) => shard)));
    if (handOff.length > 0) void current.handOffs.start(handOff);
    if (acquire.length > 0) await current.acquire(acquire);
  }

  /** Where the shards of this view are to be; the same as last time as long as the nodes and pins are. */
  #placed(view: ClusterView): readonly (string | null)[] {
    const nodes = takers(view).map(({ id, weight }) => ({ id, weight }));
    const inputs = JSON.stringify([nodes, view.pins]);
    if (this.#placement?.inputs !== inputs) this.#placement = { inputs, targets: place(nodes, view.pins) };
    return this.#placement.targets;
  }

  #taken(current: Incarnation): number[] {
    return (this.#view?.epochs ?? []).flatMap((_, shard) => (current.leases.takenAs(shard) === null ? [] : [shard]));
  }
}
