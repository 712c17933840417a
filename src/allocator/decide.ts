import { scopedId } from '../ids.ts';
import { MAX_ANSWERS, MAX_ANSWERS_WITH_ORDERS } from './answered.ts';
import { type BestQuery, findBest } from './best-available.ts';
import type { AreaRequest, BestRequest, Command } from './commands.ts';
import { decideAdmit, decideScans, decideUndo } from './decide-doors.ts';
import {
  decideAcceptTransfer,
  decideDeclineTransfer,
  decideResell,
  decideTransfer,
  decideWithdrawListing,
  decideWithdrawTransfer,
} from './decide-moves.ts';
import {
  decideCancel,
  decideCaptured,
  decideCommit,
  decideOrder,
  decidePending,
  decideSettled,
  ofOrder,
} from './decide-orders.ts';
import { decideReplacePlan } from './decide-plan.ts';
import {
  decideCancelShow,
  decideDispute,
  decideRefund,
  decideRefundNext,
  decideRefundReturned,
  ofRefund,
} from './decide-refunds.ts';
import { decideReschedule } from './decide-schedule.ts';
import { decideStock } from './decide-stock.ts';
import { type Decision, done, OUTCOME_DONE, once, refused } from './decision.ts';
import type { ListedSeat } from './events.ts';
import { categoryNamed } from './hall.ts';
import { HOLD } from './holds.ts';
import { ORDER } from './orders.ts';
import { checkPick } from './orphan-rule.ts';
import { HOLD_OVER, inPayment, NO_HOLD, ownHold } from './own-holds.ts';
import { REFUND } from './refunds.ts';
import { sellerOf } from './resales.ts';
import { MAX_HOLD_LIVES, SEAT, SEAT_STATES, type Show } from './show.ts';

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
    case 'pending':
      return decidePending(show, command.order, at);
    case 'commit':
      return decideCommit(show, command, at);
    case 'reject':
      return ofOrder(
        show,
        command.order,
        [ORDER.awaiting, ORDER.pending],
        [ORDER.rejected, ORDER.cancelled, ORDER.expired, ORDER.declined],
        { type: 'rejected', order: command.order, reason: command.reason },
      );
    case 'captured':
      return decideCaptured(show, command.order);
    case 'void':
      return ofOrder(show, command.order, [ORDER.committed], [ORDER.voided], {
        type: 'voided',
        order: command.order,
        reason: command.reason,
      });
    case 'settled':
      return decideSettled(show, command.order, command.reason);
    case 'refund':
      return once(show, command.once, at, MAX_ANSWERS_WITH_ORDERS, () => decideRefund(show, command));
    case 'refunded':
      return ofRefund(show, command.refund, REFUND.done, { type: 'refunded', refund: command.refund });
    case 'refund-failed':
      return ofRefund(show, command.refund, REFUND.failed, {
        type: 'refund-failed',
        refund: command.refund,
        reason: command.reason,
      });
    case 'refund-returned':
      return decideRefundReturned(show, command.order);
    case 'dispute':
      return decideDispute(show, command);
    case 'cancel-show':
      return decideCancelShow(show, command.reason);
    case 'refund-next':
      return decideRefundNext(show);
    case 'transfer':
      return once(show, command.once, at, MAX_ANSWERS, () => decideTransfer(show, command));
    case 'accept-transfer':
      return decideAcceptTransfer(show, command);
    case 'withdraw-transfer':
      return decideWithdrawTransfer(show, command);
    case 'decline-transfer':
      return decideDeclineTransfer(show, command);
    case 'resell':
      return once(show, command.once, at, MAX_ANSWERS, () => decideResell(show, command));
    case 'withdraw-listing':
      return decideWithdrawListing(show, command);
    case 'admit':
      return once(show, command.once, at, MAX_ANSWERS_WITH_ORDERS, () => decideAdmit(show, command, at));
    case 'undo-admission':
      return decideUndo(show, command, at);
    case 'merge-scans':
      return decideScans(show, command, at);
    case 'reschedule':
      return decideReschedule(show, command, at);
    case 'replace-plan':
      return decideReplacePlan(show, command, at);
    case 'stock':
      return once(show, command.once, at, MAX_ANSWERS_WITH_ORDERS, () => decideStock(show, command));
  }
}

type HoldCommand = Extract<Command, { type: 'hold' }>;

function decideHold(show: Show, command: HoldCommand, at: number): Decision {
  if (!show.isPublic(at)) return refused('NOT_FOUND', 'There is no such show.');
  if (show.cancelled !== null) return refused('NOT_ON_SALE', 'The show is cancelled.');
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
    const chosen = takePicked(show, picked, command.buyer);
    if (!Array.isArray(chosen)) return chosen;
    seats = chosen;
  }
  const until = at + show.terms.holdSeconds * 1000;
  const listed = listedAmong(show, seats);
  return done({
    type: 'held',
    once: command.once,
    buyer: command.buyer,
    hold: show.holds.next,
    seats,
    areas: places,
    until,
    ...(listed.length === 0 ? {} : { listed }),
  });
}

function listedAmong(show: Show, seats: readonly number[]): ListedSeat[] {
  const listed: ListedSeat[] = [];
  if (show.moves.listings.size === 0) return listed;
  for (const seat of seats) {
    const seller = sellerOf(show, seat);
    if (seller !== undefined) listed.push([seat, seller.ticket, seller.price]);
  }
  return listed;
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

function takePicked(show: Show, ids: readonly string[], userId: string): number[] | Decision {
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
      if (show.status[seat] !== SEAT.free && show.status[seat] !== SEAT.listed) {
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
  const own = seats.find((seat) => isListedBy(show, seat, userId));
  if (own !== undefined) {
    const id = show.hall.seatIds[own];
    return refused('OWN_LISTING', `You list seat ${id} yourself; withdraw the listing to keep it.`, { seat: id });
  }
  // A seat that somebody sells was taken before: it leaves nothing single.
  const orphan = checkPick(
    show,
    seats.filter((seat) => show.status[seat] === SEAT.free),
  );
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

function isListedBy(show: Show, seat: number, userId: string): boolean {
  const seller = show.status[seat] === SEAT.listed ? sellerOf(show, seat) : undefined;
  return seller !== undefined && show.holderOf(seller.ticket) === show.buyers.find(userId);
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
    const category = categoryNamed(show.hall, best.category);
    if (category < 0) {
      const known = show.hall.categories.filter((name) => categoryNamed(show.hall, name) >= 0);
      return refused(
        'HOLD_INVALID',
        `The plan has no category ${JSON.stringify(best.category)}; it has ${known.join(', ')}.`,
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
