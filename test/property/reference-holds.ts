import { isDeepStrictEqual } from 'node:util';
import type { Answer } from '../../src/actors/shows.ts';
import type { Command } from '../../src/allocator/commands.ts';
import { MAX_HOLD_LIVES } from '../../src/allocator/show.ts';
import type { ErrorCode, Refusal } from '../../src/errors.ts';
import {
  freeWindows,
  type ModelSeat,
  orphansOf,
  named as placeNamed,
  suitingWindows,
  suits,
} from './reference-seats.ts';
import {
  type EventOf,
  type Expected,
  type ModelHold,
  type ReferenceState,
  refusedBy,
  told,
} from './reference-state.ts';
import { holdView } from './reference-views.ts';
import { must } from './violation.ts';

/** The orphan rule ends when no more than this share of the seats that are for sale is free. */
const LATE_SALE = 0.1;

type HoldCommand = Extract<Command, { type: 'hold' }>;

export function reasonsAgainstHold(state: ReferenceState, command: HoldCommand): ErrorCode[] {
  const { terms } = state;
  const reasons: ErrorCode[] = [];
  const picks = command.seats ?? [];
  const areas = command.areas ?? [];
  const quantity = picks.length + (command.best?.quantity ?? 0) + areas.reduce((sum, area) => sum + area.quantity, 0);
  if (!state.isPublic) return ['NOT_FOUND'];
  if (!state.isOnSale) reasons.push('NOT_ON_SALE');
  if (quantity < 1 || new Set(picks).size < picks.length) reasons.push('HOLD_INVALID');
  if (new Set(areas.map((area) => area.id)).size < areas.length) reasons.push('HOLD_INVALID');
  if (quantity > terms.perHold || state.live.some((hold) => hold.buyer === command.buyer)) reasons.push('HOLD_LIMIT');
  if (state.placesOf(command.buyer) + quantity > terms.perBuyer) reasons.push('BUYER_LIMIT');
  for (const { id, quantity: wanted } of areas) {
    const area = placeNamed(state.areas, id);
    if (area === undefined) reasons.push('UNKNOWN_SEAT');
    else if (area.places.free < wanted) reasons.push('NOT_ENOUGH_SEATS');
  }
  for (const id of picks) {
    const seat = placeNamed(state.seats, id);
    if (seat === undefined) reasons.push('UNKNOWN_SEAT');
    else if (seat.state === 'listed' && seat.listing?.ticket?.holder === command.buyer) reasons.push('OWN_LISTING');
    else if (!isToBeHad(seat)) reasons.push('SEATS_TAKEN');
  }
  const { best } = command;
  if (best?.category !== undefined && (!state.prices.has(best.category) || state.formerCategories.has(best.category)))
    reasons.push('HOLD_INVALID');
  if (best?.accessible === true && suitingWindows(state.seats, best).length === 0) reasons.push('NOT_ENOUGH_SEATS');
  if (best !== undefined && state.seats.filter((seat) => suits(seat, best)).length < best.quantity) {
    reasons.push('NOT_ENOUGH_SEATS');
  }
  return reasons;
}

export function makeHold(state: ReferenceState, command: HoldCommand, event: EventOf<'held'>): Answer {
  const number = state.holds.length + 1;
  const name = `hold ${event.hold}`;
  must(event.hold === number, 'I2', () => `${name} should be number ${number}`);
  must(event.buyer === command.buyer, 'I3', () => `${name} is not of who asked for it`);
  const seats = event.seats.map((index) => state.seats[index]);
  for (const seat of seats) {
    must(
      seat !== undefined && (command.best === undefined ? isToBeHad(seat) : seat.state === 'free'),
      'I1',
      () => `${name} takes seat ${seat?.id}, which is ${seat?.state} by ${seat?.owner}`,
    );
  }
  must(new Set(event.seats).size === seats.length, 'I1', () => `${name} takes a seat twice`);
  const listed = seats
    .filter((seat) => seat.state === 'listed')
    .map(({ index, owner, listing }) => [index, owner, listing?.price]);
  must(
    isDeepStrictEqual(event.listed ?? [], listed),
    'I11',
    () => `${name} takes ${JSON.stringify(event.listed)} from sellers, not ${JSON.stringify(listed)}`,
  );
  checkWhole(state, command, event, seats);
  const areas = event.areas.map(([index, quantity]) => [index, quantity] as const);
  for (const [index, quantity] of areas) {
    must(
      state.areas[index].places.free >= quantity,
      'I5',
      () => `${name} takes ${quantity} of ${state.areas[index].places.free} in area ${index}`,
    );
  }
  const reasons = reasonsAgainstHold(state, command);
  must(reasons.length === 0, 'rules', () => `${name} is granted in spite of ${reasons.join(', ')}`);
  if (command.best !== undefined) checkBest(state, command.best, seats, name);
  else checkPicked(state, seats.filter(isFree), name);
  const until = state.at + state.terms.holdSeconds * 1000;
  must(event.until === until, 'I9', () => `${name} lasts until ${event.until}, not ${until}`);
  const hold: ModelHold = {
    number,
    at: state.at,
    buyer: command.buyer,
    seats,
    areas,
    prices: new Map(state.prices),
    until,
    state: 'active',
    order: null,
  };
  state.holds.push(hold);
  state.shift(hold, 'free', 'held');
  return told(holdView(state, hold));
}

