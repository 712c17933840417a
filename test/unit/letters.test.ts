import { describe, expect, test } from 'vitest';
import type { OrderView, RefundView } from '../../src/actors/shows.ts';
import { scopedId } from '../../src/ids.ts';
import { type LetterFacts, plain, priceText, writeLetter } from '../../src/mail/letters.ts';
import { ON_SALE_AT, SHOW_ID } from '../support/small-show.ts';

const ticketId = (n: number): string => scopedId('tkt', ON_SALE_AT, SHOW_ID, n);
const euro = (amount: number) => ({ amount, currency: 'EUR' });

const ORDER: OrderView = {
  id: scopedId('ord', ON_SALE_AT, SHOW_ID, 1),
  showId: SHOW_ID,
  holdId: scopedId('hld', ON_SALE_AT, SHOW_ID, 1),
  lines: [
    {
      ticketId: ticketId(1),
      seat: { id: 'a1', zone: 'Stalls', row: 'C', number: '12', category: 'Best' },
      price: euro(4_550),
    },
    { ticketId: ticketId(2), seat: { area: 'Floor', category: 'Standing' }, price: euro(1_000) },
  ],
  total: euro(5_550),
  status: 'paid',
  createdAt: '2026-09-21T14:13:20.000Z',
  expiresAt: '2026-09-21T14:23:20.000Z',
};

const SHOW: LetterFacts['show'] = {
  title: 'The Barber of Seville',
  venue: { name: 'Teatro Leal', address: { street: 'Calle Obispo 2', city: 'La Laguna', country: 'ES' } },
  startsAt: Date.UTC(2026, 9, 3, 20, 0),
  cancelledAt: null,
};

const REFUND: RefundView = {
  id: scopedId('rfd', ON_SALE_AT, SHOW_ID, 1),
  orderId: ORDER.id,
  amount: euro(1_000),
  ticketIds: [ticketId(2)],
  status: 'pending',
  reason: 'The floor is closed.',
  createdAt: '2026-09-22T14:13:20.000Z',
};

const image = (n: number) => ({ ticketId: ticketId(n), cid: `${ticketId(n)}@usher` });

function letter(parts: Partial<LetterFacts>) {
  return writeLetter({ kind: 'paid', order: ORDER, refund: null, show: SHOW, images: [], ...parts });
}

describe('every letter', () => {
  const letters = (['paid', 'expired', 'cancelled', 'failed', 'late', 'refund'] as const).map(
    (kind) => [kind, letter({ kind, refund: REFUND, images: [image(1), image(2)] })] as const,
  );

  test.each(letters)('%s says which show, where, when and which order, as text and as HTML', (_, { text, html }) => {
    for (const words of ['The Barber of Seville', 'Teatro Leal, Calle Obispo 2, La Laguna, ES', ORDER.id]) {
      expect(text).toContain(words);
      expect(html).toContain(words);
    }
    // The comma is a matter of the platform's taste.
    expect(text).toMatch(/^When: Saturday,? 3 October 2026 at 20:00 UTC$/m);
    expect(html).toMatch(/Saturday,? 3 October 2026 at 20:00 UTC/);
  });

  test.each(letters)('%s says that its sum is all there is to pay', (kind, { text, html }) => {
    const sum =
      kind === 'refund'
        ? 'Refund, all taxes and fees included: €10.00'
        : 'Total of the order, all taxes and fees included: €55.50';
    expect(text).toContain(sum);
    expect(html).toContain(sum);
  });

  test('has a subject of its own', () => {
    expect(letters.map(([, { subject }]) => subject)).toEqual([
      'Your tickets for The Barber of Seville',
      'Your order for The Barber of Seville has expired',
      'Your order for The Barber of Seville was cancelled',
      'The payment for The Barber of Seville failed',
      'Your payment for The Barber of Seville came too late',
      'Refund for The Barber of Seville',
    ]);
  });
});

