import { describe, expect, test } from 'vitest';
import { createReplays } from '../../src/actors/replays.ts';
import { scopedId } from '../../src/ids.ts';
import type { JournalRow } from '../../src/journal/journal.ts';
import type { BookedPayment } from '../../src/payments/payment-books.ts';
import { type PaymentReport, ShowNotReplayed, verifyPayments } from '../../src/payments/verify-payments.ts';
import { madeOf } from '../support/made-show.ts';
import { ON_SALE_AT, onceOf, PlayedShow, rowsOfTen, SHOW_ID, userOf } from '../support/small-show.ts';

const PRICE = 4_550;
const MINUTE = 60_000;
const LONG_AFTER = ON_SALE_AT + 86_400_000;
const HALL = rowsOfTen(4);

/** A show and what its provider has of it, agreed until a test plants something. */
class Sale {
  readonly played = new PlayedShow(HALL);
  readonly booked: BookedPayment[] = [];
  now = LONG_AFTER;
  #buyers = 0;

  /** Orders so many tickets; its number. */
  order(quantity = 1, parts: { comp?: true } = {}): number {
    const n = ++this.#buyers;
    const hold = this.played.hold(2 * n, quantity);
    const { show, at } = this.played;
    const event = this.played.do({ type: 'order', once: onceOf(2 * n + 1), buyer: userOf(2 * n), hold, at, ...parts });
    expect(event).toMatchObject({ type: 'ordered' });
    return show.orders.count;
  }

  commit(order: number): void {
    const amount = this.played.show.orders.total[order];
    expect(this.played.do({ type: 'commit', order, amount, currency: 'EUR' })).toMatchObject({ type: 'committed' });
  }

  /** An order that is paid and captured. */
  paid(quantity = 1): number {
    const order = this.order(quantity);
    this.commit(order);
    this.played.do({ type: 'captured', order });
    this.book(order, { captured: quantity * PRICE });
    return order;
  }

  /** An order whose time to pay has passed, and that is settled. */
  expired(): number {
    const order = this.order();
    this.played.at += 60 * MINUTE;
    expect(this.played.do({ type: 'expire' })).toMatchObject({ type: 'expired' });
    this.played.do({ type: 'settled', order });
    return order;
  }

  refund(order: number, ending: 'due' | 'done' | 'failed' = 'done'): number {
    const { at, show } = this.played;
    this.played.do({ type: 'refund', once: onceOf(1_000 + order), order, at: show.orders.at[order], reason: 'Rain.' });
    const refund = show.refunds.count;
    expect(show.refunds.at[refund]).toBe(at);
    if (ending === 'done') this.played.do({ type: 'refunded', refund });
    if (ending === 'failed') this.played.do({ type: 'refund-failed', refund, reason: 'The card is closed.' });
    return refund;
  }

  paymentId(order: number): string {
    return scopedId('pay', this.played.show.orders.at[order], SHOW_ID, order);
  }

  /** The provider has a payment for the order. */
  book(order: number, parts: Partial<BookedPayment> = {}): void {
    const paymentId = this.paymentId(order);
    this.booked.push({
      ...{ paymentId, reference: `pi_${order}`, amount: this.played.show.orders.total[order], currency: 'EUR' },
      ...{ isOpen: false, authorised: 0, captured: 0, refunded: 0, failedRefunds: 0, disputes: [] },
      ...parts,
    });
  }

  /** Changes what the provider has for the order. */
  plant(order: number, parts: Partial<BookedPayment>): void {
    const place = this.booked.findIndex(({ paymentId }) => paymentId === this.paymentId(order));
    this.booked[place] = { ...this.booked[place], ...parts };
  }

  verify(): Promise<PaymentReport> {
    const { events, ats } = this.played;
    const [booked, now] = [this.booked, this.now];
    const rows = events.map((event, i) => ({ seq: i + 1, at: ats[i], events: JSON.stringify([event]) }));
    return verifyPayments({
      journal: {
        async *journaledShows() {
          yield [SHOW_ID];
        },
        async *rowsAfter() {
          yield rows as JournalRow[];
        },
      },
      replays: createReplays({ load: async () => madeOf(HALL) }),
      books: {
        provider: 'test',
        async *all() {
          for (const payment of booked) yield [payment];
        },
      },
      clock: { now: () => now },
    });
  }

  async differences(): Promise<unknown[]> {
    return (await this.verify()).differences;
  }
}

