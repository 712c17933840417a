import { type Refusal, RefusedError } from '../../src/errors.ts';
import { parseScopedId } from '../../src/ids.ts';
import type {
  Payment,
  PaymentGateway,
  PaymentOrder,
  PaymentState,
  RefundOrder,
  RefundState,
} from '../../src/payments/gateway.ts';
import type { Dice } from '../support/dice.ts';
import type { Dangers, Phase } from './dangers.ts';
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

/** A caller gives a call up after so long. */
const CALL_MS = 30_000;
/** From a delayed payment to the bank's decision, ms at most. */
const BANK_MS = 120_000;
/** From the order of a refund to its being done, ms at most. */
const REFUND_MS = 20_000;

const BUSY: Refusal = { code: 'OVERLOADED', detail: 'The provider is busy.', retryAfter: 1 };
const AWAY: Refusal = { code: 'UNAVAILABLE', detail: 'The provider is out of reach.', retryAfter: 1 };
const ENDED: Refusal = { code: 'ORDER_NOT_PAYABLE', detail: 'The payment has ended.' };

/** What a buyer pays with. */
export const METHODS = ['good', 'declined', 'challenge', 'delayed', 'delayed and refused', 'capture fails'] as const;
export type Method = (typeof METHODS)[number];

interface Account {
  readonly order: PaymentOrder;
  state: PaymentState;
  method: Method;
  captures: number;
  readonly refunds: Map<string, { readonly amount: number; state: RefundState }>;
}

interface Parts {
  readonly time: VirtualTime;
  readonly dice: Dice;
  readonly dangers: Dangers;
  readonly onViolation: (invariant: string, what: string) => void;
  /** I10: whether a durable row says that this order (`show/number`) is sold. */
  readonly isSold: (order: string) => boolean;
  /** Something has happened to the payment of this order: reaches a node, if it does. */
  readonly hint: (showId: string, order: number) => void;
}

const CALLS = {
  open: 'payment opened',
  get: 'payment looked at',
  capture: 'capture under way',
  cancel: 'cancellation under way',
  refund: 'refund under way',
} as const satisfies Record<string, Phase>;

/** A payment provider with books of its own, and the bank behind it. */
export class Provider {
  weather = CALM_PROVIDER;
  /** Nobody reaches it. */
  isAway = false;
  readonly accounts = new Map<string, Account>();
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** As one process calls it. */
  gateway(host: string, process: SimulatedProcess): PaymentGateway {
    const call = <T>(kind: keyof typeof CALLS, work: () => T): Promise<T> => this.#call(host, process, kind, work);
    return {
      provider: 'sandbox',
      open: (order) => call('open', () => this.#open(order)),
      clientSecret: (paymentId) => call('get', () => (this.accounts.has(paymentId) ? secretOf(paymentId) : null)),
      rememberedSecret: () => null,
      get: (paymentId) => call('get', () => viewOf(this.accounts.get(paymentId))),
      capture: (paymentId) => call('capture', () => this.#capture(paymentId)),
      cancel: (paymentId) => call('cancel', () => this.#cancel(paymentId)),
      refund: (refund) => call('refund', () => this.#refund(refund)),
      amountFault: () => null,
    };
  }

  /** What the buyer's browser does. @returns whether that was possible. */
  confirm(secret: string, method: Method): boolean {
    const account = this.accounts.get(secret.slice('secret_of_'.length));
    if (account === undefined || (account.state !== 'open' && account.state !== 'challenge')) return false;
    account.method = method;
    switch (method) {
      case 'declined':
        account.state = 'open';
        break;
      case 'challenge':
        account.state = account.state === 'challenge' ? 'authorised' : 'challenge';
        break;
      case 'delayed':
      case 'delayed and refused':
        account.state = 'pending';
        this.#parts.time.after(this.#parts.dice.roll() * BANK_MS, () => this.#decide(account));
        break;
      default:
        account.state = 'authorised';
    }
    this.#tell(account);
    return true;
  }

  #decide(account: Account): void {
    if (account.state !== 'pending') return;
    if (account.method === 'delayed') {
      account.state = 'captured';
      account.captures++;
    } else account.state = 'open';
    this.#tell(account);
  }

  #open(order: PaymentOrder): { clientSecret: string } {
    const known = this.accounts.get(order.paymentId);
    if (known === undefined) {
      this.accounts.set(order.paymentId, { order, state: 'open', method: 'good', captures: 0, refunds: new Map() });
    } else if (known.state === 'cancelled') throw new RefusedError(ENDED);
    return { clientSecret: secretOf(order.paymentId) };
  }

  #capture(paymentId: string): Payment {
    const account = this.#account(paymentId);
    if (account.state === 'authorised') {
      const { showId, number } = orderOf(paymentId);
      if (!this.#parts.isSold(`${showId}/${number}`))
        this.#parts.onViolation('I10', `${paymentId} was captured before its sale was durable`);
      account.state = account.method === 'capture fails' ? 'failed' : 'captured';
      if (account.state === 'captured') account.captures++;
      this.#tell(account);
    }
    return viewOf(account) as Payment;
  }

  #cancel(paymentId: string): Payment {
    const account = this.accounts.get(paymentId) ?? this.#cancelledUnheard(paymentId);
    if (account.state === 'open' || account.state === 'challenge' || account.state === 'authorised') {
      account.state = 'cancelled';
      this.#tell(account);
    }
    return viewOf(account) as Payment;
  }

  /** One that was never opened cannot be any more. */
  #cancelledUnheard(paymentId: string): Account {
    const order = { paymentId, orderId: '', showId: '', amount: 0, currency: 'EUR' };
    const account: Account = { order, state: 'cancelled', method: 'good', captures: 0, refunds: new Map() };
    this.accounts.set(paymentId, account);
    return account;
  }

