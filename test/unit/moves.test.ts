import { beforeEach, describe, expect, test } from 'vitest';
import { answerOfCommand, answerOfEvent, answerQuestion } from '../../src/actors/answers.ts';
import type { OrderView, VoidedTickets } from '../../src/actors/shows.ts';
import type { Command, Question } from '../../src/allocator/commands.ts';
import type { ShowEvent } from '../../src/allocator/events.ts';
import { assertCounts, assertWhole } from '../../src/allocator/invariants.ts';
import { TRANSFERS_PER_TICKET_MAX } from '../../src/allocator/moves.ts';
import { keptFromResales } from '../../src/allocator/resales.ts';
import { SEAT } from '../../src/allocator/show.ts';
import { decodeShow, encodeShow } from '../../src/allocator/snapshot.ts';
import { TICKET } from '../../src/allocator/tickets.ts';
import { SoldSeats } from '../../src/journal/sold-seats.ts';
import { ON_SALE_AT, onceOf, PlayedShow, rowsOfTen, SHOW_ID, termsOf, userOf } from '../support/small-show.ts';

const PRICE = 4_550;
const [SELLER, BUYER, OTHER] = [1, 2, 3];

let played: PlayedShow;
let keys: number;
/** The second opinion on who has which seat. */
let sold: SoldSeats;

function run(command: Command): ShowEvent | string | null {
  const before = played.events.length;
  const answer = played.do(command);
  for (const event of played.events.slice(before)) expect(sold.note(event)).toBeNull();
  assertCounts(played.show);
  assertWhole(played.show);
  return answer;
}

function hold(n: number, seats: readonly string[], floor = 0): ShowEvent | string | null {
  const areas = floor === 0 ? [] : [{ id: 'floor', quantity: floor }];
  return run({ type: 'hold', once: onceOf(keys++), buyer: userOf(n), seats, areas });
}

/** Orders the newest hold; the order's number. */
function order(n: number): number {
  run({ type: 'order', once: onceOf(keys++), buyer: userOf(n), hold: played.show.holds.next - 1, at: played.at });
  return played.show.orders.count;
}

function commit(number: number, late = false): ShowEvent | string | null {
  const amount = played.show.orders.total[number];
  return run({ type: 'commit', order: number, amount, currency: 'EUR', ...(late ? { late: true } : {}) });
}

function buy(n: number, seats: readonly string[], floor = 0): number {
  expect(hold(n, seats, floor)).toMatchObject({ type: 'held' });
  const number = order(n);
  expect(commit(number)).toMatchObject({ type: 'committed' });
  run({ type: 'captured', order: number });
  return number;
}

const own = (n: number, ticket: number) => ({ buyer: userOf(n), ticket, at: ON_SALE_AT });
const transfer = (n: number, ticket: number, to: number) =>
  run({ type: 'transfer', once: onceOf(keys++), ...own(n, ticket), address: addressOf(to) });
const accept = (n: number, ticket: number) =>
  run({ type: 'accept-transfer', ...own(n, ticket), address: addressOf(n) });
const withdraw = (n: number, ticket: number) => run({ type: 'withdraw-transfer', ...own(n, ticket) });
const decline = (n: number, ticket: number) =>
  run({ type: 'decline-transfer', address: addressOf(n), ticket, at: ON_SALE_AT });
const list = (n: number, ticket: number, price: number) =>
  run({ type: 'resell', once: onceOf(keys++), ...own(n, ticket), price });
const unlist = (n: number, ticket: number) => run({ type: 'withdraw-listing', ...own(n, ticket) });
const refund = (number: number, tickets?: readonly number[]) =>
  run({
    type: 'refund',
    once: onceOf(keys++),
    order: number,
    at: ON_SALE_AT,
    reason: 'asked for',
    ...(tickets === undefined ? {} : { tickets }),
  });
const dispute = (number: number, status: 'open' | 'won' | 'lost') =>
  run({ type: 'dispute', order: number, dispute: 'dp_1', status });
const cancelShow = () => {
  run({ type: 'cancel-show', reason: 'rain' });
  while (played.show.toRefund.size > 0) run({ type: 'refund-next' });
};

function addressOf(n: number): string {
  return `address ${n}`;
}

