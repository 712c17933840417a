import type { Refusal } from '../errors.ts';
import { scopedId } from '../ids.ts';
import { MAX_ANSWERS, MAX_ANSWERS_WITH_ORDERS, MAX_ANSWERS_WITH_REFUSALS } from './answered.ts';
import { type BestQuery, findBest } from './best-available.ts';
import type { AreaRequest, BestRequest, Command, Once } from './commands.ts';
import type { OrderLine, ShowEvent } from './events.ts';
import { HOLD } from './holds.ts';
import { ORDER } from './orders.ts';
import { checkPick } from './orphan-rule.ts';
import { MAX_HOLD_LIVES, PAYMENT_WINDOW_MS, SEAT, SEAT_STATES, type Show } from './show.ts';

const OUTCOME_DONE: Decision = { kind: 'done', event: null };

/**
 * - `done`: the command takes effect through its event, or has taken effect already (null).
 * - `refused`: it does not. With an event the refusal is journaled under its command id, and it never will under this
 *   id; without one (the command has no id, the id is another request's, or the show is overloaded) nothing is kept of
 *   it, and the same command may succeed later.
 * - `replay`: this command id was answered before, by the event at `ordinal` of row `seq`.
 */
export type Decision =
  | { readonly kind: 'done'; readonly event: ShowEvent | null }
  | { readonly kind: 'refused'; readonly refusal: Refusal; readonly event: ShowEvent | null }
  | { readonly kind: 'replay'; readonly seq: number; readonly ordinal: number };

/**
 * Decides a command against the show as it is. Changes nothing that the journal knows: the caller applies the event.
 * @param at the turn's time (ms), never less than the show's last.
 */
export function decide(show: Show, command: Command, at: number): Decision {
  switch (command.type) {
    case 'hold':
      return once(show, command.once, at, MAX_ANSWERS, () => decideHold(show, command, at));
    case 'order':
      return once(show, command.once, at, MAX_ANSWERS_WITH_ORDERS, () => decideOrder(show, command, at));
    case 'extend':
      return decideExtend(show, command.buyer, command.hold, command.at, at);
    case 'release':
      return decideRelease(show, command.buyer, command.hold, command.at);
    case 'expire':
      return decideExpire(show, at);
    case 'cancel':
      return decideCancel(show, command.buyer, command.order, command.at);
    case 'commit':
      return decideCommit(show, command, at);
    case 'reject':
      return ofOrder(show, command.order, [ORDER.awaiting], [ORDER.rejected, ORDER.cancelled, ORDER.expired], {
        type: 'rejected',
        order: command.order,
        reason: command.reason,
      });
    case 'captured':
      return ofOrder(show, command.order, [ORDER.committed], [ORDER.paid], { type: 'captured', order: command.order });
    case 'void':
      return ofOrder(show, command.order, [ORDER.committed], [ORDER.voided], {
        type: 'voided',
        order: command.order,
        reason: command.reason,
      });
    case 'settled':
      return decideSettled(show, command.order);
  }
}

function done(event: ShowEvent): Decision {
  return { kind: 'done', event };
}

function refused(code: Refusal['code'], detail: string, extra?: Record<string, unknown>): Decision {
  return { kind: 'refused', refusal: extra === undefined ? { code, detail } : { code, detail, extra }, event: null };
}

/** Seconds after which a show that keeps too many answers may be asked again. */
const OVERLOADED_RETRY_S = 60;
const TOO_MANY_ANSWERS: Decision = {
  kind: 'refused',
  refusal: {
    code: 'OVERLOADED',
    detail: 'This show has answered too many requests of late; this one was not decided.',
    retryAfter: OVERLOADED_RETRY_S,
  },
  event: null,
};

/**
 * First answers stay: a command id that was answered is told so again, and a refusal is journaled under its id too. A
 * refusal that there is no room to keep is not told at all: a retry must not hear otherwise.
 * @param most with so many kept answers the command is not decided.
 */
function once(show: Show, key: Once, at: number, most: number, decideFirst: () => Decision): Decision {
  const { answered } = show;
  const place = answered.find(key.id);
  if (place >= 0) {
    if (answered.fingerprintAt(place) !== key.fingerprint) {
      return refused('IDEMPOTENCY_KEY_REUSED', 'This Idempotency-Key was used with another request; use a new key.');
    }
    return { kind: 'replay', seq: answered.seqAt(place), ordinal: answered.ordinalAt(place) };
  }
  if (answered.keepsAtLeast(most, at)) return TOO_MANY_ANSWERS;
  const decision = decideFirst();
  if (decision.kind !== 'refused') return decision;
  if (answered.keepsAtLeast(MAX_ANSWERS_WITH_REFUSALS, at)) return TOO_MANY_ANSWERS;
  return {
    kind: 'refused',
    refusal: decision.refusal,
    event: { type: 'refused', once: key, refusal: decision.refusal },
  };
}

