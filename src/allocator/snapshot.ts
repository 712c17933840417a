import { hash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { ANSWER_FIELDS } from './answered.ts';
import type { ShowTerms } from './events.ts';
import type { Hall, LaterPlan } from './hall.ts';
import { HOLD_FIELDS } from './holds.ts';
import { REFUND_FIELDS } from './refunds.ts';
import { type Dispute, Show } from './show.ts';
import { type DoorsPart, doorsColumns, doorsPart, restoreDoors } from './snapshot-doors.ts';
import {
  countListed,
  type MovesHeader,
  movesColumns,
  movesHeader,
  packedCounts,
  restoreMoves,
  unpackCounts,
} from './snapshot-moves.ts';
import { restoreStock, type StockHeader, stockColumns, stockHeader } from './snapshot-stock.ts';
import { restoreValidity, ticketsWithTime, validityColumn } from './snapshot-validity.ts';

/**
 * The forms of the bytes; a reader refuses any other by name. A show is written in the lowest that can tell it: so an older
 * version reads what it could have written, and a show has one form.
 *
 * | format | since                                        |
 * | ------ | -------------------------------------------- |
 * | 1      | the first                                    |
 * | 2      | refunds, disputes, and whether it is cancelled |
 * | 3      | parts of their own, each only if it says something: a stock that was changed, tickets that moved, the doors |
 * | 4      | since when tickets are not valid that were not refunded |
 * | 5      | the plans that replaced the first |
 */
const PLAIN = 1;
const WITH_REFUNDS = 2;
const WITH_PARTS = 3;
const WITH_VALIDITY = 4;
const WITH_PLANS = 5;
/** An older version wrote it, and could not yet tell all that there is to this show: the journal has to. */
export class SnapshotOutdated extends Error {
  override readonly name = 'SnapshotOutdated';
}

/** Holds, orders, tickets, buyers and answers are numbered in 32 bits. */
const COUNT_MAX = 0xffff_ffff;

interface Header {
  readonly format: number;
  readonly showId: string;
  readonly seq: number;
  readonly at: number;
  readonly terms: ShowTerms;
  readonly unsettledOrders: number;
  readonly areasOfHold: readonly (readonly [number, readonly (readonly [number, number])[]])[];
  readonly reasons: readonly (readonly [number, string])[];
  readonly oldestHold: number;
  readonly oldestAnswer: number;
  readonly orders: number;
  readonly tickets: number;
  readonly buyers: number;
  /** Since format 2. */
  readonly late?: Late;
  /** Since format 3: parts with columns of their own, in this order. */
  readonly stock?: StockHeader;
  readonly moves?: MovesHeader;
  readonly doors?: DoorsPart;
  /** Since format 5. */
  readonly laterPlans?: readonly LaterPlan[];
}

/** What comes after a sale. */
interface Late {
  readonly cancelled: Show['cancelled'];
  readonly disputes: readonly (readonly [order: number, readonly Dispute[]])[];
  readonly refundReasons: readonly (readonly [refund: number, reason: string])[];
  readonly refundOfTicket: readonly (readonly [ticket: number, refund: number])[];
}

function lateOf({ cancelled, disputes, refunds }: Show): Late | null {
  if (cancelled === null && disputes.size === 0 && refunds.count === 0) return null;
  const sorted = <T>(map: ReadonlyMap<number, T>): (readonly [number, T])[] => [...map].sort(([a], [b]) => a - b);
  return {
    cancelled,
    disputes: sorted(disputes),
    refundReasons: sorted(refunds.reasons),
    refundOfTicket: sorted(refunds.ofTicket),
  };
}

/**
 * The show as bytes: a JSON header, then the columns one after another, each on a multiple of eight bytes, in the
 * machine's (little-endian) order. Canonical: two shows with the same history give the same bytes, so their hash is
 * the hash of the state (I6).
 */
export function encodeShow(show: Show): Uint8Array {
  const { orders, tickets, buyers } = show;
  const late = lateOf(show);
  const stock = stockHeader(show);
  const moves = movesHeader(show);
  const doors = doorsPart(show);
  const { laterPlans } = show.hall;
  const hasPlans = laterPlans.length > 0;
  const hasValidity = hasPlans || tickets.invalidSince.size > 0;
  const hasParts = stock !== null || moves !== null || doors !== null;
  const header: Header = {
    format: hasPlans
      ? WITH_PLANS
      : hasValidity
        ? WITH_VALIDITY
        : hasParts
          ? WITH_PARTS
          : late === null
            ? PLAIN
            : WITH_REFUNDS,
    showId: show.id,
    seq: show.seq,
    at: show.at,
    terms: show.terms,
    unsettledOrders: show.unsettledOrders,
    areasOfHold: [...show.areasOfHold].sort(([a], [b]) => a - b),
    reasons: [...orders.reasons],
    oldestHold: show.holds.oldest,
    oldestAnswer: show.answered.oldest,
    orders: orders.count,
    tickets: tickets.count,
    buyers: buyers.count,
    ...(late === null ? {} : { late }),
    ...(stock === null ? {} : { stock }),
    ...(moves === null ? {} : { moves }),
    ...(doors === null ? {} : { doors }),
    ...(hasPlans ? { laterPlans } : {}),
  };
  const text = new TextEncoder().encode(JSON.stringify(header));
  const lines = orders.count + 1;
  const places = tickets.count + 1;
  const columns: ArrayBufferView[] = [
    show.status,
    show.claim,
    show.nextInHold,
    packedCounts(show.seatCounts),
    show.freeByCategory,
    packedCounts(show.areaCounts),
    show.holds.dump(),
    orders.at.subarray(0, lines),
    orders.until.subarray(0, lines),
    orders.total.subarray(0, lines),
    orders.buyer.subarray(0, lines),
    orders.hold.subarray(0, lines),
    orders.heldAt.subarray(0, lines),
    orders.firstTicket.subarray(0, lines),
    orders.quantity.subarray(0, lines),
    orders.state.subarray(0, lines),
    orders.unsettled.subarray(0, lines),
    orders.previous.subarray(0, lines),
    tickets.order.subarray(0, places),
    tickets.seat.subarray(0, places),
    tickets.price.subarray(0, places),
    tickets.state.subarray(0, places),
    buyers.words.subarray(0, buyers.count * 4),
    buyers.liveHold.subarray(0, buyers.count),
    buyers.places.subarray(0, buyers.count),
    buyers.newestOrder.subarray(0, buyers.count),
    show.answered.dump(),
    ...(late === null ? [] : [show.refunds.dump()]),
    ...stockColumns(show),
    ...(moves === null ? [] : movesColumns(show)),
    ...(doors === null ? [] : doorsColumns(show)),
    ...(hasValidity ? [validityColumn(show)] : []),
  ];
  let size = aligned(8 + text.length);
  for (const column of columns) size += 8 + aligned(column.byteLength);
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, text.length, true);
  bytes.set(text, 8);
  let at = aligned(8 + text.length);
  for (const column of columns) {
    view.setUint32(at, column.byteLength, true);
    bytes.set(new Uint8Array(column.buffer, column.byteOffset, column.byteLength), at + 8);
    at += 8 + aligned(column.byteLength);
  }
  return bytes;
}

