import { afterEach, describe, expect, test } from 'vitest';
import { IDLE_MS } from '../../src/actors/falling-asleep.ts';
import { ANNOUNCE_MS, SWEEP_MS } from '../../src/actors/sweep.ts';
import { MAX_RECOVERIES, MAX_WAITING_LOOK_UPS } from '../../src/actors/waking.ts';
import type { Snapshot } from '../../src/journal/journal.ts';
import { settled } from '../support/manual-time.ts';
import { MemoryJournal } from '../support/memory-journal.ts';
import { holdOf, ShowNode, toldBy } from '../support/show-node.ts';
import { ON_SALE_AT, onceOf, rowsOfTen, userOf } from '../support/small-show.ts';

const SUMMARY = { type: 'get-summary' } as const;
const SEATS_OF_A_SHOW = 40;
/** Room for three shows, and for a fourth that is begun while there are no more. */
const LIMITS = { shows: 6, seats: 3 * SEATS_OF_A_SHOW, seatsMargin: SEATS_OF_A_SHOW };

const showId = (n: number): string => `shw_${String(n).padStart(26, '0')}`;

let node: ShowNode;

afterEach(async () => {
  await node.stop();
});

/** Wakes these shows, one after another in time. */
async function look(...numbers: readonly number[]): Promise<string[]> {
  const codes: string[] = [];
  for (const n of numbers) {
    codes.push(toldBy(await node.ask(showId(n), SUMMARY)));
    await node.time.advance(1);
  }
  return codes;
}

describe('when more seats are awake than there is room for', () => {
  test('shows at rest sleep at once, the least recently asked first, until there is room again', async () => {
    node = new ShowNode({ limits: LIMITS });
    await look(0, 1, 2, 3);
    await look(0);
    await node.advance(SWEEP_MS);
    expect(node.actors.awake).toBe(3);
    expect(node.journal.snapshot(showId(1))?.seq).toBe(1);
    expect([0, 2, 3].map((n) => node.journal.snapshot(showId(n)))).toEqual([null, null, null]);
    await node.advance(IDLE_MS / 2);
    expect(node.actors.awake).toBe(3);
  });

  test('also those that no sweep had to look at for a while', async () => {
    node = new ShowNode({ limits: LIMITS });
    await look(0, 1, 2);
    await node.advance(4 * SWEEP_MS);
    await look(3);
    await node.advance(SWEEP_MS);
    expect([node.actors.awake, node.actors.lastSeats(showId(0))]).toEqual([3, null]);
  });

  test('also when it is a new plan that brings them', async () => {
    node = new ShowNode({ limits: LIMITS, plans: { pln_larger: rowsOfTen(8) } });
    await look(1, 2, 0);
    const command = { type: 'replace-plan', once: onceOf(1), planId: 'pln_larger' } as const;
    expect(toldBy(await node.ask(showId(0), command))).toBe('ok');
    await node.advance(SWEEP_MS);
    expect([0, 1, 2].map((n) => node.actors.lastSeats(showId(n))?.letters.length)).toEqual([80, undefined, 40]);
    // It fell asleep with all its seats: there is room for two others.
    await node.advance(IDLE_MS + SWEEP_MS);
    await look(1, 2, 3);
    await node.advance(SWEEP_MS);
    expect(node.actors.awake).toBe(3);
  });

  test('those with live holds stay', async () => {
    node = new ShowNode({ limits: LIMITS });
    for (let n = 0; n < 4; n++) await node.ask(showId(n), holdOf(1));
    await node.advance(10 * SWEEP_MS);
    expect(node.actors.awake).toBe(4);
  });

  test('none is woken for a question far beyond it, and all that has to be done is done', async () => {
    node = new ShowNode({ limits: LIMITS });
    for (let n = 0; n < 5; n++) expect(toldBy(await node.ask(showId(n), holdOf(1)))).toBe('ok');
    expect(await look(5, 0)).toEqual(['OVERLOADED', 'ok']);
    expect(await node.actors.seatMap(showId(5))).toMatchObject({ code: 'OVERLOADED', retryAfter: 1 });
    expect(toldBy(await node.ask(showId(5), holdOf(1)))).toBe('ok');
    for (let n = 1; n < 6; n++) {
      await node.ask(showId(n), { type: 'release', buyer: userOf(1), hold: 1, at: ON_SALE_AT });
    }
    await node.advance(2 * SWEEP_MS);
    expect(await look(6)).toEqual(['ok']);
  });

  test('a show wakes for another plan as it does for other commands, though it is asked first what it has', async () => {
    node = new ShowNode({ limits: LIMITS, plans: { pln_other: rowsOfTen(4) } });
    for (let n = 0; n < 5; n++) expect(toldBy(await node.ask(showId(n), holdOf(1)))).toBe('ok');
    expect(await look(5)).toEqual(['OVERLOADED']);
    const replacement = { type: 'replace-plan', once: onceOf(1), planId: 'pln_other' } as const;
    expect(toldBy(await node.ask(showId(5), replacement))).toBe('ok');
  });

  test('questions that all came before it was known do not wake more than there is room for', async () => {
    node = new ShowNode({ limits: { ...LIMITS, shows: 1_000 } });
    const codes = await Promise.all(
      Array.from({ length: 100 }, async (_, n) => toldBy(await node.ask(showId(n), SUMMARY))),
    );
    expect(codes.filter((code) => code === 'ok')).toHaveLength(5);
    expect(codes.filter((code) => code === 'OVERLOADED')).toHaveLength(95);
    expect(node.actors.awake).toBe(5);
  });
});

