import { demandOfShow, type HoldBody, type Load } from './demand.ts';
import { type HttpAnswer, KeepAliveConnection } from './keep-alive-connection.ts';
import { Latencies } from './latencies.ts';

export interface HoldLoadOrder {
  readonly kind: 'holds';
  readonly port: number;
  readonly load: Load;
  readonly seed: number;
  /** Ids of the shows; as many as the load has. */
  readonly shows: readonly string[];
  /** One bearer token a buyer; at least `load.demandPerShow` of them. */
  readonly tokens: readonly string[];
  readonly connections: number;
  readonly warmUpSeconds: number;
  readonly seconds: number;
}

export interface HoldLoadReport {
  /** Requests of the measured part that got a right answer: a hold, or a refusal that the contract foresees. */
  readonly answered: number;
  /** From the first measured request to the last answer. */
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** 201s of the measured part. */
  readonly holds: number;
  /** How often each outcome came in the measured part: `201`, or status and code. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** Answers, also during warm-up, that no right server gives. */
  readonly wrong: number;
  readonly firstWrong: string | null;
  /** Seats in all 201s, warm-up included, by show. */
  readonly seatsHeld: readonly number[];
  /** Whether the demand was spent before the time was over. */
  readonly exhausted: boolean;
}

/** Refusals that a right server may give; in the spread load no seat is asked twice, so there is none. */
const REFUSALS: Readonly<Record<Load['name'], readonly string[]>> = {
  spread: [],
  hot: ['SEATS_TAKEN', 'NOT_ENOUGH_SEATS', 'ORPHAN_SEAT'],
};

const FIRST_WRONG_LENGTH = 600;

/** One request of a show's demand, all but the first two lines made beforehand. */
interface Shot {
  readonly rest: string;
  readonly seats: number;
}

/** Runs warm-up and measured part, with nothing in flight between them. */
export async function runHoldLoad(order: HoldLoadOrder): Promise<HoldLoadReport> {
  const shots = demandOfShow(order.load, order.seed).map((body, buyer) => shotOf(body, order.tokens[buyer]));
  const sequence = new Sequence(order.load, shots.length);
  const connections = await Promise.all(
    Array.from({ length: order.connections }, () => KeepAliveConnection.open(order.port)),
  );
  const seatsHeld = order.shows.map(() => 0);
  const warmUp = new Tally(order.load.name);
  const measured = new Tally(order.load.name);

  const drive = async (tally: Tally, seconds: number): Promise<number> => {
    const start = performance.now();
    const end = start + seconds * 1_000;
    const loop = async (connection: KeepAliveConnection): Promise<void> => {
      for (let i = sequence.next(end); i >= 0; i = sequence.next(end)) {
        const show = sequence.showOf(i);
        const number = sequence.numberInShow(i);
        const shot = shots[number];
        const sent = performance.now();
        const answer = await connection.request(
          `POST /v1/shows/${order.shows[show]}/holds HTTP/1.1\r\nIdempotency-Key: ${show}-${number}\r\n${shot.rest}`,
        );
        if (tally.count(answer, performance.now() - sent)) seatsHeld[show] += shot.seats;
      }
    };
    await Promise.all(connections.map(loop));
    return (performance.now() - start) / 1_000;
  };

  await drive(warmUp, order.warmUpSeconds);
  sequence.skipToWholeShow();
  const seconds = await drive(measured, order.seconds);
  for (const connection of connections) connection.close();

  return {
    answered: measured.answered,
    seconds,
    p50Ms: measured.latencies.percentile(0.5),
    p99Ms: measured.latencies.percentile(0.99),
    holds: measured.holds,
    outcomes: Object.fromEntries(measured.outcomes),
    wrong: warmUp.wrong + measured.wrong,
    firstWrong: warmUp.firstWrong ?? measured.firstWrong,
    seatsHeld,
    exhausted: sequence.exhausted,
  };
}

function shotOf(body: HoldBody, token: string): Shot {
  const json = JSON.stringify(body);
  return {
    rest:
      `Host: 127.0.0.1\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${json.length}\r\n\r\n${json}`,
    seats: 'seats' in body ? body.seats.length : body.best.quantity,
  };
}

/**
 * Deals the load's requests in order. In the hot load a show's demand is dealt to its end once begun (in the measured
 * part), so that every subject has answered the same mix of early and late requests.
 */
class Sequence {
  readonly #load: Load;
  readonly #perShow: number;
  readonly #total: number;
  #next = 0;
  #stopAtAnyRequest = true;
  exhausted = false;

  constructor(load: Load, perShow: number) {
    this.#load = load;
    this.#perShow = perShow;
    this.#total = perShow * load.shows;
  }

  /** The next request's number, or -1 when the time `end` (ms of `performance.now()`) is over. */
  next(end: number): number {
    const mayStop = this.#stopAtAnyRequest || this.#next % this.#perShow === 0;
    if (mayStop && performance.now() >= end) return -1;
    if (this.#next >= this.#total) {
      this.exhausted = true;
      return -1;
    }
    return this.#next++;
  }

  showOf(i: number): number {
    return this.#load.name === 'spread' ? i % this.#load.shows : Math.floor(i / this.#perShow);
  }

  numberInShow(i: number): number {
    return this.#load.name === 'spread' ? Math.floor(i / this.#load.shows) : i % this.#perShow;
  }

  /** Ends the warm-up. */
  skipToWholeShow(): void {
    if (this.#load.name === 'spread') return;
    this.#next = Math.ceil(this.#next / this.#perShow) * this.#perShow;
    this.#stopAtAnyRequest = false;
  }
}

/** What came back. */
class Tally {
  readonly latencies = new Latencies();
  readonly outcomes = new Map<string, number>();
  answered = 0;
  holds = 0;
  wrong = 0;
  firstWrong: string | null = null;
  readonly #refusals: readonly string[];

  constructor(load: Load['name']) {
    this.#refusals = REFUSALS[load];
  }

  /** Whether the answer is a hold. */
  count(answer: HttpAnswer, ms: number): boolean {
    this.latencies.record(ms);
    if (answer.status === 201) {
      this.answered++;
      this.holds++;
      this.#note('201');
      return true;
    }
    const code = /"code":"([A-Z_]+)"/.exec(answer.body)?.[1] ?? '';
    this.#note(`${answer.status} ${code}`);
    if (answer.status === 409 && this.#refusals.includes(code)) {
      this.answered++;
    } else if (answer.status !== 503) {
      // 503 is a right answer to too much, but no answer to the request: counted under outcomes only.
      this.wrong++;
      this.firstWrong ??= `${answer.status} ${answer.body.slice(0, FIRST_WRONG_LENGTH)}`;
    }
    return false;
  }

  #note(outcome: string): void {
    this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1);
  }
}
