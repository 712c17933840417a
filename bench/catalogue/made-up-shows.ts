import { newId } from '../../src/ids.ts';
import { seededRandom } from '../seeded-random.ts';

/** What the bench fills a catalogue with: made up, but with names as uneven as real ones are. */
export interface MadeUpVenue {
  readonly id: string;
  readonly name: string;
  readonly city: string;
  readonly country: string;
}

export interface MadeUpPerformer {
  readonly id: string;
  readonly name: string;
}

export interface MadeUpShow {
  readonly id: string;
  readonly title: string;
  readonly description: string;
  readonly venue: MadeUpVenue;
  readonly performers: readonly MadeUpPerformer[];
  /** ms since the epoch. */
  readonly startsAt: number;
}

export interface MadeUpCatalogue {
  readonly venues: readonly MadeUpVenue[];
  readonly performers: readonly MadeUpPerformer[];
  readonly shows: readonly MadeUpShow[];
}

const SYLLABLES = (
  'al an ar ba be bo bra ca che co da de do el en er fa fi flo ga ge gra ha he ho in is ja ka ke la le li lo ma me mi mo ' +
  'na ne ni no or os pa pe po qua ra re ri ro sa se shi so sta ta te ti to tra ul ur va ve vi wa we yo za zu'
).split(' ');
const ACCENTED = ['é', 'ü', 'ñ', 'ø', 'ç', 'á', 'ö', 'ł'];
const CITIES = 400;
const COUNTRIES = 30;
const DAY_MS = 86_400_000;
const DESCRIPTION_WORDS = 24;
const WORDS = 6_000;
const NAMES = 20_000;

/** A catalogue of this size; the same one each time for the same `now` (ms). */
export function makeUpCatalogue(venueCount: number, showCount: number, now: number): MadeUpCatalogue {
  const random = seededRandom(20_260_701);
  const below = (n: number): number => Math.floor(random() * n);
  // Few are in many texts, most in few.
  const uneven = <T>(list: readonly T[]): T => list[Math.floor(list.length * random() ** 3)];
  const word = (syllables: number): string => {
    let made = '';
    for (let i = 0; i < syllables; i++) made += SYLLABLES[below(SYLLABLES.length)];
    return below(12) === 0 ? made + ACCENTED[below(ACCENTED.length)] : made;
  };
  const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
  const several = (count: number, make: () => string): string[] => [...new Set(Array.from({ length: count }, make))];
  const words = several(WORDS, () => word(2 + below(3)));
  const names = several(NAMES, () => capital(word(2 + below(3))));
  const countries = several(COUNTRIES, () => capital(word(2)));
  const cities = several(CITIES, () => capital(word(2 + below(2)))).map((city) => ({
    city,
    country: uneven(countries),
  }));
  const ids = idsFrom(now);

  const kinds = ['Theatre', 'Arena', 'Opera', 'Hall', 'Stadium', 'Club', 'Auditorium'];
  const venues = Array.from({ length: venueCount }, () => ({
    id: ids('ven'),
    name: `${uneven(names)} ${uneven(kinds)}`,
    ...uneven(cities),
  }));
  const performers = Array.from({ length: Math.max(1, Math.floor(showCount / 4)) }, () => ({
    id: ids('prf'),
    name: `${uneven(names)} ${uneven(names)}`,
  }));
  const shows = Array.from({ length: showCount }, () => {
    const first = uneven(performers);
    const second = uneven(performers);
    return {
      id: ids('shw'),
      title: capital(Array.from({ length: 1 + below(4) }, () => uneven(words)).join(' ')),
      description: capital(Array.from({ length: DESCRIPTION_WORDS }, () => uneven(words)).join(' ')),
      venue: uneven(venues),
      performers: first === second ? [first] : [first, second],
      startsAt: now + DAY_MS + below(500) * DAY_MS + below(24) * 3_600_000,
    };
  });
  return { venues, performers, shows };
}

/** Ids in the order of their making. */
function idsFrom(now: number): (prefix: 'ven' | 'prf' | 'shw') => string {
  let made = 0;
  const uuidv7 = (): string => {
    const time = now.toString(16).padStart(12, '0');
    const count = (made++).toString(16).padStart(12, '0');
    return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-${count}`;
  };
  return (prefix) => newId(prefix, { uuidv7, bytes: (size) => new Uint8Array(size) });
}
