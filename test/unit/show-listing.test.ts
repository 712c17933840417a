import { describe, expect, test } from 'vitest';
import { seededRandom } from '../../bench/seeded-random.ts';
import type { ShowFigures } from '../../src/actors/shows.ts';
import { best } from '../../src/catalog/listing/ranking.ts';
import { SEARCHED_MAX, ShowListing, type ShowQuery } from '../../src/catalog/listing/show-listing.ts';
import { typosBetween } from '../../src/catalog/listing/spelling.ts';
import { QUERY_WORDS_MAX } from '../../src/catalog/listing/word-index.ts';
import { plainText, wordsOf } from '../../src/catalog/listing/words.ts';
import type { ShowRecord } from '../../src/catalog/shows.ts';

const NOW = 1_790_000_000_000;
const DAY = 86_400_000;
const PAGE = { offset: 0, limit: 30 };

let made = 0;

function show(
  title: string,
  parts: Partial<ShowRecord> & { readonly city?: string; readonly by?: string[] } = {},
): ShowRecord {
  const { city = 'Bonn', by = [], ...rest } = parts;
  const id = `shw_${String(++made).padStart(26, '0')}`;
  return {
    id,
    organiserId: 'usr_a',
    title,
    description: null,
    venue: { id: `ven_${city}`, name: 'Hall', address: { street: 'Way 1', city, country: 'DE' } },
    planId: 'pln_1',
    planHash: '',
    currentPlan: { id: 'pln_1', revision: 0 },
    planCapacity: 100,
    screen: null,
    performers: by.map((name) => ({ id: `prf_${name}`, name })),
    startsAt: NOW + 10 * DAY,
    endsAt: null,
    onSaleAt: NOW - DAY,
    offSaleAt: NOW + 10 * DAY,
    currency: 'EUR',
    prices: { A: 100 },
    perHold: 10,
    perBuyer: 10,
    holdSeconds: 600,
    mediaUrl: null,
    mediaLinks: [],
    createdAt: NOW,
    cancelledAt: null,
    revision: 0,
    changed: '1',
    ...rest,
  };
}

function figures(version: number, parts: Partial<ShowFigures> = {}): ShowFigures {
  return { version, asOf: NOW, capacity: 100, available: 100 - version, fromPrice: 100, cancelled: false, ...parts };
}

function listOf(...records: ShowRecord[]): ShowListing {
  const listing = new ShowListing();
  for (const record of records) listing.put(record, null);
  return listing;
}

const titles = (listing: ShowListing, query: ShowQuery, now = NOW): string[] =>
  listing.find(query, PAGE, now).items.map(({ record }) => record.title);

describe('words', () => {
  test('are the same whatever their case, accents and apostrophes', () => {
    expect(wordsOf("Ça ira: L'Été à Łódź, STRAẞE & Rock ’n’ Roll 2")).toEqual([
      ...['ca', 'ira', 'lete', 'a', 'lodz', 'strasse', 'rock', 'n', 'roll', '2'],
    ]);
    expect(plainText('Ｔｏｋｙｏ ﬁn')).toBe('tokyo fin');
    expect(wordsOf('Чайка 東京')).toEqual(['чаика', '東京']);
    expect(wordsOf(' \n—!')).toEqual([]);
  });

  test('differ by the letters that are missing, too many, others or swapped', () => {
    expect(typosBetween('hamlet', 'hamlet', 2)).toBe(0);
    expect(typosBetween('hamlet', 'halmet', 2)).toBe(1);
    expect(typosBetween('beethoven', 'bethoven', 2)).toBe(1);
    expect(typosBetween('beethoven', 'betovhen', 2)).toBe(3);
    expect(typosBetween('a', 'abcdef', 2)).toBe(3);
  });
});