/**
 * The show that {@link encodeShow} wrote. The bytes are copied.
 * @throws Error naming what does not fit, when the bytes are of another format, show or hall.
 */
export function decodeShow(bytes: Uint8Array, showId: string, hall: Hall): Show {
  // Not slice(): a Buffer would give a view into a shared pool.
  const copy = new Uint8Array(bytes);
  const view = new DataView(copy.buffer);
  const { header, length } = readHeader(copy);
  if (header.showId !== showId) throw new Error(`the snapshot is of ${header.showId}, not of ${showId}`);
  if (!isDeepStrictEqual(header.laterPlans ?? [], hall.laterPlans))
    throw new Error('the snapshot is of a hall with other plans');
  let at = aligned(8 + length);
  const next = (): Uint8Array => {
    const size = view.getUint32(at, true);
    const column = copy.subarray(at + 8, at + 8 + size);
    at += 8 + aligned(size);
    return column;
  };
  const bytes8 = next;
  const words = (): Uint32Array => over(Uint32Array, next());
  const signed = (): Int32Array => over(Int32Array, next());
  const floats = (): Float64Array => over(Float64Array, next());

  const show = new Show(showId, hall, header.terms);
  show.seq = counted(header.seq, 'row');
  show.at = header.at;
  show.unsettledOrders = counted(header.unsettledOrders, 'unsettled orders');
  fill(show.areasOfHold, header.areasOfHold, 'a hold');
  show.status.set(fitting(bytes8(), show.status.length, 'seats'));
  show.claim.set(fitting(words(), show.claim.length, 'claims'));
  show.nextInHold.set(fitting(signed(), show.nextInHold.length, 'seats in holds'));
  unpackCounts(show.seatCounts, words());
  show.freeByCategory.set(fitting(words(), show.freeByCategory.length, 'categories'));
  unpackCounts(show.areaCounts, signed());
  show.holds.restore(counted(header.oldestHold, 'oldest hold'), records(floats(), HOLD_FIELDS, 'holds'));
  const { orders, tickets } = show;
  orders.count = counted(header.orders, 'orders');
  fill(orders.reasons, header.reasons, 'an order');
  const lines = <T extends Column>(column: T): T => fitting(column, linesOf(orders.count), 'lines of orders');
  orders.at = lines(floats());
  orders.until = lines(floats());
  orders.total = lines(floats());
  orders.buyer = lines(words());
  orders.hold = lines(words());
  orders.heldAt = lines(floats());
  orders.firstTicket = lines(words());
  orders.quantity = lines(over(Uint16Array, next()));
  orders.state = lines(bytes8());
  orders.unsettled = lines(bytes8());
  orders.previous = chained(lines(words()), 'order');
  tickets.count = counted(header.tickets, 'tickets');
  const places = <T extends Column>(column: T): T => fitting(column, linesOf(tickets.count), 'lines of tickets');
  tickets.order = places(words());
  tickets.seat = places(signed());
  tickets.price = places(words());
  tickets.state = places(bytes8());
  const buyers = counted(header.buyers, 'buyers');
  const ofBuyers = (columns = 1): Uint32Array => fitting(words(), buyers * columns, 'lines of buyers');
  show.buyers.restore(buyers, ofBuyers(4), ofBuyers(), ofBuyers(), ofBuyers());
  // The next order of a buyer leads to this one.
  if (show.buyers.newestOrder.some((order) => order > orders.count))
    throw new Error('the snapshot has an order to come');
  show.answered.restore(counted(header.oldestAnswer, 'oldest answer'), records(words(), ANSWER_FIELDS, 'answers'));
  if (header.late !== undefined) restoreLate(show, header.late, floats());
  /** The next column into this one. */
  const into = (column: Uint8Array | Int32Array | Float64Array, what: string): void => {
    const bytes = fitting(next(), column.byteLength, `bytes of ${what}`);
    new Uint8Array(column.buffer, column.byteOffset, column.byteLength).set(bytes);
  };
  if (header.stock !== undefined) restoreStock(show, header.stock, into);
  if (header.moves !== undefined) restoreMoves(show, header.moves, words);
  countListed(show);
  if (header.doors !== undefined) {
    restoreDoors(show, header.doors, words(), floats(), over(Uint16Array, next()), bytes8());
  }
  if (header.format >= WITH_VALIDITY) restoreValidity(show, floats());
  else if (ticketsWithTime(show) > 0) throw new SnapshotOutdated();
  assertHoldsEnd(show);
  show.rederive();
  return show;
}