describe('journal and provider agree', () => {
  test('on orders paid, refunded, ended and free, and on the worth of the valid tickets', async () => {
    const sale = new Sale();
    sale.paid(2);
    const refunded = sale.paid();
    sale.refund(refunded);
    sale.plant(refunded, { refunded: PRICE });
    sale.order(1, { comp: true });
    const disputed = sale.paid();
    sale.played.do({ type: 'dispute', order: disputed, dispute: 'dp_1', status: 'open' });
    sale.plant(disputed, { disputes: [{ id: 'dp_1', status: 'open', withdrawn: PRICE }] });
    const expired = sale.expired();
    sale.book(expired, { amount: null, currency: null });
    expect(await sale.verify()).toEqual({
      shows: 1,
      orders: 5,
      underWay: 0,
      payments: 4,
      captured: { EUR: 4 * PRICE },
      refunded: { EUR: PRICE },
      disputed: { EUR: PRICE },
      valid: { EUR: 2 * PRICE },
      kept: {},
      differences: [],
      unnamed: 0,
    });
  });

  test('for now, while an order is under way: not yet paid, committed, ended and unsettled, or with a refund due', async () => {
    const sale = new Sale();
    sale.book(sale.order(), { authorised: PRICE });
    const committed = sale.order();
    sale.commit(committed);
    sale.book(committed, { captured: PRICE });
    const due = sale.paid();
    sale.refund(due, 'due');
    sale.plant(due, { refunded: PRICE });
    const cancelled = sale.order();
    const at = sale.played.show.orders.at[cancelled];
    sale.played.do({ type: 'cancel', buyer: userOf(8), order: cancelled, at });
    sale.book(cancelled, { authorised: PRICE });
    expect(await sale.verify()).toMatchObject({ orders: 4, underWay: 4, differences: [] });
  });

  test('where the order has moved on since the books were read', async () => {
    const sale = new Sale();
    const order = sale.paid();
    sale.plant(order, { captured: 0, authorised: PRICE });
    sale.now = sale.played.at;
    expect(await sale.verify()).toMatchObject({ underWay: 1, differences: [] });
    sale.now = LONG_AFTER;
    expect((await sale.verify()).differences).not.toEqual([]);
  });

  test('where people have given back what the provider could not, or the provider what it took twice', async () => {
    const sale = new Sale();
    const failed = sale.paid();
    sale.refund(failed, 'failed');
    sale.plant(failed, { refunded: PRICE });
    const twice = sale.paid();
    sale.book(twice, { reference: 'pi_again', captured: PRICE, refunded: PRICE });
    expect(await sale.differences()).toEqual([]);
  });

  test('on a payment that nobody knows and that came to nothing', async () => {
    const sale = new Sale();
    sale.paid();
    sale.booked.push({ ...sale.booked[0], paymentId: sale.paymentId(1).replace(/1$/, '9'), captured: 0 });
    expect(await sale.differences()).toEqual([]);
  });
});

