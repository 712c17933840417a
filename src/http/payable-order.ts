import type { OrderView } from '../actors/shows.ts';
import { RefusedError } from '../errors.ts';
import type { PaymentGateway } from '../payments/gateway.ts';
import type { Timers } from '../ports.ts';

/** How long a request waits for the payment provider. */
const PROVIDER_LIMITS = {
  /** Ms, to make an order payable. */
  openMs: 10_000,
  /** Ms, to tell of an order how it is paid; it is told without that rather than late or not at all. */
  secretMs: 1_000,
  /** Seconds, after which a retry finds what the provider has finished by then. */
  retryAfter: 2,
} as const;

/** An order as HTTP shows it: with the provider of its payment, and how to pay it. */
export type PayableOrder = Omit<OrderView, 'payment'> & {
  /** Absent for a free order; the secret only for its buyer, and only while the order can be paid. */
  readonly payment?: { readonly id: string; readonly provider: string; readonly clientSecret?: string };
};

/** What orders are made payable with, and told how. */
export interface PaymentDeps {
  readonly gateway: PaymentGateway;
  readonly timers: Timers;
}

/**
 * Opens the order's payment at the provider. A repeat does the same, also while the first is still at it; an order that has
 * ended by then is told of without a secret, as it was made.
 * Rejects as `gateway.open` does, and with `UNAVAILABLE` if that takes longer than a request waits.
 */
export async function opened(
  order: OrderView,
  isRepeat: boolean,
  { gateway, timers }: PaymentDeps,
): Promise<PayableOrder> {
  if (order.payment === undefined) return withoutSecret(order, gateway);
  const { id: orderId, showId, total } = order;
  const opening = gateway.open({ paymentId: order.payment.id, orderId, showId, ...total });
  const ended = { clientSecret: null };
  const open = await within(PROVIDER_LIMITS.openMs, opening, timers).catch((error: unknown) => {
    if (isRepeat && error instanceof RefusedError && error.refusal.code === 'ORDER_NOT_PAYABLE') return ended;
    throw error;
  });
  if (open === null) {
    throw new RefusedError({
      code: 'UNAVAILABLE',
      detail:
        'The payment provider has not answered in time. The order is made; send the same request again to pay it.',
      retryAfter: PROVIDER_LIMITS.retryAfter,
    });
  }
  return withSecret(order, gateway, open.clientSecret);
}

/** Adds what the show cannot know: who takes the money, and what its buyer's browser needs to pay it. */
export async function payable(order: OrderView, { gateway, timers }: PaymentDeps): Promise<PayableOrder> {
  if (order.payment === undefined || order.status !== 'awaiting_payment') return withoutSecret(order, gateway);
  const secret = await within(PROVIDER_LIMITS.secretMs, gateway.clientSecret(order.payment.id), timers).catch(
    (error: unknown) => {
      if (error instanceof RefusedError) return null;
      throw error;
    },
  );
  return withSecret(order, gateway, secret);
}

/** The same for one order of a list, which costs no call to the provider: with the secret only where this node remembers it. */
export function payableInList(order: OrderView, gateway: PaymentGateway): PayableOrder {
  if (order.payment === undefined || order.status !== 'awaiting_payment') return withoutSecret(order, gateway);
  return withSecret(order, gateway, gateway.rememberedSecret(order.payment.id));
}

/** For who may see the order but is not to pay it. */
export function withoutSecret(order: OrderView, gateway: PaymentGateway): PayableOrder {
  return withSecret(order, gateway, null);
}

function withSecret(order: OrderView, gateway: PaymentGateway, clientSecret: string | null): PayableOrder {
  if (order.payment === undefined) return order as PayableOrder;
  const payment = { id: order.payment.id, provider: gateway.provider };
  return { ...order, payment: clientSecret === null ? payment : { ...payment, clientSecret } };
}

/** What the provider answers within `ms`; null if it does not. What it does later is not waited for, nor is it undone. */
function within<T>(ms: number, answering: Promise<T>, timers: Timers): Promise<T | null> {
  const { promise, resolve, reject } = Promise.withResolvers<T | null>();
  const timer = timers.after(ms, () => resolve(null));
  answering.then(resolve, reject).finally(() => timer.cancel());
  return promise;
}
