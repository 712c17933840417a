import { describe, expect, test } from 'vitest';
import { Leases } from '../../src/cluster/ownership/leases.ts';
import { dutiesOf, takers } from '../../src/cluster/ownership/ownership.ts';
import type { ClusterView } from '../../src/cluster/view.ts';
import { clusterView, incarnationOf } from '../support/cluster-view.ts';
import { manualTime } from '../support/manual-time.ts';
import { MemoryRegistry, MemoryTables } from '../support/memory-registry.ts';

/** The epoch of the only shard in the view. */
const EPOCH = 5;
const SELF = { id: 'a', incarnation: incarnationOf('a') };
const CLUSTER = clusterView({ a: {}, b: {}, d: { state: 'draining' } });

const OWNERS = { nobody: null, me: SELF.incarnation, 'other alive': incarnationOf('b'), 'other dead': 'nod_gone' };
/** Under which epoch this node believes to have it. */
const KNOWN = { none: null, same: EPOCH, older: EPOCH - 1, newer: EPOCH + 1 };
const TARGETS = {
  me: 'a',
  'another that is up': 'b',
  'another that drains': 'd',
  'another that is gone': 'x',
  nobody: null,
};

type Owner = keyof typeof OWNERS;
type Known = keyof typeof KNOWN;

function leasesWith(epoch: number | null, isClosed: boolean): Leases {
  const { clock, timers } = manualTime();
  const leases = new Leases(new MemoryRegistry(new MemoryTables(clock), timers), SELF.incarnation, clock);
  if (epoch !== null) leases.take([{ shard: 0, epoch }]);
  if (isClosed) leases.close([0]);
  return leases;
}

/** What is to be done with a cluster's only shard. */
function dutyOf(owner: string | null, leases: Leases, target: string | null): string {
  const view: ClusterView = { ...CLUSTER, epochs: [EPOCH], owners: [owner] };
  const { lost, acquire, handOff } = dutiesOf(view, SELF, leases, [target]);
  return [
    ...lost.map((shard) => `lost ${shard}`),
    ...acquire.map(({ shard, epoch }) => `acquire ${shard} under ${epoch}`),
    ...handOff.map(({ shard, to }) => `hand off ${shard} to ${to.id}`),
  ].join(', ');
}

const TAKE = `acquire 0 under ${EPOCH}`;
const LOSE = 'lost 0';
const AGAIN = `${LOSE}, ${TAKE}`;
const GIVE = 'hand off 0 to b';

describe('what a node has to do about a shard', () => {
  // By who owns it in the table, and under which epoch this node has it; then by whom it is placed on.
  const TABLE: readonly (readonly [
    Owner,
    Known,
    me: string,
    up: string,
    drains: string,
    gone: string,
    nobody: string,
  ])[] = [
    ['nobody', 'none', TAKE, '', '', '', ''],
    ['nobody', 'same', '', '', '', '', ''],
    ['nobody', 'older', AGAIN, LOSE, LOSE, LOSE, LOSE],
    ['nobody', 'newer', '', '', '', '', ''],
    ['me', 'none', TAKE, TAKE, TAKE, TAKE, TAKE],
    ['me', 'same', '', GIVE, '', '', ''],
    ['me', 'older', AGAIN, AGAIN, AGAIN, AGAIN, AGAIN],
    ['me', 'newer', '', GIVE, '', '', ''],
    ['other alive', 'none', '', '', '', '', ''],
    ['other alive', 'same', '', '', '', '', ''],
    ['other alive', 'older', LOSE, LOSE, LOSE, LOSE, LOSE],
    ['other alive', 'newer', '', '', '', '', ''],
    ['other dead', 'none', TAKE, '', '', '', ''],
    ['other dead', 'same', '', '', '', '', ''],
    ['other dead', 'older', AGAIN, LOSE, LOSE, LOSE, LOSE],
    ['other dead', 'newer', '', '', '', '', ''],
  ];
  const cases = TABLE.flatMap(([owner, known, ...duties]) =>
    Object.entries(TARGETS).map(([placed, target], i) => ({ owner, known, placed, target, duty: duties[i] })),
  );

  test.each(cases)('owner: $owner, epoch known: $known, placed on $placed → "$duty"', (each) => {
    const open = leasesWith(KNOWN[each.known], false);
    expect(dutyOf(OWNERS[each.owner], open, each.target)).toBe(each.duty);
    if (KNOWN[each.known] === null) return;
    // What is closed is on its way already, and begins no second time; nothing else is different.
    const closed = leasesWith(KNOWN[each.known], true);
    expect(dutyOf(OWNERS[each.owner], closed, each.target)).toBe(each.duty === GIVE ? '' : each.duty);
  });
});

test('each shard is judged by itself', () => {
  const leases = leasesWith(EPOCH, false);
  leases.take([{ shard: 2, epoch: EPOCH - 1 }]);
  const owners = [SELF.incarnation, null, incarnationOf('b'), incarnationOf('b')];
  const view: ClusterView = { ...CLUSTER, epochs: owners.map(() => EPOCH), owners };
  expect(dutiesOf(view, SELF, leases, ['b', 'a', 'b', 'a'])).toEqual({
    lost: [2],
    acquire: [{ shard: 1, epoch: EPOCH }],
    handOff: [{ shard: 0, to: CLUSTER.nodes[1] }],
  });
});

describe('shards are taken', () => {
  const idsOf = (view: ClusterView): string[] => takers(view).map(({ id }) => id);

  test('by the nodes that are up', () => {
    expect(idsOf(clusterView({ a: {}, b: { state: 'draining' }, c: { state: 'leaving' } }))).toEqual(['a']);
  });

  test('by those that drain while nobody is up, but never by one that leaves', () => {
    expect(idsOf(clusterView({ b: { state: 'draining' }, c: { state: 'leaving' } }))).toEqual(['b']);
    expect(idsOf(clusterView({ c: { state: 'leaving' } }))).toEqual([]);
  });
});
