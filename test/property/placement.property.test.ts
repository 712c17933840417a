import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Placement, place, placementOf } from '../../src/cluster/ownership/placement.ts';
import { Rendezvous, type Taker } from '../../src/cluster/ownership/rendezvous.ts';
import { SHARDS } from '../../src/cluster/shards.ts';
import type { Pin } from '../../src/cluster/view.ts';

const NODES_MAX = 12;

const taker = fc.record({
  id: fc.string({ minLength: 1, maxLength: 8, unit: 'grapheme' }),
  weight: fc.oneof(fc.constant(1), fc.double({ min: 0.01, max: 100, noNaN: true })),
});
const takers = fc.uniqueArray(taker, { minLength: 1, maxLength: NODES_MAX, selector: ({ id }) => id });

interface Cluster {
  readonly nodes: readonly Taker[];
  readonly pins: readonly Pin[];
}

/** Pins of a few or of most shards; some to nodes that are not there. */
function clusterWith(exclusive: fc.Arbitrary<boolean>): fc.Arbitrary<Cluster> {
  return takers.chain((nodes) => {
    const pin = fc.record({
      shard: fc.nat(SHARDS - 1),
      node: fc.oneof(
        { weight: 9, arbitrary: fc.constantFrom(...nodes.map(({ id }) => id)) },
        fc.constant('nobody there'),
      ),
      exclusive,
    });
    const few = fc.uniqueArray(pin, { maxLength: 40, selector: ({ shard }) => shard });
    const most = fc.uniqueArray(pin, { minLength: 300, maxLength: 700, selector: ({ shard }) => shard });
    return fc.record({ nodes: fc.constant(nodes), pins: fc.oneof({ weight: 4, arbitrary: few }, most) });
  });
}

const anyCluster = clusterWith(fc.oneof({ weight: 9, arbitrary: fc.constant(false) }, fc.constant(true)));

function countsOf({ targets }: Placement): Map<string, number> {
  const counts = new Map<string, number>();
  for (const target of targets) if (target !== null) counts.set(target, (counts.get(target) ?? 0) + 1);
  return counts;
}

const validPins = ({ nodes, pins }: Cluster): Pin[] => pins.filter((pin) => nodes.some(({ id }) => id === pin.node));

/** Each pin, and another of the same shard to some node. */
const twice = ({ nodes, pins }: Cluster): Pin[] => [
  ...pins,
  ...pins.map((pin, i) => ({ ...pin, node: nodes[i % nodes.length].id, exclusive: false })),
];

describe('any placement', () => {
  test('puts each shard on a node, a pinned one on its own, unpinned ones on none that is exclusive, and keeps the bounds', () => {
    fc.assert(
      fc.property(anyCluster, (cluster) => {
        const { nodes } = cluster;
        const pins = validPins(cluster);
        const placement = placementOf(new Rendezvous(nodes), cluster.pins);
        expect(placement.targets).toHaveLength(SHARDS);
        for (const { shard, node } of pins) expect(placement.targets[shard]).toBe(node);

        const exclusive = new Set(pins.filter((pin) => pin.exclusive).map((pin) => pin.node));
        const open = nodes.filter(({ id }) => exclusive.size === nodes.length || !exclusive.has(id));
        const openIds = new Set(open.map(({ id }) => id));
        const isPinned = new Set(pins.map(({ shard }) => shard));
        placement.targets.forEach((target, shard) => {
          if (!isPinned.has(shard)) expect(openIds.has(String(target))).toBe(true);
        });

        const onOpen = placement.targets.filter((target) => openIds.has(String(target))).length;
        const weights = open.reduce((sum, { weight }) => sum + weight, 0);
        const counts = countsOf(placement);
        for (const { id, weight } of open) {
          const bound = Math.ceil((1.1 * onOpen * weight) / weights + 1e-9);
          const pinned = pins.filter((pin) => pin.node === id).length;
          expect(counts.get(id) ?? 0).toBeLessThanOrEqual(Math.max(bound, pinned));
        }
      }),
      { numRuns: 300 },
    );
  });

  test('is the same in whatever order nodes and pins come', () => {
    const shuffled = anyCluster.chain((cluster) =>
      fc.record({
        cluster: fc.constant(cluster),
        nodes: fc.shuffledSubarray([...cluster.nodes], { minLength: cluster.nodes.length }),
        pins: fc.shuffledSubarray(twice(cluster), { minLength: 2 * cluster.pins.length }),
      }),
    );
    fc.assert(
      fc.property(shuffled, ({ cluster, nodes, pins }) => {
        expect(place(nodes, pins)).toEqual(place(cluster.nodes, twice(cluster)));
      }),
      { numRuns: 200 },
    );
  });

  test('is that of taking all pairs of shard and node, the highest score first, while both are free', () => {
    fc.assert(
      fc.property(anyCluster, ({ nodes, pins }) => {
        const rendezvous = new Rendezvous(nodes);
        const { targets, bounds, closed } = placementOf(rendezvous, pins);
        const expected: (string | null)[] = new Array(SHARDS).fill(null);
        const taken = new Map<string, number>();
        const take = (shard: number, id: string): void => {
          expected[shard] = id;
          taken.set(id, (taken.get(id) ?? 0) + 1);
        };
        for (const { shard, node } of validPins({ nodes, pins })) take(shard, node);
        const pairs = expected.flatMap((pinned, shard) =>
          pinned === null ? rendezvous.ranking(shard).map(({ id, score }) => ({ shard, id, score })) : [],
        );
        for (const { shard, id } of pairs.sort((a, b) => b.score - a.score)) {
          if (expected[shard] === null && !closed.has(id) && (taken.get(id) ?? 0) < (bounds.get(id) ?? 0))
            take(shard, id);
        }
        expect(targets).toEqual(expected);
      }),
      { numRuns: 100 },
    );
  });
});

describe('a node that leaves', () => {
  test('moves no unpinned shard of another node, but for those that the bounds force', () => {
    const leaving = clusterWith(fc.constant(false)).filter(({ nodes }) => nodes.length > 1);
    fc.assert(
      fc.property(leaving, ({ nodes, pins }) => {
        const [gone, ...rest] = nodes;
        const others = pins.filter((pin) => pin.node !== gone.id);
        const [before, after] = [nodes, rest].map((each) => placementOf(new Rendezvous(each), others));
        const isFull = (placement: Placement, id: string | null): boolean =>
          (countsOf(placement).get(String(id)) ?? 0) >= (placement.bounds.get(String(id)) ?? 0);
        const rendezvous = new Rendezvous(nodes);
        before.targets.forEach((from, shard) => {
          const to = after.targets[shard];
          if (from === gone.id || from === to) return;
          const order = rendezvous.ranking(shard).map(({ id }) => id);
          // It went down because its node is full now, or up to one that was full.
          const wentDown = order.indexOf(String(to)) > order.indexOf(String(from));
          expect(wentDown ? isFull(after, from) : isFull(before, to)).toBe(true);
        });
      }),
      { numRuns: 200 },
    );
  });
});
