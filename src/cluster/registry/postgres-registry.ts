import type { ClientConfig } from 'pg';
import { JOURNAL_NAME, type SessionLimits } from '../../journal/session.ts';
import type { Timers } from '../../ports.ts';
import type { Log } from '../../system/log.ts';
import type { ClusterView, NodeState, Pin } from '../view.ts';
import { END_SESSIONS, IS_ALIVE, IS_EXPIRED, IS_GONE, IS_OF_THIS_SERVER } from './node-conditions.ts';
import type { DeathCause, NodeReport, NodeSelf, Registry, ShardEpoch } from './registry.ts';
import { raiseFormat } from './registry-format.ts';
import { enterNode } from './registry-join.ts';
import { type Query, RegistrySession } from './registry-session.ts';
import { LEASES_NAME, ShardChanges } from './shard-changes.ts';
import { BEAT, type BeatColumns, READ, type ViewColumns, viewOf } from './view-statements.ts';

/** How long a heartbeat, and what else must be quick, waits for its answer: three fit into a lease. */
const SESSION_DEADLINE_MS = 1_000;
/** The server gives up before. */
const SESSION_LIMITS: SessionLimits = { lockMs: 700, statementMs: 800, transactionMs: 2_000 };

const IDENTITY = {
  name: 'identity',
  text: 'select pid, backend_start::text from pg_stat_get_activity(pg_backend_pid())',
};

/** Several nodes declare the same ones at the same time: all lock them in one order. */
const DECLARE_DEAD = {
  name: 'declare-dead',
  text: `
    with dying as materialized (
      select n.incarnation, c.cause
      from node n join unnest($1::text[], $2::text[]) as c (incarnation, cause) on n.incarnation = c.incarnation
      where ${IS_ALIVE} and (
        (c.cause = 'expired' and ${IS_EXPIRED})
        or (c.cause = 'gone' and ${IS_GONE} and ${IS_OF_THIS_SERVER})
      )
      order by n.incarnation
      for no key update of n
    )
    update node n
    set state = 'dead', reason = case dying.cause when 'expired' then 'was not heard of' else 'its session ended' end
    from dying where n.incarnation = dying.incarnation
    returning n.incarnation`,
};

/** What has ended stays so. */
const SET_STATE = {
  name: 'set-state',
  text: `
    update node n set state = $3, reason = $4
    where n.incarnation = $1 and n.state = any($2::text[]) and ${IS_ALIVE}
    returning n.incarnation`,
};

/**
 * Ends what of ours stands in the way of process `$1`: lanes, and whoever else of ours locks rows of shards (changes of
 * leases, snapshots) but waits for a client that says nothing more. Anybody else's are only told.
 */
const END_BLOCKERS = {
  name: 'end-blockers',
  text: `
    select a.pid, b.owner, a.application_name, case
      when b.pid is not null
        or (a.application_name in ('${LEASES_NAME}', '${JOURNAL_NAME}') and a.wait_event_type = 'Client')
      then pg_terminate_backend(a.pid)
      else false
    end
    from pg_stat_activity a
    left join lane_backend b on b.pid = a.pid and b.started_at = a.backend_start
    where a.pid = any(pg_blocking_pids($1))`,
};

const NEVER: Promise<ClusterView> = new Promise<never>(() => {});

export interface PostgresRegistryOptions {
  readonly connection: ClientConfig;
  readonly timers: Timers;
  readonly log: Log;
}

/**
 * The registry on Postgres. What must be quick, heartbeats above all, has a connection of its own, on which nothing waits
 * for appends; its end tells the others that this process has ended. Those who only read have another, and share what they
 * read: however many operators look, no heartbeat waits for them. Needs direct connections or a session pooler.
 */
export class PostgresRegistry implements Registry {
  readonly #options: PostgresRegistryOptions;
  readonly #session: RegistrySession;
  readonly #reads: RegistrySession;
  /** While it is open it has not begun: whoever asks meanwhile gets what it will read. */
  #lastRead = { isOpen: false, view: NEVER };
  readonly #shards: ShardChanges;

