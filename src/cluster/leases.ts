import { Client, type ClientBase, type ClientConfig, Pool } from 'pg';
import type { ShardLeases } from '../journal/journal.ts';
import { openSession, type SessionLimits } from '../journal/session.ts';
import type { Timers } from '../ports.ts';
import type { Log } from '../system/log.ts';
import { SHARDS } from './shards.ts';

/** Lease changes at the same time; more wait for a connection. */
const LEASE_CONNECTIONS = 4;
const LEASE_CONNECT_MS = 5_000;
/** How long a change of lease waits for appends under way before it ends the processes that hold it up. */
const TAKEOVER_PATIENCE_MS = 2_000;
/** When a change of lease gives up, on the server and, later, here. */
const LEASE_SESSION: SessionLimits = { lockMs: 15_000, statementMs: 15_000, transactionMs: 20_000 };
const LEASE_DEADLINE_MS = 20_000;

// Locked in the order of ids, as the lanes' fence is, so that the two never deadlock; and as strongly as an UPDATE
// locks anyway.
const ACQUIRE_ALL = `
  with taken as materialized (select id from shard order by id for no key update)
  update shard s set epoch = s.epoch + 1, owner = $1, acquired_at = now()
  from taken where s.id = taken.id
  returning s.id, s.epoch::text as epoch`;

const ADVANCE = `
  update shard set epoch = epoch + 1, acquired_at = now()
  where id = $1 and owner = $2 and epoch = $3 returning epoch::text as epoch`;

const READ = 'select epoch::text as epoch from shard where id = $1 and owner = $2';

const RELEASE_ALL = `
  with mine as materialized (select id from shard where owner = $1 order by id for no key update)
  update shard s set epoch = s.epoch + 1, owner = null, acquired_at = null
  from mine where s.id = mine.id`;

/** Ends the lanes' server processes that stand in the way of process `$1`; anybody else's are only told. */
const END_BLOCKERS = `
  select a.pid, b.owner, case when b.pid is not null then pg_terminate_backend(a.pid) else false end as ended
  from pg_stat_activity a
  left join lane_backend b on b.pid = a.pid and b.started_at = a.backend_start
  where a.pid = any(pg_blocking_pids($1))`;

export interface LeaseOptions {
  readonly connection: ClientConfig;
  /** Names this start of this process; never used again. */
  readonly owner: string;
  readonly timers: Timers;
  readonly log: Log;
}

/**
 * The lease rows of Postgres. Guarantee: once a method has told a new epoch, nothing under an older one of that shard
 * can land in the journal any more, and all that did land can be read. For that each change of epoch waits for the
 * appends under way (they hold the row FOR SHARE); appends that hang are ended with their server process.
 */
export class PostgresLeases implements ShardLeases {
  readonly #options: LeaseOptions;
  readonly #pool: Pool;
  readonly #epochs: (number | null)[] = new Array(SHARDS).fill(null);
  readonly #advancing = new Map<number, Promise<number | null>>();

