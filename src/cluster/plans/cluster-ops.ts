import { RefusedError } from '../../errors.ts';
import { isId } from '../../ids.ts';
import { rfc3339 } from '../../rfc3339.ts';
import type { Registry } from '../registry/registry.ts';
import { SHARDS } from '../shards.ts';
import type { ClusterView, Pin } from '../view.ts';
import { type Explanation, explain } from './explain.ts';
import type { PlanRunner } from './plan-runner.ts';
import { baseOf, type PlanState, type PlanStore, type StoredPlan } from './plan-store.ts';
import { type Plan, type PlanMove, type PlanRequest, planOf } from './plans.ts';

/** Shards, and shows that stand for theirs. A move of a show moves all shows of its shard. */
interface Named {
  readonly shows?: readonly string[];
  readonly shards?: readonly number[];
}

/** A {@link PlanRequest} as people put it. */
export type OpsRequest =
  | { readonly kind: 'drain' | 'undrain'; readonly node: string }
  | ({ readonly kind: 'move'; readonly to: string } & Named)
  | ({ readonly kind: 'pin'; readonly to: string; readonly exclusive: boolean } & Named)
  | ({ readonly kind: 'unpin' } & Named)
  | { readonly kind: 'rebalance' };

/** Where a show (or a shard, when it was asked for by number) is, and why. */
export interface ShowPlace extends Explanation {
  readonly showId: string | null;
  readonly pin: Omit<Pin, 'shard'> | null;
}

export interface PlanMoveStatus extends PlanMove {
  readonly isDone: boolean;
  /** How long requests to the shard waited; null while that is not known, or when it was not handed over. */
  readonly pauseMs: number | null;
}

/** A plan and what became of it so far. */
export interface PlanStatus extends Pick<Plan, 'request' | 'changes' | 'load' | 'notes'> {
  readonly id: string;
  readonly state: PlanState;
  /** The id of the node that applies it now; null for an `applying` plan that was interrupted and can be resumed. */
  readonly applier: string | null;
  readonly moves: readonly PlanMoveStatus[];
  readonly progress: { readonly done: number; readonly total: number };
  /** Why it failed or was interrupted. */
  readonly detail: string | null;
  /** RFC 3339. */
  readonly createdAt: string;
  readonly changedAt: string;
}

/** What the admin listener asks of the cluster. Refusals are RefusedErrors. */
export interface ClusterOps {
  /** As the tables are now. */
  view(): Promise<ClusterView>;
  /** @param name a show's id, or a shard's number. */
  explainShow(name: string): Promise<ShowPlace>;
  propose(request: OpsRequest): Promise<PlanStatus>;
  /** Begins to apply the plan, or resumes it. */
  apply(id: string): Promise<PlanStatus>;
  /** Asks whichever node applies the plan to leave it after the step under way. */
  stop(id: string): Promise<PlanStatus>;
  planStatus(id: string): Promise<PlanStatus>;
}

export interface ClusterOpsParts {
  readonly registry: Pick<Registry, 'read'>;
  readonly store: PlanStore;
  readonly runner: Pick<PlanRunner, 'apply'>;
  readonly shardOf: (showId: string) => number;
  /** Whether there is such a show. */
  readonly isShow: (showId: string) => Promise<boolean>;
  readonly log: { warn(fields: object, message: string): void };
}

export function createClusterOps({ registry, store, runner, shardOf, isShow, log }: ClusterOpsParts): ClusterOps {
  /** All that is not a refusal comes from the database. */
  const reached = <T>(work: Promise<T>): Promise<T> =>
    work.catch((error: unknown) => {
      if (error instanceof RefusedError) throw error;
      log.warn({ err: error }, 'ops could not be answered');
      const refused = new RefusedError({
        code: 'UNAVAILABLE',
        detail: 'The database did not answer. Ask again; what was asked may have been done.',
        retryAfter: 1,
      });
      refused.cause = error;
      throw refused;
    });

  const shardOfShow = async (showId: string): Promise<number> => {
    // Every text has a shard: without this a typing error would move somebody else's show.
    if (!isId('shw', showId) || !(await reached(isShow(showId)))) throw notFound(`There is no show ${showId}.`);
    return shardOf(showId);
  };

  const shardsOf = async ({ shows = [], shards = [] }: Named): Promise<number[]> => [
    ...new Set([...shards, ...(await Promise.all(shows.map(shardOfShow)))]),
  ];

  const planRequestOf = async (request: OpsRequest): Promise<PlanRequest> => {
    switch (request.kind) {
      case 'drain':
      case 'undrain':
        return { kind: request.kind, node: request.node };
      case 'move':
        return { kind: 'move', shards: await shardsOf(request), to: request.to };
      case 'pin':
        return { kind: 'pin', shards: await shardsOf(request), to: request.to, exclusive: request.exclusive };
      case 'unpin':
        return { kind: 'unpin', shards: await shardsOf(request) };
      case 'rebalance':
        return { kind: 'rebalance' };
    }
  };

  const planStatus = async (id: string): Promise<PlanStatus> => {
    const stored = await reached(store.read(id));
    if (stored === null) throw notFound(`There is no plan ${id}.`);
    return statusOf(stored, stored.applier === null ? null : await reached(registry.read()));
  };

  return {
    view: () => reached(registry.read()),
    async explainShow(name) {
      const isNumber = /^\d{1,4}$/.test(name) && Number(name) < SHARDS;
      const shard = isNumber ? Number(name) : await shardOfShow(name);
      const view = await reached(registry.read());
      const pin = view.pins.find((each) => each.shard === shard);
      return {
        showId: isNumber ? null : name,
        ...explain(view, shard),
        pin: pin === undefined ? null : { node: pin.node, exclusive: pin.exclusive },
      };
    },
    async propose(request) {
      const asked = await planRequestOf(request);
      const view = await reached(registry.read());
      return statusOf(await reached(store.propose(planOf(view, asked), baseOf(view))), null);
    },
    async apply(id) {
      await reached(runner.apply(id));
      return planStatus(id);
    },
    async stop(id) {
      const status = await planStatus(id);
      // One that nobody applies has stopped already.
      if (status.applier !== null) await reached(store.askStop(id));
      return status;
    },
    planStatus,
  };
}

function statusOf({ plan, ...stored }: StoredPlan, view: ClusterView | null): PlanStatus {
  const done = new Map(stored.done.map((each) => [each.shard, each]));
  const moves = plan.moves.map((move) => ({
    ...move,
    isDone: done.has(move.shard),
    pauseMs: done.get(move.shard)?.pauseMs ?? null,
  }));
  return {
    id: stored.id,
    state: stored.state,
    applier: view?.nodes.find(({ incarnation }) => incarnation === stored.applier)?.id ?? null,
    request: plan.request,
    changes: plan.changes,
    moves,
    load: plan.load,
    notes: plan.notes,
    progress: { done: done.size, total: moves.length },
    detail: stored.detail,
    createdAt: rfc3339(stored.createdAt),
    changedAt: rfc3339(stored.changedAt),
  };
}

function notFound(detail: string): RefusedError {
  return new RefusedError({ code: 'NOT_FOUND', detail });
}
