import type { Pool, QueryConfig } from 'pg';
import { newId } from '../../ids.ts';
import type { Random } from '../../ports.ts';
import type { ClusterView, NodeState, Pin } from '../view.ts';
import type { Plan } from './plans.ts';

/**
 *     proposed ──claim──► applying ──end──► applied
 *                          │    ▲  └──────► failed
 *                    leave │    │ claim
 *                          └────┘ (nobody applies it, until it is resumed)
 */
export type PlanState = 'proposed' | 'applying' | 'applied' | 'failed';

/** A move that is over. */
export interface MoveDone {
  readonly shard: number;
  /** How long requests to the shard waited, ms; null when there was no hand-off or its end was not noted. */
  readonly pauseMs: number | null;
}

/** What the cluster was like when the plan was made, as far as resuming it has to know. */
export interface PlanBase {
  readonly nodes: readonly { readonly id: string; readonly state: NodeState; readonly weight: number }[];
  readonly pins: readonly Pin[];
}

/** A plan of ops, and what became of it so far. */
export interface StoredPlan {
  readonly id: string;
  readonly state: PlanState;
  readonly plan: Plan;
  readonly base: PlanBase;
  readonly done: readonly MoveDone[];
  /** Why it failed or was left, in words. */
  readonly detail: string | null;
  /** The incarnation that applies it now, or null. */
  readonly applier: string | null;
  /** Its applier is to leave it after the step under way. */
  readonly isStopAsked: boolean;
  /** The store's clock, ms since the epoch. */
  readonly createdAt: number;
  readonly changedAt: number;
}

/** Plans are kept this long at least: the newest so many. Those that somebody is applying stay besides. */
export const PLANS_KEPT = 200;

/**
 * Keeps plans, and sees to it that at most one of them is being applied at a time, by one incarnation. Every method
 * rejects within a bounded time when the store is out of reach; what was asked may then have been done.
 */
export interface PlanStore {
  /** Keeps a new plan as `proposed`. */
  propose(plan: Plan, base: PlanBase): Promise<StoredPlan>;
  read(id: string): Promise<StoredPlan | null>;
  /** The plan that is being applied, if any. */
  current(): Promise<{ readonly id: string; readonly applier: string } | null>;
  /** Makes `by` the applier of a plan that is `proposed`, or `applying` by nobody. @returns false if it, or another, is applied. */
  claim(id: string, by: string): Promise<boolean>;
  /** Notes the moves that are over. @returns null if `by` does not apply the plan (any more): then nothing was noted. */
  note(id: string, by: string, done: readonly MoveDone[]): Promise<{ readonly isStopAsked: boolean } | null>;
  /** The plan is over. @returns whether `by` applied it. */
  end(id: string, by: string, state: 'applied' | 'failed', detail: string | null): Promise<boolean>;
  /** `by` (perhaps dead) no longer applies the plan, which stays `applying`. @returns whether it did. */
  leave(id: string, by: string, detail: string): Promise<boolean>;
  /** Asks the applier to leave the plan after the step under way. @returns whether somebody applies it. */
  askStop(id: string): Promise<boolean>;
}

export function baseOf(view: ClusterView): PlanBase {
  return { nodes: view.nodes.map(({ id, state, weight }) => ({ id, state, weight })), pins: view.pins };
}

/** A statement without an answer for so long counts as failed, and its connection is given up. */
const STATEMENT_LIMIT_MS = 5_000;
const UNIQUE_VIOLATION = '23505';

const COLUMNS = `id, state, plan, base, done, detail, applier, stop_asked,
  (extract(epoch from created_at) * 1000)::float8 as created_at, (extract(epoch from changed_at) * 1000)::float8 as changed_at`;

const PROPOSE = `
with old as (
  select id from cluster_plan where applier is null order by created_at desc, id desc offset $4
), forgotten as (
  delete from cluster_plan where id in (select id from old)
)
insert into cluster_plan (id, state, plan, base, done) values ($1, 'proposed', $2, $3, '[]')
returning ${COLUMNS}`;

