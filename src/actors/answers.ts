import type { Command, Question } from '../allocator/commands.ts';
import { successorOrSelf } from '../allocator/decide-moves.ts';
import type { ShowEvent } from '../allocator/events.ts';
import { HOLD } from '../allocator/holds.ts';
import { SEAT, type Show } from '../allocator/show.ts';
import { TICKET } from '../allocator/tickets.ts';
import type { ErrorCode } from '../errors.ts';
import { admissionList, admittedView, ticketAtDoor, uploadedScans, voidedTickets } from './door-views.ts';
import { heldView, holdView } from './hold-views.ts';
import { inventory, inventoryView } from './inventory-views.ts';
import { cancellation, isPaid, orderedView, ordersOf, orderView, paymentWork, refundingView } from './order-views.ts';
import { saleTimesOf } from './published-seats.ts';
import type { Answer, ShowSummary } from './shows.ts';
import {
  listedView,
  listingsOf,
  offersTo,
  ownTicketView,
  ticketsFor,
  transferredView,
  wholeTicketView,
} from './ticket-views.ts';

export function told(value: unknown): Answer {
  return { ok: true, value, replayed: false };
}

export function refusedWith(code: ErrorCode, detail: string, retryAfter?: number): Answer {
  return {
    ok: false,
    refusal: retryAfter === undefined ? { code, detail } : { code, detail, retryAfter },
    replayed: false,
  };
}

const NO_SUCH = refusedWith('NOT_FOUND', 'There is no such thing of yours.');
const HOLD_OVER = refusedWith('HOLD_EXPIRED', 'The hold has ended; make a new one.');

/**
 * The answer that an event with a command id stands for: the same when it is first told and each time it is told again.
 * @param at the time (ms) of the row that the event stands in.
 */
export function answerOfEvent(show: Show, event: ShowEvent, at: number): Answer {
  switch (event.type) {
    case 'held':
      return told(heldView(show, event, at));
    case 'ordered':
      return told(orderedView(show, event, at));
    case 'refunding':
      return told(refundingView(show, event, at));
    case 'transferred':
      return told(transferredView(show, event));
    case 'listed':
      return told(listedView(show, event));
    case 'admitted':
      return told(admittedView(show, event));
    case 'plan-replaced':
    case 'stock-changed':
      return told(inventoryView(show, event.stock));
    case 'refused':
      return { ok: false, refusal: event.refusal, replayed: false };
    default:
      throw new Error(`event ${event.type} answers no command id`);
  }
}

/** The answer to a command without an id, from the show as the command left it. */
export function answerOfCommand(show: Show, command: Command, at: number): Answer {
  switch (command.type) {
    case 'extend':
      return told(holdView(show, show.holds.place(command.hold), command.hold, at));
    case 'cancel':
    case 'pending':
    case 'commit':
    case 'reject':
    case 'captured':
    case 'void':
    case 'settled':
    case 'dispute':
      return told(orderView(show, command.order));
    case 'reschedule':
      return told(saleTimesOf(show.terms));
    case 'cancel-show':
      return show.cancelled === null ? NO_SUCH : told(cancellation(show, show.cancelled));
    case 'accept-transfer':
    case 'withdraw-listing':
      return told(ownTicketView(show, command.ticket));
    case 'withdraw-transfer':
      return told(ownTicketView(show, successorOrSelf(show, command.ticket)));
    case 'undo-admission':
      return told(ticketAtDoor(show, command.ticket));
    case 'merge-scans':
      return told(uploadedScans(show, command, at));
    default:
      return told(null);
  }
}

/** The answer to a question, from the show as it is. */
export function answerQuestion(show: Show, question: Question, at: number): Answer {
  const { orders, tickets, buyers, holds } = show;
  switch (question.type) {
    case 'get-hold': {
      const place = holds.place(question.hold);
      if (place < 0 || holds.at[place] !== question.at) return NO_SUCH;
      if (question.all !== true && holds.buyer[place] !== buyers.find(question.buyer)) return NO_SUCH;
      if (!holds.isLive(place) || (holds.state[place] === HOLD.active && at >= holds.until[place])) return HOLD_OVER;
      return told(holdView(show, place, question.hold, at));
    }
    case 'get-order': {
      const { order, viewer } = question;
      if (!orders.has(order) || orders.at[order] !== question.at) return NO_SUCH;
      if (!viewer.all && orders.buyer[order] !== buyers.find(viewer.user)) return NO_SUCH;
      return told(orderView(show, order));
    }
    case 'get-ticket': {
      const { ticket, viewer } = question;
      if (!tickets.has(ticket) || tickets.state[ticket] === TICKET.none) return NO_SUCH;
      const order = tickets.order[ticket];
      if (orders.at[order] !== question.at) return NO_SUCH;
      if (!viewer.all && show.holderOf(ticket) !== buyers.find(viewer.user)) return NO_SUCH;
      if (!isPaid(show, order)) return NO_SUCH;
      return told(viewer.all ? wholeTicketView(show, ticket) : ownTicketView(show, ticket));
    }
    case 'list-orders':
      return told(ordersOf(show, question.buyer).map((order) => orderView(show, order)));
    case 'list-tickets':
      return told(ticketsFor(show, question));
    case 'list-offers':
      return told(offersTo(show, question));
    case 'list-listings':
      return told(listingsOf(show, question, at));
    case 'get-payment':
      return orders.has(question.order) ? told(paymentWork(show, question.order)) : NO_SUCH;
    case 'get-cancellation':
      return show.cancelled === null ? NO_SUCH : told(cancellation(show, show.cancelled));
    case 'list-admissions':
      return told(admissionList(show, question));
    case 'get-voided':
      return told(voidedTickets(show));
    case 'get-inventory':
      return told(inventory(show, question.seats));
    case 'get-summary':
      return told(summary(show));
  }
}
function summary(show: Show): ShowSummary {
  return {
    capacity: show.capacity,
    available: show.total(SEAT.free),
    held: show.total(SEAT.held),
    inPayment: show.total(SEAT.inPayment),
    sold: show.total(SEAT.sold) + show.total(SEAT.listed),
    blocked: show.blocked,
    version: show.seq,
  };
}
