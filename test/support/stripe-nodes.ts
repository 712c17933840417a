import { RefusedError } from '../../src/errors.ts';
import { scopedId } from '../../src/ids.ts';
import type { PaymentOrder, RefundOrder } from '../../src/payments/gateway.ts';
import { CallGate, GATE_LIMITS, type GateLimits } from '../../src/payments/stripe/call-gate.ts';
import { isOutage } from '../../src/payments/stripe/failures.ts';
import type { StripePaymentTable } from '../../src/payments/stripe/payment-table.ts';
import { StripeGateway } from '../../src/payments/stripe/stripe-gateway.ts';
import { type CapturedLog, capturedLog } from './captured-log.ts';
import { seededRandom } from './seeded-random.ts';
import type { PaymentBook } from './stripe/books.ts';
import { type StripeForTest, stripeForTest } from './stripe/for-test.ts';
import type { StandInOptions } from './stripe/stand-in.ts';

export const SHOW = 'shw_01k9zxh3m4q8r2v6w7y0t5b1cd';
export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;

/** The table `stripe_payment` in memory; nodes that share it are of one cluster. */
export class MemoryPaymentTable implements StripePaymentTable {
  readonly rows = new Map<string, string | null>();
  /** The process dies, or the database is gone, before so many next writes. */
  failingKeeps = 0;

  async read(paymentId: string): Promise<string | null | undefined> {
    return this.rows.get(paymentId);
  }

  async keep(paymentId: string, intentId: string | null): Promise<string | null> {
    if (this.failingKeeps > 0) {
      this.failingKeeps--;
      throw new RefusedError({ code: 'UNAVAILABLE', detail: 'The database is gone.' });
    }
    if (!this.rows.has(paymentId)) this.rows.set(paymentId, intentId);
    return this.rows.get(paymentId) ?? null;
  }
}

export interface StripeNodes extends StripeForTest {
  readonly table: MemoryPaymentTable;
  readonly log: CapturedLog;
  /** A node that has just started: it remembers nothing. */
  node(options?: { readonly methods?: readonly string[]; readonly limits?: Partial<GateLimits> }): StripeGateway;
  /** An order of 50.00 EUR made now; another one for another number. */
  order(number?: number, changes?: Partial<PaymentOrder>): PaymentOrder;
  /** What Stripe has of a payment, in the order in which it was made. */
  books(paymentId: string): PaymentBook[];
  /** Opens it and pays it by this method. */
  paid(gateway: StripeGateway, order: PaymentOrder, method?: string): Promise<string>;
}

export async function stripeNodes(options: StandInOptions = {}): Promise<StripeNodes> {
  const stripe = await stripeForTest(options);
  const table = new MemoryPaymentTable();
  const log = capturedLog();
  let nodes = 0;
  return {
    ...stripe,
    table,
    log,
    node({ methods = ['card'], limits = {} } = {}) {
      const ports = { ...stripe.time, random: seededRandom(++nodes) };
      const gate = new CallGate(ports, isOutage, { ...GATE_LIMITS, ...limits });
      return new StripeGateway({ stripe: stripe.stripe, table, methods, ...ports, log: log.log, gate });
    },
    order(number = 1, changes = {}) {
      const at = stripe.time.clock.now();
      return {
        paymentId: scopedId('pay', at, SHOW, number),
        orderId: scopedId('ord', at, SHOW, number),
        showId: SHOW,
        amount: 5_000,
        currency: 'EUR',
        ...changes,
      };
    },
    books: (paymentId) => stripe.standIn.books.payments((metadata) => metadata.usher_payment === paymentId),
    async paid(gateway, order, method = 'pm_card_visa') {
      const { clientSecret } = await gateway.open(order);
      await stripe.standIn.browser.confirm(clientSecret, method);
      return clientSecret;
    },
  };
}

/** A refund of a payment, decided now. */
export function refundOf(
  { time }: Pick<StripeNodes, 'time'>,
  { paymentId, currency }: PaymentOrder,
  amount: number,
  number = 1,
): RefundOrder {
  const at = time.clock.now();
  return { refundId: scopedId('rfd', at, SHOW, number), paymentId, amount, currency, at };
}

/** The code of the refusal that a call ends with. */
export async function refusalOf(call: Promise<unknown>): Promise<string> {
  const error = await call.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof RefusedError)) throw new Error(`it was not refused: ${error}`);
  return error.refusal.code;
}
