import { type Refusal, RefusedError } from '../../src/errors.ts';
import type { PaymentGateway } from '../../src/payments/gateway.ts';
import type { PaymentBooks } from '../../src/payments/payment-books.ts';
import type { BookLine } from '../judge/history.ts';
import type { Dice } from '../support/dice.ts';
import type { Dangers, Phase } from './dangers.ts';
import type { SimulatedNode } from './simulated-node.ts';
import type { SimulatedProcess } from './simulated-process.ts';
import type { VirtualTime } from './virtual-time.ts';

/** How calls to the payment provider fare; drawn once a seed, and calm once faults stop. */
export interface ProviderWeather {
  readonly latencyMs: readonly [least: number, most: number];
  /** The call never arrives. */
  readonly lost: number;
  /** It is carried out, and its answer never comes. */
  readonly ambiguous: number;
  /** It is answered with an error; of these, half were carried out. */
  readonly error: number;
  /** It is refused for now. */
  readonly busy: number;
  /** It takes up to this much longer. */
  readonly slow: number;
  readonly slowMs: number;
  /** What the provider tells by itself: not at all, twice, or up to `hintLateMs` later. */
  readonly hintLost: number;
  readonly hintTwice: number;
  readonly hintLateMs: number;
}

export const CALM_PROVIDER: ProviderWeather = {
  latencyMs: [20, 80],
  lost: 0,
  ambiguous: 0,
  error: 0,
  busy: 0,
  slow: 0,
  slowMs: 0,
  hintLost: 0,
  hintTwice: 0,
  hintLateMs: 200,
};

/** What a buyer pays with. */
export const METHODS = ['good', 'declined', 'challenge', 'delayed', 'delayed and refused', 'capture fails'] as const;
export type Method = (typeof METHODS)[number];

/** From a delayed payment to the bank's decision, ms at most, where nobody waits for days. */
export const BANK_MS = 120_000;

/** Who takes the money of a world. */
export interface MoneyTaker {
  /** As one process calls it. */
  gateway(host: string, process: SimulatedProcess): PaymentGateway;
  /** From now on this node hears what the provider tells by itself. */
  attach(node: SimulatedNode): void;
  /** What the buyer's browser does. @returns whether something may come of it. */
  confirm(secret: string, method: Method): Promise<boolean>;
  /** No fault that was added waits any more. */
  calm(): void;
  /** For `verify --payments`. */
  readonly books: PaymentBooks;
  /** For the judge. */
  bookLines(): BookLine[];
}

export interface MoneyParts {
  readonly time: VirtualTime;
  readonly dice: Dice;
  readonly dangers: Dangers;
  /** As in `Options`. */
  readonly bankMs: number;
  readonly onViolation: (invariant: string, what: string) => void;
  /** I10: whether a durable row says that this order (`show/number`) is sold. */
  readonly isSold: (order: string) => boolean;
}

const AWAY: Refusal = { code: 'UNAVAILABLE', detail: 'The provider is out of reach.', retryAfter: 1 };

/** The way between nodes and the provider. */
export class MoneyWire {
  weather = CALM_PROVIDER;
  /** Nobody reaches the provider. */
  isAway = false;
  readonly #parts: MoneyParts;

  constructor(parts: MoneyParts) {
    this.#parts = parts;
  }

  /**
   * Has `work` done at the provider, and its outcome heard in the process. What is lost never answers: whoever called
   * gives up.
   */
  call<T>(host: string, process: SimulatedProcess, phase: Phase, work: () => T | Promise<T>): Promise<T> {
    const { time, dice, dangers } = this.#parts;
    const { weather } = this;
    return new Promise((resolve, reject) => {
      const [least, most] = weather.latencyMs;
      const latency = (): number => least + dice.roll() * (most - least);
      const back = (tell: () => void): void => {
        time.after(
          latency(),
          () => {
            dangers.leave(host, phase);
            tell();
          },
          process,
        );
      };
      dangers.enter(host, phase);
      if (this.isAway) return back(() => reject(new RefusedError(AWAY)));
      if (dice.chance(weather.lost)) return;
      const isAmbiguous = dice.chance(weather.ambiguous);
      const slow = dice.chance(weather.slow) ? dice.roll() * weather.slowMs : 0;
      time.after(latency() + slow, async () => {
        if (this.isAway) return back(() => reject(new Error('the connection broke')));
        try {
          const value = await work();
          if (!isAmbiguous) back(() => resolve(value));
        } catch (error) {
          back(() => reject(error));
        }
      });
    });
  }
}
