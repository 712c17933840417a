import { describe, expect, test } from 'vitest';
import { place } from '../../src/cluster/ownership/placement.ts';
import { DRAINED_BY_OPS } from '../../src/cluster/plans/plan-run.ts';
import {
  changesSince,
  explain,
  fingerprint,
  type Plan,
  type PlanRequest,
  planOf,
} from '../../src/cluster/plans/plans.ts';
import { ISOLATIONS_MAX, SPREAD_PINS_MAX, SPREAD_RATIO } from '../../src/cluster/plans/rebalance.ts';
import { shardLoads } from '../../src/cluster/plans/shard-loads.ts';
import { SHARDS } from '../../src/cluster/shards.ts';
import type { ClusterView, NodeRow, Pin } from '../../src/cluster/view.ts';
import { type Refusal, RefusedError } from '../../src/errors.ts';
import { clusterView, incarnationOf, type ViewOptions } from '../support/cluster-view.ts';

const THREE = { n1: {}, n2: {}, n3: {} };
const TAKERS = ['n1', 'n2', 'n3'].map((id) => ({ id, weight: 1 }));
const HOME = place(TAKERS, []);
const on = (id: string): number[] => HOME.flatMap((home, shard) => (home === id ? [shard] : []));
const pin = (shard: number, node: string, exclusive = false): Pin => ({ shard, node, exclusive });

function refusalOf(view: ClusterView, request: PlanRequest): Refusal {
  try {
    planOf(view, request);
  } catch (error) {
    if (error instanceof RefusedError) return error.refusal;
    throw error;
  }
  throw new Error('was not refused');
}

/** Where every shard is once the plan is applied, as ids of nodes. */
function homesAfter(view: ClusterView, plan: Plan): (string | null)[] {
  const ids = new Map(view.nodes.map((node) => [node.incarnation, node.id]));
  const homes = view.owners.map((owner) => ids.get(owner ?? '') ?? null);
  for (const { shard, from, to } of plan.moves) {
    expect(homes[shard]).toBe(from);
    homes[shard] = to;
  }
  return homes;
}

function loadOf(plan: Plan, id: string): Plan['load'][number] {
  const load = plan.load.find((each) => each.node === id);
  if (load === undefined) throw new Error(`no load of ${id}`);
  return load;
}

describe('what a node reports, by shard', () => {
  const view = (load: Partial<NodeRow['load']>, owners: ViewOptions['owners'] = {}): ClusterView =>
    clusterView({ n1: { load: { perSecond: 0, inbox: 0, awake: 0, lagMs: 0, hot: [], ...load } } }, { owners });

  test('is known of the busiest, and the others share the rest evenly', () => {
    const loads = shardLoads(
      view({
        perSecond: 2_022,
        hot: [
          [5, 700],
          [9, 300],
        ],
      }),
    );
    expect([loads[5], loads[9], loads[0], loads[SHARDS - 1]]).toEqual([700, 300, 1, 1]);
  });

  test('is of no shard that it has lost since', () => {
    const loads = shardLoads(
      view(
        {
          perSecond: 1_023,
          hot: [
            [5, 0],
            [9, 1_000],
          ],
        },
        { 9: null },
      ),
    );
    expect(loads[9]).toBe(0);
    expect(loads[0]).toBeCloseTo(23 / 1_022);
  });

  test('never adds up to less than its total', () => {
    const owners = Object.fromEntries(Array.from({ length: SHARDS - 2 }, (_, i) => [i + 2, null]));
    const loads = shardLoads(
      view(
        {
          perSecond: 50,
          hot: [
            [0, 30],
            [1, 10],
          ],
        },
        owners,
      ),
    );
    expect([loads[0], loads[1], loads[2]]).toEqual([35, 15, 0]);
  });
});

