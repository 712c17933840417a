import type { Answer, OrderView, PaymentWork, Shows, TicketView } from '../actors/shows.ts';
import type { Question } from '../allocator/commands.ts';
import { parseScopedId } from '../ids.ts';
import type { Notice } from '../journal/journal.ts';
import type { Clock } from '../ports.ts';
import { type CodeSigner, ticketCode } from '../tickets/codes.ts';
import { ticketPng } from '../tickets/ticket-image.ts';
import { type ResetToken, writeResetLetter } from './account-letters.ts';
import { type ShowOfLetter, writeLetter } from './letters.ts';
import type { AccountNotice } from './outbox.ts';
import type { Parcel } from './transports.ts';

/** How long one question to a show may take. */
const ASK_MS = 10_000;
const VIEWER = { user: '', all: true } as const;

export interface ComposerDeps {
  readonly shows: Pick<Shows, 'ask'>;
  readonly clock: Clock;
  readonly keys: { readonly signer: CodeSigner };
  /** A user's e-mail address, or null for an unknown user. */
  emailOf(userId: string): Promise<string | null>;
  /** A new token to set the password of this e-mail's account with, asked for at this time (ms); or why there is none. */
  resetToken(email: string, askedAt: number): Promise<ResetToken | string>;
  /** What the catalogue says of a show, or null for an unknown one. */
  showOf(showId: string): Promise<ShowOfLetter | null>;
}

/**
 * Writes the mail of a notice from what is known when it is sent: an order may have gone on since. Or says why there is
 * none to send. Rejects when something cannot be read now.
 */
export type Composer = (notice: (Notice | AccountNotice) & { readonly createdAt: number }) => Promise<Parcel | string>;

export function createComposer(deps: ComposerDeps): Composer {
  const { shows, clock, keys, emailOf, showOf } = deps;

  async function ask<T>(showId: string, question: Question): Promise<T> {
    const answer: Answer<T> = await shows.ask<T>(showId, question, clock.now() + ASK_MS);
    if (!answer.ok) throw new Error(`${question.type} was refused: ${answer.refusal.code}`);
    return answer.value;
  }

  /** Those that are valid now. */
  async function validTickets(showId: string, order: OrderView): Promise<string[]> {
    const tickets = await Promise.all(
      order.lines.map(({ ticketId }) => {
        const id = parseScopedId('tkt', ticketId);
        if (id === null) throw new Error(`not a ticket id: ${ticketId}`);
        return ask<TicketView>(showId, { type: 'get-ticket', viewer: VIEWER, ticket: id.number, at: id.at });
      }),
    );
    return tickets.filter(({ status }) => status === 'valid').map(({ id }) => id);
  }

  async function reset({ id, email, createdAt }: AccountNotice & { createdAt: number }): Promise<Parcel | string> {
    const token = await deps.resetToken(email, createdAt);
    if (typeof token === 'string') return token;
    return { id, to: email, at: createdAt, letter: writeResetLetter(token), images: [] };
  }

  return async (notice) => {
    if (notice.kind === 'password-reset') return reset(notice);
    const { id, kind, orderId, refundId, createdAt } = notice;
    const parsed = parseScopedId('ord', orderId);
    if (parsed === null) throw new Error(`not an order id: ${orderId}`);
    const { showId, number, at } = parsed;
    const [order, work, show] = await Promise.all([
      ask<OrderView>(showId, { type: 'get-order', viewer: VIEWER, order: number, at }),
      ask<PaymentWork>(showId, { type: 'get-payment', order: number }),
      showOf(showId),
    ]);
    if (show === null) return 'the show is unknown';
    if (kind === 'expired' && order.status !== 'expired') return 'the order was paid late';
    const to = await emailOf(work.buyer);
    if (to === null) return 'the buyer has no account';
    const tickets = kind === 'paid' ? await validTickets(showId, order) : [];
    if (kind === 'paid' && tickets.length === 0) return 'none of the tickets is valid any more';
    const refund = order.refunds?.find((each) => each.id === refundId) ?? null;
    const images = tickets.map((ticketId, i) => ({
      ticketId,
      // Not the e-mail address's domain: nobody but this letter refers to it.
      cid: `${ticketId}@usher`,
      filename: `ticket-${i + 1}.png`,
      png: ticketPng(ticketCode(ticketId, keys.signer)),
    }));
    return { id, to, at: createdAt, letter: writeLetter({ kind, order, refund, show, images }), images };
  };
}