describe('shows with unfinished work', () => {
  test('for which there is no room now are woken as soon as there is', async () => {
    node = new ShowNode({ limits: { ...LIMITS, shows: 2, seats: 1_000 } });
    await node.actors.wake([0, 1, 2, 3, 4].map(showId));
    expect([node.actors.awake, node.actors.counts.recoveries]).toEqual([2, 2]);
    await node.advance(IDLE_MS * 3 + 10 * SWEEP_MS);
    expect(node.actors.counts.recoveries).toBe(5);
    await node.advance(IDLE_MS * 2);
    expect([node.actors.awake, node.actors.counts.recoveries]).toEqual([0, 5]);
  });

  test('that failed are woken again, however many shows are awake meanwhile', async () => {
    node = new ShowNode({ limits: { ...LIMITS, shows: 2, seats: 1_000 } });
    await node.ask(showId(0), holdOf(1));
    node.journal.appendFaults.push('fenced');
    await node.ask(showId(0), holdOf(2));
    await settled();
    expect(await look(1, 2)).toEqual(['ok', 'ok']);
    await node.advance(SWEEP_MS * 4);
    expect(toldBy(await node.ask(showId(0), SUMMARY))).toBe('OVERLOADED');
    await node.advance(IDLE_MS + 2 * SWEEP_MS);
    // Both others fell asleep; the one with the hold recovered a second time.
    expect([node.actors.awake, node.actors.counts.recoveries]).toEqual([1, 4]);
    expect(await look(0)).toEqual(['ok']);
  });

  test('have their unsettled orders named again and again, until they are settled', async () => {
    node = new ShowNode();
    await node.ask(showId(0), holdOf(1));
    await node.ask(showId(0), { type: 'order', once: onceOf(50), buyer: userOf(1), hold: 1, at: ON_SALE_AT });
    const orderId = { buyer: userOf(1), order: 1, at: ON_SALE_AT };
    expect(toldBy(await node.ask(showId(0), { type: 'cancel', ...orderId }))).toBe('ok');
    expect(node.unsettled).toHaveLength(1);
    await node.advance(ANNOUNCE_MS * 2 + SWEEP_MS);
    expect(node.unsettled).toEqual(new Array(3).fill({ showId: showId(0), orders: [1] }));
    await node.ask(showId(0), { type: 'settled', order: 1 });
    await node.advance(ANNOUNCE_MS * 2);
    expect(node.unsettled).toHaveLength(3);
  });
});

describe('ids that nobody knows', () => {
  test('take none of the places of recoveries', async () => {
    const places: (() => void)[] = [];
    class HangingJournal extends MemoryJournal {
      override async readSnapshot(id: string): Promise<Snapshot | null> {
        await new Promise<void>((resolve) => places.push(resolve));
        return super.readSnapshot(id);
      }
    }
    node = new ShowNode({ journal: new HangingJournal() });
    node.known = new Set(Array.from({ length: MAX_RECOVERIES }, (_, n) => showId(n)));
    const known = [...node.known].map((id) => node.ask(id, SUMMARY));
    await settled();
    expect(places).toHaveLength(MAX_RECOVERIES);
    expect(toldBy(await node.ask(showId(99), SUMMARY))).toBe('NOT_FOUND');
    for (const open of places) open();
    expect((await Promise.all(known)).map(toldBy)).toEqual(new Array(MAX_RECOVERIES).fill('ok'));
  });

  test('are looked up in bounded numbers, and those beyond are turned away', async () => {
    node = new ShowNode();
    node.known = new Set([showId(0)]);
    const codes = await Promise.all(
      Array.from({ length: 2 * MAX_WAITING_LOOK_UPS }, async (_, n) => toldBy(await node.ask(showId(n + 1), SUMMARY))),
    );
    expect(new Set(codes)).toEqual(new Set(['NOT_FOUND', 'OVERLOADED']));
    expect(codes.filter((code) => code === 'NOT_FOUND').length).toBeGreaterThanOrEqual(MAX_WAITING_LOOK_UPS);
    expect(await look(0)).toEqual(['ok']);
    expect(node.actors.awake).toBe(1);
  });
});

test('a node that drains says so', async () => {
  node = new ShowNode();
  expect(node.actors.isDraining).toBe(false);
  await node.actors.drain();
  expect(node.actors.isDraining).toBe(true);
  node = new ShowNode();
});
