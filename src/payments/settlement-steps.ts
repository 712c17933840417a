import type { OrderState, OrderStatus, OrderView, PaymentWork } from '../actors/shows.ts';
import type { Command } from '../allocator/commands.ts';
import { parseScopedId } from '../ids.ts';
import type { Payment } from './gateway.ts';

/*
 * Settlement brings an order and its payment to agree. It keeps nothing: what is to be done follows from the order's
 * journaled state and the gateway's alone, so that whoever recovers the show can go on from any crash.
 *
 *   order                    gateway                  step
 *   awaiting                 none, open, challenge    nothing: the buyer's move
 *   awaiting                 pending                  pending                  the bank takes days: the seats are held meanwhile
 *   awaiting, pending        authorised, captured     commit
 *   awaiting, pending        cancelled, failed        reject
 *   pending                  none, open, challenge    cancel                   the bank refused: nobody is to pay it once more
 *   committed                authorised               capture                  crashed before: capture again
 *   committed                captured                 captured                 captured but not journaled: seen here, journaled
 *   committed                failed, cancelled        void                     the seats are free, the order stays unsettled
 *   committed                captured, other amount   void                     somebody else took less than the tickets cost
 *   expired, unsettled       authorised, captured     commit, late             places that are still free are taken again, else declined
 *   ended, unsettled         open … authorised        cancel                   nothing was charged
 *   ended, unsettled         captured                 give back                the method settles at once: one refund
 *   ended, unsettled         cancelled, failed        settled                  crashed between: cancelled twice, settled once
 *   paid, refund due         captured                 refund, refunded         asked for twice, given back once
 *   anything else                                     nothing: final, or the bank's move
 *
 * The seat decides first: nothing is captured before the commit is durable, and nothing is cancelled or given back at the
 * gateway before the order has durably ended or been declined; so a commit and a cancellation never cross.
 */

type Step =
  | { readonly do: 'ask'; readonly command: Command }
  | { readonly do: 'look' | 'capture' | 'cancel' }
  /** Captured money of an order that has ended. */
  | { readonly do: 'give-back' }
  | { readonly do: 'refund'; readonly refund: PaymentWork['refunds'][number] }
  | { readonly do: 'nothing' };

const NONE: ReadonlySet<number> = new Set();

const ask = (command: Command): Step => ({ do: 'ask', command });

/**
 * The one next step for an order.
 * @param payment undefined if the gateway was not asked yet, null if it knows of none
 * @param underWay refunds that the gateway has taken on, and is not to be asked for again now
 */
export function nextStep(
  order: number,
  work: PaymentWork,
  payment: Payment | null | undefined,
  underWay: ReadonlySet<number> = NONE,
): Step {
  // A free order has no payment.
  if (work.amount === 0) return { do: 'nothing' };
  switch (work.state) {
    case 'awaiting':
    case 'pending':
      return payment === undefined ? { do: 'look' } : whileOpen(order, work, payment);
    case 'committed':
      return payment === undefined ? { do: 'look' } : whileCommitted(order, work, payment);
    case 'paid': {
      const refund = work.refunds.find(({ number }) => !underWay.has(number));
      return refund === undefined ? { do: 'nothing' } : { do: 'refund', refund };
    }
    case 'cancelled':
    case 'expired':
    case 'rejected':
    case 'voided':
    case 'declined':
      return work.unsettled ? onceEnded(order, work, payment) : { do: 'nothing' };
  }
}

function whileOpen(order: number, work: PaymentWork, payment: Payment | null): Step {
  switch (payment?.state) {
    case 'authorised':
    case 'captured':
      return ask({ type: 'commit', order, amount: payment.amount, currency: payment.currency });
    case 'cancelled':
    case 'failed':
      return ask({
        type: 'reject',
        order,
        reason: work.state === 'pending' ? 'the bank refused the payment' : `payment ${payment.state}`,
      });
    case 'pending':
      return work.state === 'pending' ? { do: 'nothing' } : ask({ type: 'pending', order });
    default:
      return { do: work.state === 'awaiting' ? 'nothing' : 'cancel' };
  }
}

function whileCommitted(order: number, work: PaymentWork, payment: Payment | null): Step {
  switch (payment?.state) {
    case 'captured':
      return payment.amount === work.amount
        ? ask({ type: 'captured', order })
        : ask({ type: 'void', order, reason: 'another amount was captured' });
    case 'failed':
    case 'cancelled':
      return ask({
        type: 'void',
        order,
        reason: payment.state === 'failed' ? 'capture failed' : 'payment cancelled',
      });
    default:
      return { do: 'capture' };
  }
}

/** The order has ended unpaid: what the gateway holds of it, or may yet get, is not ours. */
function onceEnded(order: number, work: PaymentWork, payment: Payment | null | undefined): Step {
  if (payment === undefined) return { do: work.state === 'expired' ? 'look' : 'cancel' };
  const isPaid = payment?.state === 'authorised' || payment?.state === 'captured';
  if (work.state === 'expired' && isPaid) {
    return ask({ type: 'commit', order, amount: payment.amount, currency: payment.currency, late: true });
  }
  switch (payment?.state) {
    case 'captured':
      return { do: 'give-back' };
    case 'pending':
      return { do: 'nothing' };
    case 'cancelled':
    case 'failed':
      return ask(settledBy(order, work, 'Nothing was charged.'));
    default:
      return { do: 'cancel' };
  }
}

/** Only the buyer of a payment that came too late has to be told what became of it. */
function settledBy(order: number, work: PaymentWork, outcome: string): Command {
  return work.state === 'declined'
    ? { type: 'settled', order, reason: `${work.reason ?? ''} ${outcome}`.trim() }
    : { type: 'settled', order };
}

/** What a durable command has made of the order; `null` if that is to be read. */
export function afterwards(work: PaymentWork, command: Command, order: OrderView): PaymentWork | null {
  if (command.type === 'commit' && command.late === undefined) {
    return order.status === 'processing' ? { ...work, status: order.status, state: 'committed' } : null;
  }
  if (command.type === 'captured') return { ...work, status: order.status, state: 'paid', unsettled: false };
  if (command.type === 'settled') return { ...work, status: order.status, unsettled: false };
  return null;
}

const STATES: Readonly<Record<OrderStatus, OrderState>> = {
  awaiting_payment: 'awaiting',
  processing: 'committed',
  paid: 'paid',
  refunded: 'paid',
  partially_refunded: 'paid',
  cancelled: 'cancelled',
  expired: 'expired',
};

/** What a node that writes only older formats says of an order: it knows neither states nor refunds. */
export function ofAnyFormat(work: PaymentWork): PaymentWork {
  const { state, refunds, createdAt } = work as Partial<PaymentWork>;
  if (state !== undefined && refunds !== undefined && createdAt !== undefined) return work;
  return { ...work, state: STATES[work.status], refunds: [], createdAt: parseScopedId('ord', work.orderId)?.at ?? 0 };
}
