import type { Timer, Timers } from '../ports.ts';
import type { Log } from '../system/log.ts';
import type { Dialing, DialLane, LaneConnection } from './lane-connection.ts';

/** From beginning to open a connection to its readiness; also from saying goodbye to its end. */
const LANE_CONNECT_MS = 5_000;
/** Pause before connecting again: doubles from the first to the second value. */
const LANE_BACKOFF_MS = [50, 2_000] as const;

export interface LaneLinkOptions {
  readonly number: number;
  readonly owner: string;
  readonly dial: DialLane;
  readonly timers: Timers;
  readonly log: Log;
  /** There is a connection now. */
  readonly onReady: () => void;
  /** It was lost, or a try to connect failed; before another try. */
  readonly onDown: () => void;
}

/**
 * Keeps a lane connected, with one connection at a time.
 *
 * connecting → ready; lost or failed → pause → connecting; stopped: whatever is there stays until it is lost; ended.
 */
export class LaneLink {
  readonly #options: LaneLinkOptions;
  #connection: LaneConnection | null = null;
  /** The last try to connect. */
  #dialing: Dialing | null = null;
  #pause: Timer | null = null;
  #failures = 0;
  #connections = 0;
  #isStopped = false;
  #hasEnded = false;

  /** Begins to connect. Calls nobody back before it has returned. */
  constructor(options: LaneLinkOptions) {
    this.#options = options;
    void this.#connect();
  }

  /** Ready for exchanges, else null. */
  get connection(): LaneConnection | null {
    return this.#connection;
  }

  /** How many there were. */
  get connections(): number {
    return this.#connections;
  }

  /** Breaks this connection off, unless another one has taken its place. */
  lost(connection: LaneConnection, error: Error): void {
    if (this.#connection !== connection) return;
    this.#connection = null;
    connection.destroy();
    this.#options.log.warn({ err: error, lane: this.#options.number }, 'journal: a lane lost its connection');
    this.#down();
  }

  /** After the next loss or failed try it does not try again. */
  stop(): void {
    this.#isStopped = true;
  }

  /** Ends the connection politely, by a deadline, or the try to connect at once. Never rejects. */
  async end(): Promise<void> {
    const connection = this.#connection;
    this.#connection = null;
    this.#isStopped = true;
    this.#hasEnded = true;
    this.#pause?.cancel();
    if (connection === null) {
      this.#dialing?.destroy();
      return;
    }
    const deadline = this.#options.timers.after(LANE_CONNECT_MS, () => connection.destroy());
    await connection.end().catch(() => connection.destroy());
    deadline.cancel();
  }

  async #connect(): Promise<void> {
    const { dial, number, owner, timers, log } = this.#options;
    let connection: LaneConnection | null = null;
    let early: Error | null = null;
    const onLost = (error: Error): void => {
      early ??= error;
      if (connection !== null) this.lost(connection, error);
    };
    const dialing = dial({ number, owner, onLost });
    this.#dialing = dialing;
    const deadline = timers.after(LANE_CONNECT_MS, () => dialing.destroy());
    try {
      const ready = await dialing.ready;
      // Between its readiness and our hearing of it.
      if (early !== null) throw early;
      if (this.#hasEnded) throw new Error('the lane was closed while it connected');
      connection = ready;
    } catch (error) {
      dialing.destroy();
      log.warn({ err: error, lane: number }, 'journal: cannot connect');
      this.#down();
      return;
    } finally {
      deadline.cancel();
    }
    this.#connection = connection;
    this.#connections++;
    this.#failures = 0;
    this.#options.onReady();
  }

  #down(): void {
    this.#options.onDown();
    if (this.#isStopped) return;
    const [first, last] = LANE_BACKOFF_MS;
    const pause = Math.min(last, first * 2 ** Math.min(this.#failures, 10));
    this.#failures++;
    this.#pause = this.#options.timers.after(pause, () => {
      this.#pause = null;
      void this.#connect();
    });
  }
}
