import { pause } from '../../src/system/pause.ts';
import { type HttpAnswer, KeepAliveConnection } from '../keep-alive-connection.ts';
import type { Report } from '../report.ts';
import { seededRandom } from '../seeded-random.ts';
import { type BestSeats, HELD, isFailure, LOST, type Seen } from './best-seats.ts';

export interface SteadyLoadOptions {
  /** Of the nodes that take the requests. A connection that is lost goes to the next one, for a while. */
  readonly ports: readonly number[];
  readonly shows: readonly string[];
  readonly seats: BestSeats;
  readonly connections: number;
  /** Between an answer and the next request on the same connection, on average. */
  readonly pauseMs: number;
  readonly onSeen?: (seen: Seen) => void;
}

/** Longer than any request waits in a node. */
const ANSWER_LIMIT_MS = 12_000;
/** Between two tries to get through to some node. */
const KNOCK_MS = 20;
/** Of an answer that is told. */
const FAILURE_LENGTH = 400;
/** So many answers of another node, and a connection turns to its own one again. */
const ANSWERS_AWAY = 25;
const SEED = 1_024;

/**
 * Requests for seats at an even rate, far below what the nodes can do, until it is stopped: what is measured is the
 * cluster, not a crowd. Every answer is counted by its outcome.
 */
export class SteadyLoad {
  readonly outcomes = new Map<string, number>();
  /** Of everything that was answered, ms. */
  readonly latencies: number[] = [];
  #firstFailure: string | null = null;
  readonly #options: SteadyLoadOptions;
  readonly #random = seededRandom(SEED);
  readonly #loops: Promise<void>[];
  #goesOn = true;
  #fault: unknown = null;

  constructor(options: SteadyLoadOptions) {
    this.#options = options;
    this.#loops = Array.from({ length: options.connections }, (_, i) =>
      this.#loop(i).catch((error) => {
        this.#fault ??= error;
      }),
    );
  }

  /** Requests that failed so far. */
  get failed(): number {
    let failed = 0;
    for (const [outcome, count] of this.outcomes) if (isFailure(outcome)) failed += count;
    return failed;
  }

  /** Ends it after the requests under way. Rejects if it could not go on. */
  async stop(): Promise<void> {
    this.#goesOn = false;
    await Promise.all(this.#loops);
    if (this.#fault !== null) throw this.#fault;
  }

  /** For a figure that counts failures: what the first of them was. */
  tellFirstFailure(report: Report): void {
    if (this.#firstFailure !== null) report.say(`cluster: the first failure: ${this.#firstFailure}`);
  }

  /** What was seen, for a report. */
  seen(): Record<string, number> {
    return Object.fromEntries(this.outcomes);
  }

  async #loop(number: number): Promise<void> {
    const { pauseMs } = this.#options;
    const door = new Door(this.#options.ports, number);
    // So that the connections do not all begin at once.
    await pause(this.#random() * pauseMs);
    while (this.#goesOn) {
      const connection = await door.connection();
      if (connection === null) {
        await pause(KNOCK_MS);
        continue;
      }
      if ((await this.#ask(connection)) === LOST) door.lost();
      else door.answered();
      await pause(pauseMs * (0.5 + this.#random()));
    }
    door.close();
  }

  async #ask(connection: KeepAliveConnection): Promise<string> {
    const { shows, seats, onSeen } = this.#options;
    const show = shows[Math.floor(this.#random() * shows.length)];
    const sentAt = performance.now();
    const answer = await ask(connection, seats.request(show).text);
    const endedAt = performance.now();
    const outcome = answer === null ? LOST : outcomeOf(answer);
    if (isFailure(outcome)) this.#firstFailure ??= `${answer?.body.slice(0, FAILURE_LENGTH) ?? outcome}`;
    seats.note(show, outcome);
    this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1);
    if (outcome !== LOST) this.latencies.push(endedAt - sentAt);
    onSeen?.({ show, sentAt, endedAt, outcome });
    return outcome;
  }
}

/** One connection at a time: to a node of its own, and to others while that is away. */
class Door {
  readonly #ports: readonly number[];
  readonly #own: number;
  #at: number;
  #answers = 0;
  #connection: KeepAliveConnection | null = null;

  constructor(ports: readonly number[], number: number) {
    this.#ports = ports;
    this.#own = number % ports.length;
    this.#at = this.#own;
  }

  /** Null when nobody listens there; the next call tries elsewhere. */
  async connection(): Promise<KeepAliveConnection | null> {
    this.#connection ??= await KeepAliveConnection.open(this.#ports[this.#at]).catch(() => null);
    if (this.#connection === null) this.#turnTo(this.#at + 1);
    return this.#connection;
  }

  lost(): void {
    this.#turnTo(this.#at + 1);
  }

  answered(): void {
    this.#answers++;
    if (this.#at !== this.#own && this.#answers >= ANSWERS_AWAY) this.#turnTo(this.#own);
  }

  close(): void {
    this.#connection?.close();
    this.#connection = null;
  }

  #turnTo(at: number): void {
    this.close();
    this.#at = at % this.#ports.length;
    this.#answers = 0;
  }
}

/** Null when the connection is lost, or there is no answer in time. */
async function ask(connection: KeepAliveConnection, request: string): Promise<HttpAnswer | null> {
  const limit = setTimeout(() => connection.close(), ANSWER_LIMIT_MS);
  try {
    return await connection.request(request);
  } catch {
    return null;
  } finally {
    clearTimeout(limit);
  }
}

function outcomeOf({ status, body }: HttpAnswer): string {
  if (status === 201) return HELD;
  const code = /"code":"([A-Z_]+)"/.exec(body)?.[1];
  return code === undefined ? `${status}` : `${status} ${code}`;
}