describe('a confirmation', () => {
  test('lists each ticket with its place, its price and its code', () => {
    const { text, html } = letter({ images: [image(1), image(2)] });
    expect(text).toContain('Stalls, row C, seat 12 (Best): €45.50\nFloor (Standing): €10.00\n');
    expect([...html.matchAll(/src="cid:([^"]*)"/g)].map(([, cid]) => cid)).toEqual([image(1).cid, image(2).cid]);
    expect(text).not.toContain('no longer valid');
  });

  test('leaves out the tickets that are no longer valid, and says so', () => {
    const { text, html } = letter({ images: [image(2)] });
    expect(text).toContain('Floor (Standing)');
    expect(text).not.toContain('Stalls');
    expect(html).not.toContain(image(1).cid);
    expect(text).toContain('Tickets of this order that are no longer valid are left out.');
  });
});

describe('a letter without good news', () => {
  test.each([
    ['expired', 'The time to pay for this order is over'],
    ['cancelled', 'This order was cancelled before it was paid.'],
    ['failed', 'The payment for this order could not be completed'],
    ['late', 'Your payment came when this order had ended'],
  ] as const)('%s says what happened, and has no code', (kind, words) => {
    const { text, html } = letter({ kind });
    expect(text).toContain(words);
    expect(html).toContain(words);
    expect(html).not.toContain('<img');
  });

  test.each(['cancelled', 'failed', 'late'] as const)('%s gives the reason, where there is one', (kind) => {
    const reason = 'Nothing was charged.';
    expect(letter({ kind, order: { ...ORDER, reason } }).text).toContain('Reason: Nothing was charged.');
    expect(letter({ kind }).text).not.toContain('Reason');
  });

  test('says that nothing was charged only if no payment came after the time was over', () => {
    const words = 'You have not been charged.';
    expect(letter({ kind: 'expired' }).text).toContain(words);
    const reason = 'The payment came too late: others had the seats by then.';
    const { text, html } = letter({ kind: 'expired', order: { ...ORDER, status: 'expired', reason } });
    for (const body of [text, html]) {
      expect(body).not.toContain(words);
      expect(body).toContain('Your payment came after that, and you have no tickets.');
      expect(body).toContain(`Reason: ${reason}`);
    }
  });

  test('tells of a show that was called off', () => {
    const words = 'The show was called off.';
    expect(letter({ kind: 'cancelled', show: { ...SHOW, cancelledAt: 1 } }).text).toContain(words);
    expect(letter({ kind: 'cancelled' }).text).not.toContain(words);
  });
});

describe('a refund', () => {
  test('lists the tickets that were taken back, and no others, with the reason', () => {
    const { text } = letter({ kind: 'refund', refund: REFUND });
    expect(text).toContain('Floor (Standing): €10.00');
    expect(text).not.toContain('Stalls');
    expect(text).toContain('Reason: The floor is closed.');
  });

  test.each([
    ['pending', 'is on its way back to you'],
    ['succeeded', 'was paid back the way that you paid'],
    ['failed', 'could not be paid back'],
  ] as const)('that is %s says so', (status, words) => {
    expect(letter({ kind: 'refund', refund: { ...REFUND, status } }).text).toContain(words);
  });

  test('cannot be told of without one', () => {
    expect(() => letter({ kind: 'refund' })).toThrow('no refund to tell of');
  });
});

describe('a price', () => {
  test.each([
    ['EUR', 4_550, '€45.50'],
    ['EUR', 5, '€0.05'],
    ['EUR', 0, '€0.00'],
    ['EUR', 123_456_789, '€1,234,567.89'],
    ['JPY', 4_550, '¥4,550'],
    ['JPY', 0, '¥0'],
    ['KWD', 4_550, 'KWD\u00a04.550'],
    ['KWD', 50, 'KWD\u00a00.050'],
    ['EUR', Number.MAX_SAFE_INTEGER, '€90,071,992,547,409.91'],
    ['EUR', -4_550, '-€45.50'],
  ])('in %s of %i minor units is %s', (currency, amount, text) => {
    expect(priceText({ amount, currency })).toBe(text);
  });
});

describe('words of others', () => {
  const EVIL = `<script>alert("1")</script> & 'friends'`;
  const HEADER = 'Rossini\r\nBcc: everybody@example.org\r\n\r\nBuy\u2028more\u0000\u202e!';

  test('are never HTML', () => {
    const seat = { zone: EVIL, row: EVIL, number: EVIL, category: EVIL };
    const order = { ...ORDER, reason: EVIL, lines: [{ ...ORDER.lines[0], seat }] };
    const venue = { name: EVIL, address: { street: EVIL, city: EVIL, country: EVIL } };
    for (const kind of ['paid', 'late', 'refund'] as const) {
      const refund = { ...REFUND, reason: EVIL, ticketIds: [ticketId(1)] };
      const { html } = letter({ kind, order, refund, show: { ...SHOW, title: EVIL, venue }, images: [image(1)] });
      expect(html).not.toMatch(/<script|alert\("1"\)/);
      expect(html).toContain('&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; &#39;friends&#39;');
      // Nothing but what a letter is made of.
      const tags = [...html.matchAll(/<(\w+)/g)].map(([, tag]) => tag);
      expect([...new Set(tags)].filter((tag) => !/^(html|head|meta|title|body|p|b|br|img)$/.test(tag))).toEqual([]);
    }
  });

  test('stay on one line, wherever they stand', () => {
    expect(plain(HEADER)).toBe('Rossini Bcc: everybody@example.org Buy more !');
    const { subject, text } = letter({ show: { ...SHOW, title: HEADER } });
    expect(subject).toBe('Your tickets for Rossini Bcc: everybody@example.org Buy more !');
    expect(text).toContain('\nShow: Rossini Bcc: everybody@example.org Buy more !\n');
    expect(letter({ kind: 'late', order: { ...ORDER, reason: 'a\r\nb' } }).text).toContain('Reason: a b\n');
  });

  test('make no subject too long, and no half characters', () => {
    const { subject } = letter({ show: { ...SHOW, title: '🎭'.repeat(300) } });
    expect([...subject]).toHaveLength(150);
    expect(subject.isWellFormed()).toBe(true);
    expect(subject.endsWith('🎭…')).toBe(true);
    expect(plain('a\ud800b')).toBe('a\ufffdb');
  });
});
