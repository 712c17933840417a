import { describe, expect, test } from 'vitest';
import type { MadeShow } from '../../src/actors/shows.ts';
import type { JournalRow } from '../../src/journal/journal.ts';
import { PROJECTOR_LIMITS, Projector } from '../../src/projector/projector.ts';
import { ProjectionFault } from '../../src/projector/show-model.ts';
import { capturedLog } from '../support/captured-log.ts';
import { manualTime } from '../support/manual-time.ts';
import { seededRandom } from '../support/seeded-random.ts';

const row = (seq: number): JournalRow => ({
  ...{ seq, epoch: 1, at: 0, wakeAt: null, events: '[]', format: 1, writer: null, prevHash: '', hash: '' },
});

/** A projector over shows of so many rows, each a page of its own. */
function projectorOver(rows: Record<string, number>) {
  const time = manualTime();
  const { log, lines } = capturedLog();
  const read = new Map<string, number>();
  const state = {
    laggards: [] as string[],
    busy: new Set<string>(),
    fault: new Map<string, Error>(),
    atOnce: 0,
    most: 0,
    order: [] as string[],
  };
  const projector = new Projector({
    projections: {
      checkpoint: async (show) => read.get(show) ?? 0,
      async advance(show, _hall, page) {
        state.most = Math.max(state.most, ++state.atOnce);
        await Promise.resolve();
        state.atOnce--;
        const fault = state.fault.get(show);
        if (fault !== undefined) throw fault;
        if (state.busy.has(show)) return false;
        read.set(show, page[0].seq);
        state.order.push(show);
        return true;
      },
    },
    journal: {
      async *rowsAfter(show, after) {
        for (let seq = after + 1; seq <= (rows[show] ?? 0); seq++) yield [row(seq)];
      },
    },
    load: async (show: string) => (show in rows ? ({} as MadeShow) : null),
    laggards: async () => state.laggards.splice(0),
    clock: time.clock,
    timers: time.timers,
    random: seededRandom(),
    log,
  });
  projector.start();
  return { projector, time, read, state, lines, rows };
}

describe('the projector', () => {
  test('takes over what was noted, and what the sweep finds', async () => {
    const { projector, time, read, state } = projectorOver({ a: 3, b: 2, c: 1 });
    projector.note('a');
    projector.note('b');
    await time.advance(PROJECTOR_LIMITS.tickMs);
    expect(Object.fromEntries(read)).toEqual({ a: 3, b: 2 });
    state.laggards.push('c');
    await time.advance(PROJECTOR_LIMITS.sweepMs + PROJECTOR_LIMITS.tickMs);
    expect(read.get('c')).toBe(1);
    expect(projector.figures()).toEqual({ rows: 6, failed: 0, stopped: 0, waiting: 0, lagMs: 0 });
  });

  test('gives others their turn during a long one, and has few at work at once', async () => {
    const many = Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`s${n}`, 1]));
    const { projector, time, read, state } = projectorOver({ long: PROJECTOR_LIMITS.pages * 2 + 1, ...many });
    projector.note('long');
    for (const show of Object.keys(many)) projector.note(show);
    await time.advance(PROJECTOR_LIMITS.tickMs);
    const turns = state.order.filter((show, n) => show !== state.order[n - 1] || show !== 'long');
    expect(turns.filter((show) => show === 'long').length).toBeGreaterThan(1);
    expect(state.order.lastIndexOf('s19')).toBeLessThan(state.order.lastIndexOf('long'));
    expect(state.most).toBeLessThanOrEqual(PROJECTOR_LIMITS.concurrency);
    await time.advance(PROJECTOR_LIMITS.tickMs * 2);
    expect(read.get('long')).toBe(PROJECTOR_LIMITS.pages * 2 + 1);
    expect(read.size).toBe(21);
  });

  test('looks again at what another node is at', async () => {
    const { projector, time, read, state } = projectorOver({ a: 1 });
    state.busy.add('a');
    projector.note('a');
    await time.advance(PROJECTOR_LIMITS.tickMs * 4);
    expect(projector.figures()).toMatchObject({ waiting: 1, failed: 0 });
    state.busy.clear();
    await time.advance(PROJECTOR_LIMITS.tickMs);
    expect(read.get('a')).toBe(1);
  });

  test('stops loudly at what it does not understand, once, tries it again, and goes on with the others', async () => {
    const { projector, time, read, state, lines } = projectorOver({ a: 1, b: 1 });
    state.fault.set('a', new ProjectionFault('row 1 has an unknown event'));
    projector.note('a');
    projector.note('b');
    await time.advance(60_000);
    expect(read.get('b')).toBe(1);
    expect(projector.figures()).toMatchObject({ stopped: 1, waiting: 1 });
    expect(projector.figures().failed).toBeGreaterThan(3);
    expect(projector.figures().lagMs).toBeGreaterThan(0);
    expect(lines).toMatchObject([{ level: 50, showId: 'a' }]);
    state.fault.clear();
    await time.advance(PROJECTOR_LIMITS.retryMaxMs + PROJECTOR_LIMITS.tickMs);
    expect(read.get('a')).toBe(1);
    expect(projector.figures()).toMatchObject({ stopped: 0, waiting: 0 });
  });

  test('tells once of a database that is away', async () => {
    const { projector, time, state, lines } = projectorOver({ a: 1, b: 1 });
    for (const show of ['a', 'b']) {
      state.fault.set(show, new Error('the database is away'));
      projector.note(show);
    }
    await time.advance(30_000);
    expect(lines).toMatchObject([{ level: 40 }]);
  });

  test('stops with the node', async () => {
    const { projector, time, read } = projectorOver({ a: 1 });
    projector.note('a');
    await projector.close();
    await time.advance(10_000);
    expect(read.size).toBe(0);
  });
});
