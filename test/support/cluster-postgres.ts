import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/postgres/embedded-postgres.ts';
import { createLog } from '../../src/system/log.ts';
import type { AtEnd } from './lifetime.ts';

export interface ClusterPostgresOptions {
  /** Where its data are; must exist. */
  readonly dataDir: string;
  readonly maxConnections: number;
  /** Each line of its log, as JSON. */
  readonly onLine?: (line: string) => void;
}

/** The Postgres of a test's cluster, through all its starts. */
export class ClusterPostgres {
  readonly #options: ClusterPostgresOptions;
  #server: EmbeddedPostgres | null = null;
  #ended: Promise<void> = Promise.resolve();

  private constructor(options: ClusterPostgresOptions) {
    this.#options = options;
  }

  static async start(options: ClusterPostgresOptions, atEnd: AtEnd): Promise<ClusterPostgres> {
    const postgres = new ClusterPostgres(options);
    atEnd(() => postgres.stop());
    await postgres.start();
    return postgres;
  }

  /** The same after each start. */
  get url(): string {
    if (this.#server === null) throw new Error('Postgres does not run');
    return this.#server.url;
  }

  get isRunning(): boolean {
    return this.#server !== null;
  }

  /** Nothing to do if it runs. Rejects when it cannot start, on a full disk for instance. */
  async start(): Promise<void> {
    if (this.#server !== null) return;
    let isOver: () => void = () => {};
    this.#ended = new Promise((resolve) => {
      isOver = resolve;
    });
    this.#server = await startEmbeddedPostgres({
      ...this.#options,
      log: createLog('debug', { write: (line) => this.#options.onLine?.(line) }),
      onExit: () => {
        this.#server = null;
        isOver();
      },
    });
  }

  /** As `pg_ctl stop -m fast` does: sessions are ended, everything is brought in order. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    await server?.stop();
  }

  /** As `pg_ctl stop -m immediate` does: it ends as if it crashed, and recovers at the next start. */
  async crash(): Promise<void> {
    if (this.#server === null) return;
    process.kill(this.#server.pid, 'SIGQUIT');
    await this.#ended;
  }
}