const stateOf = (ticket: number): string | undefined =>
  Object.entries(TICKET).find(([, state]) => state === played.show.tickets.state[ticket])?.[0];
const seatOf = (id: string): string | undefined =>
  Object.entries(SEAT).find(([, state]) => state === played.show.status[played.show.hall.seatIndex(id)])?.[0];
const placesOf = (n: number): number => {
  const buyer = played.show.buyers.find(userOf(n));
  return buyer < 0 ? 0 : played.show.buyers.places[buyer];
};
/** Amounts of the refunds of an order. */
const refunds = (number: number): number[] =>
  [...played.show.refunds.of(number)].map((one) => played.show.refunds.amount[one]).reverse();

function ask(question: Question): unknown {
  const answer = answerQuestion(played.show, question, played.at);
  return answer.ok ? answer.value : answer.refusal.code;
}
const ticketSeenBy = (n: number, ticket: number): unknown =>
  ask({ type: 'get-ticket', viewer: { user: userOf(n), all: false }, ticket, at: ON_SALE_AT });
const ticketsOf = (n: number): unknown =>
  ask({ type: 'list-tickets', viewer: { user: userOf(n), all: false }, offset: 0, limit: 100 });

beforeEach(() => {
  played = new PlayedShow(rowsOfTen(1), termsOf({ perBuyer: 4 }));
  keys = 1;
  sold = new SoldSeats();
  buy(SELLER, ['S-A-1', 'S-A-2'], 1);
});