describe('searching', () => {
  const beethoven = show('Symphony No. 9', { by: ['Beethoven Orchestra'], city: 'Köln' });
  const hamlet = show('Hamlet', { description: 'A prince hesitates.' });
  const evening = show('An evening of Hamlet and other princes');
  const about = show('Othello', { description: 'By the writer of Hamlet.' });
  const listing = listOf(beethoven, hamlet, evening, about);

  test.each([
    ['beethoven', [beethoven]],
    ['BEETHOVEN koln', [beethoven]],
    ['Köln', [beethoven]],
    ['bethoven', [beethoven]],
    ['beethovne symphnoy', [beethoven]],
    ['beeth', [beethoven]],
    ['symphony 9', [beethoven]],
    ['otello', [about]],
    ['writer', [about]],
    ['hamlet', [hamlet, evening, about]],
    ['halmet', [hamlet, evening, about]],
    ['hamlet prince', [hamlet, evening]],
    ['ham', [hamlet, evening, about]],
    ['zauberflöte', []],
    ['!!', []],
  ])('for "%s" finds the best match first', (q, found) => {
    expect(titles(listing, { q })).toEqual(found.map(({ title }) => title));
  });

  test('finds those that have most of the words when none has all', () => {
    expect(titles(listing, { q: 'hamlet writer zauberflöte' })).toEqual(['Othello']);
  });

  test('looks at so many words only', () => {
    const many = Array.from({ length: QUERY_WORDS_MAX }, (_, i) => `zzz${i}`).join(' ');
    expect(titles(listing, { q: `${many} hamlet` })).toEqual([]);
  });

  test('heeds filters and, where it is asked for, another order', () => {
    expect(titles(listing, { q: 'hamlet', city: 'KOLN' })).toEqual([]);
    expect(titles(listing, { q: 'hamlet', sort: 'title' })).toEqual([evening, hamlet, about].map(({ title }) => title));
  });

  test('can be paged through for the first thousand; the total tells of all', () => {
    const list = new ShowListing();
    for (let i = 0; i < SEARCHED_MAX + 20; i++) list.put(show('Evita', { startsAt: NOW + i * DAY }), null, true);
    const page = list.find({ q: 'evita' }, { offset: SEARCHED_MAX - 10, limit: 30 }, NOW);
    expect([page.items.length, page.total]).toEqual([10, SEARCHED_MAX + 20]);
    expect(list.find({ q: 'evita' }, { offset: SEARCHED_MAX, limit: 30 }, NOW).items).toEqual([]);
    expect(list.find({}, { offset: SEARCHED_MAX, limit: 30 }, NOW).items).toHaveLength(20);
  });

  test('puts shows that are over behind those to come, of equal ones', () => {
    const past = show('Medea', { startsAt: NOW - DAY });
    const soon = show('Medea', { startsAt: NOW + DAY });
    const late = show('Medea', { startsAt: NOW + 2 * DAY });
    const list = listOf(past, soon, late);
    const foundAt = (now: number) => list.find({ q: 'medea' }, PAGE, now).items.map(({ record }) => record.id);
    expect(foundAt(NOW)).toEqual([soon.id, late.id, past.id]);
    expect(foundAt(soon.startsAt)).toEqual([soon.id, late.id, past.id]);
    // Also in an answer that is kept.
    expect(foundAt(soon.startsAt + 1)).toEqual([late.id, soon.id, past.id]);
  });

  test('follows changes, and forgets words that nobody has any more', () => {
    const changing = show('Carmen');
    const list = listOf(changing, show('Tosca'));
    const words = list.words;
    list.put({ ...changing, title: 'Turandot' }, null);
    expect(titles(list, { q: 'carmen' })).toEqual([]);
    expect(titles(list, { q: 'turandt' })).toEqual(['Turandot']);
    expect([list.words, list.size]).toEqual([words, 2]);
  });

  test('finds what a slow search would find, as shows come, change and go', () => {
    const random = seededRandom(5);
    const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)];
    const vocabulary = ['aida', 'norma', 'faust', 'tosca', 'lulu', 'orfeo', 'elektra', 'salome'];
    const words = (): string => [pick(vocabulary), pick(vocabulary), pick(vocabulary)].join(' ');
    const list = new ShowListing(60);
    const kept = new Map<string, ShowRecord>();
    for (let step = 0; step < 600; step++) {
      const before = random() < 0.5 && kept.size > 0 ? pick([...kept.values()]) : show('');
      const after = { ...before, title: words(), startsAt: NOW + Math.floor(random() * 1_000) * DAY };
      list.put(after, null);
      kept.set(after.id, after);
      if (kept.size > 60) {
        const first = [...kept.values()].sort((a, b) => a.startsAt - b.startsAt || (a.id < b.id ? -1 : 1))[0];
        kept.delete(first.id);
      }
      const q = pick(vocabulary);
      const from = NOW + 500 * DAY;
      const expected = [...kept.values()].filter(
        ({ title, startsAt }) => title.split(' ').includes(q) && startsAt >= from,
      );
      expect(list.find({ q, from }, PAGE, NOW).total).toBe(expected.length);
      const ordered = [...kept.values()].sort((a, b) => a.startsAt - b.startsAt || (a.id < b.id ? -1 : 1));
      expect(list.find({}, { offset: 5, limit: 10 }, NOW).items.map(({ record }) => record.id)).toEqual(
        ordered.slice(5, 15).map(({ id }) => id),
      );
    }
  });
});

