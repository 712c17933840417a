import { RefusedError } from '../../errors.ts';
import type { Clock, Timers } from '../../ports.ts';
import type { Registry } from '../registry/registry.ts';
import type { ClusterView } from '../view.ts';
import { changedNodes, changedPins, strayShards } from './plan-drift.ts';
import { PlanRun } from './plan-run.ts';
import type { PlanStore, StoredPlan } from './plan-store.ts';
import { changesSince } from './plans.ts';

/** Of what has changed, a refusal tells so many. */
const CHANGES_TOLD = 5;

export interface PlanRunnerParts {
  readonly store: PlanStore;
  readonly registry: Pick<Registry, 'read' | 'setPins' | 'setState' | 'pauses'>;
  /** This node's present incarnation, or null while it has none. */
  readonly incarnation: () => string | null;
  /** Asks all nodes to read the tables now. */
  readonly nudge: () => void;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly log: {
    info(fields: object, message: string): void;
    warn(fields: object, message: string): void;
  };
}

/**
 * Applies plans, one at a time, each exactly as it was proposed. On this node:
 *
 *     idle ──apply──► beginning ──► running ──► idle
 *                        └─ refused ──────────────┘
 *
 * The store sees to it that no other node applies one meanwhile. Whatever ends a run early leaves the plan `applying`,
 * for this or another node to resume; only what the plan cannot get over makes it `failed`.
 */
export class PlanRunner {
  readonly #parts: PlanRunnerParts;
  #active: string | null = null;
  #run: PlanRun | null = null;
  #over: Promise<void> = Promise.resolve();
  #isStopping = false;

  constructor(parts: PlanRunnerParts) {
    this.#parts = parts;
  }

  /**
   * Begins to apply a plan, or goes on with one that was left; it runs in the background. A plan that is applied already
   * is left alone. Throws RefusedError: NOT_FOUND; CLUSTER_CHANGED; CLUSTER_PLAN_BUSY while this or another plan is being
   * applied, here or elsewhere; CLUSTER_PLAN_ENDED for one that has failed; UNAVAILABLE.
   */
  async apply(id: string): Promise<void> {
    if (this.#isStopping) throw unavailable('This node is stopping; ask another one.');
    if (this.#active !== null) throw busy(this.#active);
    this.#active = id;
    try {
      this.#run = await this.#begin(id);
    } finally {
      if (this.#run === null) this.#active = null;
    }
    if (this.#run === null) return;
    this.#over = this.#run.run().finally(() => {
      this.#run = null;
      this.#active = null;
    });
  }

  /** Resolves when nothing is being applied here. Never rejects. */
  idle(): Promise<void> {
    return this.#over;
  }

  /** Leaves the plan that is being applied as it is, to be resumed by another node, and begins no other. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#run?.interrupt();
    await this.#over;
  }

  /** @returns null when there is nothing to do. */
  async #begin(id: string): Promise<PlanRun | null> {
    const { store, registry, incarnation } = this.#parts;
    const by = incarnation();
    if (by === null) throw unavailable('This node is not part of the cluster now; try again.');
    const stored = await store.read(id);
    if (stored === null) throw new RefusedError({ code: 'NOT_FOUND', detail: `There is no plan ${id}.` });
    if (stored.state === 'applied') return null;
    if (stored.state === 'failed') {
      const detail = `The plan ${id} has failed: ${stored.detail} Make a new one.`;
      throw new RefusedError({ code: 'CLUSTER_PLAN_ENDED', detail });
    }
    // Before the view: an applier that the view does not have has ended then, and is not about to join.
    const current = await store.current();
    const view = await registry.read();
    if (current !== null) await this.#free(current, by, view);
    const changes = stored.state === 'proposed' ? changesOfProposed(stored, view) : changesOfApplying(stored, view);
    if (changes.length > 0) throw changed(changes);
    if (!(await store.claim(id, by))) throw busy(id);
    return new PlanRun(this.#parts, stored, by);
  }

  /** A plan whose applier has ended is nobody's. */
  async #free(
    current: { readonly id: string; readonly applier: string },
    by: string,
    view: ClusterView,
  ): Promise<void> {
    const isAlive = view.nodes.some(({ incarnation }) => incarnation === current.applier);
    // This node applies nothing now: what stands there in its name is left from a run whose end could not be noted.
    if (isAlive && current.applier !== by) throw busy(current.id);
    await this.#parts.store.leave(current.id, current.applier, 'Its node ended meanwhile.');
  }
}

/** A new plan begins only where everything is as it was when it was made. */
function changesOfProposed({ plan, base }: StoredPlan, view: ClusterView): string[] {
  const parts = changesSince(plan.base, view);
  if (parts.length === 0) return [];
  const changes = [...changedNodes(base, plan.changes, view).values(), ...changedPins(base, plan.changes, view)];
  return changes.length > 0 ? changes : [`Since then there are other ${parts.join(', ')}.`];
}

/** One that had begun goes on where nodes and pins are as it expects them, and its shards on their way. */
function changesOfApplying({ plan, base }: StoredPlan, view: ClusterView): string[] {
  return [
    ...changedNodes(base, plan.changes, view).values(),
    ...changedPins(base, plan.changes, view),
    ...strayShards(plan, view),
  ];
}

function changed(changes: readonly string[]): RefusedError {
  const rest = changes.length - CHANGES_TOLD;
  const told = changes.slice(0, CHANGES_TOLD).join(' ') + (rest > 0 ? ` And ${rest} more.` : '');
  return new RefusedError({ code: 'CLUSTER_CHANGED', detail: `${told} Make a new plan.` });
}

function busy(id: string): RefusedError {
  const detail = `The plan ${id} is being applied now. Wait for its end, or stop it.`;
  return new RefusedError({ code: 'CLUSTER_PLAN_BUSY', detail });
}

function unavailable(detail: string): RefusedError {
  return new RefusedError({ code: 'UNAVAILABLE', detail, retryAfter: 1 });
}