describe('a transfer', () => {
  test('ends the old ticket at once, and the new one has no owner but its sender until it is accepted', () => {
    expect(transfer(SELLER, 1, BUYER)).toMatchObject({
      type: 'transferred',
      ticket: 1,
      to: 4,
      address: addressOf(BUYER),
    });
    expect([stateOf(1), stateOf(4)]).toEqual(['transferred', 'offered']);
    expect([placesOf(SELLER), placesOf(BUYER)]).toEqual([3, 0]);
    expect(accept(BUYER, 4)).toEqual({ type: 'transfer-accepted', ticket: 4, buyer: userOf(BUYER) });
    expect([stateOf(1), stateOf(4)]).toEqual(['transferred', 'valid']);
    expect([placesOf(SELLER), placesOf(BUYER)]).toEqual([2, 1]);
    expect(seatOf('S-A-1')).toBe('sold');
  });

  test('of a general-admission ticket is one like any other', () => {
    transfer(SELLER, 3, BUYER);
    expect(accept(BUYER, 4)).toMatchObject({ type: 'transfer-accepted' });
    expect(played.show.total(SEAT.sold)).toBe(3);
  });

  test('is accepted by whoever has the address and by nobody else, and again for nothing', () => {
    transfer(SELLER, 1, BUYER);
    expect(accept(OTHER, 4)).toBe('NOT_FOUND');
    expect(accept(BUYER, 4)).toMatchObject({ type: 'transfer-accepted' });
    expect(accept(BUYER, 4)).toBeNull();
    expect(accept(OTHER, 4)).toBe('NOT_FOUND');
    expect(withdraw(SELLER, 1)).toBe('TICKET_NOT_MOVABLE');
    expect(decline(BUYER, 4)).toBe('NOT_FOUND');
  });

  test.each([
    ['withdrawn by the old ticket', () => withdraw(SELLER, 1)],
    ['withdrawn by the new one', () => withdraw(SELLER, 4)],
    ['declined', () => decline(BUYER, 4)],
  ])('that is %s gives the sender the new ticket, not the old one', (_, end) => {
    transfer(SELLER, 1, BUYER);
    expect(end()).toEqual({ type: 'transfer-ended', ticket: 4 });
    expect([stateOf(1), stateOf(4)]).toEqual(['transferred', 'valid']);
    expect(accept(BUYER, 4)).toBe('NOT_FOUND');
    expect(withdraw(SELLER, 1)).toBeNull();
    expect(placesOf(SELLER)).toBe(3);
  });

  test('does not pass the limit per buyer: it counts for its sender until its receiver takes it', () => {
    buy(BUYER, ['S-A-5', 'S-A-6', 'S-A-7', 'S-A-8']);
    transfer(SELLER, 1, BUYER);
    expect(accept(BUYER, 4 + 4)).toBe('BUYER_LIMIT');
    expect(hold(SELLER, ['S-A-9', 'S-A-10'])).toBe('BUYER_LIMIT');
    expect(stateOf(8)).toBe('offered');
  });

  test('shows its receiver nothing of the order, and its sender nothing of the new ticket', () => {
    transfer(SELLER, 1, BUYER);
    expect(ask({ type: 'list-offers', address: addressOf(BUYER), offset: 0, limit: 9 })).toMatchObject({
      total: 1,
      items: [{ status: 'offered' }],
    });
    accept(BUYER, 4);
    expect(ticketSeenBy(BUYER, 4)).toMatchObject({ status: 'valid', price: { amount: PRICE } });
    expect(ticketSeenBy(BUYER, 4)).not.toHaveProperty('orderId');
    expect(ticketSeenBy(SELLER, 4)).toBe('NOT_FOUND');
    expect(ticketSeenBy(SELLER, 1)).toMatchObject({ status: 'transferred', orderId: expect.any(String) });
    expect(ticketsOf(SELLER)).toMatchObject({ total: 3, items: [{ status: 'transferred' }, {}, {}] });
    expect(ticketsOf(BUYER)).toMatchObject({ total: 1, items: [{ status: 'valid' }] });
    const viewer = { user: userOf(BUYER), all: false };
    expect(ask({ type: 'get-order', viewer, order: 1, at: ON_SALE_AT })).toBe('NOT_FOUND');
    expect(ask({ type: 'list-offers', address: addressOf(BUYER), offset: 0, limit: 9 })).toMatchObject({ total: 0 });
  });

  test('goes on to a third, and ends after so many', () => {
    let ticket = 1;
    for (let n = 0; n < TRANSFERS_PER_TICKET_MAX; n++) {
      transfer(n % 2 === 0 ? SELLER : BUYER, ticket, n % 2 === 0 ? BUYER : SELLER);
      ticket = played.show.tickets.count;
      expect(accept(n % 2 === 0 ? BUYER : SELLER, ticket)).toMatchObject({ type: 'transfer-accepted' });
    }
    expect(transfer(SELLER, ticket, BUYER)).toBe('TRANSFER_LIMIT');
    expect([placesOf(SELLER), placesOf(BUYER)]).toEqual([3, 0]);
    expect(ticketsOf(BUYER)).toMatchObject({ total: TRANSFERS_PER_TICKET_MAX / 2 });
    // Back with whoever paid for it, it can be resold.
    expect(list(SELLER, ticket, PRICE)).toMatchObject({ type: 'listed' });
  });

  test('is refused for what is not an own valid ticket', () => {
    expect(transfer(BUYER, 1, OTHER)).toBe('NOT_FOUND');
    expect(transfer(SELLER, 9, OTHER)).toBe('NOT_FOUND');
    transfer(SELLER, 1, BUYER);
    expect(transfer(SELLER, 1, OTHER)).toBe('TICKET_NOT_MOVABLE');
    expect(transfer(SELLER, 4, OTHER)).toBe('TICKET_NOT_MOVABLE');
    list(SELLER, 2, PRICE);
    expect(transfer(SELLER, 2, OTHER)).toBe('TICKET_NOT_MOVABLE');
  });

  test('leaves refunds to the payer: they cover who has the tickets now, offered ones too', () => {
    transfer(SELLER, 1, BUYER);
    accept(BUYER, 4);
    transfer(SELLER, 2, OTHER);
    expect(refund(1, [1])).toBe('ORDER_NOT_REFUNDABLE');
    expect(refund(1)).toMatchObject({ type: 'refunding', tickets: [4, 5, 3], amount: 3 * PRICE, partial: false });
    expect([placesOf(SELLER), placesOf(BUYER)]).toEqual([0, 0]);
    expect(accept(OTHER, 5)).toBe('NOT_FOUND');
    expect(played.show.total(SEAT.sold)).toBe(0);
  });

  test('under dispute: offers end, the receivers’ tickets are suspended, and void once it is lost', () => {
    transfer(SELLER, 1, BUYER);
    accept(BUYER, 4);
    transfer(SELLER, 2, OTHER);
    dispute(1, 'open');
    expect([stateOf(4), stateOf(5), stateOf(3)]).toEqual(['suspended', 'suspended', 'suspended']);
    expect(accept(OTHER, 5)).toBe('NOT_FOUND');
    expect(transfer(BUYER, 4, OTHER)).toBe('TICKET_NOT_MOVABLE');
    dispute(1, 'won');
    expect([stateOf(4), stateOf(5)]).toEqual(['valid', 'valid']);
    expect(ticketSeenBy(SELLER, 5)).toMatchObject({ status: 'valid' });
    run({ type: 'dispute', order: 1, dispute: 'dp_2', status: 'lost' });
    expect([stateOf(4), stateOf(5), stateOf(3)]).toEqual(['void', 'void', 'void']);
    expect([placesOf(SELLER), placesOf(BUYER)]).toEqual([0, 0]);
  });
});