const READ = `select ${COLUMNS} from cluster_plan where id = $1`;

const CURRENT = 'select id, applier from cluster_plan where applier is not null';

// A unique index lets one row have an applier.
const CLAIM = `
update cluster_plan set state = 'applying', applier = $2, stop_asked = false, detail = null, changed_at = now()
where id = $1 and state in ('proposed', 'applying') and applier is null`;

const NOTE = `
update cluster_plan set done = $3, changed_at = now() where id = $1 and applier = $2 returning stop_asked`;

const END = `
update cluster_plan set state = $3, detail = $4, applier = null, stop_asked = false, changed_at = now()
where id = $1 and applier = $2`;

const ASK_STOP = 'update cluster_plan set stop_asked = true where id = $1 and applier is not null';

interface Row {
  id: string;
  state: PlanState;
  plan: Plan;
  base: PlanBase;
  done: MoveDone[];
  detail: string | null;
  applier: string | null;
  stop_asked: boolean;
  created_at: number;
  changed_at: number;
}

function fromRow(row: Row): StoredPlan {
  const { stop_asked: isStopAsked, created_at: createdAt, changed_at: changedAt, ...rest } = row;
  return { ...rest, isStopAsked, createdAt: Math.round(createdAt), changedAt: Math.round(changedAt) };
}

/** The plans in the table `cluster_plan`. The pool, which has to limit the wait for a connection, stays its maker's to end. */
export class PostgresPlanStore implements PlanStore {
  readonly #pool: Pool;
  readonly #random: Random;
  readonly #limitMs: number;

  constructor(pool: Pool, random: Random, limitMs = STATEMENT_LIMIT_MS) {
    this.#pool = pool;
    this.#random = random;
    this.#limitMs = limitMs;
  }

  async propose(plan: Plan, base: PlanBase): Promise<StoredPlan> {
    const values = [newId('cpl', this.#random), JSON.stringify(plan), JSON.stringify(base), PLANS_KEPT - 1];
    return fromRow((await this.#query(PROPOSE, values)).rows[0] as Row);
  }

  async read(id: string): Promise<StoredPlan | null> {
    const row = (await this.#query(READ, [id])).rows[0] as Row | undefined;
    return row === undefined ? null : fromRow(row);
  }

  async current(): Promise<{ id: string; applier: string } | null> {
    return ((await this.#query(CURRENT, [])).rows[0] as { id: string; applier: string } | undefined) ?? null;
  }

  async claim(id: string, by: string): Promise<boolean> {
    try {
      return (await this.#query(CLAIM, [id, by])).rowCount === 1;
    } catch (error) {
      if ((error as { code?: unknown }).code === UNIQUE_VIOLATION) return false;
      throw error;
    }
  }

  async note(id: string, by: string, done: readonly MoveDone[]): Promise<{ isStopAsked: boolean } | null> {
    const row = (await this.#query(NOTE, [id, by, JSON.stringify(done)])).rows[0] as
      | { stop_asked: boolean }
      | undefined;
    return row === undefined ? null : { isStopAsked: row.stop_asked };
  }

  async end(id: string, by: string, state: 'applied' | 'failed', detail: string | null): Promise<boolean> {
    return (await this.#query(END, [id, by, state, detail])).rowCount === 1;
  }

  async leave(id: string, by: string, detail: string): Promise<boolean> {
    return (await this.#query(END, [id, by, 'applying', detail])).rowCount === 1;
  }

  async askStop(id: string): Promise<boolean> {
    return (await this.#query(ASK_STOP, [id])).rowCount === 1;
  }

  #query(text: string, values: unknown[]) {
    // `query_timeout` is read for each query, but missing in the types of a query's settings.
    const query: QueryConfig & { query_timeout: number } = { text, values, query_timeout: this.#limitMs };
    return this.#pool.query(query);
  }
}
