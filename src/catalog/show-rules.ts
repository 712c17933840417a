import type { ShowTerms } from '../allocator/events.ts';
import { type Fault, pointerTo } from '../errors.ts';
import { fromRfc3339 } from '../rfc3339.ts';
import type { CategoryView } from './tables.ts';

/** A show as its organiser asks for it; the form was checked before, the meaning is checked here. */
export interface NewShow {
  readonly title: string;
  readonly description?: string | undefined;
  readonly venueId: string;
  readonly planId: string;
  readonly screen?: string | undefined;
  readonly performerIds?: readonly string[] | undefined;
  readonly startsAt: string;
  readonly endsAt?: string | undefined;
  readonly onSaleAt: string;
  readonly offSaleAt?: string | undefined;
  readonly currency: string;
  readonly prices: Readonly<Record<string, number>>;
  readonly limits?: NewShowLimits | undefined;
  readonly mediaUrl?: string | undefined;
  readonly mediaLinks?: readonly string[] | undefined;
  /** Whether only its organiser sees it, until it is published. */
  readonly draft?: boolean | undefined;
  /** When it is to be published. */
  readonly publishAt?: string | undefined;
}

/** What is to change of a show; null takes away. */
export interface ShowChanges {
  readonly title?: string | undefined;
  readonly description?: string | null | undefined;
  readonly screen?: string | null | undefined;
  readonly startsAt?: string | undefined;
  readonly endsAt?: string | null | undefined;
  readonly onSaleAt?: string | undefined;
  readonly offSaleAt?: string | undefined;
  readonly mediaUrl?: string | null | undefined;
  readonly mediaLinks?: readonly string[] | undefined;
}

export interface NewShowLimits {
  readonly perHold?: number | undefined;
  readonly perBuyer?: number | undefined;
  readonly holdSeconds?: number | undefined;
}

/** The times of a show (ms) and its limits, with what was not given filled in. */
export type ShowSchedule = Pick<ShowTerms, 'onSaleAt' | 'offSaleAt' | 'perHold' | 'perBuyer' | 'holdSeconds'> & {
  readonly startsAt: number;
  readonly endsAt: number | null;
  /** Absent for a show that is public at once, null for a draft without a time. */
  readonly publishAt?: number | null;
};

/** The times of a show that changes (ms), those only that do. */
export interface ChangedTimes {
  readonly startsAt?: number;
  readonly endsAt?: number | null;
  readonly onSaleAt?: number;
  readonly offSaleAt?: number;
}

export const PERFORMERS_MAX = 50;
export const MEDIA_LINKS_MAX = 20;

export const SHOW_LIMITS = {
  perHold: { min: 1, max: 100, default: 10 },
  perBuyer: { min: 1, max: 1_000, default: 10 },
  holdSeconds: { min: 1, max: 3_600, default: 600 },
} as const;

/** What the catalogue asks of those who take the money. */
export interface PayableAmounts {
  /** Why nobody could pay this amount (minor units), to be read after the name of a price; null if it can be paid. */
  amountFault(amount: number, currency: string): string | null;
}

/** Times outside these years are slips of the pen. */
const TIME_MIN = fromRfc3339('2000-01-01T00:00:00Z');
const TIME_MAX = fromRfc3339('2200-01-01T00:00:00Z');

const CURRENCIES: ReadonlySet<string> = new Set(Intl.supportedValuesOf('currency'));

/** The ms of a time that a client sent, or `null` if it is none, or is outside the years 2000 to 2199. */
export function plausibleTime(text: string): number | null {
  const time = fromRfc3339(text);
  return time >= TIME_MIN && time < TIME_MAX ? time : null;
}

/** Collects the faults of what is asked, so that all are told at once. */
class Faults {
  readonly list: Fault[] = [];

  add(pointer: string, detail: string): void {
    this.list.push({ pointer, detail });
  }

  time(pointer: string, text: string): number {
    const time = plausibleTime(text);
    if (time === null) this.add(pointer, 'must be an RFC 3339 time in the years 2000 to 2199');
    return time ?? Number.NaN;
  }
}

