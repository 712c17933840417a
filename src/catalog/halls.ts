import type { Hall } from '../allocator/hall.ts';
import { compileHall } from '../allocator/hall-compile.ts';
import { importPlan } from '../allocator/plan-import.ts';
import type { PlanDocument } from './plans.ts';

export interface CompiledPlan {
  readonly hall: Hall;
  /** SHA-256 (hex) of the plan document. */
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
  async get(planId: string): Promise<CompiledPlan | null> {
    const kept = this.#kept.get(planId);
    if (kept !== undefined) {
      this.#kept.delete(planId);
      this.#kept.set(planId, kept);
      return kept;
    }
    let loading = this.#loading.get(planId);
    if (loading === undefined) {
      loading = this.#load(planId).finally(() => this.#loading.delete(planId));
      this.#loading.set(planId, loading);
    }
    return loading;
  }

  async #load(planId: string): Promise<CompiledPlan | null> {
    const stored = await this.#plans.document(planId);
    if (stored === null) return null;
    const imported = importPlan(JSON.parse(stored.document));
    if (!imported.ok) throw new Error(`The stored plan ${planId} is not valid: ${imported.faults[0].detail}`);
    const compiled: CompiledPlan = { hall: compileHall(imported.plan), planHash: stored.hash };
    this.#keep(planId, compiled);
    return compiled;
  }

  #keep(planId: string, compiled: CompiledPlan): void {
    this.#kept.set(planId, compiled);
    this.#weight += weightOf(compiled.hall);
    for (const [oldest, { hall }] of this.#kept) {
      // The one that was just asked for stays, however large.
      if (this.#weight <= this.#seatsMax || oldest === planId) return;
      this.#kept.delete(oldest);
      this.#weight -= weightOf(hall);
    }
  }
}

function weightOf(hall: Hall): number {
  return Math.max(WEIGHT_MIN, hall.seatCount);
}
