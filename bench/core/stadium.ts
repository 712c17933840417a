import type { ShowTerms } from '../../src/allocator/events.ts';
import type { Hall } from '../../src/allocator/hall.ts';
import { compileHall } from '../../src/allocator/hall-compile.ts';
import { generatePlan } from '../../src/allocator/plan-generate.ts';
import { importPlan } from '../../src/allocator/plan-import.ts';
import { newId } from '../../src/ids.ts';
import { systemRandom } from '../../src/system/random.ts';

/** When the bench's shows are played (ms since the epoch); they are on sale all the time around it. */
export const PLAYED_AT = Date.UTC(2026, 10, 21, 20);
const DAY_MS = 86_400_000;
const PRICE = 4_550;

/** The product's own stadium of 80,000 seats, through the importer and the compiler. */
export function stadium(): Hall {
  const imported = importPlan(generatePlan({ kind: 'stadium', seats: 80_000 }));
  if (!imported.ok) throw new Error(`the generated stadium is refused: ${JSON.stringify(imported.faults[0])}`);
  return compileHall(imported.plan);
}

/** Terms under which every seat of the hall is on sale. */
export function termsOf(hall: Hall): ShowTerms {
  return {
    planId: newId('pln', systemRandom),
    planHash: '0'.repeat(64),
    currency: 'EUR',
    prices: Object.fromEntries(hall.categories.map((category) => [category, PRICE])),
    onSaleAt: PLAYED_AT - DAY_MS,
    offSaleAt: PLAYED_AT + DAY_MS,
    perHold: 10,
    perBuyer: 10,
    holdSeconds: 600,
  };
}
