import pg from 'pg';
import { StartError } from '../errors.ts';
import type { Timer, Timers } from '../ports.ts';
import type { Log } from '../system/log.ts';
import { connectionConfig } from './database.ts';

export interface SingleNodeOptions {
  readonly url: string;
  readonly timers: Timers;
  readonly log: Log;
  /** Another node holds the database now, so this one must stop. Called at most once; the lock is given up for good. */
  readonly onTaken: (holder: string) => void;
}

export interface SingleNodeLock {
  release(): Promise<void>;
}

/** `usher` and `node` in four letters each, so that no other application is likely to use the same. */
const LOCK = [0x75736872, 0x6e6f6465] as const;
const NAME = 'usher node';
/** A killed node's session ends as soon as the server sees its connection closed. */
const WAIT_LIMIT_MS = 5_000;
const RETRY_MS = 100;
const RECONNECT_MS = 1_000;
/** A dead link is found by a question without an answer. */
const HEARTBEAT_MS = 5_000;

/**
 * Sees to it that one node at a time works on a database: holds an advisory lock on a connection of its own for as long as
 * the node runs, and takes it again after the connection was lost. This keeps operators from a mistake; what keeps the
 * journal right is the fence. Needs a direct connection or a session pooler, not a transaction pooler.
 * Throws {@link StartError} naming the holder if it is not free within {@link WAIT_LIMIT_MS}.
 */
export async function holdSingleNodeLock(options: SingleNodeOptions): Promise<SingleNodeLock> {
  let released = false;
  let client = await acquire(options).catch((error: Error) => {
    throw error instanceof StartError
      ? error
      : new StartError(`The database cannot be locked: ${error.message}`, { cause: error });
  });
  if (client === null) {
    const holder = await holderOf(options.url);
    throw new StartError(
      `The database is in use by another node (${holder}). Stop it first, or set DATABASE_URL to another database.`,
    );
  }
  let pulse: Timer | null = null;

  const guard = (connected: pg.Client): void => {
    client = connected;
    let lost = false;
    const onLost = (): void => {
      if (lost || released) return;
      lost = true;
      pulse?.cancel();
      options.log.warn('the connection that keeps other nodes away was lost; taking the lock again');
      connected.end().catch(() => undefined);
      void retake();
    };
    connected.on('error', onLost);
    connected.on('end', onLost);
    pulse = options.timers.every(HEARTBEAT_MS, () => {
      connected.query('SELECT 1').catch(onLost);
    });
  };

  const retake = async (): Promise<void> => {
    if (released) return;
    try {
      const again = await acquire(options);
      if (released) return void (await again?.end());
      if (again !== null) return guard(again);
      released = true;
      options.onTaken(await holderOf(options.url));
    } catch (error) {
      options.log.warn({ reason: (error as Error).message }, 'the database is out of reach; trying again');
      options.timers.after(RECONNECT_MS, () => void retake());
    }
  };

  guard(client);
  return {
    async release() {
      if (released) return;
      released = true;
      pulse?.cancel();
      await client?.end().catch(() => undefined);
    },
  };
}

/** A connection that holds the lock, or null if another one keeps it through the whole wait. */
async function acquire({ url, timers }: SingleNodeOptions): Promise<pg.Client | null> {
  const client = new pg.Client({
    ...connectionConfig(url, `${NAME}, process ${process.pid}`),
    query_timeout: HEARTBEAT_MS,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    for (let waited = 0; ; waited += RETRY_MS) {
      const { rows } = await client.query<{ locked: boolean }>('SELECT pg_try_advisory_lock($1, $2) AS locked', [
        ...LOCK,
      ]);
      if (rows[0].locked) return client;
      if (waited >= WAIT_LIMIT_MS) break;
      await new Promise<void>((resolve) => timers.after(RETRY_MS, resolve));
    }
  } catch (error) {
    await client.end().catch(() => undefined);
    throw error;
  }
  await client.end().catch(() => undefined);
  return null;
}

/** Who holds the lock, in words: the application's name and address as the server sees them. */
async function holderOf(url: string): Promise<string> {
  const client = new pg.Client(connectionConfig(url, NAME));
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<{ name: string; address: string | null }>(
      `SELECT a.application_name AS name, host(a.client_addr) AS address
         FROM pg_locks l JOIN pg_stat_activity a USING (pid)
        WHERE l.locktype = 'advisory' AND l.granted AND l.classid = $1 AND l.objid = $2 AND l.objsubid = 2
          AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
      [...LOCK],
    );
    return rows.length === 0 ? 'unknown' : `${rows[0].name} at ${rows[0].address ?? 'this machine'}`;
  } catch {
    return 'unknown';
  } finally {
    await client.end().catch(() => undefined);
  }
}
