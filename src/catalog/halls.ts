import type { Hall } from '../allocator/hall.ts';
import { compileHall } from '../allocator/hall-compile.ts';
import { extendHall } from '../allocator/hall-extend.ts';
import { importPlan } from '../allocator/plan-import.ts';
import type { PlanDocument } from './plans.ts';

export interface CompiledPlan {
  readonly hall: Hall;
  /** SHA-256 (hex) of the document of the plan, of several the last. */
  readonly planHash: string;
}

/** Where the documents of plans are. */
export interface PlanDocuments {
  document(planId: string): Promise<PlanDocument | null>;
}

/** Seats (and rows of areas) of all halls that are kept; a hall weighs about 100 bytes a seat. */
const SEATS_KEPT_MAX = 2_000_000;

/** What a hall without any seats counts for. */
const WEIGHT_MIN = 100;

/**
 * Plans compiled for the allocator, shared by all their shows. The least recently used go when together they have more
 * than {@link SEATS_KEPT_MAX} seats; a hall that is wanted several times at once is compiled once.
 */
export class Halls {
  readonly #plans: PlanDocuments;
  readonly #seatsMax: number;
  readonly #kept = new Map<string, CompiledPlan>();
  readonly #loading = new Map<string, Promise<CompiledPlan | null>>();
  #weight = 0;

  constructor(plans: PlanDocuments, seatsMax = SEATS_KEPT_MAX) {
    this.#plans = plans;
    this.#seatsMax = seatsMax;
  }

  /** The hall of a plan, or `null` for an unknown plan. */
  get(planId: string): Promise<CompiledPlan | null> {
    return this.#keptOr(planId, () => this.#load(planId));
  }

  /** The hall of a show of which these plans, the first but one after the other, replaced the first; `null` if one is unknown. */
  later(planIds: readonly string[]): Promise<CompiledPlan | null> {
    return planIds.length === 1
      ? this.get(planIds[0])
      : this.#keptOr(planIds.join('+'), () => this.#extend(planIds.slice(0, -1), planIds[planIds.length - 1]));
  }

  async #keptOr(key: string, load: () => Promise<CompiledPlan | null>): Promise<CompiledPlan | null> {
    const kept = this.#kept.get(key);
    if (kept !== undefined) {
      this.#kept.delete(key);
      this.#kept.set(key, kept);
      return kept;
    }
    let loading = this.#loading.get(key);
    if (loading === undefined) {
      loading = load()
        .then((compiled) => {
          if (compiled !== null) this.#keep(key, compiled);
          return compiled;
        })
        .finally(() => this.#loading.delete(key));
      this.#loading.set(key, loading);
    }
    return loading;
  }

  async #extend(before: readonly string[], planId: string): Promise<CompiledPlan | null> {
    const known = await this.later(before);
    const plan = await this.get(planId);
    if (known === null || plan === null) return null;
    const { planHash } = plan;
    return { hall: extendHall(known.hall, plan.hall, { id: planId, hash: planHash }), planHash };
  }

  async #load(planId: string): Promise<CompiledPlan | null> {
    const stored = await this.#plans.document(planId);
    if (stored === null) return null;
    const imported = importPlan(JSON.parse(stored.document));
    if (!imported.ok) throw new Error(`The stored plan ${planId} is not valid: ${imported.faults[0].detail}`);
    return { hall: compileHall(imported.plan), planHash: stored.hash };
  }

  #keep(key: string, compiled: CompiledPlan): void {
    this.#kept.set(key, compiled);
    this.#weight += weightOf(compiled.hall);
    for (const [oldest, { hall }] of this.#kept) {
      // The one that was just asked for stays, however large.
      if (this.#weight <= this.#seatsMax || oldest === key) return;
      this.#kept.delete(oldest);
      this.#weight -= weightOf(hall);
    }
  }
}

function weightOf(hall: Hall): number {
  return Math.max(WEIGHT_MIN, hall.seatCount);
}
