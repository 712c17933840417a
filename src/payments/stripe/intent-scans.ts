import type { Clock } from '../../ports.ts';
import { Recent } from './recent.ts';
import type { StripeApi } from './stripe-api.ts';

const SCAN_LIMITS = {
  /** Intents are read by the time they were made, block by block. */
  blockMs: 600_000,
  /** Pages of 100 intents read for each block. */
  pages: 100,
  /** How long what was read is used. */
  keepMs: 60_000,
  /** The same where the block had ended, this long before at least: nothing is added to it any more. */
  keepEndedMs: 1_800_000,
  endedMs: 60_000,
  /** Blocks that are remembered. */
  blocks: 32,
} as const;

/** When an intent may have been made, in ms after its payment's time: while the order could be paid. */
const BEFORE_MS = 60_000;
const AFTER_MS = 7_200_000;

/** The ids of intents by the payment that they name. */
type Intents = ReadonlyMap<string, readonly string[]>;

interface Scan {
  readonly usableUntil: number;
  readonly intents: Promise<Intents>;
}

/**
 * Finds intents by the payment they name, in Stripe's list. After an outage thousands of payments look for theirs, so what
 * was read for one serves the others of its time.
 */
export class IntentScans {
  readonly #api: StripeApi;
  readonly #clock: Clock;
  /** By the block's number. */
  readonly #scans = new Recent<Scan>(SCAN_LIMITS.blocks);
  /** Those that have yet to begin, when the one before is over. */
  readonly #queued = new Map<string, Promise<Intents>>();

  constructor(api: StripeApi, clock: Clock) {
    this.#api = api;
    this.#clock = clock;
  }

  /**
   * The ids of all that were made for a payment.
   * @param at the payment's time, ms
   * @param isFresh whether only what is read from now on counts
   */
  async find(paymentId: string, at: number, isFresh: boolean): Promise<string[]> {
    const last = blockOf(Math.min(at + AFTER_MS, this.#clock.now() + BEFORE_MS));
    const found: string[] = [];
    for (let block = blockOf(at - BEFORE_MS); block <= last; block++) {
      const intents = await (isFresh ? this.#scanAnew(block) : this.#scan(block));
      found.push(...(intents.get(paymentId) ?? []));
    }
    return found;
  }

  #scan(block: number): Promise<Intents> {
    const known = this.#scans.get(`${block}`);
    return known !== undefined && this.#clock.now() < known.usableUntil ? known.intents : this.#begin(block);
  }

  /** One that is under way may have passed what is looked for; all who come meanwhile share the next one. */
  #scanAnew(block: number): Promise<Intents> {
    const name = `${block}`;
    const known = this.#queued.get(name);
    if (known !== undefined) return known;
    const begin = (): Promise<Intents> => {
      this.#queued.delete(name);
      return this.#begin(block);
    };
    const queued = Promise.resolve(this.#scans.get(name)?.intents).then(begin, begin);
    this.#queued.set(name, queued);
    return queued;
  }

  #begin(block: number): Promise<Intents> {
    const name = `${block}`;
    const now = this.#clock.now();
    const end = (block + 1) * SCAN_LIMITS.blockMs;
    const usableUntil = now + (now > end + SCAN_LIMITS.endedMs ? SCAN_LIMITS.keepEndedMs : SCAN_LIMITS.keepMs);
    const scan: Scan = { usableUntil, intents: this.#read(end - SCAN_LIMITS.blockMs, end) };
    this.#scans.set(name, scan);
    scan.intents.catch(() => {
      if (this.#scans.get(name) === scan) this.#scans.delete(name);
    });
    return scan.intents;
  }

  async #read(from: number, to: number): Promise<Intents> {
    const listed = await this.#api.intentsBetween(
      from / 1_000,
      to / 1_000 - 1,
      SCAN_LIMITS.pages,
      ({ metadata }) => metadata.usher_payment !== undefined,
    );
    const intents = new Map<string, string[]>();
    for (const { id, metadata } of listed) {
      const paymentId = metadata.usher_payment as string;
      intents.set(paymentId, [...(intents.get(paymentId) ?? []), id]);
    }
    return intents;
  }
}

const blockOf = (time: number): number => Math.floor(time / SCAN_LIMITS.blockMs);