type HoldCommand = Extract<Command, { type: 'hold' }>;

function decideHold(show: Show, command: HoldCommand, at: number): Decision {
  if (!show.isOnSale(at)) {
    return refused('NOT_ON_SALE', at < show.terms.onSaleAt ? 'The sale has not opened yet.' : 'The sale has closed.');
  }
  const picked = command.seats ?? [];
  const areas = command.areas ?? [];
  const best = command.best;
  let quantity = picked.length + (best?.quantity ?? 0);
  for (const area of areas) quantity += area.quantity;
  if (quantity < 1 || (best !== undefined && (picked.length > 0 || best.quantity < 1))) {
    return refused('HOLD_INVALID', 'Ask for seats by id, or for the best available, and/or for places in areas.');
  }
  const limit = checkLimits(show, command.buyer, quantity);
  if (limit !== null) return limit;

  const places: (readonly [number, number])[] = [];
  const areaFault = takeAreas(show, areas, places);
  if (areaFault !== null) return areaFault;

  let seats: number[] = [];
  if (best !== undefined) {
    const chosen = chooseBest(show, best);
    if (!Array.isArray(chosen)) return chosen;
    seats = chosen;
  } else if (picked.length > 0) {
    const chosen = takePicked(show, picked);
    if (!Array.isArray(chosen)) return chosen;
    seats = chosen;
  }
  const until = at + show.terms.holdSeconds * 1000;
  return done({
    type: 'held',
    once: command.once,
    buyer: command.buyer,
    hold: show.holds.next,
    seats,
    areas: places,
    until,
  });
}

function checkLimits(show: Show, userId: string, quantity: number): Decision | null {
  const { perHold, perBuyer } = show.terms;
  if (quantity > perHold) {
    return refused('HOLD_LIMIT', `A hold takes at most ${perHold} places; ${quantity} were asked for.`, {
      limit: perHold,
    });
  }
  const buyer = show.buyers.find(userId);
  const taken = buyer < 0 ? 0 : show.buyers.places[buyer];
  const live = buyer < 0 ? 0 : show.buyers.liveHold[buyer];
  if (live !== 0) {
    const holdId = scopedId('hld', show.holds.at[show.holds.place(live)], show.id, live);
    return refused('HOLD_LIMIT', 'You have a live hold for this show; release it or order it first.', { holdId });
  }
  if (taken + quantity > perBuyer) {
    return refused(
      'BUYER_LIMIT',
      `A buyer gets at most ${perBuyer} places; you have ${taken} and asked for ${quantity} more.`,
      { limit: perBuyer, taken },
    );
  }
  return null;
}

function takeAreas(show: Show, areas: readonly AreaRequest[], places: (readonly [number, number])[]): Decision | null {
  for (const { id, quantity } of areas) {
    const area = show.areaIndex.get(id);
    if (area === undefined)
      return refused('UNKNOWN_SEAT', `The plan has no area ${JSON.stringify(id)}.`, { unknown: [id] });
    if (quantity < 1 || places.some(([taken]) => taken === area)) {
      return refused('HOLD_INVALID', `Name area ${JSON.stringify(id)} once, with a quantity of at least 1.`);
    }
    const free = show.areaCounts[area * SEAT_STATES + SEAT.free];
    if (free < quantity) {
      return refused(
        'NOT_ENOUGH_SEATS',
        `Area ${JSON.stringify(id)} has ${free} places left; ${quantity} were asked for.`,
        { available: free },
      );
    }
    places.push([area, quantity]);
  }
  return null;
}