describe('the fingerprint of a cluster', () => {
  const view = clusterView(THREE, { pins: [pin(1, 'n2'), pin(2, 'n3', true)] });
  const withNode = (change: Partial<NodeRow>): ClusterView => ({
    ...view,
    nodes: view.nodes.map((node, i) => (i === 1 ? { ...node, ...change } : node)),
  });

  test('is the same in whatever order rows come, and whatever the load', () => {
    const again = {
      ...view,
      at: 99,
      nodes: view.nodes.toReversed().map((node) => ({ ...node, ageMs: 800, load: { ...node.load, perSecond: 7 } })),
      pins: view.pins.toReversed(),
    };
    expect(fingerprint(again)).toBe(fingerprint(view));
    expect(changesSince(fingerprint(view), again)).toEqual([]);
  });

  test.each<[string, ClusterView, string[]]>([
    ['another start of a node', withNode({ incarnation: 'nod_n2_again' }), ['nodes']],
    ['another state', withNode({ state: 'draining' }), ['nodes']],
    ['another weight', withNode({ weight: 2 }), ['nodes']],
    ['a node less', { ...view, nodes: view.nodes.slice(1) }, ['nodes']],
    ['another pin', { ...view, pins: [pin(1, 'n2'), pin(2, 'n3')] }, ['pins']],
    ['another owner', { ...view, owners: view.owners.with(5, null) }, ['owners of shards']],
  ])('differs with %s, and tells what changed', (_, other, changed) => {
    expect(fingerprint(other)).not.toBe(fingerprint(view));
    expect(changesSince(fingerprint(view), other)).toEqual(changed);
  });
});

describe('a drain', () => {
  const view = clusterView(THREE, { perSecond: (shard) => (shard % 7) + 1 });
  const plan = planOf(view, { kind: 'drain', node: 'n1' });

  test('moves all shards of the node, each to where the other nodes will place it', () => {
    expect(plan.changes).toEqual({ pins: [], drain: 'n1', undrain: null });
    expect(homesAfter(view, plan)).toEqual(place(TAKERS.slice(1), []));
    expect(plan.moves.filter(({ from }) => from === 'n1').map(({ shard }) => shard)).toEqual(on('n1'));
    expect(plan.moves.find(({ shard }) => shard === on('n1')[0])?.why).toBe('n1 is draining');
    expect(plan.base).toBe(fingerprint(view));
  });

  test('tells shards and load of each node before and after', () => {
    expect(plan.load.map(({ node }) => node)).toEqual(['n1', 'n2', 'n3']);
    expect(loadOf(plan, 'n1')).toMatchObject({ shardsBefore: on('n1').length, shardsAfter: 0, perSecondAfter: 0 });
    const total = (key: 'shardsAfter' | 'perSecondBefore' | 'perSecondAfter'): number =>
      plan.load.reduce((sum, each) => sum + each[key], 0);
    expect(total('shardsAfter')).toBe(SHARDS);
    expect(total('perSecondAfter')).toBeCloseTo(total('perSecondBefore'), 0);
    const moved = plan.moves.reduce((sum, each) => sum + (each.from === 'n1' ? each.perSecond : 0), 0);
    // Moves give their load to a tenth.
    expect(Math.abs(moved - loadOf(plan, 'n1').perSecondBefore)).toBeLessThan(plan.moves.length / 20);
  });

  test('says that pins to the node do not count meanwhile', () => {
    const pinned = clusterView(THREE, { pins: [pin(on('n2')[0], 'n1')] });
    expect(planOf(pinned, { kind: 'drain', node: 'n1' }).notes.join()).toMatch(/Pins to n1 \(1\)/);
  });

  test('of the last node that is up is refused', () => {
    const request = { kind: 'drain', node: 'n1' } as const;
    for (const others of [{}, { n2: { state: 'draining' } }, { n2: { state: 'leaving' } }] as const) {
      const refusal = refusalOf(clusterView({ n1: {}, ...others }), request);
      expect(refusal.code).toBe('CLUSTER_PLAN_INVALID');
      expect(refusal.detail).toMatch(/No node but n1 is up.*Start or undrain/);
    }
  });

  test('of a node that is not alive is refused, naming those that are', () => {
    const refusal = refusalOf(clusterView({ n1: {}, n2: { state: 'draining' } }), { kind: 'drain', node: 'n7' });
    expect(refusal).toMatchObject({ code: 'NODE_UNKNOWN', detail: expect.stringContaining('n1 (up), n2 (draining)') });
  });

  test('of a node that drains or leaves already says so', () => {
    const draining = clusterView({ ...THREE, n1: { state: 'draining', reason: 'stalled' } });
    const again = planOf(draining, { kind: 'drain', node: 'n1' });
    expect(again.changes.drain).toBe('n1');
    expect(again.notes).toEqual(['n1 is draining already (stalled).']);
    const leaving = planOf(clusterView({ ...THREE, n1: { state: 'leaving' } }), { kind: 'drain', node: 'n1' });
    expect(leaving.changes.drain).toBeNull();
    expect(leaving.notes.join()).toMatch(/n1 is leaving/);
  });
});

