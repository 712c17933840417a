import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bringHall } from '../../src/actors/later-hall.ts';
import { orderView as viewOfShow } from '../../src/actors/order-views.ts';
import { openedBy, replayRow } from '../../src/actors/recovery.ts';
import { ticketsFor } from '../../src/actors/ticket-views.ts';
import { RULES } from '../../src/actors/turns.ts';
import type { ShowEvent } from '../../src/allocator/events.ts';
import { ORDER } from '../../src/allocator/orders.ts';
import { REFUND } from '../../src/allocator/refunds.ts';
import { sellerOf } from '../../src/allocator/resales.ts';
import { SEAT, SEAT_STATES, type Show } from '../../src/allocator/show.ts';
import { stockFigures } from '../../src/allocator/stock.ts';
import { OWNED, TICKET } from '../../src/allocator/tickets.ts';
import type { JournalRow } from '../../src/journal/journal.ts';
import { orderView, ticketView } from '../../src/projector/views.ts';
import { madeOf } from '../support/made-show.ts';
import { MemoryProjection } from '../support/memory-projection.ts';
import { hallOf } from '../support/plan-fixtures.ts';
import { variantsOf } from './plan-variants.ts';
import { realParts, runTrial, SHOW_ID } from './run-trial.ts';
import { type Trial, trialsOf } from './schedules.ts';
import { USERS } from './trial-requests.ts';

/** A failure prints the seed and path of its smallest trial; given here, they run it again. */
const { USHER_FC_SEED, USHER_FC_PATH, USHER_FC_RUNS } = process.env;
const RUNS = 120;
const TIMEOUT_MS = 120_000;

const histories = fc.record({
  trial: trialsOf({ faults: 1, crashes: 1, jumps: 3, repeats: 1, restocks: 1, replans: 1, mostAsks: 6, mostSteps: 30 }),
  /** How many rows each batch has, over and over; and whether its transaction is lost at first. */
  batches: fc.array(fc.record({ rows: fc.integer({ min: 1, max: 6 }), isLost: fc.boolean() }), {
    minLength: 1,
    maxLength: 6,
  }),
});

type Batches = readonly { readonly rows: number; readonly isLost: boolean }[];

async function projected(trial: Trial, rows: readonly JournalRow[], batches: Batches): Promise<MemoryProjection> {
  const projection = new MemoryProjection(SHOW_ID, hallOf(trial.plan), variantsOf(trial.plan));
  for (let from = 0, batch = 0; from < rows.length; batch++) {
    const { rows: count, isLost } = batches[batch % batches.length];
    const page = rows.slice(from, from + count);
    // A transaction that does not commit leaves nothing.
    if (isLost) await projection.changesOf(page);
    projection.write(await projection.changesOf(page));
    from += count;
  }
  return projection;
}

/** The show as its journal makes it, to compare with. */
async function replayed(trial: Trial, rows: readonly JournalRow[]): Promise<Show> {
  const parsed = rows.map((row) => ({ row, events: JSON.parse(row.events) as ShowEvent[] }));
  const show = openedBy(SHOW_ID, hallOf(trial.plan), parsed[0].events[0], rows[0]);
  const made = madeOf(hallOf(trial.plan), trial.terms, variantsOf(trial.plan));
  for (const { row, events } of parsed) {
    await bringHall(show, made, events);
    replayRow(show, events, row, RULES);
  }
  return show;
}

