import { onTestFinished, vi } from 'vitest';
import { openShows, type Person, type ShowOnSale, theatre } from './box-office.ts';
import { buy } from './buyer.ts';
import type { TestCluster, TestNode } from './cluster-processes.ts';
import { Dice } from './dice.ts';
import { HttpClient } from './http-client.ts';
import { type Answer, type History, outcomeOf } from './sale-history.ts';

const BUYERS = 100;
const THINK_MS = 1_500;
const LOOKS = 0.3;
/** Of one user: few, so that buyers soon turn to another node and another show. */
const PURCHASES = 2;
/** Each show's hall: large enough that it is never sold out before a test ends. */
const [SEATS, STANDING] = [3_000, 1_000];
/** Shows at the start; more are opened until each node has one. */
const SHOWS = 4;
const SHOWS_MOST = 40;
/** Until buyers were given holds in every show, and by every node. */
const WARM_LIMIT_MS = 20_000;
const POLL_MS = 40;

/** Buyers at all nodes of a cluster, in shows of which each node owned at least one when the sale was opened. */
export class ClusterSale {
  readonly cluster: TestCluster;
  readonly organiser: Person;
  readonly shows: readonly ShowOnSale[];
  readonly history: History = [];
  /** Of the nodes that buyers turn to. */
  readonly ports: number[];
  readonly #owners: ReadonlyMap<string, string>;
  readonly #buyers: Promise<void>[] = [];
  readonly #faults: string[] = [];
  #sells = true;

  private constructor(cluster: TestCluster, organiser: Person, owners: ReadonlyMap<ShowOnSale, string>) {
    this.cluster = cluster;
    this.organiser = organiser;
    this.shows = [...owners.keys()];
    this.ports = runningIn(cluster).map(({ port }) => port);
    this.#owners = new Map([...owners].map(([{ id }, owner]) => [id, owner]));
  }

