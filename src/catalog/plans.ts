import type { Kysely } from 'kysely';
import type { SeatingPlan } from '../allocator/plan.ts';
import { planHash } from '../allocator/plan-hash.ts';
import { importPlan } from '../allocator/plan-import.ts';
import { type Fault, RefusedError } from '../errors.ts';
import { isId, newId } from '../ids.ts';
import type { Clock, Random } from '../ports.ts';
import { rfc3339 } from '../rfc3339.ts';
import type { CatalogueTables, CategoryView } from './tables.ts';

/** What a plan holds, without its geometry. */
export interface PlanSummary {
  readonly id: string;
  readonly venueId: string;
  readonly name: string;
  /** SHA-256 (hex) of the stored document. */
  readonly hash: string;
  /** Numbered seats. */
  readonly seats: number;
  /** General-admission places. */
  readonly places: number;
  readonly categories: readonly CategoryView[];
}

export interface ImportedPlanView extends PlanSummary {
  readonly warnings: readonly Fault[];
}

export interface PlanDocument {
  /** The normalised plan as JSON text. */
  readonly document: string;
  readonly hash: string;
}

const COLUMNS = ['id', 'venue_id as venueId', 'name', 'hash', 'seats', 'places', 'categories'] as const;

/** How much of each category a plan has, in the plan's order. */
function categoriesOf(plan: SeatingPlan): CategoryView[] {
  const seats = new Map<string, number>();
  const places = new Map<string, number>();
  for (const zone of plan.zones) {
    for (const row of zone.rows)
      for (const seat of row.seats) seats.set(seat.category, (seats.get(seat.category) ?? 0) + 1);
  }
  for (const area of plan.usher?.areas ?? []) {
    places.set(area.category, (places.get(area.category) ?? 0) + area.capacity);
  }
  return plan.categories.map(({ name, color }) => ({
    name,
    ...(color === undefined ? undefined : { color }),
    seats: seats.get(name) ?? 0,
    places: places.get(name) ?? 0,
  }));
}

/** Seating plans of venues. A plan never changes: another geometry is another plan. */
export class Plans {
  readonly #db: Kysely<CatalogueTables>;
  readonly #clock: Clock;
  readonly #random: Random;

  constructor(db: Kysely<CatalogueTables>, clock: Clock, random: Random) {
    this.#db = db;
    this.#clock = clock;
    this.#random = random;
  }

  /**
   * Imports a plan in pretix form for a venue.
   * @throws RefusedError `PLAN_INVALID` with every fault
   */
  async import(venueId: string, document: unknown): Promise<ImportedPlanView> {
    const imported = importPlan(document);
    if (!imported.ok) {
      const detail = 'The plan has faults; mend each and import it again.';
      throw new RefusedError({ code: 'PLAN_INVALID', detail, errors: imported.faults });
    }
    const text = JSON.stringify(imported.plan);
    const categories = categoriesOf(imported.plan);
    const summary: PlanSummary = {
      id: newId('pln', this.#random),
      venueId,
      name: imported.plan.name,
      hash: planHash(text),
      seats: categories.reduce((sum, category) => sum + category.seats, 0),
      places: categories.reduce((sum, category) => sum + category.places, 0),
      categories,
    };
    await this.#db.transaction().execute(async (transaction) => {
      await transaction
        .insertInto('plan_document')
        .values({ hash: summary.hash, document: text })
        .onConflict((conflict) => conflict.column('hash').doNothing())
        .execute();
      await transaction
        .insertInto('plan')
        .values({
          id: summary.id,
          venue_id: venueId,
          name: summary.name,
          hash: summary.hash,
          seats: summary.seats,
          places: summary.places,
          categories: JSON.stringify(categories),
          created_at: rfc3339(this.#clock.now()),
        })
        .execute();
    });
    return { ...summary, warnings: imported.warnings };
  }

  async summary(id: string): Promise<PlanSummary | null> {
    if (!isId('pln', id)) return null;
    const row = await this.#db.selectFrom('plan').select(COLUMNS).where('id', '=', id).executeTakeFirst();
    return row ?? null;
  }

  async document(id: string): Promise<PlanDocument | null> {
    const row = await this.#db
      .selectFrom('plan')
      .innerJoin('plan_document', 'plan_document.hash', 'plan.hash')
      .select(['plan_document.document', 'plan_document.hash'])
      .where('plan.id', '=', id)
      .executeTakeFirst();
    return row ?? null;
  }
}
