import { afterEach, beforeEach, expect, test } from 'vitest';
import { readOnlyShows, WAITING_REBUILDS_MAX } from '../../src/actors/read-only-show.ts';
import { RULES } from '../../src/actors/turns.ts';
import { RefusedError } from '../../src/errors.ts';
import { madeOf } from '../support/made-show.ts';
import { settled } from '../support/manual-time.ts';
import { holdOf, SHARD, ShowNode } from '../support/show-node.ts';
import { rowsOfTen, SHOW_ID } from '../support/small-show.ts';

const hall = rowsOfTen(4);
let owner: ShowNode;
let known: boolean;
/** Opens the catalogue, when it is shut. */
let open: Promise<void> | null;

beforeEach(() => {
  owner = new ShowNode({ hall });
  known = true;
  open = null;
});

afterEach(async () => {
  const drained = owner.actors.drain();
  await owner.advance(1_000);
  await drained;
});

function reader() {
  let loading = 0;
  let most = 0;
  const load = async () => {
    most = Math.max(most, ++loading);
    await open;
    loading--;
    return known ? madeOf(hall) : null;
  };
  const read = readOnlyShows({ source: { load }, journal: owner.journal, rules: RULES });
  return { read, most: () => most };
}

test('the seats of a show are read without owning it, and nothing is written', async () => {
  await owner.ask(SHOW_ID, holdOf(1, 3));
  await owner.ask(SHOW_ID, holdOf(2, 2));
  const sold = await owner.actors.seatMap(SHOW_ID);
  owner.journal.leases.giveUp(SHARD);
  const rows = owner.journal.attempts.length;
  const map = await reader().read(SHOW_ID);
  if (map === null || 'code' in sold) throw new Error('no seats');
  for (const part of [
    'version',
    'asOf',
    'letters',
    'areas',
    'fromPrice',
    'available',
    'capacity',
    'currency',
  ] as const) {
    expect(map[part], part).toEqual(sold[part]);
  }
  expect(owner.journal.attempts).toHaveLength(rows);
});

test('a show that was never sold has all its seats', async () => {
  expect(await reader().read(SHOW_ID)).toMatchObject({ version: 0, available: 60, capacity: 60 });
});

test('an unknown show is none, and one that cannot be read is an error', async () => {
  known = false;
  expect(await reader().read(SHOW_ID)).toBeNull();
  known = true;
  owner.journal.unreadable = true;
  await expect(reader().read(SHOW_ID)).rejects.toThrow('out of reach');
});

test('few are read at once, few wait, and the others are refused', async () => {
  const { read, most } = reader();
  let shut = (): void => {};
  open = new Promise((resolve) => {
    shut = resolve;
  });
  const outcomes: string[] = [];
  const all = Array.from({ length: WAITING_REBUILDS_MAX + 3 }, () =>
    read(SHOW_ID).then(
      () => outcomes.push('read'),
      (error) => outcomes.push(error instanceof RefusedError ? error.refusal.code : 'other'),
    ),
  );
  await settled();
  expect(outcomes).toEqual(['UNAVAILABLE']);
  shut();
  await Promise.all(all);
  expect(outcomes.filter((outcome) => outcome === 'read')).toHaveLength(WAITING_REBUILDS_MAX + 2);
  expect(most()).toBe(2);
});