describe('a listing', () => {
  test('shows the seat as for resale, and goes away as it came', () => {
    expect(list(SELLER, 1, 3_000)).toMatchObject({ type: 'listed', ticket: 1, price: 3_000 });
    expect([seatOf('S-A-1'), stateOf(1)]).toEqual(['listed', 'listed']);
    expect(ticketSeenBy(SELLER, 1)).toMatchObject({ status: 'listed', listing: { price: { amount: 3_000 } } });
    expect(ask({ type: 'list-listings', offset: 0, limit: 9 })).toMatchObject({
      total: 1,
      items: [{ seat: { id: 'S-A-1' }, price: { amount: 3_000 } }],
    });
    expect(unlist(SELLER, 1)).toEqual({ type: 'unlisted', ticket: 1 });
    expect([seatOf('S-A-1'), stateOf(1)]).toEqual(['sold', 'valid']);
    expect(unlist(SELLER, 1)).toBeNull();
  });

  test('is offered to nobody while the show is not on sale', () => {
    list(SELLER, 1, 3_000);
    played.at = played.show.terms.offSaleAt;
    expect(ask({ type: 'list-listings', offset: 0, limit: 9 })).toMatchObject({ total: 0, items: [] });
    expect(ticketSeenBy(SELLER, 1)).toMatchObject({ status: 'listed' });
  });

  test('is never above what was paid, and only of an own seat that was paid for', () => {
    expect(list(SELLER, 1, PRICE + 1)).toBe('ABOVE_PURCHASE_PRICE');
    expect(list(SELLER, 3, PRICE)).toBe('LISTING_NEEDS_SEAT');
    expect(list(BUYER, 1, PRICE)).toBe('NOT_FOUND');
    transfer(SELLER, 1, BUYER);
    expect(list(SELLER, 4, PRICE)).toBe('TICKET_NOT_MOVABLE');
    accept(BUYER, 4);
    expect(list(BUYER, 4, PRICE)).toBe('TICKET_NOT_MOVABLE');
    expect(list(SELLER, 2, PRICE)).toMatchObject({ type: 'listed' });
  });

  test('is not chosen as the best available, nor counted as free, nor held by its seller', () => {
    buy(BUYER, ['S-A-3', 'S-A-4', 'S-A-5', 'S-A-6']);
    buy(OTHER, ['S-A-7', 'S-A-8', 'S-A-9', 'S-A-10']);
    list(SELLER, 1, PRICE);
    expect(run({ type: 'hold', once: onceOf(keys++), buyer: userOf(4), best: { quantity: 1 } })).toBe(
      'NOT_ENOUGH_SEATS',
    );
    expect(hold(SELLER, ['S-A-1'])).toBe('OWN_LISTING');
    expect(hold(4, ['S-A-1'])).toMatchObject({ type: 'held' });
    expect(hold(5, ['S-A-1'])).toBe('SEATS_TAKEN');
    expect(unlist(SELLER, 1)).toBe('LISTING_IN_USE');
  });

  test('that a buyer lets go of is the seller’s again, however', () => {
    list(SELLER, 1, 3_000);
    hold(BUYER, ['S-A-1', 'S-A-3']);
    run({ type: 'release', buyer: userOf(BUYER), hold: 2, at: played.at });
    expect([seatOf('S-A-1'), seatOf('S-A-3')]).toEqual(['listed', 'free']);
    hold(BUYER, ['S-A-1']);
    const cancelled = order(BUYER);
    run({ type: 'cancel', buyer: userOf(BUYER), order: cancelled, at: ON_SALE_AT });
    expect(seatOf('S-A-1')).toBe('listed');
    hold(BUYER, ['S-A-1', 'S-A-3']);
    const voided = order(BUYER);
    commit(voided);
    expect([seatOf('S-A-1'), stateOf(1)]).toEqual(['sold', 'listed']);
    run({ type: 'void', order: voided, reason: 'capture failed' });
    expect([seatOf('S-A-1'), stateOf(1), seatOf('S-A-3')]).toEqual(['listed', 'listed', 'free']);
    expect([placesOf(SELLER), placesOf(BUYER)]).toEqual([3, 0]);
  });
});

