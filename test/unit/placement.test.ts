import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { place, placementOf } from '../../src/cluster/ownership/placement.ts';
import { Rendezvous, type Taker } from '../../src/cluster/ownership/rendezvous.ts';
import { SHARDS } from '../../src/cluster/shards.ts';
import type { Pin } from '../../src/cluster/view.ts';

const named = (...ids: string[]): Taker[] => ids.map((id) => ({ id, weight: 1 }));
const numbered = (prefix: string, count: number, from = 1): Taker[] =>
  named(...Array.from({ length: count }, (_, i) => `${prefix}${from + i}`));
const pin = (shard: number, node: string, exclusive = false): Pin => ({ shard, node, exclusive });

type Targets = readonly (string | null)[];

function countsOf(targets: Targets): Map<string | null, number> {
  const counts = new Map<string | null, number>();
  for (const target of targets) counts.set(target, (counts.get(target) ?? 0) + 1);
  return counts;
}

describe('golden vectors', () => {
  const WEIGHTED = [
    { id: 'n1', weight: 1 },
    { id: 'n2', weight: 2 },
    { id: 'n3', weight: 0.5 },
  ];
  const PINS = [pin(0, 'n1'), pin(5, 'n2'), pin(77, 'n3', true), pin(78, 'n9', true)];

  /** For every 26th shard the number of its node, in base 36. */
  const sample = (targets: Targets): string =>
    Array.from({ length: 40 }, (_, i) => Number(targets[26 * i]?.slice(1)).toString(36)).join('');
  const digest = (targets: Targets): string =>
    createHash('sha256').update(targets.join(' ')).digest('hex').slice(0, 32);

  // Should any of these change, nodes of the old and the new version would take shards from each other without end.
  test.each<[string, Taker[], Pin[], string, string]>([
    ['one', numbered('n', 1), [], '1111111111111111111111111111111111111111', '88c5aa044608d0c0656a07d48498ab8a'],
    ['three', numbered('n', 3), [], '2113223123123111211223223323113113233331', 'cbbaf51572045df326ea7d06b486b108'],
    ['ten', numbered('n', 10), [], '29898279731a98119142684243299a37a8263691', '8f048fca80fe3d7f50127870f188ee84'],
    ['fourteen', numbered('n', 14), [], 'e9ec8279731a981b9c42684243ccebd7aee63d91', 'd829cb3306492ff449a94cc5c5a82339'],
    ['weighted', WEIGHTED, [], '2122222123122112211222223222113113223211', '23e0085c865ab661b873c6286a8a305d'],
    ['pinned', numbered('n', 3), PINS, '1112222121122111211222222122111111222211', 'a28bbdab0ee6e64f4a99636879bb8c8e'],
  ])('nodes, %s', (_, nodes, pins, expected, hash) => {
    const targets = place(nodes, pins);
    expect([sample(targets), digest(targets)]).toEqual([expected, hash]);
  });
});

describe('without pins', () => {
  test('there is no target without nodes, and one node gets everything', () => {
    expect(place([], [])).toEqual(new Array(SHARDS).fill(null));
    expect(place([], [pin(3, 'n1')])).toEqual(new Array(SHARDS).fill(null));
    expect(place(named('only'), [])).toEqual(new Array(SHARDS).fill('only'));
  });

  test('a shard is on the node with its highest score, or on the next if that is full', () => {
    const rendezvous = new Rendezvous(numbered('n', 14));
    const { targets, bounds } = placementOf(rendezvous, []);
    const counts = countsOf(targets);
    let passed = 0;
    targets.forEach((target, shard) => {
      for (const { id } of rendezvous.ranking(shard)) {
        if (id === target) break;
        expect(counts.get(id)).toBe(bounds.get(id));
        passed++;
      }
    });
    // Else this test shows nothing.
    expect(passed).toBeGreaterThan(0);
    // 1.1 × 1,024 ÷ 14 = 80.5
    expect(bounds.get('n1')).toBe(81);
  });

  test('a score is −w/ln(h) of numbers spread evenly over (0, 1)', () => {
    const rendezvous = new Rendezvous([{ id: 'n1', weight: 2.5 }]);
    const hashes = Array.from({ length: SHARDS }, (_, shard) => Math.exp(-2.5 / rendezvous.score(0, shard)));
    hashes
      .sort((a, b) => a - b)
      .forEach((hash, rank) => {
        expect(hash * SHARDS).toBeGreaterThanOrEqual(rank - 1e-9);
        expect(hash * SHARDS).toBeLessThanOrEqual(rank + 1 + 1e-9);
      });
  });

  test('shards go by weight', () => {
    const nodes = [
      { id: 'small', weight: 0.5 },
      { id: 'middle', weight: 1 },
      { id: 'large', weight: 2.5 },
    ];
    const counts = countsOf(place(nodes, []));
    for (const { id, weight } of nodes) {
      const share = (SHARDS * weight) / 4;
      expect(counts.get(id)).toBeLessThanOrEqual(Math.ceil(1.1 * share));
      expect(counts.get(id)).toBeGreaterThan(0.85 * share);
    }
  });

  test.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])('a weight of %d is refused', (weight) => {
    expect(() => place([{ id: 'n1', weight }], [])).toThrow(RangeError);
  });
});

