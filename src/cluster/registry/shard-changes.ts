import { type ClientConfig, DatabaseError } from 'pg';
import type { SessionLimits } from '../../journal/session.ts';
import type { Timers } from '../../ports.ts';
import type { Log } from '../../system/log.ts';
import type { Pin } from '../view.ts';
import { IS_ALIVE } from './node-conditions.ts';
import type { ShardEpoch } from './registry.ts';
import { type Query, RegistrySession, type Statement } from './registry-session.ts';

/** What these connections are called in `pg_stat_activity`. */
export const LEASES_NAME = 'usher leases';
/** Changes at the same time; more wait for a connection. */
const CONNECTIONS = 4;
/** When a change gives up, on the server and, later, here. */
const LIMITS: SessionLimits = { lockMs: 6_000, statementMs: 7_000, transactionMs: 7_000 };
const DEADLINE_MS = 8_000;
/** How long a new epoch waits for appends under way before it ends the processes that hold it up. */
const PATIENCE_MS = 500;
/** How long taking shards waits for the row of any one of them; then it takes the others. Ours have been ended by then. */
const TAKING_PATIENCE_MS = 750;

const LOCK_NOT_AVAILABLE = '55P03';

/** Which server process it is; from now on it waits `$1` ms for a lock. */
const BACKEND: Statement = {
  name: 'backend',
  text: `select pg_backend_pid(), set_config('lock_timeout', $1, false)`,
};

const OWNER_IS_NOT_ALIVE = `not exists (select from node n where n.incarnation = s.owner and ${IS_ALIVE})`;

/** Ends the lanes of those owners of the shards `$2` that are not alive; `$1` is the caller. */
const END_LANES: Statement = {
  name: 'end-lanes',
  text: `
    select a.pid, pg_terminate_backend(a.pid)
    from lane_backend b
    join pg_stat_activity a on a.pid = b.pid and a.backend_start = b.started_at
    where b.owner in (select s.owner from shard s where s.id = any($2::int2[]) and s.owner <> $1 and ${OWNER_IS_NOT_ALIVE})`,
};

/**
 * Locked in the order of ids, as the lanes' fence is, so that the two never deadlock; and as strongly as an UPDATE locks
 * anyway. A row that another changed meanwhile is looked at anew once it is locked. A caller that is declared dead
 * meanwhile may still take some: as a dead node's, they are free for the next.
 *
 * A hand-off goes on until the shard answers again, whoever takes it; one that is over is not this owner's.
 */
const acquireStatement = (name: string, orElse: '' | 'skip locked'): Statement => ({
  name,
  text: `
    with taken as materialized (
      select s.id
      from shard s join unnest($2::int2[], $3::int8[]) as a (id, epoch) on a.id = s.id and a.epoch = s.epoch
      where exists (select from node n where n.incarnation = $1 and ${IS_ALIVE})
        and (s.owner is null or s.owner = $1 or ${OWNER_IS_NOT_ALIVE})
      order by s.id
      for no key update of s ${orElse}
    )
    update shard s
    set epoch = s.epoch + 1, owner = $1, acquired_at = clock_timestamp(),
      closed_at = case when s.ready_at is null or s.owner = $1 then s.closed_at end,
      ready_at = case when s.owner = $1 then s.ready_at end
    from taken where s.id = taken.id
    returning s.id, s.epoch::float8`,
});

const ACQUIRE = acquireStatement('acquire', '');
/** A row that somebody has locked is as if it had not been asked for. */
const ACQUIRE_UNLOCKED = acquireStatement('acquire-unlocked', 'skip locked');

const ADVANCE: Statement = {
  name: 'advance',
  text: `
    update shard set epoch = epoch + 1, acquired_at = clock_timestamp()
    where id = $2 and owner = $1 and epoch = $3
    returning epoch::float8`,
};

/** `closed_ms_ago` was true when it was asked, not when the rows could be locked. */
const RELEASE: Statement = {
  name: 'release',
  text: `
    with given as materialized (
      select s.id, a.closed_ms_ago
      from shard s
      join unnest($2::int2[], $3::int8[], $4::float8[]) as a (id, epoch, closed_ms_ago)
        on a.id = s.id and a.epoch = s.epoch
      where s.owner = $1
      order by s.id
      for no key update of s
    )
    update shard s
    set epoch = s.epoch + 1, owner = null, acquired_at = null, ready_at = null,
      closed_at = statement_timestamp() - make_interval(secs => given.closed_ms_ago / 1000)
    from given where s.id = given.id
    returning s.id, s.epoch::float8`,
};

/** Ms from when to when a hand-off lasted. */
const PAUSE = 'round(extract(epoch from s.ready_at - s.closed_at) * 1000)::float8';

const READY: Statement = {
  name: 'ready',
  text: `
    with answering as materialized (
      select s.id
      from shard s join unnest($2::int2[], $3::int8[]) as a (id, epoch) on a.id = s.id and a.epoch = s.epoch
      where s.owner = $1 and s.closed_at is not null and s.ready_at is null
      order by s.id
      for no key update of s
    )
    update shard s set ready_at = clock_timestamp() from answering where s.id = answering.id
    returning ${PAUSE}`,
};

const PAUSES: Statement = {
  name: 'pauses',
  text: `
    select ${PAUSE}
    from unnest($1::int2[]) with ordinality as a (id, place) left join shard s on s.id = a.id
    order by a.place`,
};

