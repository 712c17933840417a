import { SEAT_LETTERS, type SeatMap, tellsChangesSince } from '../../actors/seat-map.ts';
import { LATER_PLANS_MAX } from '../../allocator/decide-plan.ts';
import { type Hall, laterPlanIds, planAreas } from '../../allocator/hall.ts';

/**
 * A map goes whole, a byte a seat, unless fewer than one seat in so many has changed: a change costs up to eight bytes.
 */
export const WHOLE_FROM_SHARE = 8;
/** `changedAt` has 32 bits. */
const VERSION_MAX = 0xffff_ffff;
const OWNER_LENGTH_MAX = 100;
const PLAN_ID_LENGTH_MAX = 100;

/** What an owner tells another node of a show's seats, as JSON. */
export interface SeatsAnswer {
  readonly version: number;
  /** ms since the epoch. */
  readonly asOf: number;
  /** The incarnation that tells. */
  readonly owner: string;
  readonly seats: WholeSeats | ChangedSeats;
  /** Free places of each general-admission area, in the order of the hall. */
  readonly areas: readonly number[];
  /** All places of each, where the organiser added some to those of the hall. */
  readonly areaCapacities?: readonly number[];
  readonly fromPrice: number | null;
  readonly available: number;
  readonly capacity: number;
  readonly currency: string;
  /** The plan in force; an older node does not tell. */
  readonly planId?: string;
  /** The plans that replaced the first, if any did: they say of which hall all this is. */
  readonly laterPlans?: readonly string[];
}

/** A letter a seat, in the order of the plan document. */
export interface WholeSeats {
  readonly letters: string;
}

/** Every seat that changed after version `since`, even if it changed back. */
export interface ChangedSeats {
  readonly since: number;
  /** Places in the plan document, each greater than the one before. */
  readonly places: readonly number[];
  /** What those seats are now, one letter each. */
  readonly letters: string;
}

/** What another node told of a show's seats is not what an owner would tell. */
export class SeatsAnswerInvalid extends Error {
  constructor(showId: string, what: string) {
    super(`seats of ${showId}: ${what}`);
    this.name = 'SeatsAnswerInvalid';
  }
}

/**
 * What this node, the show's owner, tells of its seats. Must be called in the tick in which the map was got.
 *
 * @param since what the other node has, and from which incarnation; null for nothing.
 * @param me this node's incarnation.
 */
export function seatsAnswer(
  map: SeatMap,
  since: { readonly version: number; readonly owner: string } | null,
  me: string,
): SeatsAnswer {
  const { version, asOf, fromPrice, available, capacity, currency, planId } = map;
  const { laterPlans } = map.hall;
  const areas = planAreas(map.hall);
  const changed = since !== null && since.owner === me ? changedSeats(map, since.version) : null;
  return {
    version,
    asOf,
    owner: me,
    seats: changed ?? { letters: Buffer.from(map.letters).toString('latin1') },
    areas: map.areas.map((area) => area.available),
    ...(map.areas.every((area, index) => area.capacity === areas[index].capacity)
      ? {}
      : { areaCapacities: map.areas.map((area) => area.capacity) }),
    fromPrice,
    available,
    capacity,
    currency,
    ...(planId === undefined ? {} : { planId }),
    ...(laterPlans.length === 0 ? {} : { laterPlans: laterPlanIds(map.hall) }),
  };
}

/** Null when too many changed, or what changed is not known. */
function changedSeats(map: SeatMap, since: number): ChangedSeats | null {
  if (!tellsChangesSince(map, since)) return null;
  const { changedAt, letters } = map;
  const most = changedAt.length / WHOLE_FROM_SHARE;
  const places: number[] = [];
  for (let place = 0; place < changedAt.length; place++) {
    if (changedAt[place] <= since) continue;
    if (places.length + 1 >= most) return null;
    places.push(place);
  }
  return { since, places, letters: Buffer.from(places.map((place) => letters[place])).toString('latin1') };
}

const LETTERS_ONLY = new RegExp(`^[${String.fromCharCode(...Object.values(SEAT_LETTERS))}]*$`);

/**
 * By which plans the hall is to be got that {@link readSeatsAnswer} needs.
 *
 * @throws SeatsAnswerInvalid
 */
export function laterPlansIn(showId: string, value: unknown): readonly string[] {
  const { laterPlans = [] } = isObject(value) ? value : {};
  const isList = Array.isArray(laterPlans) && laterPlans.length <= LATER_PLANS_MAX;
  if (!isList || !laterPlans.every((id) => isText(id, PLAN_ID_LENGTH_MAX)))
    throw new SeatsAnswerInvalid(showId, 'no list of plans');
  return laterPlans;
}

/**
 * Checks what arrived from another node against the hall of the show.
 *
 * @throws SeatsAnswerInvalid
 */
export function readSeatsAnswer(showId: string, value: unknown, hall: Hall): SeatsAnswer {
  const must = (isSo: boolean, what: string): void => {
    if (!isSo) throw new SeatsAnswerInvalid(showId, what);
  };
  must(isObject(value), 'not an object');
  const answer = value as { [K in keyof SeatsAnswer]?: unknown };
  must(isCount(answer.version, VERSION_MAX), 'no version');
  must(isCount(answer.asOf), 'no time');
  must(isText(answer.owner, OWNER_LENGTH_MAX), 'no owner');
  must(answer.fromPrice === null || isCount(answer.fromPrice), 'no price');
  must(isCount(answer.capacity) && isCount(answer.available, answer.capacity), 'no count of its places');
  must(typeof answer.currency === 'string' && /^[A-Z]{3}$/.test(answer.currency), 'no currency');
  must(answer.planId === undefined || isText(answer.planId, PLAN_ID_LENGTH_MAX), 'no plan');
  const known = planAreas(hall);
  const { areas, areaCapacities = known.map((area) => area.capacity) } = answer;
  must(
    Array.isArray(areas) &&
      areas.length === known.length &&
      Array.isArray(areaCapacities) &&
      areaCapacities.length === areas.length &&
      areas.every((free, index) => isCount(areaCapacities[index]) && isCount(free, areaCapacities[index])),
    'areas that are not those of the hall',
  );
  const { seats } = answer;
  if (isObject(seats) && !('since' in seats)) {
    must(isLetters(seats.letters, hall.seatCount), 'letters that are not those of the hall');
  } else {
    must(isObject(seats) && isChanges(seats, answer.version as number, hall), 'no changes of seats in the hall');
  }
  return value as SeatsAnswer;
}

function isChanges(seats: Record<string, unknown>, version: number, hall: Hall): boolean {
  const { since, places, letters } = seats;
  if (!isCount(since, version) || !Array.isArray(places) || !isLetters(letters, places.length)) return false;
  return places.every((place, i) => isCount(place, hall.seatCount - 1) && (i === 0 || place > places[i - 1]));
}

function isLetters(value: unknown, length: number): boolean {
  return typeof value === 'string' && value.length === length && LETTERS_ONLY.test(value);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function isCount(value: unknown, most = Number.MAX_SAFE_INTEGER): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= most;
}

function isText(value: unknown, most: number): boolean {
  return typeof value === 'string' && value.length > 0 && value.length <= most;
}