function takePicked(show: Show, ids: readonly string[]): number[] | Decision {
  const seats: number[] = [];
  let unknown: string[] | null = null;
  let taken: string[] | null = null;
  for (const id of ids) {
    const seat = show.hall.seatIndex(id);
    if (seat < 0) {
      unknown ??= [];
      unknown.push(id);
    } else if (seats.includes(seat)) {
      return refused('HOLD_INVALID', `Seat ${JSON.stringify(id)} is named twice.`);
    } else {
      seats.push(seat);
      if (show.status[seat] !== SEAT.free) {
        taken ??= [];
        taken.push(id);
      }
    }
  }
  if (unknown !== null) {
    return refused('UNKNOWN_SEAT', `The plan has no seat ${unknown.map((id) => JSON.stringify(id)).join(', ')}.`, {
      unknown,
    });
  }
  if (taken !== null) {
    return refused('SEATS_TAKEN', `Taken: ${taken.join(', ')}. Choose other seats, such as the alternatives.`, {
      taken,
      alternatives: alternativesTo(show, seats),
    });
  }
  const orphan = checkPick(show, seats);
  if (orphan !== null) {
    const seat = show.hall.seatIds[orphan.orphan];
    const instead = orphan.instead.map((index) => show.hall.seatIds[index]);
    return refused(
      'ORPHAN_SEAT',
      `Seat ${seat} would be left alone between taken seats. Take ${instead.join(', ')} instead, or ${seat} as well.`,
      {
        orphan: seat,
        alternatives: instead,
      },
    );
  }
  return seats;
}

/** The best free seats for the same party in the category of its first seat; empty when there are not enough. */
function alternativesTo(show: Show, seats: readonly number[]): string[] {
  const categories = [show.hall.categoryOf[seats[0]]];
  const found = findBest(show, { quantity: seats.length, categories, accessible: false, avoidOrphans: false });
  return found === null ? [] : found.map((seat) => show.hall.seatIds[seat]);
}

function chooseBest(show: Show, best: BestRequest): number[] | Decision {
  let categories: number[] = [];
  if (best.category !== undefined) {
    const category = show.hall.categories.indexOf(best.category);
    if (category < 0) {
      return refused(
        'HOLD_INVALID',
        `The plan has no category ${JSON.stringify(best.category)}; it has ${show.hall.categories.join(', ')}.`,
      );
    }
    categories = [category];
  } else {
    categories = show.hall.categories.map((_, category) => category);
  }
  const ceiling = best.maxPrice ?? Number.POSITIVE_INFINITY;
  categories = categories.filter((category) => show.prices[category] >= 0 && show.prices[category] <= ceiling);
  const query: BestQuery = {
    quantity: best.quantity,
    categories,
    accessible: best.accessible === true,
    avoidOrphans: false,
  };
  return (
    findBest(show, query) ??
    refused('NOT_ENOUGH_SEATS', `There are no ${best.quantity} such seats left; ask for fewer or another category.`)
  );
}

/** The place of the buyer's own hold with this number and time, or -1. */
function ownHold(show: Show, userId: string, hold: number, madeAt: number): number {
  const place = show.holds.place(hold);
  if (place < 0 || show.holds.at[place] !== madeAt) return -1;
  return show.holds.buyer[place] === show.buyers.find(userId) ? place : -1;
}

const NO_HOLD: Decision = {
  kind: 'refused',
  refusal: { code: 'NOT_FOUND', detail: 'There is no such hold of yours.' },
  event: null,
};
const NO_ORDER: Decision = {
  kind: 'refused',
  refusal: { code: 'NOT_FOUND', detail: 'There is no such order of yours.' },
  event: null,
};
const HOLD_OVER: Decision = {
  kind: 'refused',
  refusal: { code: 'HOLD_EXPIRED', detail: 'The hold has ended; make a new one.' },
  event: null,
};

function inPayment(show: Show, place: number): Decision {
  const order = show.holds.order[place];
  const orderId = scopedId('ord', show.orders.at[order], show.id, order);
  return refused('HOLD_IN_PAYMENT', 'The hold has an order; pay or cancel that.', { orderId });
}

function decideExtend(show: Show, userId: string, hold: number, madeAt: number, at: number): Decision {
  const place = ownHold(show, userId, hold, madeAt);
  if (place < 0) return NO_HOLD;
  if (show.holds.state[place] === HOLD.inPayment) return inPayment(show, place);
  if (show.holds.state[place] !== HOLD.active || at >= show.holds.until[place]) return HOLD_OVER;
  const life = show.terms.holdSeconds * 1000;
  const last = show.holds.at[place] + MAX_HOLD_LIVES * life;
  if (show.holds.until[place] >= last)
    return refused('EXTENSION_LIMIT', 'The hold has its longest life already; order it now.');
  const until = Math.min(at + life, last);
  return until <= show.holds.until[place] ? OUTCOME_DONE : done({ type: 'extended', hold, until });
}

function decideRelease(show: Show, userId: string, hold: number, madeAt: number): Decision {
  const place = ownHold(show, userId, hold, madeAt);
  if (place < 0) return NO_HOLD;
  switch (show.holds.state[place]) {
    case HOLD.active:
      return done({ type: 'released', hold });
    case HOLD.released:
      return OUTCOME_DONE;
    case HOLD.expired:
      return HOLD_OVER;
    default:
      return inPayment(show, place);
  }
}