const SET_PINS: Statement = {
  name: 'set-pins',
  text: `
    with pinned as materialized (
      select s.id, p.node, p.exclusive
      from shard s join unnest($1::int2[], $2::text[], $3::boolean[]) as p (id, node, exclusive) on p.id = s.id
      order by s.id
      for no key update of s
    )
    update shard s set pin = pinned.node, pin_exclusive = pinned.exclusive from pinned where s.id = pinned.id`,
};

export interface ShardChangesOptions {
  readonly connection: ClientConfig;
  readonly timers: Timers;
  readonly log: Log;
  /** Ends what stands in the way of this server process. Never rejects. */
  readonly endBlockers: (pid: number) => Promise<void>;
}

/**
 * Changes of the rows of shards. Guarantee: once a method has told a new epoch, nothing under an older one of that shard
 * can land in the journal any more, and all that did land can be read. For that each change of epoch waits for the
 * appends under way (they hold the row FOR SHARE); appends that hang are ended with their server process. A row that a
 * stranger locks keeps no other shard from being taken.
 */
export class ShardChanges {
  readonly #options: ShardChangesOptions;
  readonly #sessions: readonly RegistrySession[];

  constructor(options: ShardChangesOptions) {
    this.#options = options;
    const { connection, timers } = options;
    this.#sessions = Array.from(
      { length: CONNECTIONS },
      () => new RegistrySession({ connection, name: LEASES_NAME, deadlineMs: DEADLINE_MS, limits: LIMITS, timers }),
    );
  }

  async acquire(incarnation: string, shards: readonly ShardEpoch[]): Promise<ShardEpoch[]> {
    if (shards.length === 0) return [];
    const values = [incarnation, shards.map(({ shard }) => shard), shards.map(({ epoch }) => epoch)];
    const rows = await this.#session().use(async (query) => {
      await this.#endLanes(query, values.slice(0, 2));
      try {
        return await this.#change<[number, number]>(query, ACQUIRE, values, TAKING_PATIENCE_MS);
      } catch (error) {
        if (!(error instanceof DatabaseError) || error.code !== LOCK_NOT_AVAILABLE) throw error;
        const taken = await query<[number, number]>(ACQUIRE_UNLOCKED, values);
        const figures = { asked: shards.length, taken: taken.length };
        this.#options.log.warn(figures, 'shards whose rows somebody holds locked were not taken');
        return taken;
      }
    });
    return rows.map(([shard, epoch]) => ({ shard, epoch }));
  }

  async advance(incarnation: string, shard: number, epoch: number): Promise<number | null> {
    const rows = await this.#session().use((query) =>
      this.#change<[number]>(query, ADVANCE, [incarnation, shard, epoch]),
    );
    return rows.length === 0 ? null : rows[0][0];
  }

  async release(
    incarnation: string,
    shards: readonly (ShardEpoch & { readonly closedMsAgo: number })[],
  ): Promise<ShardEpoch[]> {
    if (shards.length === 0) return [];
    const rows = await this.#session().use((query) =>
      this.#change<[number, number]>(query, RELEASE, [
        incarnation,
        shards.map(({ shard }) => shard),
        shards.map(({ epoch }) => epoch),
        shards.map(({ closedMsAgo }) => closedMsAgo),
      ]),
    );
    return rows.map(([shard, epoch]) => ({ shard, epoch }));
  }

  async ready(incarnation: string, shards: readonly ShardEpoch[]): Promise<number[]> {
    if (shards.length === 0) return [];
    const values = [incarnation, shards.map(({ shard }) => shard), shards.map(({ epoch }) => epoch)];
    const rows = await this.#session().use((query) => this.#change<[number]>(query, READY, values));
    return rows.map(([pause]) => pause);
  }

  async pauses(shards: readonly number[]): Promise<(number | null)[]> {
    if (shards.length === 0) return [];
    const rows = await this.#session().query<[number | null]>(PAUSES, [shards]);
    return rows.map(([pause]) => pause);
  }

  async setPins(pins: readonly (Pin | { readonly shard: number; readonly node: null })[]): Promise<void> {
    if (pins.length === 0) return;
    const values = [
      pins.map(({ shard }) => shard),
      pins.map(({ node }) => node),
      pins.map((pin) => pin.node !== null && pin.exclusive),
    ];
    await this.#session().use((query) => this.#change(query, SET_PINS, values));
  }

  /** Another connection hung: those at rest are suspect. */
  distrust(): void {
    for (const session of this.#sessions) session.distrust();
  }

  async close(): Promise<void> {
    await Promise.all(this.#sessions.map((session) => session.close()));
  }

  #session(): RegistrySession {
    return this.#sessions.reduce((least, session) => (session.load < least.load ? session : least));
  }

  /** Changes rows of shards; what of ours holds it up longer than the patience is ended. */
  async #change<Row extends unknown[]>(
    query: Query,
    statement: Statement,
    values: unknown[],
    lockMs = LIMITS.lockMs,
  ): Promise<Row[]> {
    const [[pid]] = await query<[number]>(BACKEND, [String(lockMs)]);
    const watch = this.#options.timers.every(PATIENCE_MS, () => void this.#options.endBlockers(pid));
    try {
      return await query<Row>(statement, values);
    } finally {
      watch.cancel();
    }
  }

  /** Only to be quick: the change would wait for them, and end those that hang. */
  async #endLanes(query: Query, values: unknown[]): Promise<void> {
    try {
      const ended = await query<[number, boolean]>(END_LANES, values);
      if (ended.length > 0)
        this.#options.log.info({ pids: ended.map(([pid]) => pid) }, 'ended the lanes of dead nodes');
    } catch (error) {
      this.#options.log.warn({ err: error }, 'cannot end the lanes of dead nodes');
    }
  }
}