function readHeader(bytes: Uint8Array): { readonly header: Header; readonly length: number } {
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length))) as Header;
  if (![PLAIN, WITH_REFUNDS, WITH_PARTS, WITH_VALIDITY, WITH_PLANS].includes(header.format))
    throw new Error(`snapshot format ${header.format} is not known; this version knows ${PLAIN} to ${WITH_PLANS}`);
  return { header, length };
}

/**
 * The ids of the plans that replaced the first, as of the snapshot: with them {@link decodeShow} needs the hall.
 * @throws Error when the bytes are of another format.
 */
export function laterPlansIn(bytes: Uint8Array): string[] {
  return (readHeader(bytes).header.laterPlans ?? []).map(({ id }) => String(id));
}

function restoreLate(show: Show, late: Late, refunds: Float64Array): void {
  show.cancelled = late.cancelled;
  fill(show.disputes, late.disputes, 'an order');
  fill(show.refunds.reasons, late.refundReasons, 'a refund');
  fill(show.refunds.ofTicket, late.refundOfTicket, 'a ticket');
  show.refunds.restore(records(refunds, REFUND_FIELDS, 'refunds'));
  chained(show.refunds.previous, 'refund');
}

type Column = ArrayBufferView & { readonly length: number };

function fitting<T extends Column>(column: T, length: number, what: string): T {
  if (column.length !== length) throw new Error(`the snapshot has ${column.length} ${what}, not ${length}`);
  return column;
}

/** They are numbered from 1; before the first there are no columns. */
function linesOf(count: number): number {
  return count === 0 ? 0 : count + 1;
}

function records<T extends Column>(column: T, fields: number, what: string): T {
  if (column.length % fields !== 0) throw new Error(`the snapshot has a part of the ${what}`);
  return column;
}

/** A number by which loops end. */
function counted(value: number, what: string): number {
  if (Number.isInteger(value) && value >= 0 && value <= COUNT_MAX) return value;
  throw new Error(`the snapshot has ${JSON.stringify(value)} for ${what}`);
}

function fill<T>(map: Map<number, T>, pairs: readonly (readonly [number, T])[], what: string): void {
  for (const [number, value] of pairs) map.set(counted(number, what), value);
}

/** Each leads to one before it, so that a walk along them ends. */
function chained(previous: Uint32Array, what: string): Uint32Array {
  const wrong = previous.findIndex((before, number) => before >= number && before > 0);
  if (wrong >= 0) throw new Error(`the snapshot has ${what} ${wrong} after ${previous[wrong]}`);
  return previous;
}

/** The chain of a hold's seats is no longer than the hold. */
function assertHoldsEnd({ holds, nextInHold }: Show): void {
  for (let hold = holds.oldest; hold < holds.next; hold++) {
    const place = holds.place(hold);
    let left = holds.quantity[place];
    for (let seat = holds.firstSeat[place]; seat >= 0; seat = nextInHold[seat]) {
      if (left-- === 0) throw new Error(`the snapshot has hold ${hold} without an end`);
    }
  }
}

function over<T>(
  type: { new (buffer: ArrayBufferLike, offset: number, length: number): T; readonly BYTES_PER_ELEMENT: number },
  bytes: Uint8Array,
): T {
  return new type(bytes.buffer, bytes.byteOffset, bytes.byteLength / type.BYTES_PER_ELEMENT);
}

function aligned(size: number): number {
  return (size + 7) & ~7;
}

/** SHA-256 (hex) of the bytes of {@link encodeShow}: the hash of the state. */
export function stateHash(bytes: Uint8Array): string {
  return hash('sha256', bytes, 'hex');
}
