import pg from 'pg';
import type { Timer, Timers } from '../ports.ts';

/**
 * A client whose statements are answered within `limitMs` or rejected, also when the server is never heard of again:
 * then the connection is destroyed. (`query_timeout` of `pg` keeps the connection, and a pool would lend it again.)
 */
export function clientAnsweringWithin(limitMs: number, timers: Timers): new (config?: pg.ClientConfig) => pg.Client {
  return class extends pg.Client {
    #deadline: Timer | null = null;

    constructor(config?: pg.ClientConfig) {
      super(config);
      this.on('drain', () => this.#rest());
      this.on('end', () => this.#rest());
    }

    // Under every form of `query`, the pool's own with callbacks too.
    override query(...parameters: unknown[]): never {
      this.#rest();
      // After a pause of this process the answer may be there, unread: it counts.
      const deadline = timers.after(limitMs, () => timers.soon(() => this.#overdue(deadline)));
      this.#deadline = deadline;
      return (super.query as (...parameters: unknown[]) => never)(...parameters);
    }

    #rest(): void {
      this.#deadline?.cancel();
      this.#deadline = null;
    }

    #overdue(deadline: Timer): void {
      if (this.#deadline !== deadline) return;
      // As any loss of a connection: it can take no further statement by the time its own are rejected.
      this.connection.stream.destroy(new Error(`no answer from the database within ${limitMs} ms`));
    }
  };
}
