import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { temporaryDirectoryForFile } from '../support/temporary-directory.ts';
import type { WorldKind } from './options.ts';
import { PLANTED_BUGS } from './planted/bugs.ts';
import { hunt } from './planted/hunted.ts';

/** Each bug is to be found out within so many seconds of one core. */
const SECONDS = 60;
/** Worlds without a bug, for each that broke something with one. */
const CONTROL_SECONDS = 300;
/** Far above what they take: only a hang runs into it. */
const LIMIT_MS = 1_800_000;

/** Those that CI looks for; `npm run simulate:planted` looks for all, from the first seed on. */
const IN_CI = new Set([
  'no fence',
  'fence without a lock',
  'acknowledged before durable',
  'no command dedupe',
  'dedupe lost in the snapshot',
  'expiry ignores a commit',
  'partial hold',
  'refund without idempotency',
  'reply to the wrong caller',
  'webhook acknowledged and dropped',
]);

const compiled = temporaryDirectoryForFile();
/** Of the worlds in which bugs were found out. */
const seeds = new Map<WorldKind, Set<number>>();

test('every bug has its one place in the product, and a name of its own', async () => {
  for (const { name, file, find, replace } of PLANTED_BUGS) {
    const source = await readFile(new URL(`../../src/${file}`, import.meta.url), 'utf8');
    expect(source.split(find).length - 1, name).toBe(1);
    expect(replace, name).not.toBe(find);
  }
  expect(new Set(PLANTED_BUGS.map(({ name }) => name)).size).toBe(PLANTED_BUGS.length);
  expect(PLANTED_BUGS.length).toBeGreaterThanOrEqual(25);
});

describe('the simulator finds out', () => {
  test.each(PLANTED_BUGS.filter(({ name }) => IN_CI.has(name)))('$name', { timeout: LIMIT_MS }, async (bug) => {
    const { worlds, firstSeed = 1, breaks } = bug;
    const { seed, broken, what } = await hunt({ bug, worlds, seeds: firstSeed, seconds: SECONDS, compiled });
    expect(
      broken.filter((invariant) => breaks.includes(invariant)),
      what ?? 'nothing was broken',
    ).not.toEqual([]);
    const played = seeds.get(worlds) ?? new Set();
    seeds.set(worlds, played.add(seed as number));
  });
});

test('the same worlds break nothing without a bug', { timeout: LIMIT_MS }, async () => {
  expect(seeds.size).toBeGreaterThan(0);
  for (const [worlds, played] of seeds) {
    const control = { bug: null, worlds, seeds: [...played], seconds: CONTROL_SECONDS, compiled };
    const { seeds: count, what } = await hunt(control);
    expect(what).toBeNull();
    expect(count).toBe(played.size);
  }
});
