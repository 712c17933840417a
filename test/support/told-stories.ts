import type {
  BookLine,
  HistoryLine,
  HoldOperation,
  Invariant,
  Operation,
  OrderStatus,
  PlanLine,
  RowEvent,
  RowLine,
  TicketLine,
  Violation,
} from '../judge/history.ts';
import { Judge } from '../judge/judge.ts';

/*
 * Short words for histories made by hand, all of one small show: seats A1 to A4, an area `floor` of 3 places. `[5, 8]` is
 * sent at 5 and answered at 8; `[5]` was never answered.
 */

export type When = readonly [from: number, to: number] | readonly [from: number];

export const SHOW = 'the show';
export const PLAN: PlanLine = {
  plan: SHOW,
  seats: ['A1', 'A2', 'A3', 'A4'],
  areas: [{ id: 'floor', capacity: 3 }],
  currency: 'EUR',
};
export const PRICE = 100;
/** Holds end by themselves after that. */
export const HOLD_LIFE = 1_000;

const intention = (client: string, when: When, outcome: 'ok' | 'refused' = 'ok') =>
  when.length === 1
    ? ({ show: SHOW, client, from: when[0], outcome: 'unknown' } as const)
    : ({ show: SHOW, client, from: when[0], to: when[1], outcome } as const);

/** A hold of these seats under the id `hold`; asked for were the same. */
export function holds(
  client: string,
  hold: string,
  seats: string,
  when: When,
  more: Partial<HoldOperation> = {},
): HoldOperation {
  const ids = seats.split(' ').filter(Boolean);
  const asked = { seats: ids };
  if (when.length === 1) return { op: 'hold', ...intention(client, when), asked, ...more };
  return { op: 'hold', ...intention(client, when), asked, hold, seats: ids, until: when[0] + HOLD_LIFE, ...more };
}

/** So many places of the area, and no seat. */
export function stands(client: string, hold: string, quantity: number, when: When): HoldOperation {
  const areas = [{ id: 'floor', quantity }];
  return holds(client, hold, '', when, { asked: { areas }, ...(when.length === 1 ? {} : { areas }) });
}

/** Refused, since these seats are taken. */
export const meetsTaken = (
  client: string,
  taken: string,
  when: readonly [number, number],
  key?: string,
): HoldOperation => ({
  op: 'hold',
  ...intention(client, when, 'refused'),
  code: 'SEATS_TAKEN',
  asked: { seats: taken.split(' ') },
  taken: taken.split(' '),
  ...(key === undefined ? {} : { key }),
});

export const extendsTo = (client: string, hold: string, until: number, when: When): Operation => ({
  op: 'extend',
  ...intention(client, when),
  hold,
  ...(when.length === 1 ? {} : { until, expires: until }),
});

export const releases = (client: string, hold: string, when: When): Operation => ({
  op: 'release',
  ...intention(client, when),
  hold,
});

export const ticketsOf = (order: string, seats: string): TicketLine[] =>
  seats.split(' ').map((seat) => ({ id: `${order}-${seat}`, seat, price: PRICE }));

export function orders(client: string, hold: string, order: string, seats: string, when: When): Operation {
  if (when.length === 1) return { op: 'order', ...intention(client, when), hold };
  const tickets = ticketsOf(order, seats);
  return { op: 'order', ...intention(client, when), hold, order, tickets, total: tickets.length * PRICE };
}

export const pays = (client: string, order: string, when: When): Operation => ({
  op: 'pay',
  ...intention(client, when),
  order,
});
export const cancels = (client: string, order: string, when: When): Operation => ({
  op: 'cancel',
  ...intention(client, when),
  order,
});
export const refunds = (order: string, when: When, tickets?: string[]): Operation => ({
  op: 'refund',
  ...intention('organiser', when),
  order,
  ...(tickets === undefined ? {} : { tickets }),
});

