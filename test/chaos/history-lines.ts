import { HOLD_GRACE_MS, PAYMENT_WINDOW_MS } from '../../src/allocator/show.ts';
import { commandId } from '../../src/http/idempotency.ts';
import type { HistoryLine, Operation as Line, OrderStatus, PlanLine, SeenTicket, Wish } from '../judge/history.ts';
import type { ShowOnSale } from '../support/box-office.ts';
import { type Answer, type History, isDefinite, type Operation, outcomeOf } from '../support/sale-history.ts';

/*
 * What buyers wrote down, in the form that the judge of histories reads. A request that was sent several times is one
 * intention, from its first sending to its definite answer: however often it arrives, it takes effect once. Not so an
 * extension, which has no key: each sending is one of its own.
 */

interface SeatName {
  readonly id?: string;
  readonly area?: string;
}
interface HoldBody {
  readonly id: string;
  readonly seats: readonly { readonly id: string }[];
  readonly areas: readonly { readonly id: string; readonly quantity: number }[];
  readonly expiresAt: string;
}
interface OrderBody {
  readonly id: string;
  readonly lines: readonly {
    readonly ticketId: string;
    readonly seat: SeatName;
    readonly price: { readonly amount: number };
  }[];
  readonly total: { readonly amount: number };
  readonly payment?: { readonly id: string };
}
interface SeatsBody {
  readonly version: number;
  readonly stale: boolean;
  readonly seats: { readonly letters: string };
  readonly areas: readonly { readonly id: string; readonly available: number }[];
}
interface TicketsBody {
  readonly total: number;
  readonly items: readonly {
    readonly id: string;
    readonly orderId: string;
    readonly seat: SeatName;
    readonly status: string;
  }[];
}
interface RequestedHold {
  readonly seats?: readonly string[];
  readonly best?: { readonly quantity: number };
  readonly areas?: readonly { readonly id: string; readonly quantity: number }[];
}

/** Of a line; what reads a history looks whether they are right. */
type Fields = Readonly<Record<string, unknown>>;

/** The first line about a show. */
export function planLine(show: ShowOnSale): PlanLine {
  const areas = show.areas.map(({ id, capacity }) => ({ id, capacity }));
  return { plan: show.id, seats: show.rows.flat(), areas, currency: 'EUR', grace: HOLD_GRACE_MS };
}

/** @param holdSeconds how long a hold of these shows lasts */
export function operationLines(history: History, shows: readonly ShowOnSale[], holdSeconds: number): HistoryLine[] {
  const teller = new Teller(shows, holdSeconds * 1_000);
  return history.flatMap(intentions).flatMap((operation) => teller.told(operation) ?? []);
}

function intentions(operation: Operation): Operation[] {
  if (operation.kind !== 'extend') return [operation];
  return operation.attempts.map((attempt) => ({ ...operation, attempts: [attempt] }));
}

class Teller {
  readonly #holdMs: number;
  /** For each show, its areas' ids by their names. */
  readonly #areas: ReadonlyMap<string, ReadonlyMap<string, string>>;
  /** Orders by their payments. */
  readonly #orders = new Map<string, string>();

  constructor(shows: readonly ShowOnSale[], holdMs: number) {
    this.#holdMs = holdMs;
    this.#areas = new Map(shows.map(({ id, areas }) => [id, new Map(areas.map((area) => [area.name, area.id]))]));
  }

  /** Null for what the form has no line for. */
  told(operation: Operation): HistoryLine | null {
    const { attempts, user, showId, key } = operation;
    const first = attempts.at(0);
    // Of one that was never sent there is nothing to tell.
    if (first === undefined) return null;
    const answered = attempts.find(({ answer }) => isDefinite(answer));
    const answer = answered?.answer ?? null;
    const special = this.#of(operation, answer, first.sentAt);
    if (special === null) return null;
    const outcome = answer === null ? 'unknown' : answer.status < 400 ? 'ok' : 'refused';
    const code = outcome === 'refused' && answer !== null ? { code: outcomeOf(answer).slice(4) } : {};
    return {
      show: showId,
      client: user,
      from: first.sentAt,
      ...(answered === undefined ? {} : { to: answered.endedAt }),
      outcome,
      ...code,
      ...(key === null ? {} : { key: commandId(user, key) }),
      ...special,
    } as unknown as Line;
  }

