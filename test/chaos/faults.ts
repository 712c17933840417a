import { setTimeout as pause } from 'node:timers/promises';
import type { Absence } from '../support/cluster-audit.ts';
import type { TestCluster, TestNode } from '../support/cluster-processes.ts';
import { Dice } from '../support/dice.ts';
import { eventually } from '../support/eventually.ts';
import type { Link, ProxyMode, Wire } from '../support/tcp-proxy.ts';
import { NodeKeeper } from './node-keeper.ts';
import type { Operator } from './operator.ts';
import type { FaultKind, PlannedFault } from './schedule.ts';
import type { SmallDisk } from './small-disk.ts';

/** In what Postgres is sent when it is to run the prepared statement that appends turns to the journal. */
const APPEND = '\0append\0';
/** At most so many answers to it are lost in a row. */
const ANSWERS_LOST_MOST = 3;
/** A server that was stopped, or whose disk was full, comes back within this. */
const BACK = { timeoutMs: 60_000, intervalMs: 200 };
/** How long a fault waits for a process to hit. */
const VICTIM = { timeoutMs: 60_000, intervalMs: 20 };
/** How long it is waited for answers to be lost: until the node appends something. */
const LOST_MS = 30_000;
/** How often a command that did not succeed is given once more. */
const COMMAND_TRIES = 3;
const POLL_MS = 50;

export interface FaultsOptions {
  readonly cluster: TestCluster;
  readonly operator: Operator;
  /** Postgres's; null where it cannot be filled. */
  readonly disk: SmallDisk | null;
  /** Told of each fault when it begins, and of what else is worth a line. */
  readonly say: (text: string) => void;
}

/** Does what a schedule says, to everything at once, but one thing after the other to each part. */
export class Faults {
  readonly #options: FaultsOptions;
  readonly #keepers: readonly NodeKeeper[];
  /** All faults of the schedule have begun. */
  #isOver = false;
  readonly #counts = new Map<string, number>();
  /** Of each part, when what was done to it last is over. */
  readonly #turns = new Map<string, Promise<void>>();

  constructor(options: FaultsOptions) {
    this.#options = options;
    this.#keepers = options.cluster.nodes.map((node) => new NodeKeeper(node));
  }