/** The organiser takes these seats off sale, or puts them on it, and so many places of the area. */
export const restocks = (key: string, closes: string, opens: string, places: number, when: When): Operation => ({
  op: 'stock',
  ...intention('organiser', when),
  key,
  closes: { seats: closes.split(' ').filter(Boolean) },
  opens: { seats: opens.split(' ').filter(Boolean), areas: places === 0 ? [] : [{ id: 'floor', quantity: places }] },
});

/** The organiser was told that the show sells from 0 until `offSale`, which was moved `revision` times. */
export const sellsUntil = (offSale: number, revision: number, when: When): Operation => ({
  op: 'reschedule',
  ...intention('organiser', when),
  ...(when.length === 1 ? {} : { onSale: 0, offSale, revision }),
});

/** Any operation, refused. */
export const refused = (operation: Operation, code: string): Operation => ({ ...operation, outcome: 'refused', code });
export const keyed = <T extends Operation>(key: string, operation: T): T => ({ ...operation, key });

export const sees = (
  client: string,
  order: string,
  state: OrderStatus,
  when: readonly [number, number],
): Operation => ({
  op: 'order-state',
  ...intention(client, when),
  order,
  state,
});

/** A seat map; with a version, one of that row. */
export const reads = (
  letters: string,
  when: readonly [number, number],
  version?: number,
  free?: number,
): Operation => ({
  op: 'seats',
  ...intention('somebody', when),
  letters,
  ...(version === undefined ? {} : { version }),
  ...(free === undefined ? {} : { areas: [{ id: 'floor', available: free }] }),
});

export const hasTickets = (
  client: string,
  order: string,
  seats: string,
  when: readonly [number, number],
  status = 'valid',
): Operation => ({
  op: 'tickets',
  ...intention(client, when),
  tickets: seats === '' ? [] : ticketsOf(order, seats).map(({ id, seat }) => ({ id, seat: seat ?? '', order, status })),
});

/** Rows from 1, each of one event, in epoch 1; a second apart on the server's clock. */
export const journal = (...events: RowEvent[]): RowLine[] =>
  events.map((event, i) => ({ row: SHOW, seq: i + 1, epoch: 1, at: 1_000 * (i + 1), events: [event] }));

export const wasHeld = (client: string, hold: string, seats: string, key?: string): RowEvent => ({
  event: 'held',
  hold,
  client,
  seats: seats.split(' '),
  areas: [],
  until: 60_000,
  ...(key === undefined ? {} : { key }),
});
export const wasOrdered = (hold: string, order: string, seats: string): RowEvent => {
  const tickets = ticketsOf(order, seats);
  return { event: 'ordered', order, hold, tickets, total: tickets.length * PRICE, until: 60_000 };
};
export const wasRestocked = (key: string, closes: string, opens = '', places = 0): RowEvent => ({
  event: 'stock-changed',
  closes: { seats: closes.split(' ').filter(Boolean) },
  opens: { seats: opens.split(' ').filter(Boolean), areas: places === 0 ? [] : [{ id: 'floor', quantity: places }] },
  key,
});
export const wasRescheduled = (offSale: number): RowEvent => ({ event: 'rescheduled', onSale: 0, offSale });
export const wasReleased = (hold: string): RowEvent => ({ event: 'released', hold });
export const became = (event: 'committed' | 'captured' | 'cancelled' | 'voided', order: string): RowEvent => ({
  event,
  order,
});

export const book = (order: string, captured: number, refunded = 0, more: Partial<BookLine> = {}): BookLine => ({
  book: order,
  captured,
  refunded,
  captures: captured > 0 ? 1 : 0,
  ...more,
});
export const atRest: HistoryLine = { end: true, rest: true };

export function verdictOn(lines: readonly HistoryLine[], plan: PlanLine = PLAN): Violation[] {
  const judge = new Judge();
  judge.add(plan);
  for (const line of lines) judge.add(line);
  return judge.verdict();
}

export const invariantsOf = (violations: readonly Violation[]): Invariant[] => [
  ...new Set(violations.map(({ invariant }) => invariant)),
];