describe('a resale', () => {
  test('makes the buyer’s ticket valid and the seller’s void in one event, and owes the seller the price', () => {
    list(SELLER, 1, 3_000);
    expect(hold(BUYER, ['S-A-1', 'S-A-3'])).toMatchObject({ listed: [[0, 1, 3_000]] });
    const number = order(BUYER);
    expect(played.show.orders.total[number]).toBe(3_000 + PRICE);
    commit(number);
    expect([stateOf(1), stateOf(4)]).toEqual(['listed', 'none']);
    expect(run({ type: 'captured', order: number })).toEqual({
      type: 'captured',
      order: number,
      resold: [{ ticket: 1, refund: 1, amount: 3_000 }],
    });
    expect([stateOf(1), stateOf(4), seatOf('S-A-1')]).toEqual(['void', 'valid', 'sold']);
    expect([refunds(1), refunds(number)]).toEqual([[3_000], []]);
    expect(keptFromResales(played.show)).toBe(PRICE - 3_000);
    expect([placesOf(SELLER), placesOf(BUYER)]).toEqual([2, 2]);
    const viewer = { user: userOf(SELLER), all: false };
    expect(ask({ type: 'get-order', viewer, order: 1, at: ON_SALE_AT })).toMatchObject({
      status: 'partially_refunded',
      refunds: [{ amount: { amount: 3_000 }, ticketIds: [expect.stringMatching(/01$/)] }],
    });
  });

  test('is still told as one once the show is cancelled: only what that pays back is paid back for its reason', () => {
    list(SELLER, 1, 3_000);
    buy(BUYER, ['S-A-1']);
    cancelShow();
    const viewer = { user: userOf(SELLER), all: false };
    const { refunds: told } = ask({ type: 'get-order', viewer, order: 1, at: ON_SALE_AT }) as OrderView;
    expect(told?.map(({ amount, reason }) => [amount.amount, reason])).toEqual([
      [3_000, undefined],
      [2 * PRICE, 'rain'],
    ]);
  });

  test('chains: each buyer is paid back what the next one pays, and the last is refunded their own price', () => {
    list(SELLER, 1, 4_000);
    const second = buy(BUYER, ['S-A-1']);
    expect(list(BUYER, 4, 4_001)).toBe('ABOVE_PURCHASE_PRICE');
    list(BUYER, 4, 3_500);
    const third = buy(OTHER, ['S-A-1']);
    expect([stateOf(1), stateOf(4), stateOf(5)]).toEqual(['void', 'void', 'valid']);
    expect(refund(third)).toMatchObject({ amount: 3_500 });
    expect([refunds(1), refunds(second), refunds(third)]).toEqual([[4_000], [3_500], [3_500]]);
    expect(keptFromResales(played.show)).toBe(550 + 500);
    expect(seatOf('S-A-1')).toBe('free');
  });

  test('for nothing is done at once', () => {
    list(SELLER, 1, 0);
    hold(BUYER, ['S-A-1']);
    order(BUYER);
    expect([stateOf(1), stateOf(4)]).toEqual(['void', 'valid']);
    expect(refunds(1)).toEqual([0]);
    expect(played.show.refunds.due).toBe(0);
  });

  test('is no gift of the organiser’s', () => {
    list(SELLER, 1, 3_000);
    hold(BUYER, ['S-A-1']);
    const given = { buyer: userOf(BUYER), hold: 2, at: played.at, comp: true } as const;
    expect(run({ type: 'order', once: onceOf(keys++), ...given })).toBe('HOLD_INVALID');
  });

  test('paid too late takes the seat only if it is still listed, by the same for the same', () => {
    list(SELLER, 1, 3_000);
    hold(BUYER, ['S-A-1']);
    const number = order(BUYER);
    played.at += 3_600_000;
    run({ type: 'expire' });
    expect(seatOf('S-A-1')).toBe('listed');
    unlist(SELLER, 1);
    list(SELLER, 1, 2_999);
    expect(commit(number, true)).toMatchObject({ type: 'declined' });
  });

  test('paid too late, and still listed so, is one all the same', () => {
    list(SELLER, 1, 3_000);
    hold(BUYER, ['S-A-1']);
    const number = order(BUYER);
    played.at += 3_600_000;
    run({ type: 'expire' });
    expect(commit(number, true)).toMatchObject({ type: 'committed', late: true });
    run({ type: 'captured', order: number });
    expect([stateOf(1), stateOf(4)]).toEqual(['void', 'valid']);
    expect(refunds(1)).toEqual([3_000]);
  });

  test('of what the organiser took back meanwhile is a sale of the organiser’s, for the price that was told', () => {
    list(SELLER, 1, 3_000);
    hold(BUYER, ['S-A-1']);
    expect(refund(1, [1])).toMatchObject({ amount: PRICE });
    expect(seatOf('S-A-1')).toBe('held');
    const number = order(BUYER);
    expect(played.show.orders.total[number]).toBe(3_000);
    commit(number);
    expect(run({ type: 'captured', order: number })).toEqual({ type: 'captured', order: number });
    expect(refunds(1)).toEqual([PRICE]);
    expect(keptFromResales(played.show)).toBe(0);
    expect([stateOf(1), stateOf(4)]).toEqual(['refunded', 'valid']);
  });

  test('that is taken back while it is being captured owes nothing twice', () => {
    list(SELLER, 1, 3_000);
    hold(BUYER, ['S-A-1']);
    const number = order(BUYER);
    commit(number);
    refund(1, [1]);
    run({ type: 'void', order: number, reason: 'capture failed' });
    expect([seatOf('S-A-1'), refunds(1)]).toEqual(['free', [PRICE]]);
  });
});

