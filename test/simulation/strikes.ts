import type { OpsRequest } from '../../src/cluster/plans/cluster-ops.ts';
import { FORMAT } from '../../src/formats.ts';
import { WORLD } from './dangers.ts';
import type { WayState } from './database-wire.ts';
import type { FaultKind, PlannedFault } from './schedule.ts';
import type { SimulatedNode } from './simulated-node.ts';
import type { World } from './world.ts';

/** A node that is asked to stop has so long, then it is killed, as an orchestrator does. */
const STOP_MS = 30_000;

/** From one node to the next, when all are upgraded. */
const UPGRADE_MS = 5_000;

/** Has planned faults strike a world, and undoes what lasts when its time, or the danger, is over. */
export class Strikes {
  readonly #world: World;
  readonly #undo = new Set<() => void>();
  #isOver = false;

  constructor(world: World) {
    this.#world = world;
  }

  plan(faults: readonly PlannedFault[], opening: number): void {
    const { time } = this.#world;
    for (const fault of faults) time.after(opening + fault.at - time.now, () => this.#strike(fault));
  }

  /** Faults stop: whatever is cut, stopped, dead or away comes back. */
  end(): void {
    this.#isOver = true;
    const { world } = { world: this.#world };
    for (const undo of [...this.#undo]) undo();
    world.network.heal();
    world.moneyWire.isAway = false;
    for (const host of world.hosts) {
      const node = world.nodes.get(host);
      if (node === undefined || !node.isAlive) {
        world.startNode(host);
        continue;
      }
      node.process.resume();
      node.wire.way = 'open';
      node.transport.isLinked = true;
    }
    this.#upgradeRest();
  }

  /** An upgrade that was begun is brought to its end: what came with the newest version is settled only then. */
  #upgradeRest(): void {
    const old = this.#world.living().filter(({ format }) => format < FORMAT.newest);
    for (const [place, node] of old.entries()) {
      this.#world.time.after(place * UPGRADE_MS, () => stopInOrder(this.#world, node));
    }
  }

  #strike(fault: PlannedFault): void {
    if (this.#isOver) return;
    const { world } = { world: this.#world };
    const living = world.living();
    const node = living.length === 0 ? undefined : living[fault.who % living.length];
    world.trace.text(fault.kind);
    if (OF_THE_WORLD[fault.kind] !== undefined) {
      world.dangers.strike(fault.kind, null);
      OF_THE_WORLD[fault.kind]?.(world, fault, (ms, undo) => this.#until(ms, undo));
      return;
    }
    if (node === undefined) return;
    world.dangers.strike(fault.kind, node.host);
    OF_A_NODE[fault.kind]?.(world, node, fault, (ms, undo) => this.#until(ms, undo));
  }

  #until(ms: number, undo: () => void): void {
    const once = (): void => {
      if (this.#undo.delete(once)) undo();
    };
    this.#undo.add(once);
    this.#world.time.after(ms, once);
  }
}

type Until = (ms: number, undo: () => void) => void;

const OF_THE_WORLD: Partial<Record<FaultKind, (world: World, fault: PlannedFault, until: Until) => void>> = {
  'nodes split': ({ hosts, network }, { who, lasts }, until) => {
    const sides = hosts.map((host, place) => ({ host, isLeft: ((who >> place) & 1) === 1 }));
    for (const a of sides) {
      for (const b of sides) if (a.isLeft !== b.isLeft) network.cut(a.host, b.host);
    }
    until(lasts, () => network.heal());
  },
  'database restarted': ({ database }, { lasts }) => database.restart(lasts),
  'database frozen': ({ database }, { lasts }) => database.freeze(lasts),
  'provider away': ({ moneyWire }, { lasts }, until) => {
    moneyWire.isAway = true;
    until(lasts, () => {
      moneyWire.isAway = false;
    });
  },
};

const OF_A_NODE: Partial<
  Record<FaultKind, (world: World, node: SimulatedNode, fault: PlannedFault, until: Until) => void>
> = {
  crash: (world, node, { lasts }, until) => {
    node.kill();
    until(lasts, () => again(world, node));
  },
  pause: (_, { process }, { lasts }, until) => {
    process.stop();
    until(lasts, () => process.resume());
  },
  'node isolated': ({ hosts, network }, { host }, { lasts }, until) => {
    for (const other of hosts) {
      if (other === host) continue;
      network.cut(host, other);
      network.cut(other, host);
    }
    until(lasts, () => network.heal());
  },
  'one way cut': ({ hosts, network }, { host }, { other, lasts }, until) => {
    network.cut(host, hosts[other % hosts.length]);
    until(lasts, () => network.heal());
  },
  'link lost': (_, { transport }, { lasts }, until) => {
    transport.isLinked = false;
    until(lasts, () => {
      transport.isLinked = true;
    });
  },
  'way clogged': ({ hosts, network }, { host }, { other, lasts }) =>
    network.clog(host, hosts[other % hosts.length], lasts),
  'database cut off': (_, node, { lasts }, until) => away(node, 'cut', lasts, until),
  'database deaf': (_, node, { lasts }, until) => away(node, 'deaf', lasts, until),
  'database mute': (_, node, { lasts }, until) => away(node, 'mute', lasts, until),
  'clock stepped': (world, node, { lasts }, until) => {
    world.stepClock(node.host);
    node.kill();
    until(lasts, () => again(world, node));
  },
  'stop in order': (world, node) => stopInOrder(world, node),
  'version changed': (world, node) => stopInOrder(world, node),
  drain: (world, node, { other }) => ask(world, node, { kind: 'drain', node: hostOf(world, other) }),
  undrain: (world, node, { other }) => ask(world, node, { kind: 'undrain', node: hostOf(world, other) }),
  move: (world, node, { other }) =>
    ask(world, node, { kind: 'move', shows: [showOf(world, other)], to: hostOf(world, other) }),
  pin: (world, node, { who, other }) =>
    ask(world, node, {
      kind: 'pin',
      shows: [showOf(world, other)],
      to: hostOf(world, other),
      exclusive: who % 4 === 0,
    }),
  unpin: (world, node, { other }) => ask(world, node, { kind: 'unpin', shows: [showOf(world, other)] }),
  rebalance: (world, node) => ask(world, node, { kind: 'rebalance' }),
};

function hostOf({ hosts }: World, number: number): string {
  return hosts[number % hosts.length];
}

function showOf({ shows }: World, number: number): string {
  return shows[number % shows.length].id;
}

function away(node: SimulatedNode, way: WayState, ms: number, until: Until): void {
  node.wire.way = way;
  until(ms, () => {
    node.wire.way = 'open';
  });
}

/** Another process of the node, unless somebody was quicker. */
function again(world: World, { host, isAlive }: SimulatedNode): void {
  const present = world.nodes.get(host);
  if (!isAlive && present !== undefined && !present.isAlive) world.startNode(host);
}

/** SIGTERM: it gives its shards away and ends; another process of it, of the newest version, comes after it. */
function stopInOrder(world: World, node: SimulatedNode): void {
  const { time } = world;
  const end = (): void => {
    if (!node.isAlive) return;
    node.kill();
    time.after(200, () => again(world, node));
  };
  time.soon(() => {
    const { selling } = node;
    void selling.runner
      .stop()
      .then(() => selling.node.leave())
      .then(() => selling.settlement.close())
      .then(() => selling.node.close())
      .finally(() => time.soon(end, null));
  }, node.process);
  time.after(STOP_MS, end);
}

/** An operator proposes a plan at this node, and applies it there. Refusals are the operator's affair. */
function ask(world: World, node: SimulatedNode, request: OpsRequest): void {
  const { dangers } = world;
  world.time.soon(() => {
    dangers.enter(WORLD, 'plan applied');
    void node.selling.ops
      .propose(request)
      .then(({ id }) => node.selling.ops.apply(id))
      .then(() => node.selling.runner.idle())
      .catch(() => {})
      .finally(() => dangers.leave(WORLD, 'plan applied'));
  }, node.process);
}

/** What ops left drained is filled again, by whichever node can. */
export function undrainAll(world: World): void {
  const node = world.someNode(0);
  if (node === null) return;
  world.time.soon(() => {
    void (async () => {
      const view = await node.selling.ops.view();
      for (const { id, state } of view.nodes) {
        if (state !== 'draining') continue;
        const { id: plan } = await node.selling.ops.propose({ kind: 'undrain', node: id });
        await node.selling.ops.apply(plan);
        await node.selling.runner.idle();
      }
    })().catch(() => {});
  }, node.process);
}
