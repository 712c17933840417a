import type { OrderView } from '../actors/shows.ts';
import type { PaymentGateway } from '../payments/gateway.ts';

/** An order as HTTP shows it: with the provider of its payment, and how to pay it. */
export type PayableOrder = Omit<OrderView, 'payment'> & {
  /** Absent for a free order; the secret only while the order can be paid. */
  readonly payment?: { readonly id: string; readonly provider: string; readonly clientSecret?: string };
};

/** Adds what the show cannot know: who takes the money, and what the buyer's browser needs to pay it. */
export async function payable(order: OrderView, gateway: PaymentGateway): Promise<PayableOrder> {
  if (order.payment === undefined) return order as PayableOrder;
  const { id } = order.payment;
  const secret = order.status === 'awaiting_payment' ? await gateway.clientSecret(id) : null;
  return withSecret(order, gateway, secret);
}

/** The same with a secret that is known already; null where there is none. */
export function withSecret(order: OrderView, gateway: PaymentGateway, clientSecret: string | null): PayableOrder {
  if (order.payment === undefined) return order as PayableOrder;
  const payment = { id: order.payment.id, provider: gateway.provider };
  return { ...order, payment: clientSecret === null ? payment : { ...payment, clientSecret } };
}