  /** How often each kind happened. An answer is lost when a commit's was on its way, a command counts when it succeeded. */
  get counts(): Readonly<Record<string, number>> {
    let lost = 0;
    for (const { postgresWire } of this.#options.cluster.nodes) lost += postgresWire.answersLost;
    return { ...Object.fromEntries(this.#counts), 'lost-acknowledgement': lost };
  }

  get absences(): Absence[] {
    return this.#keepers.flatMap(({ absences }) => absences);
  }

  /** That nodes ended which nobody killed, as sentences. */
  get endedByThemselves(): string[] {
    return this.#keepers.flatMap(({ endedByItself }) => endedByItself);
  }

  /** Resolves when all faults have begun and ended; the nodes may be starting still. */
  async run(schedule: readonly PlannedFault[]): Promise<void> {
    const startedAt = performance.now();
    const underWay: Promise<void>[] = [];
    for (const fault of schedule) {
      await pause(Math.max(0, startedAt + fault.at - performance.now()));
      underWay.push(this.#begin(fault));
    }
    this.#isOver = true;
    await Promise.all(underWay);
  }

  /** Everything runs and passes again. Rejects if something does not come back. */
  async mend(): Promise<void> {
    const { cluster, disk } = this.#options;
    await disk?.empty();
    await eventually(() => cluster.postgres.start(), BACK);
    for (const { postgresWire, natsWire } of cluster.nodes) {
      postgresWire.loseAnswersTo(APPEND, 0);
      for (const wire of [postgresWire, natsWire]) wire.mode = 'pass';
    }
  }

  /** Ends the nodes, for good. */
  async end(): Promise<void> {
    await Promise.all(this.#keepers.map((keeper) => keeper.release()));
  }

  async #begin(fault: PlannedFault): Promise<void> {
    const { cluster } = this.#options;
    const keeper = this.#keepers[fault.node];
    const { node } = keeper;
    const { kind, forMs } = fault;
    switch (kind) {
      case 'kill':
        return this.#kill(fault);
      case 'pause':
        return this.#inTurn(`process ${node.id}`, fault, async () => {
          await eventually(() => requireOpen(node), VICTIM);
          await keeper.standStill(forMs);
        });
      case 'nats-restart':
        return this.#inTurn('nats', fault, async () => {
          await cluster.nats.kill();
          await pause(forMs);
          await cluster.nats.restart();
        });
      case 'nats-pause':
        return this.#inTurn('nats', fault, async () => {
          cluster.nats.pause();
          await pause(forMs);
          cluster.nats.resume();
        });
      case 'postgres-restart':
        return this.#postgresAway(fault, () => cluster.postgres.stop());
      case 'postgres-crash':
        return this.#postgresAway(fault, () => cluster.postgres.crash());
      case 'disk-full':
        return this.#fillDisk(fault);
      case 'lost-acknowledgement':
        this.#say(fault);
        return loseAnswers(node.postgresWire, 1 + (fault.salt % ANSWERS_LOST_MOST));
      case 'lanes-still':
        return this.#inTurn(`postgres of ${node.id}`, fault, async () => {
          node.postgresWire.isStill = isOfLanes;
          await pause(forMs);
          node.postgresWire.isStill = () => false;
        });
      case 'move':
      case 'pin':
      case 'drain':
        return this.#command(fault, node);
      default: {
        const [side, how] = kind.split('-') as ['postgres' | 'nats', ProxyMode | 'reset'];
        const wire = side === 'postgres' ? node.postgresWire : node.natsWire;
        return this.#inTurn(`${side} of ${node.id}`, fault, () => breakWire(wire, how, forMs));
      }
    }
  }

  /** Hits the node that was drawn, or the next one that is open; where none is, one that starts. */
  async #kill(fault: PlannedFault): Promise<void> {
    const order = [...this.#keepers.slice(fault.node), ...this.#keepers.slice(0, fault.node)];
    const victim = await eventually(() => {
      const [open, starting] = [order.filter(({ node }) => node.isOpen), order.filter(({ node }) => !node.isOpen)];
      const hit = [...open, ...starting].find((keeper) => keeper.kill(fault.forMs));
      if (hit === undefined) throw new Error('there is no node to kill');
      return hit;
    }, VICTIM);
    this.#count('kill');
    this.#options.say(`kill ${victim.node.id}`);
  }

  #postgresAway(fault: PlannedFault, stop: () => Promise<void>): Promise<void> {
    const { postgres } = this.#options.cluster;
    return this.#inTurn('postgres', fault, async () => {
      await stop();
      await pause(fault.forMs);
      await eventually(() => postgres.start(), BACK);
    });
  }

  #fillDisk(fault: PlannedFault): Promise<void> {
    const { cluster, disk } = this.#options;
    return this.#inTurn('postgres', fault, async () => {
      if (disk === null) throw new Error('there is no disk to fill');
      await disk.fill();
      await pause(fault.forMs);
      await disk.empty();
      // It ends when it cannot recover from a panic for want of room.
      await eventually(() => cluster.postgres.start(), BACK);
    });
  }

  #command(fault: PlannedFault, node: TestNode): Promise<void> {
    const { operator } = this.#options;
    const dice = new Dice(fault.salt);
    return this.#afterOthers('operator', async () => {
      // Commands take long where nodes die; when all else is over, only what never happened is made up for.
      if (this.#isOver && this.#counts.has(fault.kind)) return;
      this.#say(fault);
      for (let left = COMMAND_TRIES; left > 0; left--) {
        const isDone = await (fault.kind === 'move'
          ? operator.move(node, dice)
          : fault.kind === 'pin'
            ? operator.pin(node, dice, fault.forMs)
            : operator.drain(node, dice, fault.forMs));
        if (isDone) return this.#count(fault.kind);
        this.#options.say(`${fault.kind} ${node.id} did not succeed`);
      }
    });
  }

  #inTurn(part: string, fault: PlannedFault, work: () => Promise<void>): Promise<void> {
    return this.#afterOthers(part, async () => {
      this.#say(fault);
      await work();
      this.#count(fault.kind);
    });
  }

  #afterOthers(part: string, work: () => Promise<void>): Promise<void> {
    const turn = (this.#turns.get(part) ?? Promise.resolve()).then(work);
    this.#turns.set(
      part,
      turn.catch(() => undefined),
    );
    return turn;
  }

  #count(kind: FaultKind | 'kill'): void {
    this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + 1);
  }

  #say({ kind, node, forMs }: PlannedFault): void {
    this.#options.say(`${kind} ${this.#keepers[node].node.id}, ${Math.round(forMs)} ms`);
  }
}

function requireOpen(node: TestNode): void {
  if (!node.isOpen) throw new Error(`${node.id} is not open`);
}

/** Resolves when one of them was lost, or there was none to lose. */
async function loseAnswers(wire: Wire, times: number): Promise<void> {
  const before = wire.answersLost;
  wire.loseAnswersTo(APPEND, times);
  for (const until = performance.now() + LOST_MS; wire.answersLost === before && performance.now() < until; ) {
    await pause(POLL_MS);
  }
}

/** What was lost on a connection cannot come any more: such a one is of no use when the wire passes again. */
async function breakWire(wire: Wire, how: ProxyMode | 'reset', forMs: number): Promise<void> {
  if (how === 'reset') {
    wire.reset();
    return;
  }
  wire.mode = how;
  await pause(forMs);
  if (how !== 'still') wire.reset();
  wire.mode = 'pass';
}

function isOfLanes({ greeting }: Link): boolean {
  return / usher lane \d /.test(greeting);
}
