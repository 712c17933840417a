import { describe, expect, test, vi } from 'vitest';
import { LEASE_MS, type Registry, type ShardEpoch } from '../../src/cluster/registry/registry.ts';
import { SHARDS } from '../../src/cluster/shards.ts';
import type { ClusterView } from '../../src/cluster/view.ts';
import { StartError } from '../../src/errors.ts';
import { IDLE, selfOf, under } from './node-starts.ts';

/** The tables of one test, and what happens to nodes from outside. */
export interface RegistryWorld {
  /** As one process has it. Its waits for other nodes are hurried. */
  registry(): Registry;
  /** The node has not been heard of for `ms` longer. */
  age(incarnation: string, ms: number): Promise<void>;
  /** The node's session at the database ends, as when its process does. */
  endSession(incarnation: string): Promise<void>;
  /** Somebody who is no node holds the shard's row locked. @returns what ends that. */
  lock(shard: number): Promise<() => Promise<void>>;
}

const ALL = Array.from({ length: SHARDS }, (_, shard) => shard);
const byShard = (shards: readonly ShardEpoch[]): ShardEpoch[] => [...shards].sort((a, b) => a.shard - b.shard);
const idsOf = (view: ClusterView): string[] => view.nodes.map(({ id }) => id);

/** What every {@link Registry} does, as its users see it. */
export function registryContract(newWorld: () => Promise<RegistryWorld>): void {
  /** Nodes that have joined, each with a registry of its own. */
  async function joined(world: RegistryWorld, ...ids: string[]) {
    const nodes = ids.map((id) => ({ self: selfOf(id), registry: world.registry() }));
    for (const { self, registry } of nodes) await registry.join(self);
    return nodes.map(({ self, registry }) => ({ self, registry, name: self.incarnation }));
  }
  /** A heartbeat, and another when the first found out that its connection had ended. */
  const beat = (registry: Registry, incarnation: string) => vi.waitFor(() => registry.beat(incarnation, IDLE));
  const stateOf = async (registry: Registry, incarnation: string) => (await beat(registry, incarnation)).state;
  const rowOf = async (registry: Registry, shard: number) => {
    const { epochs, owners } = await registry.read();
    return { epoch: epochs[shard], owner: owners[shard] };
  };

  describe('a node that joins', () => {
    test('is up from then on, as it describes itself', async () => {
      const world = await newWorld();
      const registry = world.registry();
      const self = selfOf('a', { adminUrl: 'http://a:9090', format: 3, weight: 0.5 });
      await registry.join(self);
      const { nodes } = await registry.read();
      expect(nodes).toEqual([{ ...self, state: 'up', reason: null, ageMs: expect.any(Number), ...IDLE }]);
      expect(nodes[0].ageMs).toBeGreaterThanOrEqual(0);
      expect(nodes[0].ageMs).toBeLessThan(LEASE_MS);
    });

    test('shares the database with others that have a transport', async () => {
      const world = await newWorld();
      const [, , c] = await joined(world, 'b', 'a', 'c');
      expect(idsOf(await c.registry.read())).toEqual(['a', 'b', 'c']);
    });

    test('may ask again when the answer was lost', async () => {
      const world = await newWorld();
      const [a] = await joined(world, 'a');
      await a.registry.join(a.self);
      expect(idsOf(await a.registry.read())).toEqual(['a']);
    });

    test('never comes back once it was declared dead', async () => {
      const world = await newWorld();
      const [a, b] = await joined(world, 'a', 'b');
      await world.age(a.name, LEASE_MS + 1);
      expect(await b.registry.declareDead([{ incarnation: a.name, cause: 'expired' }])).toEqual([a.name]);
      expect(await stateOf(a.registry, a.name)).toBe('dead');
      await expect(a.registry.join(a.self)).rejects.toThrow('has ended already');
      expect(idsOf(await b.registry.read())).toEqual(['b']);
    });

    test.each([
      ['without a transport, beside another', 'local', 'nats'],
      ['beside one without a transport', 'nats', 'local'],
      ['without a transport, beside one without', 'local', 'local'],
    ] as const)('%s is refused, naming it', async (_, own, other) => {
      const world = await newWorld();
      const first = selfOf('first', { transport: other });
      const registry = world.registry();
      await registry.join(first);
      const refused = world.registry().join(selfOf('second', { transport: own }));
      await expect(refused).rejects.toThrow(StartError);
      await expect(refused).rejects.toThrow(`The database is in use by another node (first, process ${first.pid}`);
      expect(idsOf(await registry.read())).toEqual(['first']);
    });

    test.each([
      [
        'left',
        async (_world: RegistryWorld, registry: Registry, name: string) => {
          await registry.setState(name, ['up'], 'left', 'stopped');
        },
      ],
      [
        'was not heard of for the time of a lease',
        async (world: RegistryWorld, _: Registry, name: string) => {
          await world.age(name, LEASE_MS + 1);
        },
      ],
      ['has no session any more', (world: RegistryWorld, _: Registry, name: string) => world.endSession(name)],
    ])('without a transport is let in when the other %s', async (_, end) => {
      const world = await newWorld();
      const first = selfOf('first', { transport: 'local' });
      const registry = world.registry();
      await registry.join(first);
      await end(world, registry, first.incarnation);
      const second = world.registry();
      await second.join(selfOf('second', { transport: 'local' }));
      expect(idsOf(await second.read())).toEqual(['second']);
    });

    test('at the same time as another is alone, if it has to be', async () => {
      const world = await newWorld();
      const registries = ['a', 'b', 'c', 'd'].map((id) => ({ id, registry: world.registry() }));
      const outcomes = await Promise.allSettled(
        registries.map(({ id, registry }) => registry.join(selfOf(id, { transport: 'local' }))),
      );
      expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      const { nodes } = await registries[0].registry.read();
      expect(nodes).toHaveLength(1);
      expect(nodes[0].id).toBe(registries[outcomes.findIndex(({ status }) => status === 'fulfilled')].id);
    });
  });

  describe('a node that starts again', () => {
    test('is refused while its earlier start lives', async () => {
      const world = await newWorld();
      const [a] = await joined(world, 'a');
      const refused = world.registry().join(selfOf('a'));
      await expect(refused).rejects.toThrow(StartError);
      await expect(refused).rejects.toThrow(`Another node of the same name runs (a, process ${a.self.pid}`);
      expect(await stateOf(a.registry, a.name)).toBe('up');
    });

    test('waits for its earlier start to leave', async () => {
      const world = await newWorld();
      const [a] = await joined(world, 'a');
      await a.registry.setState(a.name, ['up'], 'leaving', 'stops');
      const [again, registry] = [selfOf('a'), world.registry()];
      const entered = registry.join(again);
      await new Promise((resolve) => setTimeout(resolve, 50));
      expect((await a.registry.read()).nodes).toMatchObject([{ incarnation: a.name, state: 'leaving' }]);
      await a.registry.setState(a.name, ['leaving'], 'left', 'stopped');
      await entered;
      expect((await registry.read()).nodes).toMatchObject([{ incarnation: again.incarnation, state: 'up' }]);
    });

    test.each([
      ['whose session is gone', (world: RegistryWorld, name: string) => world.endSession(name)],
      ['whose lease has lapsed', (world: RegistryWorld, name: string) => world.age(name, LEASE_MS + 1)],
    ])('takes the place of an earlier one %s at once, and what that one still says changes nothing', async (_, end) => {
      const world = await newWorld();
      const [old] = await joined(world, 'a');
      await old.registry.acquire(old.name, under(0, [5]));
      await end(world, old.name);
      const [again, registry] = [selfOf('a'), world.registry()];
      await registry.join(again);
      expect(await registry.acquire(again.incarnation, under(1, [5]))).toEqual(under(2, [5]));

      expect(await stateOf(old.registry, old.name)).toBe('dead');
      expect(await old.registry.setState(old.name, ['up', 'leaving'], 'left', 'an old stop event')).toBe(false);
      expect(await old.registry.release(old.name, [{ shard: 5, epoch: 1, closedMsAgo: 0 }])).toEqual([]);
      expect(await old.registry.advance(old.name, 5, 1)).toBeNull();
      expect(await old.registry.acquire(old.name, under(2, [5]))).toEqual([]);
      expect((await registry.read()).nodes).toMatchObject([
        { incarnation: again.incarnation, state: 'up', reason: null },
      ]);
      expect(await rowOf(registry, 5)).toEqual({ epoch: 2, owner: again.incarnation });
    });

    test('at the same time as itself enters once', async () => {
      const world = await newWorld();
      const registries = [world.registry(), world.registry(), world.registry()];
      const outcomes = await Promise.allSettled(registries.map((registry) => registry.join(selfOf('a'))));
      expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      expect(idsOf(await registries[0].read())).toEqual(['a']);
    });
  });

  describe('a heartbeat', () => {
    test('renews the lease, says what the node said, and shows the cluster as it is then', async () => {
      const world = await newWorld();
      const [a, b] = await joined(world, 'a', 'b');
      await world.age(a.name, 2_000);
      const load = { perSecond: 12.5, inbox: 3, awake: 2, lagMs: 7, hot: [[5, 12] as const] };
      const { state, view } = await a.registry.beat(a.name, { isLinked: false, stalledMs: 42, load });
      expect(state).toBe('up');
      const seen = { isLinked: false, stalledMs: 42, load };
      expect(view.nodes).toMatchObject([seen, IDLE]);
      expect(view.nodes[0].ageMs).toBeLessThan(1_000);
      expect([view.epochs.length, view.owners.length]).toEqual([SHARDS, SHARDS]);
      expect((await b.registry.read()).nodes).toMatchObject([seen, IDLE]);
    });

    test('tells how old the others are, by the clock of the database', async () => {
      const world = await newWorld();
      const [a, b] = await joined(world, 'a', 'b');
      await world.age(b.name, 60_000);
      const { view } = await a.registry.beat(a.name, IDLE);
      expect(view.nodes[1].ageMs).toBeGreaterThanOrEqual(60_000);
      expect(view.nodes[1].ageMs).toBeLessThan(62_000);
      expect(Math.abs(view.at - Date.now())).toBeLessThan(2_000);
    });

    test('renews nothing of a node that was declared dead, has left, or never joined', async () => {
      const world = await newWorld();
      const [a, dead, left] = await joined(world, 'a', 'dead', 'left');
      await world.age(dead.name, LEASE_MS + 1);
      await a.registry.declareDead([{ incarnation: dead.name, cause: 'expired' }]);
      await left.registry.setState(left.name, ['up'], 'left', 'stopped');
      for (const [registry, incarnation, state] of [
        [dead.registry, dead.name, 'dead'],
        [left.registry, left.name, 'left'],
        [world.registry(), 'nod_unknown', null],
      ] as const) {
        const said = await beat(registry, incarnation);
        expect(said.state).toBe(state);
        expect(idsOf(said.view)).toEqual(['a']);
      }
    });
  });

  describe('a node is declared dead', () => {
    test('as expired only past its lease, and once', async () => {
      const world = await newWorld();
      const [a, b, c] = await joined(world, 'a', 'b', 'c');
      const all = [a, b, c, { name: 'nod_unknown' }].map(
        ({ name }) => ({ incarnation: name, cause: 'expired' }) as const,
      );
      expect(await a.registry.declareDead(all)).toEqual([]);
      await world.age(b.name, LEASE_MS - 1_000);
      expect(await a.registry.declareDead(all)).toEqual([]);
      await world.age(b.name, 1_001);
      expect(await a.registry.declareDead(all)).toEqual([b.name]);
      expect(await c.registry.declareDead(all)).toEqual([]);
      expect(idsOf(await a.registry.read())).toEqual(['a', 'c']);
    });

    test('as gone only without a session', async () => {
      const world = await newWorld();
      const [a, b] = await joined(world, 'a', 'b');
      const gone = [{ incarnation: b.name, cause: 'gone' }] as const;
      expect(await a.registry.declareDead(gone)).toEqual([]);
      await world.age(b.name, LEASE_MS + 1);
      expect(await a.registry.declareDead(gone)).toEqual([]);
      await world.endSession(b.name);
      expect(await a.registry.declareDead(gone)).toEqual([b.name]);
      expect(await stateOf(b.registry, b.name)).toBe('dead');
    });

    test('not when it was heard of again, on another session or in time', async () => {
      const world = await newWorld();
      const [a, b] = await joined(world, 'a', 'b');
      await world.endSession(b.name);
      await world.age(b.name, LEASE_MS + 1);
      expect(await stateOf(b.registry, b.name)).toBe('up');
      const both = (['gone', 'expired'] as const).map((cause) => ({ incarnation: b.name, cause }));
      expect(await a.registry.declareDead(both)).toEqual([]);
    });

    test('together with others, by several at once: each by one', async () => {
      const world = await newWorld();
      const [a, b, c, d] = await joined(world, 'a', 'b', 'c', 'd');
      await world.age(c.name, LEASE_MS + 1);
      await world.age(d.name, LEASE_MS + 1);
      const deaths = [c, d].map(({ name }) => ({ incarnation: name, cause: 'expired' }) as const);
      const declared = await Promise.all([a, b].map(({ registry }) => registry.declareDead(deaths)));
      expect(declared.flat().sort()).toEqual([c.name, d.name]);
    });
  });

  describe('a state', () => {
    test('changes from those that were named, with a reason', async () => {
      const world = await newWorld();
      const [a] = await joined(world, 'a');
      expect(await a.registry.setState(a.name, ['draining'], 'up', null)).toBe(false);
      expect(await a.registry.setState(a.name, ['up'], 'draining', 'by ops')).toBe(true);
      expect(await a.registry.setState(a.name, ['up'], 'draining', 'once more')).toBe(false);
      const { state, view } = await a.registry.beat(a.name, IDLE);
      expect([state, view.nodes[0].state, view.nodes[0].reason]).toEqual(['draining', 'draining', 'by ops']);
    });

    test('that is an end stays', async () => {
      const world = await newWorld();
      const [a] = await joined(world, 'a');
      await a.registry.setState(a.name, ['up'], 'left', 'stopped');
      expect(await a.registry.setState(a.name, ['left', 'dead'], 'up', null)).toBe(false);
      expect(await a.registry.setState('nod_unknown', ['up'], 'draining', null)).toBe(false);
    });
  });

  describe('shards', () => {
    test('are taken under a new epoch, those that are nobody’s', async () => {
      const world = await newWorld();
      const [a, b] = await joined(world, 'a', 'b');
      expect(byShard(await a.registry.acquire(a.name, under(0, [1, 2, 3])))).toEqual(under(1, [1, 2, 3]));
      expect(await b.registry.acquire(b.name, [...under(0, [4]), ...under(1, [1, 2])])).toEqual(under(1, [4]));
      const { epochs, owners } = await a.registry.read();
      expect(epochs.slice(0, 6)).toEqual([0, 1, 1, 1, 1, 0]);
      expect(owners.slice(0, 6)).toEqual([null, a.name, a.name, a.name, b.name, null]);
    });

    test('are not taken under another epoch than they have', async () => {
      const world = await newWorld();
      const [a] = await joined(world, 'a');
      await a.registry.acquire(a.name, under(0, [1]));
      expect(await a.registry.acquire(a.name, [...under(0, [1]), ...under(2, [1]), ...under(1, [2])])).toEqual([]);
    });

    test('of the caller are taken anew: an answer was lost', async () => {
      const world = await newWorld();
      const [a] = await joined(world, 'a');
      await a.registry.acquire(a.name, under(0, [1]));
      expect(await a.registry.acquire(a.name, under(1, [1]))).toEqual(under(2, [1]));
    });

    test('of a dead or departed node are free, of any other not', async () => {
      const world = await newWorld();
      const [a, dead, left, draining] = await joined(world, 'a', 'dead', 'left', 'draining');
      for (const [shard, node] of [dead, left, draining].entries()) {
        await node.registry.acquire(node.name, under(0, [shard]));
      }
      await world.age(dead.name, LEASE_MS + 1);
      await left.registry.setState(left.name, ['up'], 'left', 'stopped');
      await draining.registry.setState(draining.name, ['up'], 'draining', 'by ops');
      expect(byShard(await a.registry.acquire(a.name, under(1, [0, 1, 2])))).toEqual(under(2, [1]));
      await a.registry.declareDead([{ incarnation: dead.name, cause: 'expired' }]);
      expect(await a.registry.acquire(a.name, under(1, [0, 2]))).toEqual(under(2, [0]));
    });

    test('are not taken by a node that is not alive itself', async () => {
      const world = await newWorld();
      const [a] = await joined(world, 'a');
      await a.registry.setState(a.name, ['up'], 'left', 'stopped');
      expect(await a.registry.acquire(a.name, under(0, [1]))).toEqual([]);
      expect(await a.registry.acquire('nod_unknown', under(0, [1]))).toEqual([]);
    });

    test('wanted by several at once go each to one, without a deadlock', async () => {
      const world = await newWorld();
      const nodes = await joined(world, 'a', 'b', 'c');
      const wanted = [ALL, ALL.toReversed(), [...ALL.slice(500), ...ALL.slice(0, 500)]].map((shards) =>
        under(0, shards),
      );
      const taken = await Promise.all(nodes.map(({ registry, name }, index) => registry.acquire(name, wanted[index])));
      expect(byShard(taken.flat())).toEqual(under(1, ALL));
      const { owners } = await nodes[0].registry.read();
      for (const [index, shards] of taken.entries()) {
        for (const { shard } of shards) expect(owners[shard]).toBe(nodes[index].name);
      }
    });

    test('whose rows somebody holds locked are left for later, and the others taken', async () => {
      const world = await newWorld();
      const [a, dead] = await joined(world, 'a', 'dead');
      await dead.registry.acquire(dead.name, under(0, ALL));
      await world.endSession(dead.name);
      await a.registry.declareDead([{ incarnation: dead.name, cause: 'gone' }]);
      const unlock = await world.lock(7);
      const others = ALL.filter((shard) => shard !== 7);
      expect(byShard(await a.registry.acquire(a.name, under(1, ALL)))).toEqual(under(2, others));
      expect(await a.registry.acquire(a.name, under(1, [7]))).toEqual([]);
      expect(await rowOf(a.registry, 7)).toEqual({ epoch: 1, owner: dead.name });
      await unlock();
      expect(await a.registry.acquire(a.name, under(1, [7]))).toEqual(under(2, [7]));
    });

    test('move to a new epoch by their owner alone, from the one it knows', async () => {
      const world = await newWorld();
      const [a, b] = await joined(world, 'a', 'b');
      await a.registry.acquire(a.name, under(0, [7]));
      expect(await a.registry.advance(a.name, 7, 1)).toBe(2);
      expect(await a.registry.advance(a.name, 7, 1)).toBeNull();
      expect(await b.registry.advance(b.name, 7, 2)).toBeNull();
      expect(await rowOf(b.registry, 7)).toEqual({ epoch: 2, owner: a.name });
    });

    test('are given up by their owner alone, under a new epoch', async () => {
      const world = await newWorld();
      const [a, b] = await joined(world, 'a', 'b');
      await a.registry.acquire(a.name, under(0, [1, 2]));
      const give = under(1, [1, 2, 3]).map((each) => ({ ...each, closedMsAgo: 0 }));
      expect(await b.registry.release(b.name, give)).toEqual([]);
      expect(byShard(await a.registry.release(a.name, give))).toEqual(under(2, [1, 2]));
      expect(await a.registry.release(a.name, give)).toEqual([]);
      expect(await rowOf(a.registry, 1)).toEqual({ epoch: 2, owner: null });
      expect(await b.registry.acquire(b.name, under(2, [1]))).toEqual(under(3, [1]));
    });

    test('in no number are no question', async () => {
      const world = await newWorld();
      const [a] = await joined(world, 'a');
      expect(await a.registry.acquire(a.name, [])).toEqual([]);
      expect(await a.registry.release(a.name, [])).toEqual([]);
      expect(await a.registry.ready(a.name, [])).toEqual([]);
      expect(await a.registry.pauses([])).toEqual([]);
      expect(await a.registry.declareDead([])).toEqual([]);
      await a.registry.setPins([]);
    });
  });

  describe('a hand-off', () => {
    const releasing = (shards: readonly ShardEpoch[], closedMsAgo: number) =>
      shards.map((each) => ({ ...each, closedMsAgo }));

    test('pauses a shard from its close to the next answer, first of all who say so', async () => {
      const world = await newWorld();
      const [a, b] = await joined(world, 'a', 'b');
      await a.registry.acquire(a.name, under(0, [1, 2, 3]));
      expect(await a.registry.ready(a.name, under(1, [1, 2, 3]))).toEqual([]);
      expect(await a.registry.pauses([1, 2])).toEqual([null, null]);
      await a.registry.release(a.name, [...releasing(under(1, [1]), 5_000), ...releasing(under(1, [2]), 70_000)]);
      expect(await a.registry.pauses([1])).toEqual([null]);
      await b.registry.acquire(b.name, under(2, [1, 2]));
      const told = await b.registry.ready(b.name, [...under(2, [1]), ...under(3, [2])]);
      const [two, one, three] = await a.registry.pauses([2, 1, 3]);
      expect([one, three]).toEqual([null, null]);
      expect(two).toBeGreaterThanOrEqual(70_000);
      expect(two).toBeLessThan(72_000);
      expect(told).toEqual([two]);
      const [rest, ...more] = await b.registry.ready(b.name, under(3, [1, 2]));
      expect(await a.registry.pauses([1])).toEqual([rest]);
      expect(more).toEqual([]);
      expect((await a.registry.pauses([2]))[0]).toBe(two);
      expect((await a.registry.pauses([1]))[0]).toBeGreaterThanOrEqual(5_000);
    });

    test('goes on when its destination dies in the middle, until another answers', async () => {
      const world = await newWorld();
      const [a, b, c] = await joined(world, 'a', 'b', 'c');
      await a.registry.acquire(a.name, under(0, [1]));
      await a.registry.release(a.name, releasing(under(1, [1]), 1_000));
      await b.registry.acquire(b.name, under(2, [1]));
      await world.endSession(b.name);
      await c.registry.declareDead([{ incarnation: b.name, cause: 'gone' }]);
      expect(await c.registry.acquire(c.name, under(3, [1]))).toEqual(under(4, [1]));
      await c.registry.ready(c.name, under(4, [1]));
      expect((await c.registry.pauses([1]))[0]).toBeGreaterThanOrEqual(1_000);
    });

    test('is forgotten when a later owner dies', async () => {
      const world = await newWorld();
      const [a, b] = await joined(world, 'a', 'b');
      await a.registry.acquire(a.name, under(0, [1]));
      await a.registry.release(a.name, releasing(under(1, [1]), 10));
      await a.registry.acquire(a.name, under(2, [1]));
      await a.registry.ready(a.name, under(3, [1]));
      expect(await a.registry.pauses([1])).not.toEqual([null]);
      await world.endSession(a.name);
      await b.registry.declareDead([{ incarnation: a.name, cause: 'gone' }]);
      await b.registry.acquire(b.name, under(3, [1]));
      await b.registry.ready(b.name, under(4, [1]));
      expect(await b.registry.pauses([1])).toEqual([null]);
    });
  });

  describe('the format of the cluster', () => {
    /** Nodes of these formats that have joined, `a` first. */
    const ofFormats = async (world: RegistryWorld, ...formats: number[]) => {
      const nodes = formats.map((format, i) => {
        const self = selfOf(String.fromCharCode(97 + i), { format });
        return { self, registry: world.registry(), name: self.incarnation };
      });
      for (const { self, registry } of nodes) await registry.join(self);
      return nodes;
    };
    const formatIn = async (registry: Registry) => (await registry.read()).format;

    test('is the oldest at first, and every look tells it', async () => {
      const world = await newWorld();
      const [a] = await ofFormats(world, 2);
      expect(await formatIn(a.registry)).toBe(1);
      expect((await beat(a.registry, a.name)).view.format).toBe(1);
      expect(await a.registry.raiseFormat(2)).toBe(2);
      expect(await formatIn(a.registry)).toBe(2);
      expect((await beat(a.registry, a.name)).view.format).toBe(2);
    });

    test('is raised only to what every node that is alive reads', async () => {
      const world = await newWorld();
      const [a, b, c] = await ofFormats(world, 3, 2, 1);
      expect(await a.registry.raiseFormat(2)).toBe(1);
      await c.registry.setState(c.name, ['up'], 'draining', 'by ops');
      expect(await a.registry.raiseFormat(2)).toBe(1);
      await c.registry.setState(c.name, ['draining'], 'leaving', 'stops');
      expect(await a.registry.raiseFormat(2)).toBe(1);
      await c.registry.setState(c.name, ['leaving'], 'left', 'stopped');
      expect(await a.registry.raiseFormat(3)).toBe(1);
      expect(await a.registry.raiseFormat(2)).toBe(2);
      await world.endSession(b.name);
      expect(await a.registry.raiseFormat(3)).toBe(2);
      await a.registry.declareDead([{ incarnation: b.name, cause: 'gone' }]);
      expect(await a.registry.raiseFormat(3)).toBe(3);
    });

    test('is raised by several at once, and never lowered', async () => {
      const world = await newWorld();
      const [a, b] = await ofFormats(world, 3, 3);
      const raised = await Promise.all([2, 3, 2].map((format, i) => [a, b][i % 2].registry.raiseFormat(format)));
      expect(Math.max(...raised)).toBe(3);
      expect(await a.registry.raiseFormat(2)).toBe(3);
      expect(await a.registry.raiseFormat(1)).toBe(3);
      expect(await formatIn(b.registry)).toBe(3);
    });

    test('keeps nodes out that do not read it, by name and at once', async () => {
      const world = await newWorld();
      const [a] = await ofFormats(world, 2);
      await a.registry.raiseFormat(2);
      const old = world.registry();
      const refused = old.join(selfOf('old', { format: 1 }));
      await expect(refused).rejects.toThrow(StartError);
      await expect(refused).rejects.toThrow(
        'The database has been raised to format 2, and this node reads formats up to 1 only. ' +
          'Start a version that reads format 2, without a lower USHER_FORMAT.',
      );
      expect(idsOf(await old.read())).toEqual(['a']);
      await old.join(selfOf('new', { format: 3 }));
      expect(idsOf(await old.read())).toEqual(['a', 'new']);
    });

    test('and its nodes fit together, however a node joins while it is raised', async () => {
      const world = await newWorld();
      const [a] = await ofFormats(world, 2);
      const registries = Array.from({ length: 4 }, () => world.registry());
      await Promise.allSettled([
        ...registries.map((registry, i) => registry.join(selfOf(`old-${i}`, { format: 1 }))),
        a.registry.raiseFormat(2),
      ]);
      const { nodes, format } = await a.registry.read();
      expect(format).toBeLessThanOrEqual(Math.min(...nodes.map((node) => node.format)));
    });
  });

  describe('pins', () => {
    test('are set, changed and taken away', async () => {
      const world = await newWorld();
      const registry = world.registry();
      await registry.setPins([
        { shard: 9, node: 'b', exclusive: true },
        { shard: 3, node: 'a', exclusive: false },
        { shard: 4, node: 'a', exclusive: false },
      ]);
      await registry.setPins([
        { shard: 4, node: null },
        { shard: 3, node: 'b', exclusive: false },
      ]);
      expect((await registry.read()).pins).toEqual([
        { shard: 3, node: 'b', exclusive: false },
        { shard: 9, node: 'b', exclusive: true },
      ]);
    });
  });

  test('a registry that is closed rejects', async () => {
    const world = await newWorld();
    const [a, b] = await joined(world, 'a', 'b');
    await a.registry.close();
    await expect(a.registry.beat(a.name, IDLE)).rejects.toThrow('closed');
    await expect.poll(() => b.registry.declareDead([{ incarnation: a.name, cause: 'gone' }])).toEqual([a.name]);
  });
}