describe('the projection of a show', () => {
  test('says what the show says, however its journal is cut into batches', { timeout: TIMEOUT_MS }, async () => {
    const property = fc.asyncProperty(histories, async ({ trial, batches }) => {
      const parts = realParts();
      await runTrial(trial, parts);
      const rows = parts.journal.rows(SHOW_ID);
      const projection = await projected(trial, rows, batches);
      const show = await replayed(trial, rows);
      compareOrders(projection, show);
      for (const user of USERS) compareTickets(projection, show, user);
      compareAdmissions(projection, show);
      comparePlaces(projection, show);
      compareMoney(projection, show);
      compareAnnouncements(projection, rows);

      // Row for row the same as in one go, which is what a rebuild does.
      const anew = await projected(trial, rows, [{ rows: rows.length, isLost: false }]);
      expect(anew.rows()).toEqual(projection.rows());
      expect(anew.announcements).toEqual(projection.announcements);
    });
    await fc.assert(property, {
      numRuns: Number(USHER_FC_RUNS ?? RUNS),
      ...(USHER_FC_SEED === undefined ? {} : { seed: Number(USHER_FC_SEED) }),
      ...(USHER_FC_PATH === undefined ? {} : { path: USHER_FC_PATH }),
    });
  });
});

function factsOf({ projection }: MemoryProjection) {
  return { showId: SHOW_ID, currency: projection.currency, cancelReason: projection.cancel_reason };
}

function compareOrders(projection: MemoryProjection, show: Show): void {
  expect(projection.orders.size).toBe(show.orders.count);
  for (const order of projection.orders.values()) {
    const ofOrder = (row: { readonly order_number: number }): boolean => row.order_number === order.number;
    const tickets = [...projection.tickets.values()].filter(ofOrder);
    const refunds = [...projection.refunds.values()].filter(ofOrder);
    expect(orderView(factsOf(projection), order, tickets, refunds)).toEqual(viewOfShow(show, order.number));
    expect(order.buyer_id).toBe(show.buyers.userId(show.orders.buyer[order.number]));
  }
}

/** What `GET /tickets` tells, in the order of its statement. */
function compareTickets(projection: MemoryProjection, show: Show, user: string): void {
  const shown = [...projection.tickets.values()]
    .filter(({ state, holder_id }) => state !== 'unpaid' && holder_id === user)
    .sort((a, b) => b.order_number - a.order_number || a.number - b.number)
    .map((ticket) => ticketView(factsOf(projection), ticket));
  const viewer = { user, all: false };
  expect(shown).toEqual(ticketsFor(show, { type: 'list-tickets', viewer, offset: 0, limit: 10_000 }).items);
}

function compareAdmissions({ tickets }: MemoryProjection, { doors, tickets: { count } }: Show): void {
  expect(tickets.size).toBe(count);
  for (const { number, admitted_at } of tickets.values()) {
    const admission = doors.admissionOf(number);
    expect(admitted_at).toBe(admission === 0 ? null : doors.at[admission]);
  }
}

const NO_CATEGORY = { capacity: 0, blocked: 0, removed: 0, price: null };

/** What is listed is sold, also while a buyer has it. */
function comparePlaces(projection: MemoryProjection, show: Show): void {
  const { hall } = show;
  const stateOf = (seat: number): number => {
    const state = show.status[seat];
    return state !== SEAT.free && sellerOf(show, seat) !== undefined ? SEAT.sold : state;
  };
  const { prices, categories, areas } = stockFigures(show);
  const counted = hall.categories.map((category, index) => {
    const figures = [categories[index], ...areas.filter((_, area) => hall.areas[area].category === index)];
    const sum = (name: 'blocked' | 'removed'): number => figures.reduce((total, each) => total + each[name], 0);
    const count = (state: number): number => {
      const seats = [...show.status].filter(
        (_, seat) => stateOf(seat) === state && hall.categoryOf[seat] === index,
      ).length;
      return hall.areas.reduce(
        (sum, area, at) => sum + (area.category === index ? show.areaCounts[at * SEAT_STATES + state] : 0),
        seats,
      );
    };
    return {
      category,
      held: count(SEAT.held),
      inPayment: count(SEAT.inPayment),
      sold: count(SEAT.sold),
      free: count(SEAT.free),
      blocked: sum('blocked'),
      removed: sum('removed'),
      price: prices[index] < 0 ? null : prices[index],
    };
  });
  const told = hall.categories.map((category) => {
    const { capacity, blocked, removed, price } = projection.categories.get(category) ?? NO_CATEGORY;
    const holds = [...projection.holds.values()];
    const inHolds = (isOrdered: boolean): number =>
      holds
        .filter((hold) => hold.order_number > 0 === isOrdered)
        .reduce((sum, hold) => sum + (hold.places[category] ?? 0), 0);
    const sales = [...projection.sales.values()].filter((sale) => sale.category === category);
    const sold = sales.reduce((sum, sale) => sum + sale.sold - sale.returned, 0);
    const [held, inPayment] = [inHolds(false), inHolds(true)];
    const free = capacity - blocked - removed - held - inPayment - sold;
    return { category, held, inPayment, sold, free, blocked, removed, price };
  });
  expect(told).toEqual(counted);
  expect(projection.projection.sold).toBe(counted.reduce((sum, { sold }) => sum + sold, 0));
}

