import { expect, test } from 'vitest';
import { Routes } from '../../src/cluster/routing/routes.ts';

const SHARD = 7;

/** Routes that have heard, in this order, who owns the shard under which epoch. */
function routesAfter(...news: readonly (readonly [owner: string | null, epoch: number])[]): Routes {
  const routes = new Routes();
  for (const [owner, epoch] of news) routes.learn(SHARD, owner, epoch);
  return routes;
}

test('before anything was heard nobody owns a shard, and any news are newer', () => {
  const routes = new Routes();
  expect(routes.of(SHARD)).toEqual({ owner: null, epoch: -1 });
  expect(routes.learn(SHARD, 'nod_a', 0)).toBe(true);
  expect(routes.of(SHARD)).toEqual({ owner: 'nod_a', epoch: 0 });
  expect(routes.of(SHARD + 1)).toEqual({ owner: null, epoch: -1 });
});

test('news of a newer epoch replace what was known', () => {
  const routes = routesAfter(['nod_a', 1]);
  expect(routes.learn(SHARD, null, 2)).toBe(true);
  expect(routes.of(SHARD)).toEqual({ owner: null, epoch: 2 });
  expect(routes.learn(SHARD, 'nod_b', 3)).toBe(true);
  expect(routes.of(SHARD)).toEqual({ owner: 'nod_b', epoch: 3 });
});

test('the same owner under a newer epoch is noted, and is no change of owner', () => {
  const routes = routesAfter(['nod_a', 1]);
  expect(routes.learn(SHARD, 'nod_a', 2)).toBe(false);
  expect(routes.of(SHARD)).toEqual({ owner: 'nod_a', epoch: 2 });
});

test.each([['nod_b'], ['nod_a'], [null]])(
  'news of an older epoch (owner %s) that come late change nothing',
  (owner) => {
    const routes = routesAfter(['nod_a', 5]);
    expect(routes.learn(SHARD, owner, 4)).toBe(false);
    expect(routes.of(SHARD)).toEqual({ owner: 'nod_a', epoch: 5 });
  },
);

test('within one epoch an owner may turn out to be gone, and then neither it nor another comes back', () => {
  const routes = routesAfter(['nod_a', 5]);
  expect(routes.learn(SHARD, 'nod_b', 5)).toBe(false);
  expect(routes.of(SHARD)).toEqual({ owner: 'nod_a', epoch: 5 });
  expect(routes.learn(SHARD, null, 5)).toBe(true);
  expect(routes.learn(SHARD, 'nod_a', 5)).toBe(false);
  expect(routes.of(SHARD)).toEqual({ owner: null, epoch: 5 });
});
