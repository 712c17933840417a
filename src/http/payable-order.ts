import type { OrderView } from '../actors/shows.ts';
import type { PaymentGateway } from '../payments/gateway.ts';

/** An order as HTTP shows it: with the provider of its payment, and how to pay it. */
export type PayableOrder = Omit<OrderView, 'payment'> & {
  /** Absent for a free order; the secret only while the order can be paid. */
  readonly payment?: { readonly id: string; readonly provider: string; readonly clientSecret?: string };
};

/** Adds what the show cannot know: who takes the money, and what the buyer's browser needs to pay it. */
export function payable(order: OrderView, gateway: PaymentGateway): PayableOrder {
  if (order.payment === undefined) return order as PayableOrder;
  const { id } = order.payment;
  const { provider } = gateway;
  const canBePaid = order.status === 'awaiting_payment';
  return { ...order, payment: canBePaid ? { id, provider, clientSecret: gateway.clientSecret(id) } : { id, provider } };
}