/** At most so many holds end in one event; the rest follow in the next turn. */
export const EXPIRED_PER_TURN = 1_024;

function decideExpire(show: Show, at: number): Decision {
  const holds: number[] = [];
  while (holds.length < EXPIRED_PER_TURN && show.nextDeadline() <= at) {
    holds.push(show.deadlines.soonestHold);
    show.deadlines.dropSoonest();
  }
  return holds.length === 0 ? OUTCOME_DONE : done({ type: 'expired', holds: [...new Set(holds)] });
}

type OrderCommand = Extract<Command, { type: 'order' }>;

function decideOrder(show: Show, command: OrderCommand, at: number): Decision {
  const place = ownHold(show, command.buyer, command.hold, command.at);
  if (place < 0) return NO_HOLD;
  if (show.holds.state[place] === HOLD.inPayment || show.holds.state[place] === HOLD.bought)
    return inPayment(show, place);
  if (show.holds.state[place] !== HOLD.active || at >= show.endOfHold(place)) return HOLD_OVER;
  const lines: OrderLine[] = [];
  let total = 0;
  for (const seat of show.seatsOfHold(place).sort((a, b) => a - b)) {
    const price = show.prices[show.hall.categoryOf[seat]];
    lines.push({ seat, price });
    total += price;
  }
  for (const [area, quantity] of show.areasOfHold.get(command.hold) ?? []) {
    const price = show.prices[show.hall.areas[area].category];
    for (let i = 0; i < quantity; i++) lines.push({ seat: -1 - area, price });
    total += price * quantity;
  }
  const until = Math.max(show.holds.until[place], at + PAYMENT_WINDOW_MS);
  return done({
    type: 'ordered',
    once: command.once,
    order: show.orders.count + 1,
    hold: command.hold,
    lines,
    total,
    until,
  });
}

function decideCancel(show: Show, userId: string, order: number, madeAt: number): Decision {
  const { orders } = show;
  if (!orders.has(order) || orders.at[order] !== madeAt || orders.buyer[order] !== show.buyers.find(userId))
    return NO_ORDER;
  switch (orders.state[order]) {
    case ORDER.awaiting:
      return done({ type: 'cancelled', order });
    case ORDER.cancelled:
      return OUTCOME_DONE;
    default:
      return refused('ORDER_NOT_CANCELLABLE', 'Only an order that awaits its payment can be cancelled.');
  }
}

type CommitCommand = Extract<Command, { type: 'commit' }>;

/** The seat decides: the first decision wins, and only a live hold can be sold. */
function decideCommit(show: Show, command: CommitCommand, at: number): Decision {
  const { orders } = show;
  const { order } = command;
  if (!orders.has(order)) return NO_ORDER;
  const state = orders.state[order];
  if (state === ORDER.committed || state === ORDER.paid) return OUTCOME_DONE;
  if (state !== ORDER.awaiting) return refused('ORDER_NOT_PAYABLE', 'The order has ended; nothing is charged.');
  if (command.amount !== orders.total[order] || command.currency !== show.terms.currency) {
    return refused('ORDER_NOT_PAYABLE', 'The payment is not for this order’s amount and currency; nothing is charged.');
  }
  const place = show.holds.place(orders.hold[order]);
  if (at >= show.endOfHold(place)) return refused('ORDER_NOT_PAYABLE', 'The time to pay is over; nothing is charged.');
  return done({ type: 'committed', order });
}

/** An event about an order in one of `from`; no event if it has arrived in one of `already`; else refused. */
function ofOrder(
  show: Show,
  order: number,
  from: readonly number[],
  already: readonly number[],
  event: ShowEvent,
): Decision {
  if (!show.orders.has(order)) return NO_ORDER;
  const state = show.orders.state[order];
  if (from.includes(state)) return done(event);
  return already.includes(state)
    ? OUTCOME_DONE
    : refused('ORDER_NOT_PAYABLE', `The order is past that: ${event.type} does not apply.`);
}

function decideSettled(show: Show, order: number): Decision {
  if (!show.orders.has(order)) return NO_ORDER;
  if (show.orders.unsettled[order] === 0) return OUTCOME_DONE;
  const state = show.orders.state[order];
  if (state === ORDER.awaiting || state === ORDER.committed)
    return refused('ORDER_NOT_PAYABLE', 'The order has not ended.');
  return done({ type: 'settled', order });
}