describe('with pins', () => {
  const nodes = numbered('n', 3);

  test('a pinned shard is where it is pinned to, whatever the bound; the others make room', () => {
    const pins = Array.from({ length: 500 }, (_, shard) => pin(shard, 'n1'));
    const counts = countsOf(place(nodes, pins));
    expect(place(nodes, pins).slice(0, 500)).toEqual(new Array(500).fill('n1'));
    expect(counts.get('n1')).toBe(500);
    expect(Math.abs((counts.get('n2') ?? 0) - (counts.get('n3') ?? 0))).toBeLessThan(60);
  });

  test('a pin to a node that is not there changes nothing, even an exclusive one', () => {
    expect(place(nodes, [pin(7, 'n9'), pin(8, 'n9', true)])).toEqual(place(nodes, []));
  });

  test('of two pins of one shard that to the lesser id counts, in whatever order all comes', () => {
    const pins = [pin(7, 'n2'), pin(7, 'n1'), pin(7, 'n0')];
    expect(place(nodes, pins)[7]).toBe('n1');
    expect(place(nodes.toReversed(), pins)[7]).toBe('n1');
    expect(place(nodes.toReversed(), pins.toReversed())[7]).toBe('n1');
  });

  test('a pin of one shard moves that shard and next to nothing else', () => {
    const before = place(nodes, []);
    const shard = before.indexOf('n1');
    const after = place(nodes, [pin(shard, 'n2')]);
    expect(after[shard]).toBe('n2');
    expect(before.filter((target, i) => target !== after[i]).length).toBeLessThanOrEqual(2);
  });

  test('an exclusive pin leaves its node only what is pinned there', () => {
    const targets = place(nodes, [pin(7, 'n3', true), pin(8, 'n3'), pin(9, 'n1')]);
    const counts = countsOf(targets);
    expect(targets.flatMap((target, shard) => (target === 'n3' ? [shard] : []))).toEqual([7, 8]);
    for (const id of ['n1', 'n2']) expect(counts.get(id)).toBeLessThanOrEqual(Math.ceil((1.1 * (SHARDS - 2)) / 2));
  });

  test('exclusive pins count for nothing when they would leave no node for the other shards', () => {
    const pins = nodes.map(({ id }, shard) => pin(shard, id, true));
    expect(place(nodes, pins)).toEqual(
      place(
        nodes,
        pins.map((each) => ({ ...each, exclusive: false })),
      ),
    );
    expect(place(named('n1'), [pin(7, 'n1', true)])).toEqual(new Array(SHARDS).fill('n1'));
  });
});