/** All or nothing: exactly what was asked for. */
function checkWhole(
  state: ReferenceState,
  command: HoldCommand,
  event: EventOf<'held'>,
  seats: readonly ModelSeat[],
): void {
  const asked = (command.areas ?? []).map(({ id, quantity }) => [
    state.areas.findIndex((area) => area.id === id && !area.isFormer),
    quantity,
  ]);
  const name = `hold ${event.hold}`;
  must(
    isDeepStrictEqual(sorted(event.areas), sorted(asked as [number, number][])),
    'I8',
    () => `${name} has areas ${JSON.stringify(event.areas)}, not ${JSON.stringify(asked)}`,
  );
  if (command.best !== undefined) {
    must(
      seats.length === command.best.quantity,
      'I8',
      () => `${name} has ${seats.length} seats of ${command.best?.quantity}`,
    );
    return;
  }
  const ids = seats.map((seat) => seat.id);
  must(
    isDeepStrictEqual([...ids].sort(), [...(command.seats ?? [])].sort()),
    'I8',
    () => `${name} has ${ids.join()} of ${command.seats?.join()}`,
  );
}

function checkBest(
  state: ReferenceState,
  best: NonNullable<HoldCommand['best']>,
  seats: readonly ModelSeat[],
  name: string,
): void {
  for (const seat of seats)
    must(suits(seat, best), 'rules', () => `${name} has ${seat.id}, which does not suit ${JSON.stringify(best)}`);
  const windows = suitingWindows(state.seats, best);
  if (windows.length === 0) return;
  const chosen = [...seats].sort((a, b) => a.index - b.index);
  must(
    windows.some((window) => window.every((seat, i) => seat === chosen[i])),
    'rules',
    () => `${name} is apart, although there is a place for all together`,
  );
  if (orphansOf(state.seats, chosen).length === 0) return;
  const without = windows.find((window) => orphansOf(state.seats, window).length === 0);
  must(
    without === undefined,
    'rules',
    () => `${name} leaves a single seat, although ${without?.map((seat) => seat.id).join()} does not`,
  );
}

/** A pick may leave a single seat only late in the sale, or when no place for all together avoids it. */
function checkPicked(state: ReferenceState, seats: readonly ModelSeat[], name: string): void {
  if (seats.length === 0 || isLate(state) || seats.some((seat) => seat.reserved)) return;
  if (orphansOf(state.seats, seats).length === 0) return;
  const instead = freeWindows(state.seats, seats.length).find(
    (window) =>
      window[0].category === seats[0].category &&
      window.every((seat) => !seat.reserved) &&
      orphansOf(state.seats, window).length === 0,
  );
  must(
    instead === undefined,
    'rules',
    () => `${name} leaves a single seat, although ${instead?.map((seat) => seat.id).join()} does not`,
  );
}

