import { expect, test } from 'vitest';
import { ComingPlans } from '../../src/actors/coming-plans.ts';
import type { SharedParts } from '../../src/actors/shared-parts.ts';
import { banksOf } from '../../src/allocator/banks.ts';
import type { Hall } from '../../src/allocator/hall.ts';
import { madeOf } from '../support/made-show.ts';
import { manualTime, settled } from '../support/manual-time.ts';
import { rowsOfTen, SHOW_ID, termsOf } from '../support/small-show.ts';

const HALL = rowsOfTen(2);

/** The hall, and how often it was asked which seats are neighbours of one kind. */
function watched(hall: Hall): { readonly hall: Hall; readonly looks: () => number } {
  let looks = 0;
  const counted = new Proxy(hall, {
    get(target, name) {
      if (name === 'features') looks++;
      return Reflect.get(target, name);
    },
  });
  return { hall: counted, looks: () => looks };
}

test('the banks of a hall to come are found before the turn, which would hold the show up', async () => {
  const later = watched(rowsOfTen(3));
  const { clock, timers } = manualTime();
  const made = { ...madeOf(HALL), laterHall: async () => later.hall };
  const plans = new ComingPlans({
    source: { exists: async () => true, load: async () => made },
    ...{ clock, timers },
  } as unknown as SharedParts['options']);
  const now = { hall: HALL, planId: termsOf().planId };
  const found = await plans.hallWith(SHOW_ID, now, 'pln_1', clock.now() + 1_000);
  expect(found).toEqual({ coming: later.hall });
  const before = later.looks();
  expect(before).toBeGreaterThan(0);
  banksOf(later.hall);
  expect(later.looks()).toBe(before);
});

test('a plan is not compiled any more once nobody waits for it', async () => {
  const time = manualTime();
  const { clock, timers } = time;
  const first = Promise.withResolvers<Hall>();
  const compiled: string[] = [];
  const laterHall = async (planIds: readonly string[]): Promise<Hall> => {
    compiled.push(...planIds);
    return planIds[0] === 'pln_slow' ? first.promise : rowsOfTen(3);
  };
  const plans = new ComingPlans({
    source: { exists: async () => true, load: async () => ({ ...madeOf(HALL), laterHall }) },
    ...{ clock, timers },
  } as unknown as SharedParts['options']);
  const now = { hall: HALL, planId: termsOf().planId };
  const ask = (planId: string, ms: number) => plans.hallWith(SHOW_ID, now, planId, clock.now() + ms);
  const slow = ask('pln_slow', 10_000);
  const late = ask('pln_late', 1_000);
  const patient = ask('pln_patient', 10_000);
  await time.advance(1_000);
  expect(await late).toMatchObject({ ok: false, refusal: { code: 'OVERLOADED' } });
  first.resolve(rowsOfTen(4));
  await settled();
  expect(await slow).toMatchObject({ coming: { seatCount: 40 } });
  expect(await patient).toMatchObject({ coming: { seatCount: 30 } });
  expect(compiled).toEqual(['pln_slow', 'pln_patient']);
});
