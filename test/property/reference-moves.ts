import type { Answer } from '../../src/actors/shows.ts';
import type { Command } from '../../src/allocator/commands.ts';
import { TRANSFERS_PER_TICKET_MAX } from '../../src/allocator/moves.ts';
import type { ErrorCode } from '../../src/errors.ts';
import { standingFor } from './reference-doors.ts';
import {
  allTickets,
  type EventOf,
  type Expected,
  type ModelOrder,
  type ModelTicket,
  type ReferenceState,
  refusedBy,
  told,
} from './reference-state.ts';
import { ownView, ticketOf } from './reference-views.ts';
import { must } from './violation.ts';

type CommandOf<T extends Command['type']> = Extract<Command, { type: T }>;

interface Named {
  readonly ticket: number;
  readonly at: number;
}

/** A ticket of a paid order. */
function named(state: ReferenceState, { ticket: number, at }: Named): ModelTicket | null {
  const [ticket, order] = ticketOf(state, number);
  return ticket !== null && order.at === at && order.state === 'paid' ? ticket : null;
}

function own(state: ReferenceState, command: Named & { readonly buyer: string }): ModelTicket | null {
  const ticket = named(state, command);
  return ticket?.holder === command.buyer ? ticket : null;
}

const orderOf = (state: ReferenceState, ticket: ModelTicket): ModelOrder => state.orders[ticket.order - 1];

function transfersOf(state: ReferenceState, ticket: ModelTicket): number {
  const order = orderOf(state, ticket);
  const line = order.tickets.find((one) => allTickets({ ...order, tickets: [one] }).includes(ticket));
  return line === undefined ? 0 : allTickets({ ...order, tickets: [line] }).indexOf(ticket);
}

function isUsed(state: ReferenceState, ticket: ModelTicket): boolean {
  return standingFor(state, ticket) !== undefined;
}

export function reasonsAgainstTransfer(state: ReferenceState, command: CommandOf<'transfer'>): ErrorCode[] {
  const ticket = own(state, command);
  if (ticket === null) return ['NOT_FOUND'];
  if (ticket.state !== 'valid' || state.cancelled !== null || isUsed(state, ticket)) return ['TICKET_NOT_MOVABLE'];
  return transfersOf(state, ticket) >= TRANSFERS_PER_TICKET_MAX ? ['TRANSFER_LIMIT'] : [];
}

export function makeTransfer(
  state: ReferenceState,
  command: CommandOf<'transfer'>,
  event: EventOf<'transferred'>,
): Answer {
  const name = `the transfer of ticket ${event.ticket}`;
  const reasons = reasonsAgainstTransfer(state, command);
  must(reasons.length === 0, 'rules', () => `${name} happens in spite of ${reasons}`);
  const old = own(state, command);
  must(old?.number === event.ticket, 'I3', () => `${name} is not of ticket ${command.ticket}`);
  must(event.address === command.address, 'I14', () => `${name} is to ${event.address}, not to ${command.address}`);
  must(event.to === state.tickets + 1, 'I2', () => `${name} makes ticket ${event.to}, not ${state.tickets + 1}`);
  const { order, seat, price, holder } = old;
  const offeredTo = command.address;
  const next: ModelTicket = {
    ...{ number: ++state.tickets, order, seat, price, holder, offeredTo },
    ...{ from: null, state: 'offered', next: null, invalidSince: 0 },
  };
  state.invalidate(old, 'transferred');
  old.next = next;
  if (seat >= 0) {
    must(state.seats[seat].owner === old.number, 'I1', () => `${name} is of a seat that it does not have`);
    state.seats[seat].owner = next.number;
  }
  state.offeredTo.push(offeredTo);
  return told(ownView(state, next));
}

