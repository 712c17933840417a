import { Socket } from 'node:net';
import { Client, type ClientConfig, DatabaseError } from 'pg';
import { openSession, type SessionLimits } from '../../journal/session.ts';
import type { Timer, Timers } from '../../ports.ts';

/** Pieces of work that may wait for one session. */
const WAITING_MAX = 64;

export interface Statement {
  /** Prepared once a connection under this name. */
  readonly name?: string;
  readonly text: string;
}

/** Runs one statement; rows come as arrays of columns. */
export type Query = <Row extends unknown[]>(statement: Statement, values?: unknown[]) => Promise<Row[]>;

export interface RegistrySessionOptions {
  readonly connection: ClientConfig;
  /** Shown in `pg_stat_activity`. */
  readonly name: string;
  /** From asking to the answer, with the wait for what was asked before and the opening of a connection. */
  readonly deadlineMs: number;
  /** When the server gives up: before the client does, so that a slow statement ends in a clear error. */
  readonly limits: SessionLimits;
  readonly timers: Timers;
  /** An answer did not come in time. */
  readonly onHung?: () => void;
}

interface Work {
  /** Never rejects. */
  readonly run: (query: Query) => Promise<void>;
  readonly fail: (error: Error) => void;
  isOver: boolean;
}

/**
 * One connection, one piece of work on it at a time. Guarantee: whatever is asked is answered or rejected by the
 * deadline, also when the server's answer never comes; then the connection is destroyed, and the next work opens
 * another. What was rejected may have been done.
 */
export class RegistrySession {
  readonly #options: RegistrySessionOptions;
  readonly #waiting: Work[] = [];
  #running: Work | null = null;
  /** Ready for statements, else null. */
  #client: Client | null = null;
  /** Of the client, or of the one that is being opened. */
  #socket: Socket | null = null;
  #closed: Promise<void> | null = null;
  #whenIdle: (() => void) | null = null;

  constructor(options: RegistrySessionOptions) {
    this.#options = options;
  }

  /** Work under way and waiting. */
  get load(): number {
    return this.#waiting.length + (this.#running === null ? 0 : 1);
  }

  query<Row extends unknown[]>(statement: Statement, values: unknown[] = []): Promise<Row[]> {
    return this.use((query) => query<Row>(statement, values));
  }

  /** Several statements, one after another, on one connection. */
  use<T>(work: (query: Query) => Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#closed !== null) return reject(new Error('the session is closed'));
      if (this.#waiting.length >= WAITING_MAX) return reject(new Error(`${WAITING_MAX} others wait already`));
      const { timers, deadlineMs } = this.#options;
      const over = (): void => {
        own.isOver = true;
        deadline.cancel();
      };
      const own: Work = {
        run: async (query) => {
          const value = await work(query);
          over();
          resolve(value);
        },
        fail: (error) => {
          over();
          reject(error);
        },
        isOver: false,
      };
      // After a pause of this process the answer may be there, unread: it counts.
      const deadline: Timer = timers.after(deadlineMs, () => timers.soon(() => this.#overdue(own)));
      this.#waiting.push(own);
      if (this.#running === null) void this.#work();
    });
  }

  /** The connection is suspect: when nothing is under way on it, the next work opens another. */
  distrust(): void {
    if (this.#running === null) this.#drop();
  }

  /** Takes nothing more; what was asked is still answered. Resolves when the connection has ended. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    if (this.#running !== null) {
      await new Promise<void>((resolve) => {
        this.#whenIdle = resolve;
      });
    }
    const [client, socket] = [this.#client, this.#socket];
    this.#client = null;
    if (client === null) return;
    // A polite goodbye may never be answered.
    const deadline = this.#options.timers.after(this.#options.deadlineMs, () => socket?.destroy());
    await client.end();
    deadline.cancel();
  }

  async #work(): Promise<void> {
    for (let work = this.#waiting.shift(); work !== undefined; work = this.#waiting.shift()) {
      this.#running = work;
      try {
        const client = this.#client ?? (await this.#open());
        await work.run((statement, values = []) => rowsOf(client, statement, values));
      } catch (error) {
        if (!leavesConnectionUsable(error)) this.#drop();
        if (!work.isOver) work.fail(error as Error);
      }
    }
    this.#running = null;
    this.#whenIdle?.();
  }

  #overdue(work: Work): void {
    if (work.isOver) return;
    work.fail(new Error(`no answer from the database within ${this.#options.deadlineMs} ms`));
    const place = this.#waiting.indexOf(work);
    if (place !== -1) {
      this.#waiting.splice(place, 1);
      return;
    }
    this.#drop();
    this.#options.onHung?.();
  }

  async #open(): Promise<Client> {
    const { connection, name, limits } = this.#options;
    const socket = new Socket();
    const client = new Client({
      ...connection,
      application_name: name,
      keepAlive: true,
      keepAliveInitialDelayMillis: 5_000,
      // Our own socket, so that it can be destroyed: a polite goodbye would wait behind what hangs.
      stream: () => socket,
    });
    this.#socket = socket;
    const lost = (): void => {
      if (this.#client === client) this.#drop();
    };
    client.on('error', lost);
    client.on('end', lost);
    await client.connect();
    await openSession(client, limits);
    if (socket.destroyed) throw new Error('the connection was lost while it was opened');
    this.#client = client;
    return client;
  }

  #drop(): void {
    this.#client = null;
    this.#socket?.destroy();
    this.#socket = null;
  }
}

async function rowsOf<Row extends unknown[]>(client: Client, statement: Statement, values: unknown[]): Promise<Row[]> {
  const { rows } = await client.query<Row>({ ...statement, values, rowMode: 'array' as const });
  return rows;
}

/** Whether only the statement failed: the server said so, and goes on. */
function leavesConnectionUsable(error: unknown): boolean {
  return error instanceof DatabaseError && error.severity !== 'FATAL' && !/^(08|57P)/.test(error.code ?? '');
}
