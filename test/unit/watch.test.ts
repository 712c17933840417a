import { describe, expect, test } from 'vitest';
import {
  CUT_OFF,
  CUT_OFF_MS,
  FORGOTTEN_MS,
  RECOVERED_MS,
  type Self,
  STALLED,
  STALLED_MS,
  Watch,
} from '../../src/cluster/ownership/watch.ts';
import { HEARTBEAT_MS, LEASE_MS } from '../../src/cluster/registry/registry.ts';
import type { ClusterView, NodeRow } from '../../src/cluster/view.ts';

const LOAD = { perSecond: 0, inbox: 0, awake: 0, lagMs: 0, hot: [] };
const WELL: Self = { incarnation: 'me', isLinked: true, stalledMs: 0, durableMsAgo: 0 };

function row(incarnation: string, parts: Partial<NodeRow> = {}): NodeRow {
  return {
    id: incarnation,
    incarnation,
    state: 'up',
    reason: null,
    pid: 1,
    url: null,
    adminUrl: null,
    transport: 'nats',
    format: 2,
    weight: 1,
    ageMs: 0,
    isLinked: true,
    stalledMs: 0,
    load: LOAD,
    ...parts,
  };
}

/** A watch that looks once a second, with the database's clock an hour ahead. */
class Looking {
  readonly watch = new Watch();
  now = 1_000_000;
  ahead = 3_600_000;

  look(others: readonly NodeRow[], self: Self = WELL, own: Partial<NodeRow> = {}, ms = HEARTBEAT_MS) {
    this.now += ms;
    const view: ClusterView = {
      at: this.now + this.ahead,
      nodes: [row('me', own), ...others],
      epochs: [],
      owners: [],
      pins: [],
      format: 2,
    };
    return this.watch.look(this.now - 5, this.now, view, self);
  }

  /** Looks long enough to be sure of others. */
  steadily(): this {
    for (let ms = 0; ms <= Math.max(LEASE_MS, STALLED_MS); ms += HEARTBEAT_MS) this.look([row('other')]);
    return this;
  }
}

const LATE = row('other', { ageMs: LEASE_MS + 1 });
const EXPIRED = [{ do: 'declare', incarnation: 'other', cause: 'expired' }];

describe('a node that was not heard of for a lease', () => {
  test('is declared dead by one that was heard of all the time', () => {
    const looking = new Looking().steadily();
    expect(looking.look([row('other', { ageMs: LEASE_MS })])).toEqual([]);
    expect(looking.look([LATE])).toEqual(EXPIRED);
  });

  test('is left alone by one that has only come, or that slept itself', () => {
    const looking = new Looking();
    expect(looking.look([LATE])).toEqual([]);
    looking.steadily();
    expect(looking.look([LATE], WELL, {}, 5_000)).toEqual([]);
    expect(looking.look([LATE])).toEqual([]);
    looking.steadily();
    expect(looking.look([LATE])).toEqual(EXPIRED);
  });

  test('is left alone when the clock of the database was set', () => {
    const looking = new Looking().steadily();
    looking.ahead += 10_000;
    expect(looking.look([LATE])).toEqual([]);
    looking.steadily();
    looking.ahead -= 10_000;
    expect(looking.look([LATE])).toEqual([]);
    looking.steadily();
    expect(looking.look([LATE])).toEqual(EXPIRED);
  });

  test('is looked for again as soon as its lease may be over', () => {
    const { watch } = new Looking().steadily();
    const viewOf = (ageMs: number): ClusterView => ({
      at: 0,
      nodes: [row('me'), row('other', { ageMs })],
      epochs: [],
      owners: [],
      pins: [],
      format: 2,
    });
    expect(watch.nextLook(viewOf(100), WELL)).toBe(HEARTBEAT_MS);
    expect(watch.nextLook(viewOf(LEASE_MS - 400), WELL)).toBe(400);
    // Not in a hot loop while it may not be declared dead yet.
    expect(watch.nextLook(viewOf(LEASE_MS * 2), WELL)).toBeGreaterThanOrEqual(50);
  });
});

describe('a node whose turns do not become durable', () => {
  const stalled = row('other', { stalledMs: STALLED_MS });

  test('is drained by one whose own do', () => {
    const drained = [{ do: 'drain', incarnation: 'other', reason: STALLED }];
    expect(new Looking().steadily().look([stalled])).toEqual(drained);
  });

  test('is left alone by one that has nothing to compare with, or stalls as well', () => {
    const looking = new Looking().steadily();
    expect(looking.look([stalled], { ...WELL, durableMsAgo: Number.POSITIVE_INFINITY })).toEqual([]);
    expect(looking.look([stalled], { ...WELL, stalledMs: STALLED_MS })).toEqual([]);
  });

  /** Falls ill, is drained, gets well. @returns how long it then was well until it was undrained, ms. */
  const illness = (looking: Looking): number => {
    const own = { state: 'draining', reason: STALLED } as const;
    looking.look([row('other')], { ...WELL, stalledMs: STALLED_MS }, own);
    for (let ms = HEARTBEAT_MS; ms < 1_000_000; ms += HEARTBEAT_MS) {
      if (looking.look([row('other')], WELL, own).length > 0) return ms;
    }
    return 0;
  };

  test('takes shards again once it is well, later each time', () => {
    const looking = new Looking().steadily();
    expect(illness(looking)).toBeGreaterThanOrEqual(RECOVERED_MS);
    expect(illness(looking)).toBeGreaterThanOrEqual(2 * RECOVERED_MS);
  });

  test('is forgiven once it was well for long with its share of the load, and not before', () => {
    const looking = new Looking().steadily();
    const upFor = (ms: number, self = WELL): void => {
      for (let passed = 0; passed < ms; passed += HEARTBEAT_MS) looking.look([row('other')], self);
    };
    for (let i = 0; i < 8; i++) illness(looking);
    const longest = illness(looking);
    expect(longest).toBeGreaterThan(50 * RECOVERED_MS);
    // Without shards it looks well whatever it has.
    expect(illness(looking)).toBe(longest);
    upFor(FORGOTTEN_MS - HEARTBEAT_MS);
    upFor(HEARTBEAT_MS, { ...WELL, stalledMs: STALLED_MS / 2 });
    upFor(FORGOTTEN_MS - HEARTBEAT_MS);
    expect(illness(looking)).toBe(longest);
    upFor(FORGOTTEN_MS + HEARTBEAT_MS);
    expect(illness(looking)).toBeLessThan(2 * RECOVERED_MS);
  });

  test('that an operator drained stays so', () => {
    const looking = new Looking().steadily();
    const own = { state: 'draining', reason: 'drained by an operator' } as const;
    for (let i = 0; i < 30; i++) expect(looking.look([row('other')], WELL, own)).toEqual([]);
  });
});

describe('a node without the link', () => {
  const CUT: Self = { ...WELL, isLinked: false };

  test('drains itself when others reach each other', () => {
    const looking = new Looking().steadily();
    expect(looking.look([row('other')], CUT)).toEqual([]);
    expect(looking.look([row('other')], CUT, {}, CUT_OFF_MS)).toEqual([
      { do: 'drain', incarnation: 'me', reason: CUT_OFF },
    ]);
  });

  test('keeps its shards while nobody reaches anybody', () => {
    const looking = new Looking().steadily();
    for (let i = 0; i < 10; i++) expect(looking.look([row('other', { isLinked: false })], CUT)).toEqual([]);
  });
});