  #refund({ refundId, paymentId, amount }: RefundOrder): RefundState {
    const account = this.#account(paymentId);
    const known = account.refunds.get(refundId);
    if (known !== undefined) return known.state;
    const given = refundedOf(account);
    if (account.state !== 'captured' || given + amount > account.order.amount) {
      this.#parts.onViolation(
        'I10',
        `a refund of ${amount} of ${paymentId} is more than was captured and not given back`,
      );
      return 'failed';
    }
    const { dice, time } = this.#parts;
    const refund: { amount: number; state: RefundState } = { amount, state: dice.chance(0.5) ? 'done' : 'pending' };
    account.refunds.set(refundId, refund);
    if (refund.state === 'pending') {
      time.after(dice.roll() * REFUND_MS, () => {
        refund.state = 'done';
        this.#tell(account);
      });
    }
    return refund.state;
  }

  #account(paymentId: string): Account {
    const account = this.accounts.get(paymentId);
    if (account === undefined) throw new Error(`the provider knows no payment ${paymentId}`);
    return account;
  }

  /** What the provider tells of itself comes late, twice, or never. */
  #tell({ order: { paymentId } }: Account): void {
    const { time, dice, hint } = this.#parts;
    const { hintLost, hintTwice, hintLateMs } = this.weather;
    if (dice.chance(hintLost)) return;
    const { showId, number } = orderOf(paymentId);
    for (let copy = dice.chance(hintTwice) ? 2 : 1; copy > 0; copy--) {
      time.after(dice.roll() * hintLateMs, () => hint(showId, number));
    }
  }

  #call<T>(host: string, process: SimulatedProcess, kind: keyof typeof CALLS, work: () => T): Promise<T> {
    const { time, dice, dangers } = this.#parts;
    const phase = CALLS[kind];
    return new Promise((resolve, reject) => {
      let isOver = false;
      const over = (tell: () => void): void => {
        if (isOver) return;
        isOver = true;
        deadline.cancel();
        dangers.leave(host, phase);
        tell();
      };
      const deadline = process.timers.after(CALL_MS, () => over(() => reject(new Error('the call timed out'))));
      const { weather } = this;
      const [least, most] = weather.latencyMs;
      const latency = (): number => least + dice.roll() * (most - least);
      const back = (tell: () => void): void => void time.after(latency(), () => over(tell), process);
      dangers.enter(host, phase);
      if (this.isAway) return back(() => reject(new RefusedError(AWAY)));
      if (dice.chance(weather.lost)) return;
      if (dice.chance(weather.busy)) return back(() => reject(new RefusedError(BUSY)));
      const isError = dice.chance(weather.error);
      const acts = !isError || dice.chance(0.5);
      const isAmbiguous = dice.chance(weather.ambiguous);
      const slow = dice.chance(weather.slow) ? dice.roll() * weather.slowMs : 0;
      time.after(latency() + slow, () => {
        if (this.isAway) return back(() => reject(new Error('the connection broke')));
        try {
          const value = acts ? work() : null;
          if (isAmbiguous) return;
          back(() => (isError ? reject(new Error('500')) : resolve(value as T)));
        } catch (error) {
          back(() => reject(error));
        }
      });
    });
  }
}

function orderOf(paymentId: string): { readonly showId: string; readonly number: number } {
  const id = parseScopedId('pay', paymentId);
  if (id === null) throw new Error(`${paymentId} is no payment`);
  return id;
}

function secretOf(paymentId: string): string {
  return `secret_of_${paymentId}`;
}

function viewOf(account: Account | undefined): Payment | null {
  if (account === undefined) return null;
  const { order, state } = account;
  return { id: order.paymentId, state, amount: order.amount, currency: order.currency };
}

export function refundedOf({ refunds }: Account): number {
  let sum = 0;
  for (const { amount } of refunds.values()) sum += amount;
  return sum;
}
