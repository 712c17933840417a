import {
  type MoveDone,
  PLANS_KEPT,
  type PlanBase,
  type PlanStore,
  type StoredPlan,
} from '../../src/cluster/plans/plan-store.ts';
import type { Plan } from '../../src/cluster/plans/plans.ts';
import { newId } from '../../src/ids.ts';
import type { Clock, Random } from '../../src/ports.ts';

type Kept = { -readonly [Key in keyof StoredPlan]: StoredPlan[Key] };

/** Plans in memory, shared by the nodes of a test. The same tests prove it and the table. */
export class MemoryPlanStore implements PlanStore {
  readonly #plans = new Map<string, Kept>();
  readonly #clock: Clock;
  readonly #random: Random;
  /** Every call is rejected while it lasts. */
  isAway = false;

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  async propose(plan: Plan, base: PlanBase): Promise<StoredPlan> {
    await this.#reach();
    const idle = [...this.#plans.values()].filter(({ applier }) => applier === null).reverse();
    for (const { id } of idle.slice(PLANS_KEPT - 1)) this.#plans.delete(id);
    const id = newId('cpl', this.#random);
    const at = this.#clock.now();
    this.#plans.set(id, {
      id,
      state: 'proposed',
      plan,
      base,
      done: [],
      detail: null,
      applier: null,
      isStopAsked: false,
      createdAt: at,
      changedAt: at,
    });
    return this.#copy(id);
  }

  async read(id: string): Promise<StoredPlan | null> {
    await this.#reach();
    return this.#plans.has(id) ? this.#copy(id) : null;
  }

  async current(): Promise<{ id: string; applier: string } | null> {
    await this.#reach();
    for (const { id, applier } of this.#plans.values()) if (applier !== null) return { id, applier };
    return null;
  }

  async claim(id: string, by: string): Promise<boolean> {
    await this.#reach();
    const plan = this.#plans.get(id);
    const isOpen = plan?.state === 'proposed' || plan?.state === 'applying';
    if (plan === undefined || !isOpen || [...this.#plans.values()].some(({ applier }) => applier !== null))
      return false;
    Object.assign(plan, {
      state: 'applying',
      applier: by,
      isStopAsked: false,
      detail: null,
      changedAt: this.#clock.now(),
    });
    return true;
  }

  async note(id: string, by: string, done: readonly MoveDone[]): Promise<{ isStopAsked: boolean } | null> {
    return this.#change(id, by, { done: structuredClone(done) }, ({ isStopAsked }) => ({ isStopAsked }));
  }

  async end(id: string, by: string, state: 'applied' | 'failed', detail: string | null): Promise<boolean> {
    const ended = { state, detail, applier: null, isStopAsked: false };
    return (await this.#change(id, by, ended, () => true)) ?? false;
  }

  async leave(id: string, by: string, detail: string): Promise<boolean> {
    return (await this.#change(id, by, { detail, applier: null, isStopAsked: false }, () => true)) ?? false;
  }

  async askStop(id: string): Promise<boolean> {
    await this.#reach();
    const plan = this.#plans.get(id);
    if (plan === undefined || plan.applier === null) return false;
    plan.isStopAsked = true;
    return true;
  }

  async #change<T>(id: string, by: string, change: Partial<Kept>, result: (plan: Kept) => T): Promise<T | null> {
    await this.#reach();
    const plan = this.#plans.get(id);
    if (plan === undefined || plan.applier !== by) return null;
    const told = result(plan);
    Object.assign(plan, change, { changedAt: this.#clock.now() });
    return told;
  }

  async #reach(): Promise<void> {
    await null;
    if (this.isAway) throw new Error('the database is out of reach');
  }

  #copy(id: string): StoredPlan {
    return structuredClone(this.#plans.get(id) as Kept);
  }
}