describe('a dispute over the seller’s payment', () => {
  test('ends a listing that nobody has taken', () => {
    list(SELLER, 1, 3_000);
    dispute(1, 'open');
    expect([seatOf('S-A-1'), stateOf(1)]).toEqual(['sold', 'suspended']);
    dispute(1, 'won');
    expect(stateOf(1)).toBe('valid');
  });

  test('leaves the seat to whoever has it, and suspends the ticket once they let go', () => {
    list(SELLER, 1, 3_000);
    hold(BUYER, ['S-A-1']);
    dispute(1, 'open');
    expect([seatOf('S-A-1'), stateOf(1), stateOf(2)]).toEqual(['held', 'listed', 'suspended']);
    run({ type: 'release', buyer: userOf(BUYER), hold: 2, at: played.at });
    expect([seatOf('S-A-1'), stateOf(1)]).toEqual(['sold', 'suspended']);
  });

  test('lets nothing of the order be refunded, whose money the bank has: not what a buyer holds either', () => {
    list(SELLER, 1, 3_000);
    hold(BUYER, ['S-A-1']);
    dispute(1, 'open');
    expect([refund(1), refund(1, [1])]).toEqual(['ORDER_NOT_REFUNDABLE', 'ORDER_NOT_REFUNDABLE']);
    dispute(1, 'won');
    expect(refund(1, [1])).toMatchObject({ tickets: [1], partial: true });
  });

  test('that is lost while somebody pays for the seat makes it the organiser’s sale', () => {
    list(SELLER, 1, 3_000);
    hold(BUYER, ['S-A-1']);
    const number = order(BUYER);
    dispute(1, 'lost');
    commit(number);
    run({ type: 'captured', order: number });
    expect([stateOf(1), stateOf(4), seatOf('S-A-1')]).toEqual(['void', 'valid', 'sold']);
    expect(refunds(1)).toEqual([]);
    expect([placesOf(SELLER), placesOf(BUYER)]).toEqual([0, 1]);
  });
});

