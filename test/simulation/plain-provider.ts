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
import type { BookedPayment, PaymentBooks } from '../../src/payments/payment-books.ts';
import type { BookLine } from '../judge/history.ts';
import type { Phase } from './dangers.ts';
import type { Method, MoneyParts, MoneyTaker, MoneyWire } from './money.ts';
import type { SimulatedProcess } from './simulated-process.ts';

/** A caller gives a call up after so long. */
const CALL_MS = 30_000;
/** A buyer passes a challenge in so long. */
const CHALLENGE_MS = 300;
/** From the order of a refund to its being done, ms at most. */
const REFUND_MS = 20_000;

const BUSY: Refusal = { code: 'OVERLOADED', detail: 'The provider is busy.', retryAfter: 1 };
const ENDED: Refusal = { code: 'ORDER_NOT_PAYABLE', detail: 'The payment has ended.' };

interface Account {
  readonly order: PaymentOrder;
  state: PaymentState;
  method: Method;
  captures: number;
  readonly refunds: Map<string, { readonly amount: number; state: RefundState }>;
}

interface Parts extends MoneyParts {
  readonly wire: MoneyWire;
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

/** A payment provider as settlement knows it, with books of its own, and the bank behind it. */
export class PlainProvider implements MoneyTaker {
  readonly #accounts = new Map<string, Account>();
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
      clientSecret: (paymentId) => call('get', () => (this.#accounts.has(paymentId) ? secretOf(paymentId) : null)),
      rememberedSecret: () => null,
      get: (paymentId) => call('get', () => viewOf(this.#accounts.get(paymentId))),
      capture: (paymentId) => call('capture', () => this.#capture(paymentId)),
      cancel: (paymentId) => call('cancel', () => this.#cancel(paymentId)),
      refund: (refund) => call('refund', () => this.#refund(refund)),
      amountFault: () => null,
    };
  }

  attach(): void {}

  calm(): void {}

  async confirm(secret: string, method: Method): Promise<boolean> {
    const account = this.#accounts.get(secret.slice('secret_of_'.length));
    if (account === undefined || account.state !== 'open') return false;
    account.method = method;
    switch (method) {
      case 'declined':
        account.state = 'open';
        break;
      case 'challenge':
        account.state = 'challenge';
        this.#parts.time.after(CHALLENGE_MS, () => this.#passChallenge(account));
        break;
      case 'delayed':
      case 'delayed and refused':
        account.state = 'pending';
        this.#parts.time.after(this.#parts.dice.roll() * this.#parts.bankMs, () => this.#decide(account));
        break;
      default:
        account.state = 'authorised';
    }
    this.#tell(account);
    return method !== 'declined';
  }

  #passChallenge(account: Account): void {
    if (account.state !== 'challenge') return;
    account.state = 'authorised';
    this.#tell(account);
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
    const known = this.#accounts.get(order.paymentId);
    if (known === undefined) {
      this.#accounts.set(order.paymentId, { order, state: 'open', method: 'good', captures: 0, refunds: new Map() });
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
    const account = this.#accounts.get(paymentId) ?? this.#cancelledUnheard(paymentId);
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
    this.#accounts.set(paymentId, account);
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
    const account = this.#accounts.get(paymentId);
    if (account === undefined) throw new Error(`the provider knows no payment ${paymentId}`);
    return account;
  }

  /** What the provider tells of itself comes late, twice, or never. */
  #tell({ order: { paymentId } }: Account): void {
    const { time, dice, hint } = this.#parts;
    const { hintLost, hintTwice, hintLateMs } = this.#parts.wire.weather;
    if (dice.chance(hintLost)) return;
    const { showId, number } = orderOf(paymentId);
    for (let copy = dice.chance(hintTwice) ? 2 : 1; copy > 0; copy--) {
      time.after(dice.roll() * hintLateMs, () => hint(showId, number));
    }
  }

  get books(): PaymentBooks {
    const accounts = this.#accounts;
    return {
      provider: 'sandbox',
      async *all() {
        yield [...accounts.values()].map(bookedOf);
      },
    };
  }

  bookLines(): BookLine[] {
    return [...this.#accounts.values()].flatMap((account) => {
      const { order, captures, method } = account;
      if (order.orderId === '') return [];
      const captured = captures * order.amount;
      return { book: order.orderId, captured, refunded: refundedOf(account), captures, unasked: method === 'delayed' };
    });
  }

  #call<T>(host: string, process: SimulatedProcess, kind: keyof typeof CALLS, work: () => T): Promise<T> {
    const { dice, wire } = this.#parts;
    const { busy, error } = wire.weather;
    const isBusy = dice.chance(busy);
    const isError = dice.chance(error);
    const acts = !isBusy && (!isError || dice.chance(0.5));
    const called = wire.call(host, process, CALLS[kind], () => {
      const value = acts ? work() : null;
      if (isBusy) throw new RefusedError(BUSY);
      if (isError) throw new Error('500');
      return value as T;
    });
    return within(process, called);
  }
}

/** A caller gives up what does not answer. */
function within<T>(process: SimulatedProcess, called: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const deadline = process.timers.after(CALL_MS, () => reject(new Error('the call timed out')));
    called.then(resolve, reject).finally(() => deadline.cancel());
  });
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

function bookedOf(account: Account): BookedPayment {
  const { order, state, captures } = account;
  const isKnown = order.orderId !== '';
  return {
    paymentId: order.paymentId,
    reference: order.paymentId,
    amount: isKnown ? order.amount : null,
    currency: isKnown ? order.currency : null,
    isOpen: state === 'open' || state === 'challenge' || state === 'pending',
    authorised: state === 'authorised' ? order.amount : 0,
    captured: captures * order.amount,
    refunded: refundedOf(account),
    failedRefunds: 0,
    disputes: [],
  };
}

function refundedOf({ refunds }: Account): number {
  let sum = 0;
  for (const { amount } of refunds.values()) sum += amount;
  return sum;
}