describe('an undrain', () => {
  test('brings back to the node what is placed there', () => {
    const view = clusterView({ ...THREE, n1: { state: 'draining' } });
    const plan = planOf(view, { kind: 'undrain', node: 'n1' });
    expect(plan.changes).toEqual({ pins: [], drain: null, undrain: 'n1' });
    expect(homesAfter(view, plan)).toEqual(HOME);
    expect(plan.moves.find(({ to }) => to === 'n1')?.why).toBe('n1 takes shards again');
  });

  test('of a node that drained by itself warns', () => {
    const view = clusterView({ ...THREE, n1: { state: 'draining', reason: 'stalled' } });
    expect(planOf(view, { kind: 'undrain', node: 'n1' }).notes.join()).toMatch(/stalled.*may do so again/);
  });

  test('of a node that an operator drained has nothing to warn of', () => {
    const view = clusterView({ ...THREE, n1: { state: 'draining', reason: DRAINED_BY_OPS } });
    expect(planOf(view, { kind: 'undrain', node: 'n1' }).notes).toEqual([]);
  });

  test('of a node that is up changes nothing, of one that leaves is refused', () => {
    const plan = planOf(clusterView(THREE), { kind: 'undrain', node: 'n1' });
    expect([plan.changes.undrain, plan.moves, plan.notes]).toEqual([null, [], ['n1 is up already.']]);
    const leaving = clusterView({ ...THREE, n1: { state: 'leaving' } });
    expect(refusalOf(leaving, { kind: 'undrain', node: 'n1' }).detail).toMatch(/leaving.*Start it again/);
  });
});

describe('a move', () => {
  const [one, two] = on('n1');

  test('pins the shards to their new node', () => {
    const view = clusterView(THREE);
    const plan = planOf(view, { kind: 'move', shards: [two, one], to: 'n2' });
    expect(plan.changes.pins).toEqual([pin(one, 'n2'), pin(two, 'n2')]);
    expect(homesAfter(view, plan)[one]).toBe('n2');
    expect(plan.moves.find(({ shard }) => shard === one)).toMatchObject({ from: 'n1', to: 'n2', why: 'pinned to n2' });
    expect(plan.moves.length).toBeLessThanOrEqual(4);
    expect(plan.notes.join()).toMatch(/stay there until they are unpinned/);
  });

  test('of a shard back to where it is placed anyway takes its pin away', () => {
    const view = clusterView(THREE, { pins: [pin(one, 'n2')] });
    const plan = planOf(view, { kind: 'move', shards: [one], to: 'n1' });
    expect(plan.changes.pins).toEqual([{ shard: one, node: null }]);
    expect(homesAfter(view, plan)[one]).toBe('n1');
  });

  test('of so many shards that the node is over its bound moves them all', () => {
    const view = clusterView(THREE);
    const shards = Array.from({ length: 700 }, (_, shard) => shard);
    const plan = planOf(view, { kind: 'move', shards, to: 'n2' });
    expect(new Set(homesAfter(view, plan).slice(0, 700))).toEqual(new Set(['n2']));
  });

  test('of a shard that is there already changes nothing', () => {
    for (const pins of [[], [pin(one, 'n1', true)]]) {
      const plan = planOf(clusterView(THREE, { pins }), { kind: 'move', shards: [one], to: 'n1' });
      expect([plan.changes.pins, plan.moves]).toEqual([[], []]);
      expect(plan.notes).toEqual(['Placement keeps these shards on n1 already.']);
    }
  });

  test('to a node that takes no shards is refused, naming what would do', () => {
    const view = clusterView({ ...THREE, n2: { state: 'draining', reason: 'by ops' }, n3: { state: 'leaving' } });
    const request = (to: string): PlanRequest => ({ kind: 'move', shards: [one], to });
    expect(refusalOf(view, request('n2'))).toEqual({
      code: 'CLUSTER_PLAN_INVALID',
      detail: 'n2 is draining (by ops) and takes no shards: undrain it first, or choose one that is up: n1.',
    });
    expect(refusalOf(view, request('n3')).detail).toMatch(
      /n3 is leaving and takes no shards: choose one that is up: n1/,
    );
    expect(refusalOf(view, request('n4')).code).toBe('NODE_UNKNOWN');
  });

  test('of what is no shard is refused, pointing at each fault', () => {
    const view = clusterView(THREE);
    const refusal = refusalOf(view, { kind: 'move', shards: [3, 1_024, -1, 2.5, 3], to: 'n2' });
    expect(refusal.code).toBe('CLUSTER_PLAN_INVALID');
    expect(refusal.errors?.map(({ pointer }) => pointer)).toEqual(['/shards/1', '/shards/2', '/shards/3', '/shards/4']);
    expect(refusalOf(view, { kind: 'unpin', shards: [] }).detail).toMatch(/at least one shard/);
    expect(refusalOf(view, { kind: 'pin', shards: [9_999], to: 'n2', exclusive: true }).errors).toHaveLength(1);
  });
});

