import type { Money, OrderView, RefundView, SeatName } from '../actors/shows.ts';
import type { NoticeKind } from '../journal/journal.ts';

/** What a letter says of a show. */
export interface ShowOfLetter {
  readonly title: string;
  readonly venue: {
    readonly name: string;
    readonly address: { readonly street: string; readonly city: string; readonly country: string };
  };
  /** ms since the epoch. */
  readonly startsAt: number;
  /** When it was called off, or null. */
  readonly cancelledAt: number | null;
}

/** All that a letter is written from. */
export interface LetterFacts {
  readonly kind: NoticeKind;
  readonly order: OrderView;
  /** The refund that it tells of. */
  readonly refund: RefundView | null;
  readonly show: ShowOfLetter;
  /** Pictures of the tickets that are valid, which come with it. */
  readonly images: readonly { readonly ticketId: string; readonly cid: string }[];
}

export interface Letter {
  /** One line. */
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

type Line = OrderView['lines'][number];

/** A letter before it is text or HTML. All its words are {@link plain}. */
interface Draft {
  readonly subject: string;
  readonly paragraphs: readonly string[];
  readonly lines: readonly Line[];
  readonly sum: readonly [label: string, amount: Money];
}

const SUBJECT_LENGTH = 150;
const LANGUAGE = 'en';
const ALL_IN = 'all taxes and fees included';

const TIME = new Intl.DateTimeFormat('en-GB', { dateStyle: 'full', timeStyle: 'short', timeZone: 'UTC' });

/** Writes what a buyer is told. Prices are all-in: there is nothing beside them. */
export function writeLetter(facts: LetterFacts): Letter {
  const draft = draftOf(facts);
  const { show, order } = facts;
  const { name, address } = show.venue;
  const about = [
    ['Show', plain(show.title)],
    ['Where', plain([name, address.street, address.city, address.country].join(', '))],
    ['When', `${TIME.format(show.startsAt)} UTC`],
    ['Order', order.id],
  ] as const;
  const priced = draft.lines.map((line) => {
    const image = facts.images.find(({ ticketId }) => ticketId === line.ticketId);
    return { seat: seatText(line.seat), price: priceText(line.price), cid: image?.cid ?? null };
  });
  const [label, amount] = draft.sum;
  const sum = `${label}, ${ALL_IN}: ${priceText(amount)}`;
  const text = [
    ...draft.paragraphs,
    about.map(([what, value]) => `${what}: ${value}`).join('\n'),
    [...priced.map(({ seat, price }) => `${seat}: ${price}`), sum].join('\n'),
  ].join('\n\n');
  const html = [
    `<!doctype html><html lang="${LANGUAGE}"><head><meta charset="utf-8"><title>${escaped(draft.subject)}</title></head>`,
    '<body style="font-family: sans-serif">',
    ...draft.paragraphs.map((paragraph) => `<p>${escaped(paragraph)}</p>`),
    `<p>${about.map(([what, value]) => `${what}: <b>${escaped(value)}</b>`).join('<br>')}</p>`,
    ...priced.map(({ seat, price, cid }) => {
      const image = cid === null ? '' : `<br><img src="cid:${escaped(cid)}" alt="QR code" width="240" height="240">`;
      return `<p>${escaped(seat)}: ${escaped(price)}${image}</p>`;
    }),
    `<p><b>${escaped(sum)}</b></p>`,
    '</body></html>',
  ].join('\n');
  return { subject: draft.subject, text: `${text}\n`, html: `${html}\n` };
}

function draftOf({ kind, order, refund, show, images }: LetterFacts): Draft {
  const title = plain(show.title);
  const whole = { lines: order.lines, sum: ['Total of the order', order.total] as const };
  const reason = order.reason === undefined ? [] : [`Reason: ${plain(order.reason)}`];
  const subject = (text: string): string => shortened(text, SUBJECT_LENGTH);
  switch (kind) {
    case 'paid': {
      const here = order.lines.filter(({ ticketId }) => images.some((image) => image.ticketId === ticketId));
      const isWhole = here.length === order.lines.length;
      return {
        subject: subject(`Your tickets for ${title}`),
        paragraphs: [
          'Thank you. Your order is complete, and your tickets come with this letter. Show the code of each at the entrance.',
          ...(isWhole ? [] : ['Tickets of this order that are no longer valid are left out.']),
        ],
        ...whole,
        lines: here,
      };
    }
    case 'expired': {
      // Nothing else gives an order that expired a reason; its money may have been taken by now.
      const isPaidLate = order.reason !== undefined;
      return {
        subject: subject(`Your order for ${title} has expired`),
        paragraphs: [
          'The time to pay for this order is over, and its places are on sale again.',
          ...(isPaidLate
            ? ['Your payment came after that, and you have no tickets. What becomes of it we write to you separately.']
            : [
                'You have not been charged. Should a payment still have been under way, we will write to you about it.',
              ]),
          ...reason,
        ],
        ...whole,
      };
    }
    case 'cancelled':
      return {
        subject: subject(`Your order for ${title} was cancelled`),
        paragraphs: [
          ...(show.cancelledAt === null ? [] : ['The show was called off.']),
          'This order was cancelled before it was paid. Nothing is owed; a payment that was under way is undone.',
          ...reason,
        ],
        ...whole,
      };
    case 'failed':
      return {
        subject: subject(`The payment for ${title} failed`),
        paragraphs: [
          'The payment for this order could not be completed, and its places are on sale again. You have no tickets.',
          ...reason,
        ],
        ...whole,
      };
    case 'late':
      return {
        subject: subject(`Your payment for ${title} came too late`),
        paragraphs: [
          'Your payment came when this order had ended and its places could no longer be had. You have no tickets.',
          ...reason,
        ],
        ...whole,
      };
    case 'refund': {
      if (refund === null) throw new Error(`no refund to tell of for ${order.id}`);
      const why = refund.reason === undefined ? [] : [`Reason: ${plain(refund.reason)}`];
      return {
        subject: subject(`Refund for ${title}`),
        paragraphs: [REFUND_TEXT[refund.status], ...why],
        lines: order.lines.filter(({ ticketId }) => refund.ticketIds.includes(ticketId)),
        sum: ['Refund', refund.amount],
      };
    }
  }
}

const REFUND_TEXT: Readonly<Record<RefundView['status'], string>> = {
  pending: 'The tickets below are no longer valid, and their price is on its way back to you.',
  succeeded: 'The tickets below are no longer valid, and their price was paid back the way that you paid.',
  failed:
    'The tickets below are no longer valid. Their price could not be paid back the way that you paid; the box office will see to it.',
};

/** An amount in minor units as a person reads it, with as many decimals as the currency has; exact for every amount. */
export function priceText({ amount, currency }: Money): string {
  const form = new Intl.NumberFormat(LANGUAGE, { style: 'currency', currency });
  const decimals = form.resolvedOptions().maximumFractionDigits ?? 0;
  const digits = String(Math.abs(amount)).padStart(decimals + 1, '0');
  const whole = digits.slice(0, digits.length - decimals);
  const part = decimals === 0 ? '' : `.${digits.slice(-decimals)}`;
  return form.format(`${amount < 0 ? '-' : ''}${whole}${part}` as `${number}`);
}

function seatText({ zone, row, number, area, category }: SeatName): string {
  const place = area ?? [zone, row && `row ${row}`, number && `seat ${number}`].filter(Boolean).join(', ');
  return plain(`${place} (${category})`);
}

/** Text of others on one line: without line breaks, other controls, and marks that turn the direction of what follows. */
export function plain(text: string): string {
  return text
    .toWellFormed()
    .replaceAll(/[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]+/gu, ' ')
    .trim();
}

function shortened(text: string, length: number): string {
  const characters = [...text];
  return characters.length <= length ? text : `${characters.slice(0, length - 1).join('')}…`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => ENTITIES[character]);
}