  constructor(options: PostgresRegistryOptions) {
    this.#options = options;
    const { connection, timers, log } = options;
    const shared = { connection, deadlineMs: SESSION_DEADLINE_MS, limits: SESSION_LIMITS, timers };
    this.#session = new RegistrySession({
      ...shared,
      name: 'usher node',
      onHung: () => {
        this.#shards.distrust();
        this.#reads.distrust();
      },
    });
    this.#reads = new RegistrySession({ ...shared, name: 'usher reads' });
    this.#shards = new ShardChanges({ connection, timers, log, endBlockers: (pid) => this.#endBlockers(pid) });
  }

  async join(self: NodeSelf): Promise<void> {
    const { connection, timers } = this.#options;
    const identity = async () => {
      const [[pid, startedAt]] = await this.#session.query<[number, string]>(IDENTITY);
      return { pid, startedAt };
    };
    const buried = await enterNode({ connection, timers, identity }, self);
    if (buried.length > 0) await this.#session.use((query) => this.#endSessions(query, buried));
  }

  async beat(incarnation: string, report: NodeReport): Promise<{ state: NodeState | null; view: ClusterView }> {
    const values = [incarnation, report.isLinked, report.stalledMs, JSON.stringify(report.load)];
    const [[state, ...view]] = await this.#session.query<BeatColumns>(BEAT, values);
    return { state, view: viewOf(view) };
  }

  async read(): Promise<ClusterView> {
    if (this.#lastRead.isOpen) return this.#lastRead.view;
    const close = (): void => {
      shared.isOpen = false;
    };
    const shared = { isOpen: true, view: NEVER };
    this.#lastRead = shared;
    shared.view = this.#reads
      .use((query) => {
        close();
        return query<ViewColumns>(READ);
      })
      .then(([view]) => viewOf(view))
      .finally(close);
    return shared.view;
  }

  async declareDead(nodes: readonly { readonly incarnation: string; readonly cause: DeathCause }[]): Promise<string[]> {
    if (nodes.length === 0) return [];
    const values = [nodes.map(({ incarnation }) => incarnation), nodes.map(({ cause }) => cause)];
    return this.#session.use(async (query) => {
      const dead = (await query<[string]>(DECLARE_DEAD, values)).map(([incarnation]) => incarnation);
      if (dead.length > 0) await this.#endSessions(query, dead);
      return dead;
    });
  }

  async setState(
    incarnation: string,
    from: readonly NodeState[],
    to: NodeState,
    reason: string | null,
  ): Promise<boolean> {
    const rows = await this.#session.query(SET_STATE, [incarnation, from, to, reason]);
    return rows.length > 0;
  }

  acquire(incarnation: string, shards: readonly ShardEpoch[]): Promise<ShardEpoch[]> {
    return this.#shards.acquire(incarnation, shards);
  }

  advance(incarnation: string, shard: number, epoch: number): Promise<number | null> {
    return this.#shards.advance(incarnation, shard, epoch);
  }

  release(
    incarnation: string,
    shards: readonly (ShardEpoch & { readonly closedMsAgo: number })[],
  ): Promise<ShardEpoch[]> {
    return this.#shards.release(incarnation, shards);
  }

  ready(incarnation: string, shards: readonly ShardEpoch[]): Promise<number[]> {
    return this.#shards.ready(incarnation, shards);
  }

  pauses(shards: readonly number[]): Promise<(number | null)[]> {
    return this.#shards.pauses(shards);
  }

  raiseFormat(format: number): Promise<number> {
    return raiseFormat(this.#options, format);
  }

  setPins(pins: readonly (Pin | { readonly shard: number; readonly node: null })[]): Promise<void> {
    return this.#shards.setPins(pins);
  }

  async close(): Promise<void> {
    await Promise.all([this.#session.close(), this.#reads.close(), this.#shards.close()]);
  }

  /** Never rejects: that they are dead is said already, and whoever takes their shards ends what is in the way. */
  async #endSessions(query: Query, incarnations: readonly string[]): Promise<void> {
    const { log } = this.#options;
    try {
      const ended = await query<[number, boolean]>(END_SESSIONS, [incarnations]);
      log.warn({ incarnations, pids: ended.map(([pid]) => pid) }, 'nodes were declared dead, and their sessions ended');
    } catch (error) {
      log.warn({ err: error, incarnations }, 'nodes were declared dead; their sessions could not be ended');
    }
  }

  async #endBlockers(pid: number): Promise<void> {
    const { log } = this.#options;
    try {
      const rows = await this.#session.query<[number, string | null, string, boolean]>(END_BLOCKERS, [pid]);
      for (const [blocker, owner, application, ended] of rows) {
        log.warn({ pid: blocker, owner, application, ended }, 'a change of lease was held up by a server process');
      }
    } catch (error) {
      log.warn({ err: error }, 'cannot look for what holds a change of lease up');
    }
  }
}