describe('as nodes join and leave', () => {
  const SIZES = Array.from({ length: 19 }, (_, i) => i + 2);
  /** For these the salt of the hash was chosen: each single join is within the target. */
  const USUAL = [numbered('n', 21), numbered('node-', 21), numbered('usher-', 21, 0), numbered('usher-', 21)];
  const OTHERS = ['web', 'host-10-0-3-', 'ip', 'a.b.example:', 'shop/', 'Saal', 'x', 'eu-west-1b-'].map((prefix) =>
    numbered(prefix, 21, 7),
  );

  interface Figures {
    /** Of the nodes' shards, with that many nodes. */
    readonly maxToMean: number;
    /** Shards moved ÷ what one more, or one less, would have if all had the same. */
    readonly join: number;
    readonly joined: number;
    /** One a node that leaves, the last named last. */
    readonly leave: readonly number[];
  }

  const moved = (before: Targets, after: Targets): number =>
    before.filter((target, shard) => target !== after[shard]).length;

  function figuresOf(family: readonly Taker[], n: number, everyLeave: boolean): Figures {
    const nodes = family.slice(0, n);
    const now = place(nodes, []);
    const joined = moved(now, place(family.slice(0, n + 1), []));
    const leavers = everyLeave ? nodes : nodes.slice(-1);
    return {
      maxToMean: (Math.max(...countsOf(now).values()) * n) / SHARDS,
      joined,
      join: (joined * (n + 1)) / SHARDS,
      leave: leavers.map(
        (gone) =>
          (moved(
            now,
            place(
              nodes.filter((node) => node !== gone),
              [],
            ),
          ) *
            n) /
          SHARDS,
      ),
    };
  }

  const mean = (values: readonly number[]): number => values.reduce((sum, each) => sum + each, 0) / values.length;

  test('about as many shards move as have to, and no node has much more than the others', () => {
    const table = [
      'shards moved ÷ ideal, max/mean; n1…: one cluster; usual: four namings, worst; others: eight more, every leaver',
      '  n | n1…: max/mean   joins: moved  ideal  ratio  max/mean | usual: join  leave | others: join mean  worst   leave mean  worst   max/mean worst',
    ];
    for (const n of SIZES) {
      const usual = USUAL.map((family) => figuresOf(family, n, false));
      const others = OTHERS.map((family) => figuresOf(family, n, true));
      const after = figuresOf(USUAL[0], n + 1, false).maxToMean;
      const joins = others.map((each) => each.join);
      const leaves = others.flatMap((each) => each.leave);
      const maxToMean = Math.max(...[...usual, ...others].map((each) => each.maxToMean), after);
      const worstUsual = [usual.map((each) => each.join), usual.flatMap((each) => each.leave)].map((all) =>
        Math.max(...all),
      );
      const [first] = usual;
      const cells = [
        [2, 4, n],
        [3, 15, first.maxToMean],
        [0, 15, first.joined],
        [1, 7, SHARDS / (n + 1)],
        [3, 7, first.join],
        [3, 10, after],
        [3, 14, worstUsual[0]],
        [3, 7, worstUsual[1]],
        [3, 20, mean(joins)],
        [3, 7, Math.max(...joins)],
        [3, 13, mean(leaves)],
        [3, 7, Math.max(...leaves)],
        [3, 17, maxToMean],
      ];
      table.push(
        cells.map(([digits, width, value], i) => value.toFixed(i === 0 ? 0 : digits).padStart(width)).join(''),
      );
      expect(Math.max(...worstUsual), `usual names, ${n} nodes`).toBeLessThanOrEqual(1.1);
      expect(mean(joins), `a join to ${n} nodes, on average`).toBeLessThanOrEqual(1.1);
      expect(mean(leaves), `a leave of ${n} nodes, on average`).toBeLessThanOrEqual(1.1);
      expect(Math.max(...joins, ...leaves), `worst of all names, ${n} nodes`).toBeLessThanOrEqual(1.4);
      expect(maxToMean, `balance of ${n} nodes`).toBeLessThanOrEqual(1.15);
    }
    process.stdout.write(`${table.join('\n')}\n`);
  });

  test('a new placement of ten nodes takes less than 5 ms', () => {
    const took = Array.from({ length: 20 }, (_, run) => {
      // Names never seen before: nothing of them is remembered.
      const nodes = numbered(`run ${run} `, 10);
      const start = performance.now();
      place(nodes, []);
      return performance.now() - start;
    });
    expect(Math.min(...took)).toBeLessThan(5);
  });
});