  constructor(options: LeaseOptions) {
    this.#options = options;
    this.#pool = new Pool({
      ...options.connection,
      application_name: 'usher leases',
      max: LEASE_CONNECTIONS,
      keepAlive: true,
      connectionTimeoutMillis: LEASE_CONNECT_MS,
      query_timeout: LEASE_DEADLINE_MS,
      onConnect: (client) => openSession(client, LEASE_SESSION),
    });
    this.#pool.on('error', (error) => {
      if (!this.#pool.ending) options.log.warn({ reason: error.message }, 'leases: an idle connection was lost');
    });
  }

  get owner(): string {
    return this.#options.owner;
  }

  epochOf(shard: number): number | null {
    return this.#epochs[shard];
  }

  /** Takes every shard, whoever had it. Rejects, then owning nothing new, if that cannot be done in bounded time. */
  async acquireAll(): Promise<void> {
    const rows = await this.#change<{ id: number; epoch: string }>(ACQUIRE_ALL, [this.owner]);
    if (rows.length !== SHARDS) throw new Error(`the table of shards has ${rows.length} rows; it needs ${SHARDS}`);
    for (const row of rows) this.#epochs[row.id] = Number(row.epoch);
  }

  advance(shard: number): Promise<number | null> {
    // Calls at the same time share one change: each caller's lost append was sent under the epoch that it ends.
    const running = this.#advancing.get(shard);
    if (running !== undefined) return running;
    const change = this.#advance(shard).finally(() => this.#advancing.delete(shard));
    this.#advancing.set(shard, change);
    return change;
  }

  /**
   * Reads the shard's row again, after an append was fenced: the epoch, or null if the shard is no longer this node's.
   * Rejects when the database is out of reach.
   */
  async recheck(shard: number): Promise<number | null> {
    const { rows } = await this.#pool.query<{ epoch: string }>(READ, [shard, this.owner]);
    const known = this.#epochs[shard];
    if (rows.length === 0) this.#epochs[shard] = null;
    // Only this node moves the epoch of a shard it owns: a newer one is of its own advance whose answer was lost. An
    // older one was read before an advance that has ended since, or, when none is known, before a release.
    else if (known !== null) this.#epochs[shard] = Math.max(known, Number(rows[0].epoch));
    return this.#epochs[shard];
  }

  /** Gives every shard up: this node's appends are fenced from here on. */
  async release(): Promise<void> {
    this.#epochs.fill(null);
    await this.#change(RELEASE_ALL, [this.owner]);
  }

  /** Ends the connections; the leases stay as they are. */
  async close(): Promise<void> {
    await this.#pool.end();
  }

  async #advance(shard: number): Promise<number | null> {
    const known = this.#epochs[shard];
    if (known === null) return null;
    const rows = await this.#change<{ epoch: string }>(ADVANCE, [shard, this.owner, known]);
    if (rows.length === 0) return this.recheck(shard);
    // Released while the change was under way: then the row says so too.
    if (this.#epochs[shard] === null) return null;
    this.#epochs[shard] = Number(rows[0].epoch);
    return this.#epochs[shard];
  }

  /** Runs a change of lease; what holds it up longer than the patience is ended. */
  async #change<Row extends object>(text: string, values: unknown[]): Promise<Row[]> {
    const client = await this.#pool.connect();
    // The query tells of it; without a listener the loss of the connection would end the process.
    const ignore = (): void => {};
    client.on('error', ignore);
    let failed = true;
    try {
      const pid = await backendOf(client);
      const watch = this.#options.timers.every(TAKEOVER_PATIENCE_MS, () => void this.#endBlockers(pid));
      try {
        const { rows } = await client.query<Row>(text, values);
        failed = false;
        return rows;
      } finally {
        watch.cancel();
      }
    } finally {
      client.off('error', ignore);
      client.release(failed);
    }
  }

  /** On a connection of its own: those of the pool may all be waiting for the same. Never rejects. */
  async #endBlockers(pid: number): Promise<void> {
    const { connection, log } = this.#options;
    const client = new Client({
      ...connection,
      connectionTimeoutMillis: LEASE_CONNECT_MS,
      query_timeout: LEASE_CONNECT_MS,
    });
    client.on('error', (error) => log.warn({ err: error }, 'leases: the connection that ends blockers was lost'));
    try {
      await client.connect();
      const { rows } = await client.query<{ pid: number; owner: string | null; ended: boolean }>(END_BLOCKERS, [pid]);
      for (const row of rows) log.warn(row, 'leases: a change of lease was held up by a server process');
    } catch (error) {
      log.warn({ err: error }, 'leases: cannot look for what holds a change of lease up');
    } finally {
      await client.end().catch(() => {});
    }
  }
}

async function backendOf(client: ClientBase): Promise<number> {
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
  return rows[0].pid;
}