describe('a difference is named', () => {
  /** Plants one difference in a sale of several orders; what is to be found, and of which order. */
  const planted: Record<string, (sale: Sale) => [order: number, found: object]> = {
    'captured without a sale': (sale) => {
      const order = sale.expired();
      sale.book(order, { captured: PRICE });
      return [order, { kind: 'captured-without-sale', journal: 0, provider: PRICE }];
    },
    'captured for an order that costs nothing': (sale) => {
      const order = sale.order(1, { comp: true });
      sale.book(order, { amount: null, captured: PRICE });
      return [order, { kind: 'captured-without-sale', journal: 0, provider: PRICE }];
    },
    'money of an ended order given back in part': (sale) => {
      const order = sale.expired();
      sale.book(order, { captured: PRICE, refunded: 50 });
      return [order, { kind: 'not-given-back', journal: 0, provider: PRICE - 50 }];
    },
    'money of an ended order whose refund failed': (sale) => {
      const order = sale.expired();
      sale.book(order, { captured: PRICE, failedRefunds: PRICE });
      return [order, { kind: 'not-given-back', journal: 0, provider: PRICE }];
    },
    'paid without a capture': (sale) => {
      const order = sale.paid();
      sale.plant(order, { captured: 0 });
      return [order, { kind: 'paid-without-capture', journal: PRICE, provider: 0 }];
    },
    'paid without a payment': (sale) => {
      const order = sale.paid();
      sale.booked.pop();
      return [order, { kind: 'paid-without-capture', journal: PRICE, provider: 0, reference: null }];
    },
    'captured twice': (sale) => {
      const order = sale.paid();
      sale.book(order, { reference: 'pi_again', captured: PRICE });
      return [order, { kind: 'captured-twice', journal: PRICE, provider: 2 * PRICE, reference: 'pi_again' }];
    },
    'another amount': (sale) => {
      const order = sale.paid();
      sale.plant(order, { amount: 45, captured: 45 });
      return [order, { kind: 'amount-differs', journal: PRICE, provider: 45 }];
    },
    'another amount captured than was to be': (sale) => {
      const order = sale.paid();
      sale.plant(order, { captured: PRICE - 1 });
      return [order, { kind: 'amount-differs', journal: PRICE, provider: PRICE - 1 }];
    },
    'another amount, while the order is under way': (sale) => {
      const order = sale.order();
      sale.book(order, { amount: 1, authorised: 1 });
      return [order, { kind: 'amount-differs', journal: PRICE, provider: 1 }];
    },
    'another currency': (sale) => {
      const order = sale.paid();
      sale.plant(order, { currency: 'JPY' });
      return [order, { kind: 'currency-differs', journal: 'EUR', provider: 'JPY' }];
    },
    'refunded more than was decided': (sale) => {
      const order = sale.paid();
      sale.plant(order, { refunded: 1 });
      return [order, { kind: 'refunded-more', journal: 0, provider: 1 }];
    },
    'refunded less than was decided': (sale) => {
      const order = sale.paid();
      sale.refund(order);
      sale.plant(order, { refunded: PRICE - 1 });
      return [order, { kind: 'refunded-less', journal: PRICE, provider: PRICE - 1 }];
    },
    'a refund that failed': (sale) => {
      const order = sale.paid();
      sale.refund(order, 'failed');
      sale.plant(order, { failedRefunds: PRICE });
      return [order, { kind: 'refund-failed', journal: PRICE, provider: 0 }];
    },
    'an authorisation left of an order that ended': (sale) => {
      const order = sale.expired();
      sale.book(order, { authorised: PRICE });
      return [order, { kind: 'authorisation-left', journal: 0, provider: PRICE }];
    },
    'an authorisation left of an order that was paid': (sale) => {
      const order = sale.paid();
      sale.book(order, { reference: 'pi_again', authorised: PRICE });
      return [order, { kind: 'authorisation-left', provider: PRICE, reference: 'pi_again' }];
    },
    'a dispute that is not recorded': (sale) => {
      const order = sale.paid();
      sale.plant(order, { disputes: [{ id: 'dp_1', status: 'open', withdrawn: PRICE }] });
      return [order, { kind: 'dispute-not-recorded', journal: null, provider: 'dp_1 open' }];
    },
    'a dispute that ended otherwise': (sale) => {
      const order = sale.paid();
      sale.played.do({ type: 'dispute', order, dispute: 'dp_1', status: 'won' });
      sale.plant(order, { disputes: [{ id: 'dp_1', status: 'lost', withdrawn: PRICE }] });
      return [order, { kind: 'dispute-differs', journal: 'dp_1 won', provider: 'dp_1 lost' }];
    },
    'a second dispute that is not recorded': (sale) => {
      const order = sale.paid();
      sale.played.do({ type: 'dispute', order, dispute: 'dp_1', status: 'won' });
      const [first, second] = ['dp_1', 'dp_2'].map((id) => ({ id, status: 'won' as const, withdrawn: 0 }));
      sale.plant(order, { disputes: [second, first] });
      return [order, { kind: 'dispute-not-recorded', journal: null, provider: 'dp_2 won' }];
    },
    'a dispute that the provider does not have': (sale) => {
      const order = sale.paid();
      sale.played.do({ type: 'dispute', order, dispute: 'dp_1', status: 'open' });
      return [order, { kind: 'dispute-differs', journal: 'dp_1 open', provider: null }];
    },
  };

  test.each(Object.entries(planted))('%s', async (_, plant) => {
    const sale = new Sale();
    sale.paid(2);
    const [order, found] = plant(sale);
    const { show } = sale.played;
    sale.paid();
    expect(await sale.differences()).toEqual([
      {
        reference: `pi_${order}`,
        showId: SHOW_ID,
        orderId: scopedId('ord', show.orders.at[order], SHOW_ID, order),
        paymentId: sale.paymentId(order),
        journal: expect.toSatisfy((value) => value !== undefined),
        ...found,
      },
    ]);
  });

  test.each([
    ['captured', { captured: PRICE }, PRICE],
    ['authorised', { authorised: PRICE }, PRICE],
    ['still to be paid', { isOpen: true }, 0],
  ])('a payment that no order is behind, %s', async (_, parts, provider) => {
    const sale = new Sale();
    sale.paid();
    const nobodys = scopedId('pay', ON_SALE_AT, SHOW_ID, 77);
    const other = scopedId('pay', ON_SALE_AT, SHOW_ID.replace('1cd', '1ce'), 1);
    const base = { ...sale.booked[0], captured: 0, ...parts };
    sale.booked.push({ ...base, paymentId: nobodys }, { ...base, paymentId: other }, { ...base, paymentId: 'x' });
    const kind = { kind: 'unknown-payment', reference: 'pi_1', journal: null, provider };
    expect(await sale.differences()).toEqual([
      { ...kind, showId: SHOW_ID, orderId: scopedId('ord', ON_SALE_AT, SHOW_ID, 77), paymentId: nobodys },
      { ...kind, showId: expect.stringContaining('1ce'), orderId: expect.stringMatching(/^ord_/), paymentId: other },
      { ...kind, showId: null, orderId: null, paymentId: 'x' },
    ]);
  });

  test('and a thousand at most; the others are counted', async () => {
    const sale = new Sale();
    sale.paid();
    for (let i = 0; i < 1_001; i++) sale.booked.push({ ...sale.booked[0], paymentId: `x${i}` });
    const { differences, unnamed } = await sale.verify();
    expect([differences.length, unnamed]).toEqual([1_000, 1]);
  });
});

test('a journal that cannot be replayed is told, not compared', async () => {
  const sale = new Sale();
  const order = sale.paid();
  sale.played.events.push({ type: 'captured', order });
  sale.played.ats.push(sale.played.at);
  await expect(sale.verify()).rejects.toThrow(ShowNotReplayed);
});
