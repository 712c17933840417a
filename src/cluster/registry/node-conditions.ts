import { LEASE_MS } from './registry.ts';

/** Conditions on a row `n` of the table of nodes, as SQL. */

/** Its incarnation may hold leases. */
export const IS_ALIVE = `n.state in ('up', 'draining', 'leaving')`;

export const IS_EXPIRED = `n.heartbeat_at < clock_timestamp() - interval '${LEASE_MS} milliseconds'`;

/**
 * Its session at the database is gone. Not trusted of a node that was heard of after the statement began: the list of
 * sessions may be older than that. (`backend_start` is hidden from a role that may not see it; then the pid must do.)
 */
export const IS_GONE = `(
  n.heartbeat_at < statement_timestamp()
  and not exists (
    select from pg_stat_activity a
    where a.pid = n.session_pid and coalesce(a.backend_start, n.session_started_at) = n.session_started_at
  )
)`;

/**
 * Its session has begun since the server did. One from before ended with the server, which says nothing of its node.
 * (A server that recovers from the crash of one of its processes starts its own anew, the checkpointer among them.)
 */
export const IS_OF_THIS_SERVER = `n.session_started_at > greatest(
  pg_postmaster_start_time(),
  (select max(a.backend_start) from pg_stat_activity a where a.backend_type = 'checkpointer')
)`;

/**
 * Ends the sessions of the incarnations `$1`: their lanes and their registry session, except one that a living
 * incarnation of the same process uses by now.
 */
export const END_SESSIONS = {
  name: 'end-sessions',
  text: `
    select a.pid, pg_terminate_backend(a.pid)
    from pg_stat_activity a
    join (
      select pid, started_at from lane_backend where owner = any($1::text[])
      union
      select session_pid, session_started_at from node where incarnation = any($1::text[]) and state = 'dead'
      except
      select n.session_pid, n.session_started_at from node n where ${IS_ALIVE}
    ) as s (pid, started_at) on s.pid = a.pid and s.started_at = a.backend_start
    where a.pid <> pg_backend_pid()`,
};
