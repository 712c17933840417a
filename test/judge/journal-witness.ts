import type { OrderLine, PlanReplaced, Resale, ShowEvent, StockPart } from '../../src/allocator/events.ts';
import { type Hall, isFormerSeat } from '../../src/allocator/hall.ts';
import type { StockFigures } from '../../src/allocator/stock.ts';
import { parseScopedId, scopedId } from '../../src/ids.ts';
import type { AreaQuantity, RowEvent, RowLine, StockPlaces, TicketLine } from './history.ts';

/** The part of a journal row that a witness tells. `events`: the row's JSON text. */
export interface WitnessedRow {
  readonly seq: number;
  readonly epoch: number;
  readonly at: number;
  readonly events: string;
}

/** The names of a hall that events have as indices. */
export interface WitnessedHall {
  readonly seatIds: readonly string[];
  readonly areas: readonly { readonly id: string }[];
}

/**
 * Turns the rows of one show's journal into lines of a history, with the ids that clients know. Keys are command ids.
 * Rows must come in order, from the first: ids hold the time at which a thing was made.
 */
export class JournalWitness {
  readonly #showId: string;
  #hall: WitnessedHall;
  readonly #hallWith: (planIds: readonly string[]) => Hall;
  readonly #mayChange: boolean;
  readonly #laterPlans: string[] = [];
  /** Places of each area that are for sale or somebody's, by index; of shows whose plan may be replaced. */
  #onSale: number[] = [];
  readonly #holds = new Map<number, string>();
  readonly #orders: { readonly id: string; readonly at: number }[] = [];
  /** By number. */
  readonly #tickets: string[] = [];
  #row: WitnessedRow | null = null;

  /** @param hallWith the hall once these plans replaced the first; for journals in which one does. */
  constructor(showId: string, hall: WitnessedHall, hallWith?: (planIds: readonly string[]) => Hall) {
    this.#showId = showId;
    this.#hall = hall;
    this.#hallWith = hallWith ?? (() => never(showId));
    this.#mayChange = hallWith !== undefined;
  }

