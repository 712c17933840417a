import type { Command } from './commands.ts';
import { type Decision, done, OUTCOME_DONE, refused } from './decision.ts';
import { TRANSFERS_PER_TICKET_MAX } from './moves.ts';
import { SEAT, type Show } from './show.ts';
import { TICKET } from './tickets.ts';
import { standingFor } from './validity.ts';

type CommandOf<T extends Command['type']> = Extract<Command, { type: T }>;

const NO_TICKET: Decision = refused('NOT_FOUND', 'There is no such ticket of yours.');

/** Whether there is such a ticket; `at` is the time in its id. */
function isTicket(show: Show, ticket: number, at: number): boolean {
  const { tickets, orders } = show;
  return tickets.has(ticket) && tickets.state[ticket] !== TICKET.none && orders.at[tickets.order[ticket]] === at;
}

/** Whether this is, or was, this user's ticket. */
function isOwn(show: Show, ticket: number, at: number, userId: string): boolean {
  return isTicket(show, ticket, at) && show.isPaid(ticket) && show.holderOf(ticket) === show.buyers.find(userId);
}

const WHY_NOT: Readonly<Record<number, string>> = {
  [TICKET.offered]: 'The ticket is offered to somebody; withdraw that first.',
  [TICKET.listed]: 'The ticket is listed for resale; withdraw that first.',
  [TICKET.suspended]: 'The payment of the ticket is disputed.',
  [TICKET.transferred]: 'The ticket was transferred.',
};

/** Why this ticket cannot change hands now; null if it can. */
function obstacleTo(show: Show, ticket: number): Decision | null {
  if (show.cancelled !== null) return refused('TICKET_NOT_MOVABLE', 'The show is cancelled; tickets are paid back.');
  const state = show.tickets.state[ticket];
  if (state === TICKET.valid && standingFor(show, ticket) > 0)
    return refused('TICKET_NOT_MOVABLE', 'The ticket was used: its place is taken.');
  if (state === TICKET.valid) return null;
  return refused('TICKET_NOT_MOVABLE', WHY_NOT[state] ?? 'The ticket is not valid any more.');
}

/** The old ticket ends at once; the new one waits for its receiver. */
export function decideTransfer(show: Show, command: CommandOf<'transfer'>): Decision {
  const { ticket, buyer, at, address } = command;
  if (!isOwn(show, ticket, at, buyer)) return NO_TICKET;
  const obstacle = obstacleTo(show, ticket);
  if (obstacle !== null) return obstacle;
  if (show.moves.transfersBefore(ticket) >= TRANSFERS_PER_TICKET_MAX) {
    return refused('TRANSFER_LIMIT', `A ticket is transferred at most ${TRANSFERS_PER_TICKET_MAX} times.`, {
      limit: TRANSFERS_PER_TICKET_MAX,
    });
  }
  return done({ type: 'transferred', once: command.once, ticket, to: show.tickets.count + 1, address });
}

/**
 * Whoever has the address takes the ticket. Until then it counts for its sender, from now on for its receiver: so a limit
 * per buyer cannot be passed by way of transfers.
 */
export function decideAcceptTransfer(show: Show, command: CommandOf<'accept-transfer'>): Decision {
  const { ticket, buyer: userId, at, address } = command;
  if (!isTicket(show, ticket, at)) return NO_TICKET;
  const buyer = show.buyers.find(userId);
  const isOffered = show.tickets.state[ticket] === TICKET.offered && show.moves.offers.get(ticket) === address;
  if (!isOffered) {
    const isAccepted = show.tickets.state[ticket] === TICKET.valid && show.holderOf(ticket) === buyer;
    return isAccepted ? OUTCOME_DONE : NO_TICKET;
  }
  if (show.cancelled !== null) return refused('TICKET_NOT_MOVABLE', 'The show is cancelled; tickets are paid back.');
  const { perBuyer } = show.terms;
  const taken = buyer < 0 ? 0 : show.buyers.places[buyer];
  if (buyer !== show.holderOf(ticket) && taken + 1 > perBuyer) {
    return refused('BUYER_LIMIT', `A buyer gets at most ${perBuyer} places; you have ${taken}.`, {
      limit: perBuyer,
      taken,
    });
  }
  return done({ type: 'transfer-accepted', ticket, buyer: userId });
}

/** The ticket that a transfer of this one made, or this one. */
export function successorOrSelf(show: Show, ticket: number): number {
  return show.tickets.state[ticket] === TICKET.transferred ? (show.moves.successors.get(ticket) ?? ticket) : ticket;
}

/** The sender takes the offer back: named by the old ticket or the new one. */
export function decideWithdrawTransfer(show: Show, command: CommandOf<'withdraw-transfer'>): Decision {
  if (!isOwn(show, command.ticket, command.at, command.buyer)) return NO_TICKET;
  const ticket = successorOrSelf(show, command.ticket);
  if (!isOwn(show, ticket, command.at, command.buyer))
    return refused('TICKET_NOT_MOVABLE', 'The transfer has been accepted.');
  const state = show.tickets.state[ticket];
  if (state === TICKET.offered) return done({ type: 'transfer-ended', ticket });
  if (state === TICKET.valid) return OUTCOME_DONE;
  return refused('TICKET_NOT_MOVABLE', WHY_NOT[state] ?? 'The ticket is not valid any more.');
}

export function decideDeclineTransfer(show: Show, command: CommandOf<'decline-transfer'>): Decision {
  const { ticket, at, address } = command;
  const isOffered = isTicket(show, ticket, at) && show.moves.offers.get(ticket) === address;
  return isOffered ? done({ type: 'transfer-ended', ticket }) : NO_TICKET;
}

/** Only who paid for a ticket can resell it, for the price goes back to that payment; and for what it cost at most. */
export function decideResell(show: Show, command: CommandOf<'resell'>): Decision {
  const { ticket, price } = command;
  if (!isOwn(show, ticket, command.at, command.buyer)) return NO_TICKET;
  const obstacle = obstacleTo(show, ticket);
  if (obstacle !== null) return obstacle;
  if (show.tickets.seat[ticket] < 0)
    return refused('LISTING_NEEDS_SEAT', 'A general-admission ticket cannot be listed; transfer it.');
  if (show.moves.holders.has(ticket)) {
    return refused(
      'TICKET_NOT_MOVABLE',
      'The price of a resale goes back to the payment for the ticket, which was not yours; transfer it.',
    );
  }
  const paid = show.tickets.price[ticket];
  if (price > paid) {
    return refused('ABOVE_PURCHASE_PRICE', `The ticket cost ${paid}; it cannot be listed for ${price}.`, {
      paid: { amount: paid, currency: show.terms.currency },
    });
  }
  return done({ type: 'listed', once: command.once, ticket, price });
}

export function decideWithdrawListing(show: Show, command: CommandOf<'withdraw-listing'>): Decision {
  const { ticket } = command;
  if (!isOwn(show, ticket, command.at, command.buyer)) return NO_TICKET;
  const state = show.tickets.state[ticket];
  if (state === TICKET.valid) return OUTCOME_DONE;
  if (state !== TICKET.listed) return refused('TICKET_NOT_MOVABLE', WHY_NOT[state] ?? 'The ticket is not listed.');
  if (show.status[show.tickets.seat[ticket]] !== SEAT.listed)
    return refused('LISTING_IN_USE', 'Somebody holds the seat or is paying for it.');
  return done({ type: 'unlisted', ticket });
}
