import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { StartError } from '../errors.ts';
import type { Log } from '../system/log.ts';
import { systemTimers } from '../system/timers.ts';
import { clientAnsweringWithin } from './answering-client.ts';

export interface DatabaseOptions {
  /** A Postgres connection string; a unix socket goes into `?host=`. */
  readonly url: string;
  readonly log: Log;
  /** Most connections at once; callers beyond it wait for one. */
  readonly maxConnections?: number;
  /**
   * A statement that runs longer is cancelled by the server; 0 for none. When nothing is heard from the server for
   * {@link ANSWER_MARGIN_MS} more, its connection is given up.
   */
  readonly statementTimeoutMs?: number;
  /** Shown in `pg_stat_activity`. */
  readonly name?: string;
}

export interface Database<Tables> {
  readonly pool: pg.Pool;
  readonly kysely: Kysely<Tables>;
  close(): Promise<void>;
}

const MAX_CONNECTIONS = 12;
const STATEMENT_TIMEOUT_MS = 10_000;
/** For the server to say that it cancelled a statement, so that a slow one ends in a clear error. */
const ANSWER_MARGIN_MS = 2_000;
/** After so long without a byte the system asks whether the other end is still there. */
const KEEP_ALIVE_MS = 5_000;
/** Also how long a caller waits for a free connection. */
const CONNECTION_TIMEOUT_MS = 5_000;
const IDLE_TRANSACTION_TIMEOUT_MS = 30_000;
const OLDEST_VERSION = 150_000;
const INT8 = 20;

/**
 * Values as this project wants them, for our own connections only: `bigint` comes as a number, and is refused where a
 * number would not be exact.
 */
const types: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format?: 'text' | 'binary') =>
    oid === INT8 && format !== 'binary'
      ? exactNumber
      : pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser,
};

function exactNumber(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError(`The bigint ${text} does not fit a number`);
  return value;
}

/**
 * Opens a bounded pool on a Postgres 15 or newer, as `pg` and as Kysely.
 * Throws {@link StartError} when the address is not one, nobody answers there, we are refused, or the server is too old.
 */
export async function openDatabase<Tables>(options: DatabaseOptions): Promise<Database<Tables>> {
  const statementMs = options.statementTimeoutMs ?? STATEMENT_TIMEOUT_MS;
  const pool = new pg.Pool({
    ...connectionConfig(options.url, options.name ?? 'usher'),
    ...(statementMs > 0 ? { Client: clientAnsweringWithin(statementMs + ANSWER_MARGIN_MS, systemTimers) } : {}),
    max: options.maxConnections ?? MAX_CONNECTIONS,
    statement_timeout: statementMs,
    idle_in_transaction_session_timeout: IDLE_TRANSACTION_TIMEOUT_MS,
  });
  // Nobody else listens to a connection that is lent between two statements; its loss would end the process. Whoever has it
  // learns of the loss with the next statement.
  pool.on('connect', (client) => client.on('error', () => {}));
  // Without a listener the loss of an idle connection would end the process; the next query gets a fresh one.
  pool.on('error', (error) => {
    if (!pool.ending) options.log.warn({ reason: error.message }, 'an idle database connection was lost');
  });
  try {
    await requireVersion(pool, options.url);
  } catch (error) {
    await pool.end();
    throw error;
  }
  const kysely = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
  const close = async (): Promise<void> => {
    await kysely.destroy();
    // Kysely ends the pool only if it ever used it.
    if (!pool.ending) await pool.end();
  };
  return { pool, kysely, close };
}

/** What every connection of ours has in common. Throws {@link StartError} when `url` is no address of a database. */
export function connectionConfig(url: string, name: string): pg.ClientConfig {
  if (!/^postgres(ql)?:\/\//.test(url) || !isReadable(url)) {
    throw new StartError(
      `DATABASE_URL is not the address of a Postgres: ${printable(url)}. It reads postgresql://user:password@host:5432/database.`,
    );
  }
  return {
    connectionString: url,
    application_name: name,
    connectionTimeoutMillis: CONNECTION_TIMEOUT_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
    types,
  };
}

/** The address without its password. */
export function printable(url: string): string {
  return url.replace(/:\/\/([^:@/]*):[^@]*@/, '://$1:***@').replace(/([?&]password=)[^&]*/, '$1***');
}

function isReadable(url: string): boolean {
  try {
    new pg.Client({ connectionString: url });
    return true;
  } catch {
    return false;
  }
}

async function requireVersion(pool: pg.Pool, url: string): Promise<void> {
  const version = await pool.query<{ server_version_num: string }>('SHOW server_version_num').then(
    ({ rows }) => Number(rows[0].server_version_num),
    (error: Error) => {
      throw new StartError(
        `The database ${printable(url)} cannot be used: ${reasonOf(error)}. Check DATABASE_URL and that the server runs.`,
        { cause: error },
      );
    },
  );
  if (version >= OLDEST_VERSION) return;
  throw new StartError(
    `The database ${printable(url)} is too old: it is Postgres ${Math.floor(version / 10_000)}, and ` +
      `Usher needs ${OLDEST_VERSION / 10_000} or newer.`,
  );
}

/** Node reports a host with several addresses as one error without a text of its own. */
function reasonOf(error: Error): string {
  if (error instanceof AggregateError) return error.errors.map((each) => (each as Error).message).join(', ');
  return error.message;
}