/** What was taken, less what went back, is what tickets cost that are somebody's, and what resales left (I11). */
function compareMoney(projection: MemoryProjection, show: Show): void {
  let worth = 0;
  for (let ticket = 1; ticket <= show.tickets.count; ticket++) {
    const isPaid = show.orders.state[show.tickets.order[ticket]] === ORDER.paid;
    const state = show.tickets.state[ticket];
    if (isPaid && (state === TICKET.suspended || OWNED.includes(state))) worth += show.tickets.price[ticket];
  }
  for (const [ticket, refund] of show.refunds.ofTicket) {
    const isLost = show.disputes.get(show.tickets.order[ticket])?.some(({ status }) => status === 'lost') === true;
    if (show.tickets.state[ticket] === TICKET.void && !isLost)
      worth += show.tickets.price[ticket] - show.refunds.amount[refund];
  }
  let net = 0;
  for (const { gross, refunded, lost } of projection.sales.values()) net += gross - refunded - lost;
  expect(net).toBe(worth);
  let due = 0;
  for (let refund = 1; refund <= show.refunds.count; refund++) if (show.refunds.state[refund] === REFUND.due) due++;
  expect([...projection.refunds.values()].filter(({ state }) => state === 'due')).toHaveLength(due);
}

/** What is told of each transfer that was accepted. */
function transfersOf(events: readonly ShowEvent[], { tickets }: MemoryProjection): unknown[] {
  const before = new Map<number, number>();
  for (const event of events) if (event.type === 'transferred') before.set(event.to, event.ticket);
  return events.flatMap((event) => {
    if (event.type !== 'transfer-accepted') return [];
    const [ticket, old] = [event.ticket, before.get(event.ticket) ?? 0].map((number) => tickets.get(number));
    return {
      ...{ showId: SHOW_ID, orderId: ticket?.order_id, ticketId: ticket?.id, fromTicketId: old?.id },
      // Whose the old one was does not change any more.
      ...{ fromUserId: old?.holder_id, toUserId: event.buyer },
    };
  });
}

/** One for each order that was paid and each refund that was given, every id once. */
function compareAnnouncements(projection: MemoryProjection, rows: readonly JournalRow[]): void {
  const events = rows.flatMap((row) => JSON.parse(row.events) as ShowEvent[]);
  const count = (isCounted: (event: ShowEvent) => boolean): number => events.filter(isCounted).length;
  const { announcements } = projection;
  expect(new Set(announcements.map(({ id }) => id)).size).toBe(announcements.length);
  const ofType = (type: string): number => announcements.filter((each) => each.type === type).length;
  expect(ofType('order.paid')).toBe(
    count((event) => event.type === 'captured' || (event.type === 'ordered' && event.total === 0)),
  );
  expect(announcements.filter(({ type }) => type === 'ticket.transferred').map(({ data }) => data)).toEqual(
    transfersOf(events, projection),
  );
  const free = [...projection.refunds.values()].filter(({ amount }) => amount === 0).length;
  expect(ofType('order.refunded')).toBe(count((event) => event.type === 'refunded') + free);
}