  /** What only its kind of operation has, as far as the answer tells it; `outcome` where that is not its status. */
  #of({ kind, path, requestBody, showId }: Operation, answer: Answer | null, from: number): Fields | null {
    const isOk = answer !== null && answer.status < 400;
    const subject = path.split('/')[kind === 'confirm' ? 4 : 3];
    switch (kind) {
      case 'hold':
        return { op: 'hold', asked: wishOf(requestBody), ...(isOk ? this.#held(answer.body as HoldBody, from) : {}) };
      case 'extend': {
        const expires = isOk ? { expires: Date.parse((answer.body as HoldBody).expiresAt) } : {};
        return { op: 'extend', hold: subject, ...(isOk ? { until: from + this.#holdMs } : {}), ...expires };
      }
      case 'release':
        return { op: 'release', hold: subject };
      case 'order':
        return { op: 'order', hold: subject, ...(isOk ? this.#ordered(answer.body as OrderBody, showId, from) : {}) };
      case 'cancel':
        return { op: 'cancel', order: subject };
      case 'confirm':
        return this.#paid(subject, answer);
      case 'seats':
        return { op: 'seats', ...(isOk ? seen(answer.body as SeatsBody) : {}) };
      case 'read-order':
        return {
          op: 'order-state',
          order: subject,
          ...(isOk ? { state: (answer.body as { status: OrderStatus }).status } : {}),
        };
      case 'read-tickets': {
        if (!isOk) return { op: 'tickets' };
        const { total, items } = answer.body as TicketsBody;
        // A page is not all.
        return total > items.length ? null : { op: 'tickets', tickets: this.#tickets(items, showId) };
      }
      case 'ticket':
        return null;
    }
  }

  #held({ id, seats, areas, expiresAt }: HoldBody, from: number): Fields {
    return {
      hold: id,
      seats: seats.map((seat) => seat.id),
      areas: areas.map((area) => ({ id: area.id, quantity: area.quantity })),
      until: from + this.#holdMs,
      expires: Date.parse(expiresAt),
    };
  }

  #ordered({ id, lines, total, payment }: OrderBody, showId: string, from: number): Fields {
    if (payment !== undefined) this.#orders.set(payment.id, id);
    const tickets = lines.map(({ ticketId, seat, price }) => ({
      id: ticketId,
      ...this.#place(seat, showId),
      price: price.amount,
    }));
    return { order: id, tickets, total: total.amount, until: from + PAYMENT_WINDOW_MS };
  }

  /** Only the answer that all is paid says so; any other leaves open what comes of it. */
  #paid(payment: string, answer: Answer | null): Fields | null {
    const order = this.#orders.get(payment);
    if (order === undefined) return null;
    const said = answer?.status === 200 ? (answer.body as { status: string }).status : null;
    if (said === null || said === 'succeeded') return { op: 'pay', order };
    return { op: 'pay', order, outcome: 'unknown' };
  }

  #tickets(items: TicketsBody['items'], showId: string): SeenTicket[] {
    return items.map(({ id, orderId, seat, status }) => ({ id, ...this.#place(seat, showId), order: orderId, status }));
  }

  #place({ id, area }: SeatName, showId: string): { seat: string } | { area: string } {
    if (id !== undefined) return { seat: id };
    return { area: this.#areas.get(showId)?.get(area ?? '') ?? `${area}` };
  }
}

function wishOf(body: unknown): Wish {
  const { seats, best, areas } = body as RequestedHold;
  return {
    ...(seats === undefined ? {} : { seats }),
    ...(best === undefined ? {} : { best: best.quantity }),
    ...(areas === undefined ? {} : { areas }),
  };
}

function seen({ version, stale, seats, areas }: SeatsBody): Fields {
  return {
    version,
    stale,
    letters: seats.letters,
    areas: areas.map(({ id, available }) => ({ id, available })),
  };
}