describe('a cancelled show', () => {
  test('pays back whoever paid: for listed, offered and transferred tickets too', () => {
    list(SELLER, 1, 3_000);
    transfer(SELLER, 2, BUYER);
    cancelShow();
    expect(refunds(1)).toEqual([3 * PRICE]);
    expect([stateOf(1), stateOf(4), stateOf(3)]).toEqual(['refunded', 'refunded', 'refunded']);
    expect(played.show.total(SEAT.free)).toBe(30);
    expect(accept(BUYER, 4)).toBe('NOT_FOUND');
  });

  test('with a resale being captured pays seller and buyer what they paid', () => {
    list(SELLER, 1, 3_000);
    hold(BUYER, ['S-A-1']);
    const number = order(BUYER);
    commit(number);
    cancelShow();
    run({ type: 'captured', order: number });
    run({ type: 'refund-next' });
    expect([refunds(1), refunds(number)]).toEqual([[3 * PRICE], [3_000]]);
  });

  test('moves no tickets any more', () => {
    run({ type: 'cancel-show', reason: 'rain' });
    expect(transfer(SELLER, 1, BUYER)).toBe('TICKET_NOT_MOVABLE');
    expect(list(SELLER, 1, PRICE)).toBe('TICKET_NOT_MOVABLE');
  });
});

describe('what is kept of it', () => {
  test('comes back out of a snapshot as it went in', () => {
    list(SELLER, 1, 3_000);
    transfer(SELLER, 2, BUYER);
    accept(BUYER, 4);
    transfer(SELLER, 3, OTHER);
    hold(BUYER, ['S-A-1']);
    order(BUYER);
    const bytes = encodeShow(played.show);
    const restored = decodeShow(bytes, SHOW_ID, rowsOfTen(1));
    expect(Buffer.compare(encodeShow(restored), bytes)).toBe(0);
    assertWhole(restored);
    played.show = restored;
    commit(2);
    run({ type: 'captured', order: 2 });
    expect(refunds(1)).toEqual([3_000]);
    expect(ticketsOf(BUYER)).toMatchObject({ total: 2 });
    expect(accept(OTHER, 5)).toMatchObject({ type: 'transfer-accepted' });
  });

  test('tells the first answer again, whatever became of the ticket since', () => {
    const transferred = transfer(SELLER, 1, BUYER) as ShowEvent;
    const listed = list(SELLER, 2, 3_000) as ShowEvent;
    const first = [transferred, listed].map((event) => answerOfEvent(played.show, event, ON_SALE_AT));
    expect(first).toMatchObject([
      { value: { status: 'offered', orderId: expect.any(String) } },
      { value: { status: 'listed', listing: { price: { amount: 3_000 } } } },
    ]);
    accept(BUYER, 4);
    unlist(SELLER, 2);
    list(SELLER, 2, 2_000);
    expect([transferred, listed].map((event) => answerOfEvent(played.show, event, ON_SALE_AT))).toEqual(first);
  });

  test('answers what was done with the ticket as it is then', () => {
    transfer(SELLER, 1, BUYER);
    withdraw(SELLER, 1);
    const answer = answerOfCommand(played.show, { type: 'withdraw-transfer', ...own(SELLER, 1) }, played.at);
    expect(answer).toMatchObject({ value: { status: 'valid', id: expect.stringMatching(/04$/) } });
  });
});

describe('the list of voided tickets', () => {
  const voided = () => (ask({ type: 'get-voided' }) as VoidedTickets).tickets;

  test('has the ticket that was given away, and not the new one: of that there is no code yet', () => {
    transfer(SELLER, 1, BUYER);
    expect(voided()).toEqual([1]);
    accept(BUYER, 4);
    expect(voided()).toEqual([1]);
    refund(1);
    expect(voided()).toEqual([1, 2, 3, 4]);
  });

  test('has no line of an order that was never paid, which may be paid late', () => {
    hold(BUYER, ['S-A-3', 'S-A-4']);
    const number = order(BUYER);
    played.at += 3_600_000;
    run({ type: 'expire' });
    expect([stateOf(4), voided()]).toEqual(['void', []]);
    commit(number, true);
    run({ type: 'captured', order: number });
    expect([stateOf(4), voided()]).toEqual(['valid', []]);
  });
});