  /**
   * Opens shows, and lets buyers in; resolves when each show, and each node, has given holds.
   * @param options.hotPart how many of the buyers want the same show, one of the node that has most.
   */
  static async open(
    cluster: TestCluster,
    organiser: Person,
    { hotPart }: { readonly hotPart?: number } = {},
  ): Promise<ClusterSale> {
    const owners = new Map<ShowOnSale, string>();
    const isFewer = (): boolean => new Set(owners.values()).size < runningIn(cluster).length;
    while (owners.size < SHOWS || isFewer()) {
      if (owners.size >= SHOWS_MOST) throw new Error(`of ${owners.size} shows, some node has none`);
      const [show] = await openShows(runningIn(cluster)[0].port, organiser, [theatre(SEATS, STANDING)]);
      const owner = await cluster.ownerOf(show.id);
      if (owner === null) throw new Error(`${show.id} has no owner; is the cluster settled?`);
      owners.set(show, owner);
    }
    const sale = new ClusterSale(cluster, organiser, owners);
    onTestFinished(() => {
      sale.#sells = false;
    });
    await sale.#showSeats();
    sale.#letIn(hotPart ?? 1 / sale.shows.length);
    await vi.waitFor(() => sale.#assertWarm(), { timeout: WARM_LIMIT_MS, interval: POLL_MS });
    return sale;
  }

  /** The show that most buyers want, if any is: one of the node that owned most when the sale was opened. */
  get hot(): ShowOnSale {
    const byNode = this.cluster.nodes.map((node) => this.showsOf(node));
    return byNode.reduce((most, shows) => (shows.length > most.length ? shows : most))[0];
  }

  /** Shows that this node owned when the sale was opened. */
  showsOf({ id }: TestNode): ShowOnSale[] {
    return this.shows.filter((show) => this.#owners.get(show.id) === id);
  }

  /**
   * Resolves when each of these shows has given a hold that was asked for after `since` (ms, monotonic), at one of these
   * nodes.
   */
  async sellsAgain(
    shows: readonly ShowOnSale[],
    { since, at, limitMs }: { since: number; at: readonly TestNode[]; limitMs: number },
  ): Promise<void> {
    const ports = at.map(({ port }) => port);
    const first = () => Math.max(...shows.map(({ id }) => this.#firstHold(id, since, ports) ?? Number.NaN));
    await vi.waitFor(
      () => {
        this.#assertHealthy();
        if (Number.isNaN(first())) throw new Error(`not all of ${shows.length} shows sell yet`);
      },
      { timeout: limitMs, interval: POLL_MS },
    );
    const took = Math.round(first() - since);
    process.stdout.write(`sale: ${shows.length} shows sell at ${ports.length} nodes after ${took} ms\n`);
  }

  /** Holds that were given to those who asked for them in this time (ms, monotonic) and had the answer in it. */
  givenWithin(from: number, to: number): number {
    let given = 0;
    for (const { kind, attempts } of this.history) {
      if (kind !== 'hold') continue;
      for (const { sentAt, endedAt, answer } of attempts)
        if (sentAt >= from && endedAt <= to && isGiven(answer)) given++;
    }
    return given;
  }

  /** Seat maps of these shows that were asked for in this time (ms, monotonic) and came as possibly out of date. */
  staleMaps(shows: readonly ShowOnSale[], from: number, to: number): number {
    const ids = new Set(shows.map(({ id }) => id));
    const looks = this.history.filter(({ kind, showId }) => kind === 'seats' && ids.has(showId));
    return looks
      .flatMap(({ attempts }) => attempts)
      .filter(({ sentAt, answer }) => sentAt >= from && sentAt <= to && (answer?.body as { stale?: boolean })?.stale)
      .length;
  }

  /** No purchase begins any more; resolves when every one that was begun is over. */
  async end(): Promise<void> {
    this.#sells = false;
    await Promise.all(this.#buyers);
    this.#assertHealthy();
  }

  /** Each node has shown the seats of each show once, and can show them again whatever happens. */
  async #showSeats(): Promise<void> {
    for (const port of this.ports) {
      const client = new HttpClient(port);
      for (const { id } of this.shows) {
        const { status } = await client.send({ method: 'GET', path: `/v1/shows/${id}/seats?form=compact` });
        if (status !== 200) throw new Error(`the seats of ${id} at port ${port}: ${status}`);
      }
      client.close();
    }
  }

  #letIn(hotPart: number): void {
    const { ports, shows, history } = this;
    const seed = Date.now() % 1_000_000;
    process.stdout.write(`sale at ${ports.length} nodes: seed ${seed}\n`);
    const others = (1 - hotPart) / (shows.length - 1);
    const weights = shows.map((show) => (show === this.hot ? hotPart : others));
    const setting = {
      ports,
      shows,
      weights,
      history,
      thinkMs: THINK_MS,
      looks: LOOKS,
      purchases: PURCHASES,
      goesOn: () => this.#sells,
    };
    for (let i = 0; i < BUYERS; i++) {
      const buyer = buy({ ...setting, dice: new Dice(seed + i) });
      this.#buyers.push(buyer.catch((error: Error) => void this.#faults.push(error.message)));
    }
  }

  #assertWarm(): void {
    this.#assertHealthy();
    const cold = this.shows.filter(({ id }) => this.#firstHold(id, 0, this.ports) === null);
    const idle = this.ports.filter((port) => this.shows.every(({ id }) => this.#firstHold(id, 0, [port]) === null));
    if (cold.length + idle.length > 0) throw new Error(`${cold.length} shows do not sell, ${idle.length} nodes do not`);
  }

  /** When the first hold was given that was asked for after `since`; null if none was. */
  #firstHold(showId: string, since: number, ports: readonly number[]): number | null {
    let first: number | null = null;
    for (const { kind, showId: show, attempts } of this.history) {
      if (kind !== 'hold' || show !== showId) continue;
      for (const { sentAt, endedAt, answer, port } of attempts) {
        if (sentAt < since || !ports.includes(port) || !isGiven(answer)) continue;
        if (first === null || endedAt < first) first = endedAt;
      }
    }
    return first;
  }

  #assertHealthy(): void {
    if (this.#faults.length > 0) throw new Error(`${this.#faults.length} buyers gave up: ${this.#faults[0]}`);
  }
}

function runningIn({ nodes }: TestCluster): TestNode[] {
  return nodes.filter((node) => node.isRunning);
}

function isGiven(answer: Answer | null): boolean {
  return answer !== null && outcomeOf(answer) === '201';
}
