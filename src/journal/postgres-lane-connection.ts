import { Socket } from 'node:net';
import { Client, type ClientConfig, DatabaseError } from 'pg';
import { appendStatement, appendValues, canaryStatement, canaryValues } from './append-statement.ts';
import type { Turn } from './journal.ts';
import { type Appended, type DialLane, type LaneConnection, TurnFault } from './lane-connection.ts';
import { openSession, type SessionLimits } from './session.ts';

/** The server gives up before the lane does, so that a slow statement ends in a clear error. */
const LANE_SESSION: SessionLimits = { lockMs: 3_000, statementMs: 4_000, transactionMs: 6_000 };

const UNIQUE_VIOLATION = '23505';

/** Forgets the server processes that are gone, and records this connection's. */
const FORGET_BACKENDS = `
  delete from lane_backend b
  where not exists (select from pg_stat_activity a where a.pid = b.pid and a.backend_start = b.started_at)`;
const RECORD_BACKEND = `
  insert into lane_backend (pid, started_at, owner, lane)
  select pid, backend_start, $1, $2::int2 from pg_stat_activity where pid = pg_backend_pid()`;

interface Statement {
  readonly name: string;
  readonly text: string;
  readonly rowMode: 'array';
}

interface Statements {
  readonly append: Statement;
  readonly canary: Statement;
}

/**
 * Lanes' connections to Postgres.
 * @param fence the SELECT that guards every statement; the real one is `FENCE`.
 */
export function postgresLanes(config: ClientConfig, fence: string): DialLane {
  const statements: Statements = {
    append: { name: 'append', text: appendStatement(fence), rowMode: 'array' },
    canary: { name: 'canary', text: canaryStatement(fence), rowMode: 'array' },
  };
  return ({ number, owner, onLost }) => {
    const socket = new Socket();
    const client = new Client({
      ...config,
      application_name: `usher lane ${number}`,
      keepAlive: true,
      keepAliveInitialDelayMillis: 5_000,
      // Our own socket, so that it can be destroyed: a polite goodbye would wait behind what hangs.
      stream: () => socket,
    });
    client.on('error', onLost);
    client.on('end', () => onLost(new Error('the connection ended')));
    const open = async (): Promise<LaneConnection> => {
      await client.connect();
      await openSession(client, LANE_SESSION);
      await client.query(FORGET_BACKENDS);
      await client.query(RECORD_BACKEND, [owner, number]);
      if (socket.destroyed) throw new Error('the connection was lost while it was opened');
      return new PostgresLaneConnection(client, socket, statements, owner, number);
    };
    return { ready: open(), destroy: () => void socket.destroy() };
  };
}

class PostgresLaneConnection implements LaneConnection {
  readonly #client: Client;
  readonly #socket: Socket;
  readonly #statements: Statements;
  readonly #owner: string;
  readonly #number: number;

  constructor(client: Client, socket: Socket, statements: Statements, owner: string, number: number) {
    this.#client = client;
    this.#socket = socket;
    this.#statements = statements;
    this.#owner = owner;
    this.#number = number;
  }

  append(turns: readonly Turn[]): Promise<Appended> {
    return new Promise((resolve, reject) => {
      let values: (string | Buffer)[];
      try {
        values = appendValues(this.#owner, turns);
      } catch (error) {
        reject(told(error as Error));
        return;
      }
      // pg calls back with a result only at ReadyForQuery, that is after the commit.
      this.#client.query<[number, number[]]>({ ...this.#statements.append, values }, (error, result) => {
        if (error) reject(told(error));
        else if (result.rows.length === 0) reject(new Error('an append was answered without a row'));
        else resolve({ written: result.rows[0][0], fenced: result.rows[0][1] });
      });
    });
  }

  canary(): Promise<boolean> {
    const values = canaryValues(this.#owner, this.#number);
    return new Promise((resolve, reject) => {
      this.#client.query<[number]>({ ...this.#statements.canary, values }, (error, result) => {
        if (error) reject(error);
        else resolve(result.rows.length > 0);
      });
    });
  }

  destroy(): void {
    this.#socket.destroy();
  }

  end(): Promise<void> {
    return this.#client.end();
  }
}

/** The error of an append as the lane is told it. */
function told(error: Error): Error {
  // Its numbers, texts or hashes cannot be encoded: it was never sent.
  if (error instanceof RangeError || error instanceof TypeError) return new TurnFault(error, false);
  if (error instanceof DatabaseError && /^2[23]/.test(error.code ?? '')) {
    return new TurnFault(error, error.code === UNIQUE_VIOLATION);
  }
  return error;
}