export function checkOrphanRefusal(state: ReferenceState, command: HoldCommand, refusal: Refusal): void {
  const chosen = named(state, command.seats ?? []).filter(isFree);
  const name = `the pick of ${command.seats?.join()}`;
  const others = reasonsAgainstHold(state, command);
  must(
    others.length === 0 && chosen.length > 0,
    'rules',
    () => `${name} is refused for a single seat, not for ${others.join()}`,
  );
  must(!isLate(state), 'rules', () => `${name} is refused for a single seat late in the sale`);
  const orphans = orphansOf(state.seats, chosen).map((seat) => seat.id);
  must(
    orphans.includes(refusal.extra?.orphan as string),
    'rules',
    () => `${name} is said to leave ${refusal.extra?.orphan}, but leaves ${orphans.join()}`,
  );
  const instead = named(state, refusal.extra?.alternatives as string[]);
  must(
    instead.length === chosen.length && new Set(instead).size === chosen.length,
    'rules',
    () => `${name} has alternatives for another party: ${refusal.extra?.alternatives}`,
  );
  must(
    instead.every((seat) => seat.state === 'free'),
    'rules',
    () => `${name} has alternatives that are taken: ${refusal.extra?.alternatives}`,
  );
  must(
    orphansOf(state.seats, instead).length === 0,
    'rules',
    () => `${name} has alternatives that leave a single seat too: ${refusal.extra?.alternatives}`,
  );
}

export function checkTaken(state: ReferenceState, command: HoldCommand, refusal: Refusal): void {
  const taken = named(state, command.seats ?? []).filter((seat) => !isToBeHad(seat));
  must(
    isDeepStrictEqual(
      refusal.extra?.taken,
      taken.map((seat) => seat.id),
    ),
    'rules',
    () => `taken are ${taken.map((seat) => seat.id)}, not ${refusal.extra?.taken}`,
  );
  const instead = named(state, refusal.extra?.alternatives as string[]);
  const size = new Set(instead).size;
  must(
    size === 0 || size === command.seats?.length,
    'rules',
    () => `alternatives for another party: ${refusal.extra?.alternatives}`,
  );
  must(
    instead.every((seat) => seat.state === 'free'),
    'rules',
    () => `alternatives that are taken: ${refusal.extra?.alternatives}`,
  );
}

function named(state: ReferenceState, ids: readonly string[]): ModelSeat[] {
  return ids.map((id) => placeNamed(state.seats, id)).filter((seat) => seat !== undefined);
}

function isFree(seat: ModelSeat): boolean {
  return seat.state === 'free';
}

/** For whoever names it. */
function isToBeHad(seat: ModelSeat): boolean {
  return seat.state === 'free' || seat.state === 'listed';
}

function isLate(state: ReferenceState): boolean {
  const forSale = state.seats.filter((seat) => seat.state !== 'blocked');
  return forSale.filter((seat) => seat.state === 'free').length <= forSale.length * LATE_SALE;
}

export function extend(state: ReferenceState, command: Extract<Command, { type: 'extend' }>): Expected {
  const hold = state.ownHold(command);
  if (hold === null) return refusedBy('NOT_FOUND');
  if (hold.state === 'inPayment') return refusedBy('HOLD_IN_PAYMENT');
  if (hold.state === 'bought') return refusedBy('HOLD_EXPIRED', 'HOLD_IN_PAYMENT');
  if (hold.state !== 'active') return refusedBy('HOLD_EXPIRED');
  const event = state.events[0];
  const isExtended = event?.type === 'extended' && event.hold === hold.number;
  if (state.at >= hold.until && !isExtended) return refusedBy('HOLD_EXPIRED');
  const life = state.terms.holdSeconds * 1000;
  const last = hold.at + MAX_HOLD_LIVES * life;
  if (hold.until >= last) return refusedBy('EXTENSION_LIMIT');
  const until = Math.min(state.at + life, last);
  if (until > hold.until) {
    state.take('extended', (extended) => extended.hold === hold.number && extended.until === until);
    hold.until = until;
  }
  return { answer: told(holdView(state, hold)), inTurn: isExtended };
}

export function release(state: ReferenceState, command: Extract<Command, { type: 'release' }>): Expected {
  const hold = state.ownHold(command);
  if (hold === null) return refusedBy('NOT_FOUND');
  if (hold.state === 'released') return { answer: told(null), inTurn: false };
  if (hold.state === 'expired') return refusedBy('HOLD_EXPIRED');
  if (hold.state !== 'active') return refusedBy('HOLD_IN_PAYMENT');
  state.take('released', (event) => event.hold === hold.number);
  state.free(hold, 'released');
  return { answer: told(null), inTurn: true };
}

function sorted(pairs: readonly (readonly [number, number])[]): (readonly [number, number])[] {
  return [...pairs].sort(([a], [b]) => a - b);
}