  /** The next row. Throws on one whose text is no array of events, or that names what was never made. */
  row(row: WitnessedRow): RowLine {
    this.#row = row;
    const events: RowEvent[] = [];
    for (const event of JSON.parse(row.events) as ShowEvent[]) this.#tell(event, row.at, events);
    return { row: this.#showId, seq: row.seq, epoch: row.epoch, at: row.at, events };
  }

  #tell(event: ShowEvent, at: number, told: RowEvent[]): void {
    switch (event.type) {
      case 'held': {
        const hold = scopedId('hld', at, this.#showId, event.hold);
        this.#holds.set(event.hold, hold);
        const seats = event.seats.map((seat) => this.#hall.seatIds[seat]);
        const areas = event.areas.map(
          ([area, quantity]): AreaQuantity => ({ id: this.#hall.areas[area].id, quantity }),
        );
        const listed = event.listed?.map(([seat]) => this.#hall.seatIds[seat]);
        const held = { hold, client: event.buyer, seats, areas, until: event.until, key: event.once.id };
        told.push({ event: 'held', ...held, ...(listed === undefined ? {} : { listed }) });
        return;
      }
      case 'extended':
        told.push({ event: 'extended', hold: this.#hold(event.hold), until: event.until });
        return;
      case 'released':
        told.push({ event: 'released', hold: this.#hold(event.hold) });
        return;
      case 'expired':
        told.push({ event: 'expired', holds: event.holds.map((hold) => this.#hold(hold)) });
        return;
      case 'ordered':
        told.push(this.#ordered(event, at));
        return;
      case 'pending':
        told.push({ event: 'pending', order: this.#order(event.order).id, until: event.until });
        return;
      case 'committed': {
        const { id } = this.#order(event.order);
        told.push(
          event.late === true ? { event: 'committed', order: id, late: true } : { event: 'committed', order: id },
        );
        return;
      }
      case 'captured':
        told.push({ event: 'captured', order: this.#order(event.order).id, ...this.#resold(event.resold) });
        return;
      case 'transferred': {
        const ticket = this.#ticket(event.ticket);
        const to = scopedId('tkt', this.#madeAt(ticket), this.#showId, event.to);
        this.#tickets[event.to] = to;
        told.push({ event: 'transferred', ticket, to, key: event.once.id });
        return;
      }
      case 'transfer-accepted':
        told.push({ event: event.type, ticket: this.#ticket(event.ticket), client: event.buyer });
        return;
      case 'listed':
        told.push({ event: 'listed', ticket: this.#ticket(event.ticket), price: event.price, key: event.once.id });
        return;
      case 'transfer-ended':
      case 'unlisted':
        told.push({ event: event.type, ticket: this.#ticket(event.ticket) });
        return;
      case 'cancelled':
      case 'rejected':
      case 'declined':
      case 'voided':
        told.push({ event: event.type, order: this.#order(event.order).id });
        return;
      case 'refunding': {
        const order = this.#order(event.order);
        const refund = scopedId('rfd', at, this.#showId, event.refund);
        const tickets = event.tickets.map((ticket) => scopedId('tkt', order.at, this.#showId, ticket));
        told.push({ event: 'refunding', refund, order: order.id, tickets, key: event.once.id });
        return;
      }
      case 'refunding-all':
        for (const [i, order] of event.orders.entries()) {
          const refund = scopedId('rfd', at, this.#showId, event.refund + i);
          told.push({ event: 'refunding', refund, order: this.#order(order).id });
        }
        return;
      case 'disputed': {
        const { dispute, status } = event;
        told.push({ event: 'disputed', order: this.#order(event.order).id, dispute, status });
        return;
      }
      case 'show-cancelled':
        told.push({ event: 'show-cancelled', holds: event.holds.map((hold) => this.#hold(hold)) });
        return;
      case 'admitted': {
        const { ticket, at: when, gate, once } = event;
        told.push({ event: 'admitted', ticket: this.#ticket(ticket), at: when, gate, key: once.id });
        return;
      }
      case 'scanned':
        told.push({
          event: 'scanned',
          gate: event.gate,
          scans: event.scans.map(([ticket, when, wasVoid]) => ({
            ticket: this.#ticket(ticket),
            at: when,
            void: wasVoid === 1,
          })),
        });
        return;
      case 'admission-undone':
        told.push({ event: 'admission-undone', ticket: this.#ticket(event.ticket), until: event.until });
        return;
      case 'stock-changed': {
        const { added, removed, blocked, unblocked } = event;
        const opens = this.#stockPlaces(added, unblocked);
        const closes = this.#stockPlaces(removed, blocked);
        this.#onSale = onSaleIn(event.stock);
        told.push({ event: 'stock-changed', opens, closes, key: event.once.id });
        return;
      }
      case 'plan-replaced':
        this.#replaced(event, told);
        return;
      case 'rescheduled':
        told.push({ event: 'rescheduled', onSale: event.onSaleAt, offSale: event.offSaleAt });
        return;
      case 'refused':
        told.push({ event: 'refused', code: event.refusal.code, key: event.once.id });
        return;
      case 'opened': {
        if (!this.#mayChange) return;
        const { areas, categories } = this.#hallWith([]);
        this.#onSale = areas.map(({ category, capacity }) =>
          Object.hasOwn(event.terms.prices, categories[category]) ? capacity : 0,
        );
        return;
      }
      case 'settled':
      case 'refunded':
      case 'refund-failed':
      case 'refund-returned':
        // Of no seat, ticket or answer.
        return;
      default:
        throw new Error(`row ${this.#row?.seq} has an event of unknown type ${(event as { type: unknown }).type}`);
    }
  }

  /** First all that the new plan has not goes off sale, then all that only it has goes on sale. */
  #replaced({ planId, stock, once }: PlanReplaced, told: RowEvent[]): void {
    const before = this.#hallWith(this.#laterPlans);
    this.#laterPlans.push(planId);
    const hall = this.#hallWith(this.#laterPlans);
    const isForSale = (seat: number): boolean => stock.prices[hall.categoryOf[seat]] >= 0;
    const closed = before.seatIds.filter((_, seat) => isFormerSeat(hall, seat) && !isFormerSeat(before, seat));
    const opened = hall.seatIds.filter((_, seat) => seat >= before.seatIds.length && isForSale(seat));
    const onSale = onSaleIn(stock);
    const more = hall.areas.map(({ id }, area) => ({ id, quantity: onSale[area] - (this.#onSale[area] ?? 0) }));
    const fewer = more.map(({ id, quantity }) => ({ id, quantity: -quantity }));
    const some = (areas: readonly AreaQuantity[]): AreaQuantity[] => areas.filter(({ quantity }) => quantity > 0);
    this.#hall = hall;
    this.#onSale = onSale;
    told.push({ event: 'stock-changed', closes: { seats: closed, areas: some(fewer) } });
    told.push({ event: 'stock-changed', opens: { seats: opened, areas: some(more) }, key: once.id });
  }

  #stockPlaces(...parts: readonly (StockPart | undefined)[]): StockPlaces {
    return {
      seats: parts.flatMap((part) => part?.seats.map((seat) => this.#hall.seatIds[seat]) ?? []),
      areas: parts.flatMap(
        (part) => part?.areas.map(([area, quantity]) => ({ id: this.#hall.areas[area].id, quantity })) ?? [],
      ),
    };
  }

  #ordered(event: Extract<ShowEvent, { type: 'ordered' }>, at: number): RowEvent {
    const order = scopedId('ord', at, this.#showId, event.order);
    this.#orders[event.order] = { id: order, at };
    const tickets = event.lines.map(({ seat, price, from }: OrderLine): TicketLine => {
      const number = Math.max(1, this.#tickets.length);
      const id = scopedId('tkt', at, this.#showId, number);
      this.#tickets[number] = id;
      const place = seat >= 0 ? { seat: this.#hall.seatIds[seat] } : { area: this.#hall.areas[-1 - seat].id };
      return { id, ...place, price, ...(from === undefined ? {} : { from: this.#ticket(from) }) };
    });
    const made = { order, hold: this.#hold(event.hold), tickets, total: event.total, until: event.until };
    return { event: 'ordered', ...made, ...this.#resold(event.resold), key: event.once.id };
  }

  #resold(resold: readonly Resale[] | undefined): { readonly resold?: readonly string[] } {
    return resold === undefined ? {} : { resold: resold.map(({ ticket }) => this.#ticket(ticket)) };
  }

  /** The time in the id of a ticket: that of its order. */
  #madeAt(ticket: string): number {
    return parseScopedId('tkt', ticket)?.at ?? 0;
  }

  #ticket(number: number): string {
    const id = this.#tickets[number];
    if (id === undefined || number === 0)
      throw new Error(`row ${this.#row?.seq} names ticket ${number}, which no row before it made`);
    return id;
  }

  #hold(number: number): string {
    const id = this.#holds.get(number);
    if (id === undefined) throw new Error(`row ${this.#row?.seq} names hold ${number}, which no row before it made`);
    return id;
  }

  #order(number: number): { readonly id: string; readonly at: number } {
    const order = this.#orders[number];
    if (order === undefined)
      throw new Error(`row ${this.#row?.seq} names order ${number}, which no row before it made`);
    return order;
  }
}

function onSaleIn({ areas }: StockFigures): number[] {
  return areas.map(({ free, held, inPayment, sold }) => free + held + inPayment + sold);
}

function never(showId: string): never {
  throw new Error(`the plan of ${showId} is replaced, and no other is known`);
}