export function acceptTransfer(state: ReferenceState, command: CommandOf<'accept-transfer'>): Expected {
  const ticket = named(state, command);
  const { buyer } = command;
  if (ticket === null) return refusedBy('NOT_FOUND');
  if (ticket.offeredTo !== command.address) {
    const isAccepted = ticket.state === 'valid' && ticket.holder === buyer;
    return isAccepted ? { answer: told(ownView(state, ticket)), inTurn: false } : refusedBy('NOT_FOUND');
  }
  if (state.cancelled !== null) return refusedBy('TICKET_NOT_MOVABLE');
  if (ticket.holder !== buyer && state.placesOf(buyer) + 1 > state.terms.perBuyer) return refusedBy('BUYER_LIMIT');
  state.take('transfer-accepted', (event) => event.ticket === ticket.number && event.buyer === buyer);
  Object.assign(ticket, { state: 'valid', holder: buyer, offeredTo: null });
  state.newBuyers.push(buyer);
  return { answer: told(ownView(state, ticket)), inTurn: true };
}

export function withdrawTransfer(state: ReferenceState, command: CommandOf<'withdraw-transfer'>): Expected {
  const asked = own(state, command);
  if (asked === null) return refusedBy('NOT_FOUND');
  const ticket = asked.state === 'transferred' && asked.next !== null ? asked.next : asked;
  if (ticket.holder !== command.buyer) return refusedBy('TICKET_NOT_MOVABLE');
  if (ticket.state === 'offered') return endTransfer(state, ticket, true);
  return ticket.state === 'valid'
    ? { answer: told(ownView(state, ticket)), inTurn: false }
    : refusedBy('TICKET_NOT_MOVABLE');
}

export function declineTransfer(state: ReferenceState, command: CommandOf<'decline-transfer'>): Expected {
  const ticket = named(state, command);
  return ticket?.offeredTo === command.address ? endTransfer(state, ticket, false) : refusedBy('NOT_FOUND');
}

function endTransfer(state: ReferenceState, ticket: ModelTicket, isOwner: boolean): Expected {
  state.take('transfer-ended', (event) => event.ticket === ticket.number);
  Object.assign(ticket, { state: 'valid', offeredTo: null });
  return { answer: told(isOwner ? ownView(state, ticket) : null), inTurn: true };
}

export function reasonsAgainstResell(state: ReferenceState, command: CommandOf<'resell'>): ErrorCode[] {
  const ticket = own(state, command);
  if (ticket === null) return ['NOT_FOUND'];
  const reasons: ErrorCode[] = [];
  const isPayer = ticket.holder === orderOf(state, ticket).hold.buyer;
  if (ticket.state !== 'valid' || state.cancelled !== null || !isPayer || isUsed(state, ticket))
    reasons.push('TICKET_NOT_MOVABLE');
  if (ticket.seat < 0) reasons.push('LISTING_NEEDS_SEAT');
  if (command.price > ticket.price) reasons.push('ABOVE_PURCHASE_PRICE');
  return reasons;
}

export function makeListing(state: ReferenceState, command: CommandOf<'resell'>, event: EventOf<'listed'>): Answer {
  const name = `the listing of ticket ${event.ticket}`;
  const ticket = own(state, command);
  must(ticket?.number === event.ticket && event.price === command.price, 'I3', () => `${name} was not asked for so`);
  must(event.price <= ticket.price, 'I11', () => `${name} is above what was paid for it`);
  const reasons = reasonsAgainstResell(state, command);
  must(reasons.length === 0, 'rules', () => `${name} happens in spite of ${reasons}`);
  const seat = state.seats[ticket.seat];
  must(seat.state === 'sold' && seat.owner === ticket.number, 'I1', () => `${name} is of a seat that it has not`);
  state.invalidate(ticket, 'listed');
  seat.state = 'listed';
  seat.listing = { ticket, price: event.price };
  return told(ownView(state, ticket));
}

export function withdrawListing(state: ReferenceState, command: CommandOf<'withdraw-listing'>): Expected {
  const ticket = own(state, command);
  if (ticket === null) return refusedBy('NOT_FOUND');
  if (ticket.state === 'valid') return { answer: told(ownView(state, ticket)), inTurn: false };
  if (ticket.state !== 'listed') return refusedBy('TICKET_NOT_MOVABLE');
  const seat = state.seats[ticket.seat];
  if (seat.state !== 'listed') return refusedBy('LISTING_IN_USE');
  state.take('unlisted', (event) => event.ticket === ticket.number);
  ticket.state = 'valid';
  seat.state = 'sold';
  seat.listing = null;
  return { answer: told(ownView(state, ticket)), inTurn: true };
}
