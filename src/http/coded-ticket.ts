import type { TicketView } from '../actors/shows.ts';
import { ticketCode } from '../tickets/codes.ts';
import type { TicketKeys } from '../tickets/keys.ts';
import type { CodedTicket } from './sales-schemas.ts';

/** The ticket as its owner sees it: only a valid one shows its code. */
export function codedTicket(ticket: TicketView, { signer }: Pick<TicketKeys, 'signer'>): CodedTicket {
  return ticket.status === 'valid' ? { ...ticket, code: ticketCode(ticket.id, signer) } : ticket;
}