describe('a pin', () => {
  const [one, two] = on('n1');

  test('if exclusive, makes all other shards leave the node', () => {
    const view = clusterView(THREE);
    const plan = planOf(view, { kind: 'pin', shards: [one], to: 'n3', exclusive: true });
    expect(plan.changes.pins).toEqual([pin(one, 'n3', true)]);
    expect(loadOf(plan, 'n3').shardsAfter).toBe(1);
    const leaves = plan.moves.find(({ from }) => from === 'n3');
    expect(leaves?.why).toBe('n3 takes pinned shards only');
  });

  test('if exclusive, is refused when no node would be left for the other shards', () => {
    const request = (to: string): PlanRequest => ({ kind: 'pin', shards: [one], to, exclusive: true });
    expect(refusalOf(clusterView({ n1: {} }), request('n1')).detail).toMatch(/no node would be left for the others/);
    const other = clusterView({ n1: {}, n2: {} }, { pins: [pin(two, 'n2', true)] });
    expect(refusalOf(other, request('n1')).code).toBe('CLUSTER_PLAN_INVALID');
    expect(planOf(other, { kind: 'pin', shards: [one], to: 'n1', exclusive: false }).changes.pins).toHaveLength(1);
  });

  test('can be taken away again; those that are not pinned are named', () => {
    const view = clusterView(THREE, { pins: [pin(one, 'n2', true)] });
    const plan = planOf(view, { kind: 'unpin', shards: [one, two] });
    expect(plan.changes.pins).toEqual([{ shard: one, node: null }]);
    expect(homesAfter(view, plan)).toEqual(HOME);
    expect(plan.moves.find(({ shard }) => shard === one)?.why).toBe('no longer pinned');
    expect(plan.moves.find(({ shard }) => shard === on('n2')[0])?.why).toBe('n2 takes unpinned shards again');
    expect(plan.notes).toEqual([`Not pinned anyway: ${two}.`]);
  });

  test('that is there already changes nothing', () => {
    const view = clusterView(THREE, { pins: [pin(one, 'n2')] });
    const again = planOf(view, { kind: 'pin', shards: [one], to: 'n2', exclusive: false });
    expect([again.changes.pins, again.notes]).toEqual([[], ['These shards are pinned to n2 like that already.']]);
    expect(planOf(view, { kind: 'unpin', shards: [two] }).notes).toEqual(['None of these shards is pinned.']);
  });
});

