import type Stripe from 'stripe';
import type { BookedDispute, BookedPayment, PaymentBooks } from '../payment-books.ts';
import { fromStripe } from './stripe-amounts.ts';
import { disputeStatus } from './stripe-events.ts';

/** Entries of one page: as many as Stripe gives. */
const PAGE = 100;
/** A long reading is not to end with a request that Stripe had no room for. */
const PATIENT: Stripe.RequestOptions = { maxNetworkRetries: 4 };

/** States of an intent in which money may still come of it. */
const OPEN: ReadonlySet<Stripe.PaymentIntent.Status> = new Set<Stripe.PaymentIntent.Status>([
  'requires_payment_method',
  'requires_confirmation',
  'requires_action',
  'processing',
]);

/** What was given back of one intent, in Stripe's units. */
interface Given {
  readonly refunded: number;
  readonly failed: number;
}

/**
 * Stripe's own lists of intents, refunds and disputes, of the payments that carry our name. Memory: one page, and the sums
 * of those that were refunded or disputed.
 */
export function createStripeBooks(stripe: Stripe): PaymentBooks {
  return {
    provider: 'stripe',
    async *all() {
      const given = await readRefunds(stripe);
      const disputes = await readDisputes(stripe);
      const list = (page: Stripe.PaginationParams) =>
        stripe.paymentIntents.list({ ...page, expand: ['data.latest_charge'] }, PATIENT);
      for await (const intents of pages(list)) {
        const ours = intents.filter(({ metadata }) => metadata.usher_payment !== undefined);
        if (ours.length > 0) yield ours.map((intent) => booked(intent, given.get(intent.id), disputes.get(intent.id)));
      }
    },
  };
}

async function* pages<T extends { readonly id: string }>(
  list: (page: Stripe.PaginationParams) => Promise<Stripe.ApiList<T>>,
): AsyncGenerator<readonly T[]> {
  let after: string | undefined;
  while (true) {
    const page = await list({ limit: PAGE, ...(after === undefined ? {} : { starting_after: after }) });
    yield page.data;
    after = page.data.at(-1)?.id;
    if (!page.has_more || after === undefined) return;
  }
}

async function readRefunds(stripe: Stripe): Promise<Map<string, Given>> {
  const given = new Map<string, Given>();
  for await (const refunds of pages((page) => stripe.refunds.list(page, PATIENT))) {
    for (const { payment_intent, status, amount } of refunds) {
      const intent = idOf(payment_intent);
      if (intent === null) continue;
      const { refunded, failed } = given.get(intent) ?? { refunded: 0, failed: 0 };
      const isFailed = status === 'failed' || status === 'canceled';
      given.set(intent, isFailed ? { refunded, failed: failed + amount } : { refunded: refunded + amount, failed });
    }
  }
  return given;
}

async function readDisputes(stripe: Stripe): Promise<Map<string, readonly Stripe.Dispute[]>> {
  const found = new Map<string, readonly Stripe.Dispute[]>();
  for await (const disputes of pages((page) => stripe.disputes.list(page, PATIENT))) {
    for (const dispute of disputes) {
      const intent = idOf(dispute.payment_intent);
      if (intent !== null) found.set(intent, [...(found.get(intent) ?? []), dispute]);
    }
  }
  return found;
}

function booked(
  intent: Stripe.PaymentIntent,
  given: Given | undefined,
  disputes: readonly Stripe.Dispute[] = [],
): BookedPayment {
  const currency = intent.currency.toUpperCase();
  const ours = (amount: number): number => fromStripe(amount, currency);
  const charge = typeof intent.latest_charge === 'object' ? intent.latest_charge : null;
  // Letting go of what was never captured is a refund too, by name.
  const isCaptured = intent.amount_received > 0 && charge?.captured !== false;
  return {
    paymentId: intent.metadata.usher_payment,
    reference: intent.id,
    amount: ours(intent.amount),
    currency,
    isOpen: OPEN.has(intent.status),
    authorised: ours(intent.amount_capturable),
    captured: isCaptured ? ours(intent.amount_received) : 0,
    refunded: isCaptured ? ours(given?.refunded ?? 0) : 0,
    failedRefunds: isCaptured ? ours(given?.failed ?? 0) : 0,
    disputes: disputes.flatMap((dispute) => bookedDispute(dispute, currency) ?? []),
  };
}

function bookedDispute(dispute: Stripe.Dispute, expected: string): BookedDispute | null {
  const { id, amount, currency } = dispute;
  const status = disputeStatus(dispute);
  if (status === undefined) return null;
  // A dispute is in the currency of its charge.
  if (currency.toUpperCase() !== expected) throw new Error(`the dispute ${id} is in ${currency}, not ${expected}`);
  return { id, status, withdrawn: status === 'won' ? 0 : fromStripe(amount, expected) };
}

function idOf(thing: string | { readonly id: string } | null): string | null {
  return typeof thing === 'string' ? thing : (thing?.id ?? null);
}
