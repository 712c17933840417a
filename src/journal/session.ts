import type { ClientBase } from 'pg';

/** What connections that read the journal or keep snapshots are called in `pg_stat_activity`. */
export const JOURNAL_NAME = 'usher journal';

/** Server-side time limits of a session, ms. */
export interface SessionLimits {
  /** Waiting for one lock. */
  readonly lockMs: number;
  readonly statementMs: number;
  /** One transaction with all its waits for the client (from Postgres 17 on). */
  readonly transactionMs: number;
}

/** Postgres names the ones it lacks (an older version) by leaving them out. */
const APPLY = `
  select set_config(wanted.name, wanted.value, false)
  from json_each_text($1::json) as wanted (name, value)
  where exists (select from pg_settings where pg_settings.name = wanted.name)`;

/**
 * Readies a new connection for the journal: what it commits is on disk before it answers, a dead client's locks go
 * soon, and it is the primary. Rejects on a standby: recovering from one could miss committed turns.
 */
export async function openSession(client: ClientBase, limits: SessionLimits): Promise<void> {
  const settings = {
    synchronous_commit: 'on',
    default_transaction_isolation: 'read committed',
    lock_timeout: String(limits.lockMs),
    statement_timeout: String(limits.statementMs),
    transaction_timeout: String(limits.transactionMs),
    idle_in_transaction_session_timeout: String(limits.transactionMs),
    tcp_keepalives_idle: '5',
    tcp_keepalives_interval: '2',
    tcp_keepalives_count: '3',
    tcp_user_timeout: '10000',
    // The statements are few, named and simple: planning each call anew would only cost time.
    plan_cache_mode: 'force_generic_plan',
  };
  await client.query(APPLY, [JSON.stringify(settings)]);
  const { rows } = await client.query<{ standby: boolean }>('select pg_is_in_recovery() as standby');
  if (rows[0].standby) throw new Error('the database server is a standby; the journal needs the primary');
}
