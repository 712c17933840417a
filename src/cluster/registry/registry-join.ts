import type { ClientConfig } from 'pg';
import { StartError } from '../../errors.ts';
import type { SessionLimits } from '../../journal/session.ts';
import type { Timers } from '../../ports.ts';
import { IS_ALIVE, IS_EXPIRED, IS_GONE, IS_OF_THIS_SERVER } from './node-conditions.ts';
import { LEASE_MS, type NodeSelf } from './registry.ts';
import { type Query, RegistrySession } from './registry-session.ts';

/** How long a start waits for what stands in its way: a little longer than a lease lasts, and a stop takes. */
const JOIN_PATIENCE_MS = LEASE_MS + 1_500;
const JOIN_POLL_MS = 100;
/** When one look gives up, on the server and, later, here. */
const JOIN_LIMITS: SessionLimits = { lockMs: 2_000, statementMs: 3_000, transactionMs: 4_000 };
const JOIN_DEADLINE_MS = 5_000;
/** How long the row of a start that has ended is kept, for people to look at. */
const ENDED_ROWS_KEPT = '1 day';

/**
 * One start after another. (`usher` and `node` in four letters each; versions that knew of one node only hold the same
 * lock for as long as they run, so that no cluster grows beside one.)
 */
const LOCK = { text: 'select pg_try_advisory_xact_lock(1970497650, 1852793957)' };
const BEGIN = { text: 'begin' };
const COMMIT = { text: 'commit' };

/** The format is not raised until whoever enters has. */
export const FORMAT_HELD = { text: 'select format from cluster for share' };

/** Stands in the way of a node of the id `$1` with the transport `$2` that starts as `$3`. */
const IS_IN_THE_WAY = `n.incarnation <> $3 and ${IS_ALIVE} and (n.id = $1 or n.transport = 'local' or $2 = 'local')`;

/**
 * A node that starts again knows of its earlier start that it has ended when its session has, even with the server. Rows
 * are locked in the order in which those who declare nodes dead lock them.
 */
const BURY = {
  text: `
    with dying as materialized (
      select n.incarnation, ${IS_EXPIRED} as is_expired
      from node n
      where ${IS_IN_THE_WAY} and (${IS_EXPIRED} or (${IS_GONE} and (n.id = $1 or ${IS_OF_THIS_SERVER})))
      order by n.incarnation
      for no key update of n
    )
    update node n
    set state = 'dead', reason = case when dying.is_expired then 'was not heard of' else 'its session ended' end
    from dying where n.incarnation = dying.incarnation
    returning n.incarnation`,
};

const IN_THE_WAY = {
  text: `
    select n.id, n.pid, case when a.backend_start is not null then coalesce(host(a.client_addr), 'this machine') end,
      n.transport = 'local' or $2 = 'local'
    from node n left join pg_stat_activity a on a.pid = n.session_pid and a.backend_start = n.session_started_at
    where ${IS_IN_THE_WAY}
    order by n.joined_at limit 1`,
};

/** Asked again after a lost answer, it enters nothing twice. */
const ENTER = {
  text: `
    insert into node as n (
      incarnation, id, state, pid, url, admin_url, transport, format, weight, session_pid, session_started_at,
      joined_at, heartbeat_at, is_linked, load
    )
    values (
      $1, $2, 'up', $3, $4, $5, $6, $7, $8, $9, $10, clock_timestamp(), clock_timestamp(), true,
      '{"perSecond": 0, "inbox": 0, "awake": 0, "lagMs": 0, "hot": []}'
    )
    on conflict (incarnation) do update set heartbeat_at = clock_timestamp() where ${IS_ALIVE}
    returning n.incarnation`,
};

const FORGET_ENDED = {
  text: `
    delete from node n
    where n.state in ('left', 'dead') and n.heartbeat_at < clock_timestamp() - interval '${ENDED_ROWS_KEPT}'
      and not exists (select from shard s where s.owner = n.incarnation)`,
};

/** A session at the database, as others see it. */
export interface SessionIdentity {
  readonly pid: number;
  /** As the database writes it: exact to the microsecond. */
  readonly startedAt: string;
}

export interface JoinOptions {
  readonly connection: ClientConfig;
  readonly timers: Timers;
  /** Of the session whose end tells that the node has ended. */
  readonly identity: () => Promise<SessionIdentity>;
}

interface Look {
  /** Who stands in the way, in words; null: entered. */
  readonly refusal: string | null;
  /** Incarnations that were declared dead. */
  readonly buried: readonly string[];
}

/**
 * Enters a node as `up`, once nothing stands in its way: {@link file://./registry.ts}'s `join`. The look and the entry
 * are one transaction, and only one node at a time looks. Throws StartError.
 * @returns the incarnations that it declared dead, whose sessions may still be there.
 */
export async function enterNode(options: JoinOptions, self: NodeSelf): Promise<string[]> {
  const { connection, timers } = options;
  const limits = { name: 'usher start', deadlineMs: JOIN_DEADLINE_MS, limits: JOIN_LIMITS };
  const session = new RegistrySession({ connection, timers, ...limits });
  const buried: string[] = [];
  try {
    for (let waited = 0; ; waited += JOIN_POLL_MS) {
      const identity = await options.identity();
      const look = await session.use((query) => lookAndEnter(query, self, identity));
      buried.push(...look.buried);
      if (look.refusal === null) return buried;
      if (waited >= JOIN_PATIENCE_MS) throw new StartError(look.refusal);
      await new Promise<void>((resolve) => timers.after(JOIN_POLL_MS, resolve));
    }
  } finally {
    await session.close();
  }
}

async function lookAndEnter(query: Query, self: NodeSelf, session: SessionIdentity): Promise<Look> {
  const { incarnation, id, pid, url, adminUrl, transport, format, weight } = self;
  await query(BEGIN);
  const [[isLocked]] = await query<[boolean]>(LOCK);
  if (!isLocked) {
    await query(COMMIT);
    return { refusal: LOCKED, buried: [] };
  }
  const [[raised]] = await query<[number]>(FORMAT_HELD);
  if (format < raised) throw new StartError(tooOld(format, raised));
  const way = [id, transport, incarnation];
  const buried = await query<[string]>(BURY, way);
  const others = await query<Other>(IN_THE_WAY, way);
  if (others.length === 0) {
    const row = [incarnation, id, pid, url, adminUrl, transport, format, weight, session.pid, session.startedAt];
    const entered = await query(ENTER, row);
    if (entered.length === 0) throw new Error(`the start ${incarnation} has ended already; it cannot enter again`);
    await query(FORGET_ENDED);
  }
  await query(COMMIT);
  return {
    refusal: others.length === 0 ? null : refusalBy(others[0]),
    buried: buried.map(([each]) => each),
  };
}

type Other = [id: string, pid: number, address: string | null, isForLocal: boolean];

const LOCKED =
  'Another node is starting on the database and does not come to an end, or a node of an older version runs on it. ' +
  'Stop it first.';

/** Said also by the registry in memory. */
export function tooOld(format: number, raised: number): string {
  return (
    `The database has been raised to format ${raised}, and this node reads formats up to ${format} only. ` +
    `Start a version that reads format ${raised}, without a lower USHER_FORMAT.`
  );
}

function refusalBy([id, pid, address, isForLocal]: Other): string {
  const who = `${id}, process ${pid}${address === null ? '' : ` at ${address}`}`;
  if (isForLocal) {
    return `The database is in use by another node (${who}). Stop it first, or give all nodes the same NATS_URL.`;
  }
  return `Another node of the same name runs (${who}). Stop it first, or give each node a name of its own by USHER_NODE.`;
}
