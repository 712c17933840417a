import type { BestRequest } from '../src/allocator/commands.ts';
import { type RectangularHall, seatCount, seatId } from './rectangular-hall.ts';
import { seededRandom } from './seeded-random.ts';

/** The body of one hold request. */
export type HoldBody = { readonly seats: readonly string[] } | { readonly best: BestRequest };

/**
 * A load on hold requests.
 *
 * - `spread`: many shows at once, request i goes to show i modulo their number.
 * - `hot`: one show at a time; when a show's demand is spent, it all goes to the next show.
 */
type LoadName = 'spread' | 'hot';

export interface Load {
  readonly name: LoadName;
  readonly hall: RectangularHall;
  /** Requests that each show receives, in order, one buyer each. Every show receives the same. */
  readonly demandPerShow: number;
  readonly shows: number;
}

/** More answers per second than any subject gives here: bounds how much demand is prepared. */
const MOST_PER_SECOND = 40_000;
const SPREAD_SHOWS = 20;
/** With this much demand nearly nine seats in ten are sold, and of the last quarter of the picks nine in ten are refused. */
const HOT_DEMAND = 8_000;
const HOT_SHOWS_AT_MOST = 200;

/** 20 shows of 50,000 seats. */
export function spreadLoad(seconds: number): Load {
  const hall = { name: 'Bench hall of 50,000', rows: 250, blocksPerRow: 8, seatsPerBlock: 25 };
  const demandPerShow = Math.min(Math.ceil((MOST_PER_SECOND * seconds) / SPREAD_SHOWS), seatCount(hall));
  return { name: 'spread', hall, demandPerShow, shows: SPREAD_SHOWS };
}

/** Shows of 20,000 seats, one after another. */
export function hotLoad(seconds: number): Load {
  const hall = { name: 'Bench hall of 20,000', rows: 100, blocksPerRow: 8, seatsPerBlock: 25 };
  const shows = Math.min(Math.ceil((MOST_PER_SECOND * seconds) / HOT_DEMAND) + 1, HOT_SHOWS_AT_MOST);
  return { name: 'hot', hall, demandPerShow: HOT_DEMAND, shows };
}

/** The requests of one show in order: a pure function of load and seed. */
export function demandOfShow(load: Load, seed: number): HoldBody[] {
  return load.name === 'spread' ? spreadDemand(load, seed) : hotDemand(load, seed);
}

/**
 * Single seats, none twice. Blocks are visited in a shuffled order, again and again, each time taking the next seat
 * from the left: neighbours are asked thousands of requests apart, and nobody's choice ever strands a single seat.
 */
function spreadDemand({ hall, demandPerShow }: Load, seed: number): HoldBody[] {
  const random = seededRandom(seed);
  const blocks = Array.from({ length: hall.rows * hall.blocksPerRow }, (_, block) => block);
  for (let i = blocks.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [blocks[i], blocks[j]] = [blocks[j], blocks[i]];
  }
  return Array.from({ length: demandPerShow }, (_, i) => {
    const block = blocks[i % blocks.length];
    const place = Math.floor(i / blocks.length);
    return { seats: [seatId(Math.floor(block / hall.blocksPerRow), block % hall.blocksPerRow, place)] };
  });
}

/**
 * Parties of one to six, each size as likely. Half ask for the best available; half pick neighbouring seats in a
 * block drawn with a density that falls as distance from the front to the power −2/3 (the first 1 % of the blocks
 * get about 21 % of the picks, the front half 79 %).
 */
function hotDemand({ hall, demandPerShow }: Load, seed: number): HoldBody[] {
  const random = seededRandom(seed);
  const blocks = hall.rows * hall.blocksPerRow;
  return Array.from({ length: demandPerShow }, () => {
    const quantity = 1 + Math.floor(random() * 6);
    if (random() < 0.5) return { best: { quantity } };
    const block = Math.floor(blocks * random() ** 3);
    const first = Math.floor(random() * (hall.seatsPerBlock - quantity + 1));
    const row = Math.floor(block / hall.blocksPerRow);
    const seats = Array.from({ length: quantity }, (_, i) => seatId(row, block % hall.blocksPerRow, first + i));
    return { seats };
  });
}
