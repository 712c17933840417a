import { beforeEach, describe, expect, test } from 'vitest';
import { PublishedSeats } from '../../src/actors/published-seats.ts';
import { type SeatMap, tellsChangesSince } from '../../src/actors/seat-map.ts';
import type { Hall } from '../../src/allocator/hall.ts';
import { GAPS_KEPT } from '../../src/cluster/routing/seat-replica.ts';
import {
  FETCH_MS,
  LATE_MS,
  REBUILD_WAIT_MS,
  RETRY_MS,
  type ReplicaLimits,
  SeatReplicas,
  STALE_AFTER_MS,
  UNREAD_MAX,
} from '../../src/cluster/routing/seat-replicas.ts';
import { seatsAnswer } from '../../src/cluster/routing/seat-wire.ts';
import { type Refusal, RefusedError } from '../../src/errors.ts';
import { changesBody } from '../../src/http/seat-bodies.ts';
import { capturedLog } from '../support/captured-log.ts';
import { Dice } from '../support/dice.ts';
import { laterHall } from '../support/made-show.ts';
import { manualTime, settled } from '../support/manual-time.ts';
import { ON_SALE_AT, onceOf, PlayedShow, rowsOfTen, SHOW_ID, userOf } from '../support/small-show.ts';

type Fetched = { ok: true; value: unknown } | { ok: false; refusal: Refusal; unreachable: boolean };
type Since = { readonly version: number; readonly owner: string } | null;

const hall = rowsOfTen(4);
const AWAY: Refusal = { code: 'UNAVAILABLE', detail: 'nobody owns it', retryAfter: 1 };
const UNREACHABLE: Fetched = { ok: false, refusal: AWAY, unreachable: true };

interface Held {
  readonly hold: number;
  readonly buyer: string;
  readonly at: number;
}

/** A show on the node that owns it. */
class Sale {
  readonly played = new PlayedShow(hall);
  seats = new PublishedSeats(this.played.show);
  owner = 'nod_1';
  /** By version: what the seats were then. */
  readonly history: string[] = [];
  #holds = 0;

  constructor() {
    this.#publish();
  }

  hold(quantity = 1): Held {
    const held = this.tryHold(quantity);
    if (held === null) throw new Error('no hold');
    return held;
  }

  /** Asks for seats, and gets them or not. */
  tryHold(quantity: number): Held | null {
    const n = ++this.#holds;
    const event = this.played.do({ type: 'hold', once: onceOf(n), buyer: userOf(n), best: { quantity } });
    const at = this.played.at;
    this.#publish();
    return typeof event === 'object' && event?.type === 'held' ? { hold: event.hold, buyer: userOf(n), at } : null;
  }

  release(held: Held): void {
    const event = this.played.do({ type: 'release', ...held });
    if (typeof event !== 'object' || event === null) throw new Error(`no release: ${event}`);
    this.#publish();
  }