/** The schedule of a show, or every fault in what was asked. `now` in ms. */
export function checkShow(
  show: NewShow,
  categories: readonly CategoryView[],
  now: number,
  amounts: PayableAmounts,
): ShowSchedule | readonly Fault[] {
  const faults = new Faults();
  const startsAt = faults.time('/startsAt', show.startsAt);
  const onSaleAt = faults.time('/onSaleAt', show.onSaleAt);
  const endsAt = show.endsAt === undefined ? null : faults.time('/endsAt', show.endsAt);
  const offSaleAt = show.offSaleAt === undefined ? startsAt : faults.time('/offSaleAt', show.offSaleAt);
  // A comparison with a time that is already at fault (NaN) is false and adds nothing.
  if (startsAt <= now) faults.add('/startsAt', 'must be in the future');
  if (onSaleAt >= startsAt) faults.add('/onSaleAt', 'must be before startsAt');
  if (endsAt !== null && endsAt <= startsAt) faults.add('/endsAt', 'must be after startsAt');
  if (show.offSaleAt !== undefined && offSaleAt <= onSaleAt) faults.add('/offSaleAt', 'must be after onSaleAt');
  checkPrices(show.prices, categories, faults);
  if (CURRENCIES.has(show.currency)) checkPayable(show, amounts, faults);
  else faults.add('/currency', 'must be an ISO 4217 code, such as EUR');
  checkMedia(show, faults);
  const publishAt = show.publishAt === undefined ? null : faults.time('/publishAt', show.publishAt);
  if (publishAt !== null && publishAt >= startsAt) faults.add('/publishAt', 'must be before startsAt');
  const isDraft = show.draft === true || publishAt !== null;
  if (faults.list.length > 0) return faults.list;
  return {
    startsAt,
    endsAt,
    onSaleAt,
    offSaleAt,
    perHold: show.limits?.perHold ?? SHOW_LIMITS.perHold.default,
    perBuyer: show.limits?.perBuyer ?? SHOW_LIMITS.perBuyer.default,
    holdSeconds: show.limits?.holdSeconds ?? SHOW_LIMITS.holdSeconds.default,
    ...(isDraft ? { publishAt } : undefined),
  };
}

/** The times that change, or every fault in what was asked. Whether the sale may open and close then, the show decides. */
export function checkChanges(
  changes: ShowChanges,
  show: {
    readonly startsAt: number;
    readonly endsAt: number | null;
    readonly onSaleAt: number;
    readonly offSaleAt: number;
  },
  now: number,
): { readonly times: ChangedTimes } | readonly Fault[] {
  const faults = new Faults();
  const timeOf = (name: 'startsAt' | 'onSaleAt' | 'offSaleAt'): number | undefined =>
    changes[name] === undefined ? undefined : faults.time(`/${name}`, changes[name]);
  const [startsAt, onSaleAt] = [timeOf('startsAt'), timeOf('onSaleAt')];
  // A sale that ended when the show began goes on doing so.
  const offSaleAt = timeOf('offSaleAt') ?? (show.offSaleAt === show.startsAt ? startsAt : undefined);
  const endsAt =
    changes.endsAt === undefined || changes.endsAt === null ? changes.endsAt : faults.time('/endsAt', changes.endsAt);
  const start = startsAt ?? show.startsAt;
  if (startsAt !== undefined && startsAt <= now) faults.add('/startsAt', 'must be in the future');
  const end = endsAt === undefined ? show.endsAt : endsAt;
  const isMoved = startsAt !== undefined || typeof endsAt === 'number';
  if (isMoved && end !== null && end <= start) faults.add('/endsAt', 'must be after startsAt');
  const opens = onSaleAt ?? show.onSaleAt;
  if ((onSaleAt !== undefined || startsAt !== undefined) && opens >= start)
    faults.add('/onSaleAt', 'must be before startsAt');
  if ((onSaleAt !== undefined || offSaleAt !== undefined) && (offSaleAt ?? show.offSaleAt) <= opens)
    faults.add('/offSaleAt', 'must be after onSaleAt');
  checkMedia(changes, faults);
  if (faults.list.length > 0) return faults.list;
  const times = {
    ...(startsAt === undefined ? undefined : { startsAt }),
    ...(endsAt === undefined ? undefined : { endsAt }),
    ...(onSaleAt === undefined ? undefined : { onSaleAt }),
    ...(offSaleAt === undefined ? undefined : { offSaleAt }),
  };
  return { times };
}

function checkMedia({ mediaUrl, mediaLinks }: Pick<ShowChanges, 'mediaUrl' | 'mediaLinks'>, faults: Faults): void {
  const fault = 'must be an http or https URL';
  if (typeof mediaUrl === 'string' && !isWebUrl(mediaUrl)) faults.add('/mediaUrl', fault);
  for (const [i, link] of (mediaLinks ?? []).entries()) if (!isWebUrl(link)) faults.add(`/mediaLinks/${i}`, fault);
}

function checkPrices(
  prices: Readonly<Record<string, number>>,
  categories: readonly CategoryView[],
  faults: Faults,
): void {
  const byName = new Map(categories.map((category) => [category.name, category]));
  let places = 0;
  for (const name of Object.keys(prices)) {
    const category = byName.get(name);
    if (category === undefined) {
      const known = [...byName.keys()].slice(0, 20).join(', ');
      faults.add(pointerTo('prices', name), `is no category of the plan; it has ${known}`);
    } else places += category.seats + category.places;
  }
  if (places === 0) faults.add('/prices', 'must price at least one category that has seats');
}

/** Found out now, not when the first buyer wants to pay. What costs nothing is never charged. */
function checkPayable({ prices, currency }: NewShow, amounts: PayableAmounts, faults: Faults): void {
  for (const [name, price] of Object.entries(prices)) {
    const fault = price === 0 ? null : amounts.amountFault(price, currency);
    if (fault !== null) faults.add(pointerTo('prices', name), fault);
  }
}

function isWebUrl(text: string): boolean {
  const url = URL.parse(text);
  return url !== null && (url.protocol === 'https:' || url.protocol === 'http:');
}
