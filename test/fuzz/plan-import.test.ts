import { describe, expect, test } from 'vitest';
import { apply } from '../../src/allocator/apply.ts';
import { decide } from '../../src/allocator/decide.ts';
import { compileHall } from '../../src/allocator/hall-compile.ts';
import { assertWhole } from '../../src/allocator/invariants.ts';
import { type ImportedPlan, importPlan } from '../../src/allocator/plan-import.ts';
import { Show } from '../../src/allocator/show.ts';
import { decodeShow, encodeShow } from '../../src/allocator/snapshot.ts';
import { resolvePointer } from '../support/plan-fixtures.ts';
import { ON_SALE_AT, onceOf, SHOW_ID, termsOf, userOf } from '../support/small-show.ts';
import { attack, expectFound, limitMs, runsOf, Tally } from './attack.ts';
import { brokenPlans, strangePlans } from './seating-plans.ts';

const RUNS = 1_000;

type Import = (document: unknown) => ImportedPlan;

/** Whatever is imported is refused with faults that lead somewhere, or is a hall in which seats can be sold. */
function importAndSell(document: unknown, tally: Tally, importing: Import = importPlan): void {
  const text = JSON.stringify(document) ?? 'null';
  const asSent: unknown = JSON.parse(text);
  const imported = importing(asSent);
  expect(JSON.stringify(asSent), 'the importer changed what it was given').toBe(text);
  if (!imported.ok) {
    tally.note('refused');
    expect(imported.faults.length).toBeGreaterThan(0);
    for (const { pointer, detail } of imported.faults) {
      expect(() => resolvePointer(asSent, pointer)).not.toThrow();
      expect(detail).toMatch(/\S/);
    }
    return;
  }
  tally.note('taken');
  expect(JSON.stringify(imported.plan).isWellFormed()).toBe(true);
  sellIn(imported);
}

function sellIn({ plan }: ImportedPlan & { ok: true }): void {
  const hall = compileHall(plan);
  const prices = Object.fromEntries(plan.categories.map(({ name }, i) => [name, i * 100]));
  const show = new Show(SHOW_ID, hall, termsOf({ prices }));
  assertWhole(show);
  const seats = hall.seatIds.slice(0, 1);
  const areas = hall.areas.slice(0, 1).map(({ id }) => ({ id, quantity: 1 }));
  const asked = [{ best: { quantity: 2 } }, { best: { quantity: 1, accessible: true } }, { seats }, { areas }];
  for (const [n, what] of asked.entries()) {
    const command = { type: 'hold', once: onceOf(n), buyer: userOf(n), ...what } as const;
    const decision = decide(show, command, ON_SALE_AT);
    if (decision.kind === 'replay') throw new Error('nothing was asked before');
    if (decision.event === null) continue;
    show.seq++;
    apply(show, decision.event, show.seq, 0, ON_SALE_AT);
  }
  assertWhole(show);
  const bytes = encodeShow(show);
  expect(Buffer.compare(encodeShow(decodeShow(bytes, SHOW_ID, hall)), bytes)).toBe(0);
}

describe('a seating plan is refused with reasons, or seats can be sold in it,', () => {
  test('however a good one was broken', { timeout: limitMs(RUNS) }, async () => {
    const tally = new Tally();
    await attack(brokenPlans, runsOf(RUNS), (document) => importAndSell(document, tally));
    tally.print('broken plans');
    expect(tally.of('refused')).toBeGreaterThan(0);
    expect(tally.of('taken')).toBeGreaterThan(0);
  });

  test('however strange it is', { timeout: limitMs(RUNS) }, async () => {
    const tally = new Tally();
    await attack(strangePlans, runsOf(RUNS), (document) => importAndSell(document, tally));
    tally.print('strange plans');
    expect(tally.of('taken')).toBeGreaterThan(0);
  });

  test('and an importer that fails at some plan is found', async () => {
    const careless: Import = (document) => {
      const [zone] = (document as { zones?: { rows: { seats: unknown[] }[] }[] }).zones ?? [];
      // Nobody who writes this has thought of a zone without rows.
      zone?.rows.map((row) => row.seats.length);
      return importPlan(document);
    };
    const tally = new Tally();
    await expectFound(
      brokenPlans,
      2_000,
      (plan) => importAndSell(plan, tally, careless),
      /of (null|undefined)|not a function|not iterable/,
    );
  });
});