describe('the list', () => {
  test('is filtered, sorted and paged', () => {
    const list = listOf(
      show('Beta', { city: 'São Paulo', startsAt: NOW + 2 * DAY, by: ['Ann'] }),
      show('álpha', { startsAt: NOW + 3 * DAY, by: ['Ann', 'Bob'] }),
      show('Gamma', { startsAt: NOW + DAY }),
    );
    expect(titles(list, {})).toEqual(['Gamma', 'Beta', 'álpha']);
    expect(titles(list, { sort: '-startsAt' })).toEqual(['álpha', 'Beta', 'Gamma']);
    expect(titles(list, { sort: 'title' })).toEqual(['álpha', 'Beta', 'Gamma']);
    expect(titles(list, { sort: '-title' })).toEqual(['Gamma', 'Beta', 'álpha']);
    expect(titles(list, { city: 'sao paulo' })).toEqual(['Beta']);
    expect(titles(list, { city: 'nowhere' })).toEqual([]);
    expect(titles(list, { performerId: 'prf_Ann', sort: '-startsAt' })).toEqual(['álpha', 'Beta']);
    expect(titles(list, { performerId: 'prf_Ann', venueId: 'ven_Bonn' })).toEqual(['álpha']);
    expect(titles(list, { venueId: 'ven_nowhere' })).toEqual([]);
    expect(titles(list, { from: NOW + 2 * DAY, to: NOW + 3 * DAY })).toEqual(['Beta']);
    const page = list.find({}, { offset: 1, limit: 1 }, NOW);
    expect([page.items[0].record.title, page.total]).toEqual(['Beta', 3]);
    expect(list.find({}, { offset: 9, limit: 1 }, NOW).items).toEqual([]);
  });

  test('keeps an answer only as long as neither time nor a change makes it another', () => {
    const scheduled = show('Soon', { onSaleAt: NOW + 1_000, startsAt: NOW + 5_000, offSaleAt: NOW + 3_000 });
    const list = listOf(scheduled);
    const phaseAt = (ms: number): string | undefined =>
      (['scheduled', 'on_sale', 'closed', 'cancelled'] as const).find(
        (phase) => titles(list, { phase }, NOW + ms).length === 1,
      );
    expect([0, 999, 1_000, 2_999, 3_000].map(phaseAt)).toEqual([
      'scheduled',
      'scheduled',
      'on_sale',
      'on_sale',
      'closed',
    ]);
    list.setFigures(scheduled.id, figures(2, { cancelled: true }));
    expect(phaseAt(4_000)).toBe('cancelled');
  });

  test('finds those on sale of which nothing is left, as long as that is so', () => {
    const [full, other, later] = [show('Full'), show('Other'), show('Later', { onSaleAt: NOW + DAY })];
    const list = listOf(full, other, later);
    const soldOut = () => titles(list, { phase: 'sold_out' });
    expect(soldOut()).toEqual([]);
    list.setFigures(full.id, figures(1, { available: 0 }));
    list.setFigures(later.id, figures(1, { available: 0 }));
    expect(soldOut()).toEqual(['Full']);
    expect(titles(list, { phase: 'on_sale' })).toEqual(['Full', 'Other']);
    list.setFigures(full.id, figures(2, { available: 1 }));
    expect(soldOut()).toEqual([]);
    list.setFigures(other.id, figures(2, { available: 0 }));
    expect(soldOut()).toEqual(['Other']);
    list.setFigures(other.id, figures(3, { available: 0, cancelled: true }));
    expect(soldOut()).toEqual([]);
  });

  test('tells the newest figures, whatever their order', () => {
    const record = show('Figures');
    const list = listOf(record);
    const available = () => list.find({}, PAGE, NOW).items[0].figures?.available;
    expect(available()).toBeUndefined();
    list.setFigures(record.id, figures(3));
    list.setFigures(record.id, figures(2));
    list.put({ ...record, title: 'Renamed' }, figures(1));
    expect(available()).toBe(97);
  });

  test('shows a draft to its organiser only, until it is public', () => {
    const dated = show('Dated', { publishAt: NOW + 1_000 });
    const list = listOf(dated, show('Undated', { publishAt: null, organiserId: 'usr_b' }), show('Public'));
    expect(titles(list, {})).toEqual(['Public']);
    expect(titles(list, { q: 'dated' })).toEqual([]);
    expect(titles(list, { phase: 'draft' })).toEqual([]);
    expect(titles(list, { phase: 'draft', draftsOf: 'usr_a' })).toEqual(['Dated']);
    expect(titles(list, { phase: 'draft', draftsOf: 'all' })).toEqual(['Dated', 'Undated']);
    expect([list.isPublic(dated.id, NOW), list.isPublic(dated.id, NOW + 1_000)]).toEqual([false, true]);
    expect(list.isPublic('shw_unknown', NOW)).toBeNull();
    expect(titles(list, {}, NOW + 1_000)).toEqual(['Dated', 'Public']);
    // The show has decided otherwise, and the catalogue does not know yet.
    const times = { onSaleAt: NOW - DAY, offSaleAt: NOW + DAY, publishAt: NOW + 500, revision: 1 };
    list.setFigures(dated.id, figures(5, { times }));
    expect(titles(list, {}, NOW + 500)).toEqual(['Dated', 'Public']);
  });
});

test('the first few of many are those that a sort would put first', () => {
  const random = seededRandom(1);
  for (let trial = 0; trial < 50; trial++) {
    const slots = Uint32Array.from({ length: Math.floor(random() * 300) }, () => Math.floor(random() * 1e6));
    const count = 1 + Math.floor(random() * 40);
    expect(best(slots, (a, b) => a - b, count)).toEqual([...slots].sort((a, b) => a - b).slice(0, count));
  }
});
