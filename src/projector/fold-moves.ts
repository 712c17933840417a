import type { Resale } from '../allocator/events.ts';
import { scopedId } from '../ids.ts';
import type { Folds } from './fold.ts';
import { ticketTransferred } from './news.ts';
import type { OrderRow, RefundRow, TicketRow } from './rows.ts';
import { ProjectionFault, type ShowModel } from './show-model.ts';

/** Tickets that go to others, see `allocator/moves.ts`. */
export const MOVES: Pick<Folds, 'transferred' | 'transfer-accepted' | 'transfer-ended' | 'listed' | 'unlisted'> = {
  transferred(model, event) {
    const [old, order] = model.ticket(event.ticket);
    if (event.to !== model.projection.tickets + 1)
      throw new ProjectionFault(`ticket ${event.to} is not the next, ${model.projection.tickets + 1}`);
    old.state = 'transferred';
    model.addTicket(order, {
      ...old,
      number: event.to,
      id: scopedId('tkt', order.made_at, model.showId, event.to),
      state: 'offered',
      from_number: null,
      entries: [],
      undone_until: null,
      admitted_at: null,
    });
  },
  'transfer-accepted'(model, event) {
    const [ticket, order] = model.ticket(event.ticket);
    const sender = ticket.holder_id;
    ticket.state = 'valid';
    ticket.holder_id = event.buyer;
    ticket.is_received = event.buyer !== order.buyer_id;
    model.changed(order);
    ticketTransferred(model, order, ticket, sender);
  },
  'transfer-ended'(model, event) {
    const [ticket, order] = model.ticket(event.ticket);
    ticket.state = 'valid';
    model.changed(order);
  },
  listed(model, event) {
    const [ticket, order] = model.ticket(event.ticket);
    ticket.state = 'listed';
    ticket.list_price = event.price;
    model.changed(order);
  },
  unlisted(model, event) {
    const [ticket, order] = model.ticket(event.ticket);
    unlist(ticket, 'valid');
    model.changed(order);
  },
};

export function unlist(ticket: TicketRow, state: TicketRow['state']): void {
  ticket.state = state;
  ticket.list_price = null;
  ticket.taken_by = null;
}

/** A buyer's hold takes what these tickets sell. Their places stay sold: they are not the organiser's to sell. */
export function takeListed(model: ShowModel, tickets: readonly number[], hold: number): void {
  for (const number of tickets) {
    const [ticket, order] = model.ticket(number);
    ticket.taken_by = hold;
    model.changed(order);
  }
}

/** What the buyer had of sellers is theirs again; in their orders that are disputed, nobody's to sell. */
export function letListedGo(model: ShowModel, tickets: readonly number[]): void {
  for (const number of tickets) {
    const [ticket, order] = model.ticket(number);
    if (order.disputes.some(({ status }) => status === 'open')) unlist(ticket, 'suspended');
    else ticket.taken_by = null;
    model.changed(order);
  }
}

/** Whether the seller of this line has not sold it to others, nor lost it. */
export function sellerOf(model: ShowModel, order: OrderRow, line: TicketRow): TicketRow | null {
  if (line.from_number === null) return null;
  const [seller] = model.ticket(line.from_number);
  return seller.state === 'listed' && seller.taken_by === order.hold_number ? seller : null;
}

/**
 * A ticket that is listed ends. If a buyer has the place, it is the organiser who sells it to them: it is held by their hold,
 * or sold to them already.
 */
export function endListing(model: ShowModel, ticket: TicketRow): void {
  const taker = ticket.taken_by;
  unlist(ticket, ticket.state);
  if (taker === null) return;
  const hold = model.liveHold(taker);
  if (hold === null) {
    model.addSales(ticket.category, { sold: 1 });
    return;
  }
  hold.listed = hold.listed.filter((number) => number !== ticket.number);
  hold.places[ticket.category] = (hold.places[ticket.category] ?? 0) + 1;
  model.changedHold(hold);
}

/** The order that bought from sellers is paid: their tickets are void, and what they sold for is owed to them. */
export function resell(model: ShowModel, resold: readonly Resale[]): RefundRow[] {
  return resold.map(({ ticket: number, refund, amount }) => {
    const [ticket, order] = model.ticket(number);
    ticket.state = 'void';
    ticket.refund_number = refund;
    ticket.taken_by = null;
    model.addSales(ticket.category, { refunded: amount });
    model.changed(order);
    const { at } = model.projection;
    return { number: refund, order_number: order.number, made_at: at, amount, state: 'due', reason: null };
  });
}