describe('a rebalance', () => {
  const rebalance = (view: ClusterView): Plan => planOf(view, { kind: 'rebalance' });
  const [hot] = on('n2');
  const worst = (plan: Plan, key: 'perSecondBefore' | 'perSecondAfter'): number =>
    Math.max(...plan.load.map((each) => each[key]));

  test('of a balanced cluster proposes nothing and says so', () => {
    const plan = rebalance(clusterView(THREE, { perSecond: () => 1 }));
    expect([plan.changes, plan.moves]).toEqual([{ pins: [], drain: null, undrain: null }, []]);
    expect(plan.notes).toEqual([
      'Balanced: every shard is where it is placed, and no node that a pin could relieve carries more than 1.25 times its share of 1024 requests a second.',
    ]);
  });

  test('takes shards to where they are placed', () => {
    const plan = rebalance(clusterView(THREE, { perSecond: () => 1, owners: { [hot]: 'n3', [on('n1')[0]]: null } }));
    expect(plan.changes.pins).toEqual([]);
    expect(plan.moves.map(({ shard, from, to, why }) => [shard, from, to, why])).toEqual(
      [
        [hot, 'n3', 'n2', 'placement'],
        [on('n1')[0], null, 'n1', 'it has no owner'],
      ].toSorted((a, b) => Number(a[0]) - Number(b[0])),
    );
    expect(plan.notes).toEqual([]);
  });

  test('isolates a shard that carries most of an overloaded node', () => {
    const view = clusterView(THREE, { perSecond: (shard) => (shard === hot ? 1_000 : 1) });
    const plan = rebalance(view);
    expect(plan.changes.pins).toEqual([pin(hot, 'n2', true)]);
    expect(loadOf(plan, 'n2')).toMatchObject({ shardsAfter: 1, perSecondAfter: 1_000 });
    expect(plan.notes.join()).toMatch(
      new RegExp(
        `^Shard ${hot} gets n2 for itself: it carries 7\\d % of the 13\\d\\d requests a second of n2, which is 1\\.9\\d times its share\\.$`,
      ),
    );
    // The show in question goes on without a pause; the other shards leave.
    expect(plan.moves.some(({ shard }) => shard === hot)).toBe(false);
    expect(plan.moves.filter(({ from }) => from === 'n2').length).toBe(on('n2').length - 1);
    expect(worst(plan, 'perSecondAfter')).toBeLessThan(worst(plan, 'perSecondBefore'));
  });

  test('isolates on the node that then balances best, though the hot show has to move', () => {
    const nodes = { n1: {}, n2: {}, large: { weight: 2 } };
    const homes = place([...TAKERS.slice(0, 2), { id: 'large', weight: 2 }], []);
    const shard = homes.indexOf('n1');
    const plan = rebalance(clusterView(nodes, { perSecond: (each) => (each === shard ? 1_000 : 1) }));
    expect(plan.changes.pins).toEqual([pin(shard, 'large', true)]);
    const move = plan.moves.find((each) => each.shard === shard);
    expect(move?.why).toMatch(
      /^isolated on large: it carries \d\d % of the \d+ requests a second of n1, which is 2\.\d\d times/,
    );
    expect(loadOf(plan, 'large').perSecondAfter).toBe(1_000);
  });

  test('isolates nothing where there is one node only, or no more than one open', () => {
    const perSecond = (shard: number): number => (shard === hot ? 5_000 : 1);
    const alone = rebalance(clusterView({ n1: {} }, { perSecond }));
    expect([alone.changes.pins, alone.moves]).toEqual([[], []]);
    const pins = [pin(on('n1')[0], 'n1', true)];
    const plan = rebalance(clusterView({ n1: {}, n2: {} }, { pins, perSecond }));
    expect(plan.changes.pins.filter((each) => each.node !== null && each.exclusive)).toEqual([]);
  });

  test('isolates no more shards than one plan may', () => {
    const ten = Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`n${i + 1}`, {}]));
    const hots = new Set(
      ['n1', 'n2', 'n3', 'n4'].map((id) =>
        place(
          Object.keys(ten).map((each) => ({ id: each, weight: 1 })),
          [],
        ).indexOf(id),
      ),
    );
    const plan = rebalance(clusterView(ten, { perSecond: (shard) => (hots.has(shard) ? 1_000 : 1) }));
    expect(plan.changes.pins.filter((each) => each.node !== null && each.exclusive)).toHaveLength(ISOLATIONS_MAX);
  });

  test('spreads busy shards of an overloaded node until it is within the ratio', () => {
    const busy = new Set(on('n1').slice(0, 6));
    const view = clusterView(THREE, { perSecond: (shard) => (busy.has(shard) ? 100 : 1) });
    const plan = rebalance(view);
    expect(plan.changes.pins.length).toBeGreaterThan(0);
    expect(plan.changes.pins.length).toBeLessThan(6);
    for (const change of plan.changes.pins) {
      expect(busy.has(change.shard)).toBe(true);
      expect(change).toMatchObject({ exclusive: false });
    }
    const mean = plan.load.reduce((sum, each) => sum + each.perSecondAfter, 0) / 3;
    expect(worst(plan, 'perSecondBefore')).toBeGreaterThan(SPREAD_RATIO * mean);
    expect(worst(plan, 'perSecondAfter')).toBeLessThanOrEqual(SPREAD_RATIO * mean);
    const spread = plan.moves.find(({ shard }) => busy.has(shard));
    expect(spread?.why).toMatch(/^n1 carries 1\.\d\d times its share of the load, n[23] only 0\.\d\d times$/);
    expect(spread?.perSecond).toBe(100);
  });

  test('weighs a node by what it takes', () => {
    const weights = { n1: { weight: 3 }, n2: { weight: 1 } };
    const plan = rebalance(clusterView(weights, { perSecond: () => 1 }));
    expect([plan.changes.pins, plan.moves]).toEqual([[], []]);
    expect(loadOf(plan, 'n1').perSecondBefore).toBeGreaterThan(2.5 * loadOf(plan, 'n2').perSecondBefore);
  });

  test('never pins more shards than one plan may, nor those pinned already, and says what it leaves', () => {
    const pinned = on('n1').slice(0, 4);
    const busy = new Set(on('n1').slice(4, 90));
    const perSecond = (shard: number): number => (pinned.includes(shard) ? 400 : busy.has(shard) ? 30 : 0.1);
    const view = clusterView(THREE, { pins: pinned.map((shard) => pin(shard, 'n1')), perSecond });
    const known = { ...view, nodes: view.nodes.map((node) => ({ ...node, load: everyShard(view, node, perSecond) })) };
    const plan = rebalance(known);
    expect(plan.changes.pins).toHaveLength(SPREAD_PINS_MAX);
    for (const { shard } of plan.changes.pins) expect(pinned).not.toContain(shard);
    expect(plan.notes.join()).toMatch(/^n1 stays at \d\.\d\d times its share: .* at most 16\.$/);
  });

  test('drops pins to nodes that are gone, with a warning, and keeps those to nodes that drain', () => {
    const nodes = { ...THREE, n4: { state: 'draining' as const } };
    const view = clusterView(nodes, { pins: [pin(3, 'n9'), pin(4, 'n4'), pin(5, 'n8', true)], perSecond: () => 1 });
    const plan = rebalance(view);
    expect(plan.changes.pins).toEqual([
      { shard: 3, node: null },
      { shard: 5, node: null },
    ]);
    expect(plan.notes).toEqual([
      '2 pins to nodes that are not alive (n8, n9) are dropped. If they are to come back, do not apply this.',
    ]);
  });

  test('gives a shard one change, even if its pin was to a node that is gone', () => {
    const view = clusterView(THREE, { pins: [pin(hot, 'n9')], perSecond: (shard) => (shard === hot ? 1_000 : 1) });
    expect(rebalance(view).changes.pins).toEqual([pin(hot, 'n2', true)]);
  });

  test('does not balance what is hardly any load', () => {
    const plan = rebalance(clusterView(THREE, { perSecond: (shard) => (shard === hot ? 15 : 0) }));
    expect(plan.changes.pins).toEqual([]);
    expect(plan.notes.join()).toMatch(/15 requests a second, too few to balance/);
  });

  test('proposes nothing while no node is up', () => {
    const plan = rebalance(clusterView({ n1: { state: 'draining' }, n2: { state: 'leaving' } }));
    expect([plan.changes.pins, plan.moves, plan.notes]).toEqual([[], [], ['No node is up.']]);
  });

  test('while no node is up, expects those that drain to take only what nobody has', () => {
    const [mine, other] = place(TAKERS.slice(0, 2), []).flatMap((home, shard) => (home === 'n1' ? [shard] : []));
    const nodes = { n1: { state: 'draining' as const }, n2: { state: 'draining' as const } };
    const plan = rebalance(clusterView(nodes, { owners: { [mine]: null, [other]: 'n2' } }));
    expect(plan.moves.map(({ shard, from, to }) => [shard, from, to])).toEqual([[mine, null, 'n1']]);
  });

  test('once applied, leaves nothing to propose', () => {
    const perSecond = (shard: number): number =>
      shard === hot ? 1_000 : on('n1').indexOf(shard) % 60 === 0 ? 60 : 0.5;
    const plan = rebalance(clusterView(THREE, { perSecond }));
    expect(plan.changes.pins.length).toBeGreaterThan(0);
    const pins = plan.changes.pins.filter((change) => change.node !== null);
    const next = clusterView(THREE, { pins, perSecond });
    expect(next.owners).toEqual(
      homesAfter(clusterView(THREE, { perSecond }), plan).map((id) => incarnationOf(String(id))),
    );
    expect(rebalance(next)).toMatchObject({ changes: { pins: [] }, moves: [] });
  });
});