  /** Another plan in the place of the one in force, with so many rows of ten; false if one of its seats is held. */
  replacePlan(rows: number): boolean {
    const planId = `pln_${rows}`;
    if (planId === this.played.show.planId) return false;
    this.played.show.comingHall = laterHall(this.played.show.hall, [[planId, rowsOfTen(rows)]]);
    const event = this.played.do({ type: 'replace-plan', once: onceOf(++this.#holds), planId });
    this.#publish();
    return typeof event === 'object' && event?.type === 'plan-replaced';
  }

  /** Another node takes the show over; what the one before had stays as it was. */
  failOver(): void {
    this.owner = `nod_${Number(this.owner.slice(4)) + 1}`;
    this.seats = new PublishedSeats(this.played.show);
  }

  answer(since: Since): Fetched {
    return { ok: true, value: JSON.parse(JSON.stringify(seatsAnswer(this.seats, since, this.owner))) };
  }

  #publish(): void {
    this.seats.publish(this.played.show);
    this.history[this.seats.version] = told(this.seats);
    this.played.at++;
  }
}

/** All that a map says of its seats. */
function told(map: SeatMap): string {
  return JSON.stringify([
    map.version,
    map.asOf,
    lettersOf(map),
    map.areas,
    map.available,
    map.capacity,
    map.fromPrice,
    map.currency,
  ]);
}

function lettersOf(map: SeatMap): string {
  return Buffer.from(map.letters).toString('latin1');
}

interface Asked {
  readonly showId: string;
  readonly since: Since;
  readonly deadline: number;
  readonly answer: (fetched: Fetched) => void;
}

let time: ReturnType<typeof manualTime>;
let sale: Sale;
let asked: Asked[];
let log: ReturnType<typeof capturedLog>;
let rebuilt: string[];
let rebuild: () => Promise<SeatMap | null>;
let known: boolean;
let replicas: SeatReplicas;

beforeEach(() => {
  time = manualTime(ON_SALE_AT);
  sale = new Sale();
  asked = [];
  log = capturedLog();
  rebuilt = [];
  rebuild = () => Promise.reject(new Error('the database is out of reach'));
  known = true;
  replicas = replicasWith();
});

function replicasWith(limits?: ReplicaLimits): SeatReplicas {
  return new SeatReplicas({
    fetch: (showId, since, deadline) =>
      new Promise((resolve) => asked.push({ showId, since, deadline, answer: resolve })),
    hallOf: async (_, laterPlans) => (known ? hallWith(laterPlans) : null),
    readOnly: (showId) => {
      rebuilt.push(showId);
      return rebuild();
    },
    clock: time.clock,
    timers: time.timers,
    log: log.log,
    ...(limits === undefined ? {} : { limits }),
  });
}

function hallWith(laterPlans: readonly string[]): Hall {
  return laterHall(
    hall,
    laterPlans.map((id) => [id, rowsOfTen(Number(id.slice('pln_'.length)))] as const),
  );
}

/** A reader, and what it got: what the map said at that moment, or the code of a refusal; null while it waits. */
interface Reader {
  got: { readonly stale: boolean; readonly said: string; readonly map: SeatMap } | string | null;
}

function read(lastOwn: SeatMap | null = null, showId = SHOW_ID): Reader {
  const reader: Reader = { got: null };
  void replicas.get(showId, lastOwn).then((map) => {
    reader.got = 'code' in map ? map.code : { stale: map.stale, said: told(map), map };
  });
  return reader;
}

function mapOf(reader: Reader): SeatMap {
  if (reader.got === null || typeof reader.got === 'string') throw new Error(`no map: ${reader.got}`);
  return reader.got.map;
}

const fresh = (version: number) => ({ stale: false, said: sale.history[version] });
const stale = (version: number) => ({ stale: true, said: sale.history[version] });

/** The owner answers what it was asked last. */
async function tell(): Promise<void> {
  const last = asked.at(-1);
  last?.answer(sale.answer(last.since));
  await settled();
}

/** A replica of what the owner has now. */
async function follow(): Promise<SeatMap> {
  const reader = read();
  await settled();
  await tell();
  return mapOf(reader);
}

describe('reading another node’s show', () => {
  test('gives what its owner tells', async () => {
    sale.hold(3);
    const reader = read();
    await settled();
    expect(asked).toMatchObject([{ showId: SHOW_ID, since: null, deadline: ON_SALE_AT + FETCH_MS }]);
    expect(reader.got).toBeNull();
    await tell();
    expect(reader.got).toMatchObject(fresh(2));
    expect(mapOf(reader)).toMatchObject({ showId: SHOW_ID, hall });
  });

  test('asks its owner every time, for no more than what changed', async () => {
    await follow();
    sale.hold(2);
    const reader = read();
    await settled();
    expect(asked[1].since).toEqual({ version: 1, owner: 'nod_1' });
    await tell();
    expect(reader.got).toMatchObject(fresh(2));
  });

  test('asks one question at a time; who comes meanwhile waits for the next, all together', async () => {
    await follow();
    const first = read();
    const others = Array.from({ length: 20 }, () => read());
    await settled();
    expect(asked).toHaveLength(2);
    // The owner answers, and then the seats change: the others came before that, the answer may be from before they did.
    const early = sale.answer(asked[1].since);
    sale.hold();
    asked[1].answer(early);
    await settled();
    expect(first.got).toMatchObject(fresh(1));
    expect(others.map((other) => other.got)).toEqual(others.map(() => null));
    expect(asked).toHaveLength(3);
    await tell();
    for (const other of others) expect(other.got).toMatchObject(fresh(2));
    expect(asked).toHaveLength(3);
  });

  test('knows of each seat when it changed, as its owner does', async () => {
    const map = await follow();
    for (let version = 2; version <= 6; version++) {
      sale.hold(1 + (version % 2));
      await follow();
    }
    for (let version = 1; version <= 6; version++) {
      expect(tellsChangesSince(map, version)).toBe(true);
      expect(changesBody(map, version)).toBe(changesBody(sale.seats, version));
    }
  });

  test('tells of a seat that changed and changed back unseen, for who saw it elsewhere', async () => {
    const map = await follow();
    sale.release(sale.hold());
    await follow();
    expect(JSON.parse(changesBody(map, 2)).seats).toMatchObject([{ status: 'available' }]);
  });

  test('after a failover tells what changed since versions that it had, and knows that of others it cannot', async () => {
    const map = await follow();
    sale.release(sale.hold());
    sale.hold();
    sale.failOver();
    await follow();
    expect(asked.at(-1)?.since).toEqual({ version: 1, owner: 'nod_1' });
    expect(told(map)).toBe(sale.history[4]);
    expect([1, 2, 3, 4].map((version) => tellsChangesSince(map, version))).toEqual([true, false, false, true]);
    expect(JSON.parse(changesBody(map, 1)).seats).toHaveLength(1);
    sale.hold();
    await follow();
    expect(asked.at(-1)?.since).toEqual({ version: 4, owner: 'nod_2' });
    expect(JSON.parse(changesBody(map, 4)).seats).toHaveLength(1);
  });

  test('takes all of its seats anew when its plan was replaced, and knows no change since before', async () => {
    const before = await follow();
    sale.hold(2);
    expect(sale.replacePlan(5)).toBe(true);
    const map = await follow();
    expect(told(map)).toBe(sale.history[3]);
    expect(map).toMatchObject({ planId: 'pln_5', hall: { planSeats: 50 } });
    expect([1, 2, 3].map((version) => tellsChangesSince(map, version))).toEqual([false, false, true]);
    expect(replicas.kept).toEqual({ shows: 1, seats: 50 });
    expect(before.version).toBe(1);
    sale.hold();
    const later = await follow();
    expect(asked.at(-1)?.since).toEqual({ version: 3, owner: 'nod_1' });
    expect(JSON.parse(changesBody(later, 3)).seats).toHaveLength(1);
  });

  test('of which somebody rebuilt an earlier plan gets the newer one from its owner', async () => {
    rebuild = async () => new PublishedSeats(sale.played.show);
    const first = read();
    await settled();
    asked[0].answer(UNREACHABLE);
    await settled();
    expect(mapOf(first)).toMatchObject({ stale: true, hall: { planSeats: 40 } });
    await time.advance(LATE_MS);
    sale.replacePlan(3);
    const map = await follow();
    expect(map).toMatchObject({ planId: 'pln_3', stale: false, hall: { planSeats: 30 } });
  });

  test('remembers the last gaps one by one, and those before them as one', async () => {
    const map = await follow();
    const seen = [sale.seats.version];
    for (let gap = 0; gap < GAPS_KEPT + 2; gap++) {
      sale.release(sale.hold());
      sale.hold();
      sale.failOver();
      await follow();
      seen.push(sale.seats.version);
    }
    expect(map.gaps).toHaveLength(GAPS_KEPT);
    const versions = Array.from({ length: map.version }, (_, i) => i + 1);
    const lost = seen.slice(1, 3);
    expect(versions.filter((version) => tellsChangesSince(map, version))).toEqual(
      seen.filter((version) => !lost.includes(version)),
    );
  });

  test('of one that nobody knows is refused, without asking any node', async () => {
    known = false;
    const reader = read();
    await settled();
    expect([reader.got, asked.length, replicas.kept]).toEqual(['NOT_FOUND', 0, { shows: 0, seats: 0 }]);
  });

  test('of one that its owner does not know is refused', async () => {
    await follow();
    const reader = read();
    const next = read();
    asked[1].answer({ ok: false, refusal: { code: 'NOT_FOUND', detail: 'no such show' }, unreachable: false });
    await settled();
    expect([reader.got, next.got, replicas.kept.shows]).toEqual(['NOT_FOUND', 'NOT_FOUND', 0]);
  });
});

describe('while the owner does not answer', () => {
  test('readers get the last known in time, marked, and later ones at once', async () => {
    await follow();
    sale.hold();
    const first = read();
    await time.advance(100);
    const second = read();
    await time.advance(STALE_AFTER_MS - 101);
    expect([first.got, second.got]).toEqual([null, null]);
    await time.advance(1);
    for (const reader of [first, second]) expect(reader.got).toMatchObject(stale(1));
    const later = read();
    await settled();
    expect(later.got).toMatchObject(stale(1));
    expect(asked).toHaveLength(2);
  });

  test('its answer still counts when it comes, and who comes then waits for a new one', async () => {
    await follow();
    sale.hold();
    const late = read();
    await time.advance(STALE_AFTER_MS);
    await tell();
    expect(mapOf(late)).toMatchObject({ stale: true, version: 2 });
    sale.hold();
    const reader = read();
    await settled();
    expect(reader.got).toBeNull();
    await tell();
    expect(reader.got).toMatchObject(fresh(3));
  });

  test('the stale map is another object over the same seats', async () => {
    const map = await follow();
    const reader = read();
    await time.advance(STALE_AFTER_MS);
    expect(mapOf(reader)).not.toBe(map);
    expect(mapOf(reader).letters).toBe(map.letters);
    expect([map.stale, mapOf(reader).stale]).toEqual([false, true]);
  });

  test('and cannot be reached at all, readers get the last known at once', async () => {
    await follow();
    const reader = read();
    const next = read();
    asked[1].answer(UNREACHABLE);
    await settled();
    for (const each of [reader, next]) expect(each.got).toMatchObject(stale(1));
  });

  test('or refuses, readers get the last known', async () => {
    await follow();
    const reader = read();
    asked[1].answer({ ok: false, refusal: { code: 'OVERLOADED', detail: 'too many awake' }, unreachable: false });
    await settled();
    expect(reader.got).toMatchObject(stale(1));
  });

  test('it is asked again now and then, as long as there are readers', async () => {
    await follow();
    read();
    asked[1].answer(UNREACHABLE);
    await settled();
    for (let ms = 0; ms < 10 * RETRY_MS; ms += 10) {
      expect(mapOf(await reads()).stale).toBe(true);
      if (asked.length > 2) asked.at(-1)?.answer(UNREACHABLE);
      await time.advance(10);
    }
    expect(asked).toHaveLength(2 + 9);
    await time.advance(RETRY_MS);
    expect(asked).toHaveLength(2 + 9);
  });

  async function reads(): Promise<Reader> {
    const reader = read();
    await settled();
    return reader;
  }

  test('and nobody asked for long, the next reader waits for it again', async () => {
    await follow();
    read();
    asked[1].answer(UNREACHABLE);
    await time.advance(LATE_MS);
    sale.hold();
    const reader = read();
    await settled();
    expect(reader.got).toBeNull();
    await tell();
    expect(reader.got).toMatchObject(fresh(2));
  });

  test('what is older than the known, or makes no sense, is not taken for an answer', async () => {
    sale.hold();
    const old = sale.answer(null);
    sale.hold();
    await follow();
    const reader = read();
    asked[1].answer(old);
    await settled();
    expect(reader.got).toMatchObject(stale(3));
    await time.advance(LATE_MS);
    const another = read();
    asked[2].answer({ ok: true, value: { version: 4, letters: 'a' } });
    await settled();
    expect(another.got).toMatchObject(stale(3));
    expect(log.lines).toMatchObject([{ err: { type: 'SeatsAnswerInvalid' }, showId: SHOW_ID }]);
  });
});

describe('of a show that was never read here, while its owner does not answer,', () => {
  beforeEach(() => {
    rebuild = async () => new PublishedSeats(sale.played.show);
  });

  test('the last durable seats are rebuilt once for all, and kept as stale', async () => {
    sale.hold();
    const readers = [read(), read()];
    await time.advance(STALE_AFTER_MS - 1);
    expect(rebuilt).toEqual([]);
    await time.advance(1);
    for (const reader of [...readers, read()]) {
      await settled();
      expect(reader.got).toMatchObject(stale(2));
    }
    expect(rebuilt).toEqual([SHOW_ID]);
    sale.hold();
    await tell();
    expect(mapOf(await readsThen(tell)).version).toBe(3);
  });

  async function readsThen(then: () => Promise<void>): Promise<Reader> {
    const reader = read();
    await settled();
    await then();
    await settled();
    return reader;
  }

  test('they are rebuilt at once when nobody can be reached', async () => {
    const reader = await readsThen(async () => asked[0].answer(UNREACHABLE));
    await settled();
    expect(reader.got).toMatchObject(stale(1));
  });

  test('who answers first serves the readers, and newer seats never give way to older ones', async () => {
    let done = (_: SeatMap | null): void => {};
    rebuild = () =>
      new Promise((resolve) => {
        done = resolve;
      });
    const before = new PublishedSeats(sale.played.show);
    const reader = read();
    await time.advance(STALE_AFTER_MS);
    sale.hold();
    await tell();
    expect(reader.got).toMatchObject(fresh(2));
    done(before);
    await settled();
    expect(mapOf(await readsThen(async () => asked[1].answer(UNREACHABLE)))).toMatchObject({ stale: true, version: 2 });
  });

  test('readers are refused when that fails, or takes too long, and nothing is kept', async () => {
    rebuild = () => Promise.reject(new Error('the database is out of reach'));
    const failed = await readsThen(async () => asked[0].answer(UNREACHABLE));
    await settled();
    rebuild = () => Promise.reject(new RefusedError({ code: 'UNAVAILABLE', detail: 'too many' }));
    const crowded = await readsThen(async () => asked[1].answer(UNREACHABLE));
    await settled();
    expect([failed.got, crowded.got, replicas.kept.shows]).toEqual(['UNAVAILABLE', 'UNAVAILABLE', 0]);
    expect(log.lines).toHaveLength(1);
    rebuild = () => new Promise(() => {});
    const waits = read();
    await time.advance(STALE_AFTER_MS + REBUILD_WAIT_MS - 1);
    expect(waits.got).toBeNull();
    await time.advance(1);
    expect(waits.got).toBe('UNAVAILABLE');
  });

  test('a show that there is not is not found', async () => {
    rebuild = async () => null;
    const reader = await readsThen(async () => asked[0].answer(UNREACHABLE));
    await settled();
    expect(reader.got).toBe('NOT_FOUND');
  });

  test('an owner that has too much to do is not spared by rebuilding it here', async () => {
    const busy: Refusal = { code: 'OVERLOADED', detail: 'too many awake', retryAfter: 1 };
    const reader = await readsThen(async () => asked[0].answer({ ok: false, refusal: busy, unreachable: false }));
    await settled();
    expect([reader.got, rebuilt]).toEqual(['OVERLOADED', []]);
  });
});

describe('a show that this node owned before', () => {
  test('is known as this node last published it', async () => {
    sale.hold();
    const own = sale.seats;
    sale.failOver();
    sale.hold();
    const reader = read(own);
    asked[0].answer(UNREACHABLE);
    await settled();
    expect(reader.got).toMatchObject(stale(2));
    expect(rebuilt).toEqual([]);
    await time.advance(LATE_MS);
    const map = await follow();
    expect(told(map)).toBe(sale.history[3]);
    expect(JSON.parse(changesBody(map, 2)).seats).toHaveLength(1);
  });

  test('is taken over only as far as it is newer', async () => {
    const before = new PublishedSeats(sale.played.show);
    sale.hold();
    const map = await follow();
    read(before);
    expect(told(map)).toBe(sale.history[2]);
    sale.hold();
    read(sale.seats);
    expect(told(map)).toBe(sale.history[3]);
  });
});

describe('what is kept', () => {
  const showId = (n: number) => `shw_${n}`;

  async function readAll(count: number): Promise<void> {
    for (let n = 0; n < count; n++) {
      read(null, showId(n));
      await settled();
      await tell();
    }
  }

  /** Whether the show is asked for as one of which something is known. */
  async function isKept(n: number): Promise<boolean> {
    read(null, showId(n));
    await settled();
    await tell();
    return asked.at(-1)?.since !== null;
  }

  test.each([
    ['shows', { shows: 3, seats: 1_000_000 }],
    ['seats', { shows: 1_000, seats: 3 * hall.seatCount + 1 }],
  ])('is bounded in %s; the least recently read goes first', async (_, limits) => {
    replicas = replicasWith(limits);
    await readAll(3);
    expect(await isKept(0)).toBe(true);
    read(null, showId(3));
    await settled();
    await tell();
    expect(replicas.kept).toEqual({ shows: 3, seats: 3 * hall.seatCount });
    expect(await isKept(0)).toBe(true);
    expect(await isKept(1)).toBe(false);
  });

  test('goes only while nothing is asked about it, so that no show is asked for twice at a time', async () => {
    replicas = replicasWith({ shows: 1, seats: 1_000_000 });
    await readAll(1);
    const first = read(null, showId(0));
    read(null, showId(1));
    await settled();
    await tell();
    const second = read(null, showId(0));
    await settled();
    expect(asked.map((each) => each.showId)).toEqual([showId(0), showId(0), showId(1)]);
    asked[1].answer(sale.answer(asked[1].since));
    await settled();
    expect([first.got === null, second.got]).toEqual([false, null]);
    expect(asked).toHaveLength(4);
  });

  test('is not more for shows that nobody knows', async () => {
    const readers = Array.from({ length: UNREAD_MAX + 1 }, (_, n) => read(null, showId(n)));
    await settled();
    expect(readers.at(-1)?.got).toBe('OVERLOADED');
    for (const { answer } of asked) {
      answer({ ok: false, refusal: { code: 'NOT_FOUND', detail: 'no such show' }, unreachable: false });
    }
    known = false;
    for (let i = 0; i < UNREAD_MAX; i++) await settled();
    expect(readers.filter((reader) => reader.got === null)).toEqual([]);
    expect(replicas.kept).toEqual({ shows: 0, seats: 0 });
    known = true;
    expect(told(await follow())).toBe(sale.history[1]);
  });
});

describe('whatever is lost, late or from a new owner', () => {
  const SEEDS = Array.from({ length: 40 }, (_, i) => i + 1);
  const STEPS = 400;

  test.each(SEEDS)(
    'each reader sees durable seats that never go back, and followers miss nothing (seed %i)',
    async (seed) => {
      const dice = new Dice(seed);
      const live: Held[] = [];
      const seen = { fresh: 0, stale: 0, refused: 0, changes: 0, whole: 0, plans: 0 };
      const under = [false, false];
      const lastTold = [0, 0];
      /** What the nodes had published when they lost the show. */
      let past: PublishedSeats | null = null;

      const fetch = async (node: number, since: Since, deadline: number): Promise<Fetched> => {
        expect(under[node], 'one question at a time').toBe(false);
        under[node] = true;
        const pass = (ms: number): Promise<void> => new Promise((resolve) => time.timers.after(ms, resolve));
        const fate = dice.roll();
        const slow = fate > 0.6 && fate < 0.75;
        await pass(slow ? dice.between(0, 1_500) : dice.between(0, 30));
        let fetched: Fetched = UNREACHABLE;
        if (fate < 0.75) fetched = sale.answer(since);
        else if (fate < 0.78) fetched = { ok: true, value: { nonsense: seed } };
        else if (fate < 0.81) await pass(deadline - time.clock.now());
        // What was told may arrive when the show has another owner and other seats.
        await pass(slow ? dice.between(0, 1_500) : dice.between(0, 30));
        under[node] = false;
        return fetched;
      };
      const nodes = [0, 1].map(
        (node) =>
          new SeatReplicas({
            fetch: (_, since, deadline) => fetch(node, since, deadline),
            hallOf: async (_, laterPlans) => hallWith(laterPlans),
            readOnly: async () => {
              if (dice.chance(0.2)) throw new Error('the database is out of reach');
              return new PublishedSeats(sale.played.show);
            },
            clock: time.clock,
            timers: time.timers,
            log: log.log,
          }),
      );

      const readFrom = async (node: number): Promise<SeatMap | null> => {
        const notBefore = lastTold[node];
        const published = sale.seats.version;
        const map = await nodes[node].get(SHOW_ID, dice.chance(0.1) ? past : null);
        if ('code' in map) {
          expect(map.code).toBe('UNAVAILABLE');
          seen.refused++;
          return null;
        }
        expect(told(map)).toBe(sale.history[map.version]);
        expect(map.version).toBeGreaterThanOrEqual(notBefore);
        if (!map.stale) expect(map.version).toBeGreaterThanOrEqual(published);
        lastTold[node] = Math.max(lastTold[node], map.version);
        seen[map.stale ? 'stale' : 'fresh']++;
        return map;
      };

      const followers = Array.from({ length: 5 }, () => ({ version: 0, letters: [] as string[] }));
      /** Gets what changed since what it has, wherever it happens to be connected, as a page in a browser does. */
      const followWith = async (follower: (typeof followers)[number]): Promise<void> => {
        const from = dice.between(0, 2);
        const map = from === 2 ? sale.seats : await readFrom(from);
        if (map === null) return;
        const places = new Map(map.hall.seatIds.map((id) => [id, map.hall.documentOrder[map.hall.seatIndex(id)]]));
        const ofPlan = lettersOf(map).slice(0, map.hall.planSeats);
        if (tellsChangesSince(map, follower.version)) {
          const body = JSON.parse(changesBody(map, follower.version));
          for (const { id, status } of body.seats) follower.letters[places.get(id) as number] = status[0];
          seen.changes++;
        } else {
          follower.letters = [...ofPlan];
          seen.whole++;
        }
        follower.version = map.version;
        expect(follower.letters.join('')).toBe(ofPlan);
      };

      const all: Promise<unknown>[] = [];
      for (let step = 0; step < STEPS; step++) {
        const die = dice.roll();
        if (die < 0.3) {
          const held = live.length < 12 ? sale.tryHold(dice.between(1, 3)) : null;
          if (held !== null) live.push(held);
        } else if (die < 0.5 && live.length > 0) {
          // Often the newest: seats that change back soon are the easiest to miss.
          const [held] = live.splice(dice.chance(0.6) ? -1 : dice.between(0, live.length - 1), 1);
          sale.release(held);
        } else if (die < 0.515) {
          if (sale.replacePlan(dice.between(3, 6))) seen.plans++;
        } else if (die < 0.53) {
          past = sale.seats;
          sale.failOver();
        } else if (die < 0.8) {
          all.push(followWith(dice.one(followers)));
        } else {
          await time.advance(dice.chance(0.1) ? dice.between(500, 3_000) : dice.between(0, 60));
        }
      }
      await time.advance(20_000);
      await Promise.all(all);
      for (const [what, count] of Object.entries(seen)) if (what !== 'refused') expect(count, what).toBeGreaterThan(0);
    },
  );
});