/** A report that names every shard, not only the busiest. */
function everyShard(view: ClusterView, node: NodeRow, perSecond: (shard: number) => number): NodeRow['load'] {
  const hot = view.owners.flatMap((owner, shard) =>
    owner === node.incarnation ? [[shard, perSecond(shard)] as const] : [],
  );
  return { ...node.load, perSecond: hot.reduce((sum, [, each]) => sum + each, 0), hot };
}

describe('why a shard is where it is', () => {
  const why = (view: ClusterView, shard: number): string => explain(view, shard).why;
  const [one] = on('n1');

  test('its score', () => {
    const view = { ...clusterView(THREE), epochs: new Array<number>(SHARDS).fill(7) };
    expect(explain(view, one)).toEqual({
      shard: one,
      epoch: 7,
      owner: 'n1',
      incarnation: incarnationOf('n1'),
      target: 'n1',
      why: expect.stringMatching(/^highest of 3 rendezvous scores \(n1 [\d.]+, n[23] [\d.]+, n[23] [\d.]+\)$/),
    });
    expect(why(clusterView({ n1: {} }), one)).toBe('n1 is the only node that takes shards');
  });

  test('a pin', () => {
    expect(why(clusterView(THREE, { pins: [pin(one, 'n2')] }), one)).toBe('pinned to n2 by ops');
    expect(why(clusterView(THREE, { pins: [pin(one, 'n2', true)] }), one)).toBe('pinned to n2 by ops, exclusively');
    expect(why(clusterView(THREE, { pins: [pin(one, 'n9')] }), one)).toMatch(
      /^highest of 3 .*; its pin to n9 does not count, since n9 is not up$/,
    );
  });

  test('a bound, or a node that takes pinned shards only', () => {
    const pins = Array.from({ length: 600 }, (_, i) => pin(i, 'n1'));
    const shard = on('n1').find((each) => each >= 600) ?? -1;
    expect(why(clusterView(THREE, { pins }), shard)).toMatch(
      /^n1 scores highest but is at its bound of 376 shards; n[23] scores next \(n1 [\d.]+, n/,
    );
    expect(why(clusterView(THREE, { pins: [pin(on('n2')[0], 'n1', true)] }), one)).toMatch(
      /^n1 scores highest but takes pinned shards only; n[23] scores next/,
    );
  });

  test('a move under way', () => {
    const owners = { [one]: 'n2' };
    expect(why(clusterView(THREE, { owners }), one)).toMatch(/^moves from n2 to n1: highest of 3 rendezvous scores/);
    expect(why(clusterView(THREE, { owners, pins: [pin(one, 'n1')] }), one)).toBe(
      'moves from n2 to n1: pinned to n1 by ops',
    );
    const draining = clusterView({ ...THREE, n2: { state: 'draining' } }, { owners });
    expect(explain(draining, one)).toMatchObject({
      owner: 'n2',
      target: 'n1',
      why: 'moves from n2 to n1: n2 is draining',
    });
  });

  test('no owner', () => {
    expect(why(clusterView(THREE, { owners: { [one]: null } }), one)).toMatch(
      /^no owner: it was given up; n1 is to take it \(highest of 3 /,
    );
    const dead = clusterView(THREE, { owners: { [one]: 'n9' } });
    expect(explain(dead, one)).toMatchObject({ owner: null, incarnation: 'nod_n9', target: 'n1' });
    expect(why(dead, one)).toMatch(/^no owner: nod_n9, which had it, is not alive any more; n1 is to take it/);
  });

  test('no node to go to', () => {
    const none = clusterView({}, { owners: { [one]: 'n9' } });
    expect(explain(none, one)).toMatchObject({
      target: null,
      why: expect.stringMatching(/not alive any more, and no node is up$/),
    });
    const leaving = clusterView({ n1: { state: 'leaving' } }, { owners: { [one]: 'n1' } });
    expect(why(leaving, one)).toBe('stays on n1 although n1 is leaving: no node is up to take it');
  });

  test('more nodes than need naming', () => {
    const view = clusterView(Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`n${i + 1}`, {}])));
    expect(why(view, one)).toMatch(/^highest of 10 rendezvous scores \((n\d+ [\d.]+, ){4}…\)$/);
  });
});
