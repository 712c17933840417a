import { HOLD_GRACE_MS, PAYMENT_WINDOW_MS } from '../../src/allocator/show.ts';
import { FORMAT } from '../../src/formats.ts';
import { Dice } from '../support/dice.ts';
import { CALM_DATABASE, type DatabaseWeather } from './database-wire.ts';
import { BANK_MS, CALM_PROVIDER, METHODS, type Method, type ProviderWeather } from './money.ts';
import { CALM_NETWORK, type NetworkWeather } from './network.ts';
import { FAULTS, type FaultKind } from './schedule.ts';

/** What buyers like to do, each the chance that one does it when it could. */
export interface Habits {
  /** Picks seats instead of asking for the best. */
  readonly picks: number;
  /** Places of the standing area instead of seats. */
  readonly area: number;
  readonly extends: number;
  readonly releases: number;
  /** Leaves a hold or an order to itself. */
  readonly abandons: number;
  readonly cancels: number;
  /** Sends again what was answered already. */
  readonly repeats: number;
  readonly methods: readonly Method[];
  /** The organiser pays tickets back, a bank claims money back, the show is called off: a purchase. */
  readonly refunds: number;
  readonly disputes: number;
  readonly cancelsShow: number;
  readonly looks: number;
}

/** What buyers do besides, each a chance; see `whims.ts`. */
export interface Whims {
  /** After a visit repeats something that was answered long ago, or uses its key for something else. */
  readonly repeatsLate: number;
  readonly reusesKeys: number;
  /** After a visit tries something of another buyer's. */
  readonly pries: number;
  /** Extends once more a hold that it has extended. */
  readonly clings: number;
  /** The organiser refunds once more an order that was refunded. */
  readonly refundsAgain: number;
  /** Looks at the seats once more. */
  readonly stares: number;
  /** Gives a ticket away or lists it, looks at what it is given, or wants what others list; see `ticket-mover.ts`. */
  readonly moves: number;
}

/** All that a seed draws: how large the world is, how it fares, and what may strike it. */
export interface Options {
  readonly seed: number;
  readonly nodes: number;
  /** The form of rows and letters that each node reads at first; restarted ones read the newest. */
  readonly formats: readonly number[];
  readonly shows: number;
  readonly rows: number;
  readonly buyers: number;
  /** What one buyer does before it stops: purchases or attempts. */
  readonly visits: number;
  /** Pause between two requests of a buyer, ms. */
  readonly thinkMs: number;
  readonly holdSeconds: number;
  readonly perHold: number;
  readonly perBuyer: number;
  readonly habits: Habits;
  readonly whims: Whims;
  /** The chance that a guest comes with a ticket; 0: the doors never open. */
  readonly doors: number;
  /** So many changes of the stock does the organiser make. */
  readonly restocks: number;
  /** So often does the organiser move the times of sale. */
  readonly reschedules: number;
  /** So often does the organiser replace the plan of a show. */
  readonly replans: number;
  /** Far more ask at once than may wait. */
  readonly isFlooded: boolean;
  /** A node crashes once no buyer asks for anything any more: what is under way is left to whoever takes it over. */
  readonly crashesLast: boolean;
  /** Some pay when their time is almost over; ms from the opening until that is so, and faults begin only then. 0: nobody does. */
  readonly lateMs: number;
  /** Buyers come within so long from the beginning, ms. */
  readonly comeMs: number;
  /** The sale opens by itself so long after the first of them may come, ms. */
  readonly opensAfterMs: number;
  /** From a delayed payment to the bank's decision, ms at most. */
  readonly bankMs: number;
  /** How long faults strike, ms. */
  readonly dangerMs: number;
  readonly faults: readonly FaultKind[];
  /** Between two faults on average, ms. */
  readonly faultEveryMs: number;
  readonly network: NetworkWeather;
  readonly database: DatabaseWeather;
  readonly provider: ProviderWeather;
  /** The money goes through the product's adapter to Stripe, and the stand-in for it; else through a plainer provider. */
  readonly isStripe: boolean;
  /** Clocks are wrong by up to so much, and run wrong by up to so much. */
  readonly clockAheadMs: number;
  readonly drift: number;
}

/** In so many worlds money goes the whole way to Stripe. */
const STRIPES = 0.3;

/**
 * `rush`: with crowds. `brief`: small worlds that are soon over and struck often, of which many can be played. `late`: some
 * pay late. `severed`: nodes lose the database, often for longer than a lease, while buyers stare at the seats. `long`: one
 * node for a day or more, on which little happens for hours.
 */
export type WorldKind = 'any' | 'rush' | 'brief' | 'late' | 'severed' | 'long';

const USUAL: Pick<Options, 'comeMs' | 'opensAfterMs' | 'bankMs'> = { comeMs: 3_000, opensAfterMs: 0, bankMs: BANK_MS };

/** Among so many brief worlds one is long, by its seed: so they see days without taking much of the time. */
const LONG_AMONG_BRIEF = 500;

/** Of which kind a seed's world is where these are asked for. */
export function kindOf(seed: number, asked: WorldKind): WorldKind {
  return asked === 'brief' && seed % LONG_AMONG_BRIEF === LONG_AMONG_BRIEF - 1 ? 'long' : asked;
}

const HOUR_MS = 3_600_000;
/** What can strike where there is one node. */
const FAULTS_ALONE = [
  'crash',
  'pause',
  'link lost',
  'database cut off',
  'database deaf',
  'database mute',
  'database restarted',
  'database frozen',
  'provider away',
  'clock stepped',
  'stop in order',
] as const satisfies readonly FaultKind[];
/** What befalls single statements is so much rarer, for there are so many more of them. */
const THINNED = 50;

/** Drawn apart, as `besides` is. */
function longWorld(seed: number, database: DatabaseWeather): Partial<Options> {
  const dice = new Dice(Math.imul(seed, 0x3c6ef372) ^ 0x10e6);
  const dangerMs = dice.between(20, 30) * HOUR_MS;
  const thin = (chance: number): number => chance / THINNED;
  return {
    nodes: 1,
    formats: [FORMAT.newest],
    buyers: dice.between(8, 16),
    visits: dice.between(3, 6),
    // Some think for longer than a hold lasts.
    thinkMs: dice.one([60_000, 300_000, 900_000]),
    comeMs: 0.9 * dangerMs,
    opensAfterMs: dice.chance(0.5) ? dice.roll() * 14 * HOUR_MS : 0,
    bankMs: dice.one([2, 24, 7 * 24]) * HOUR_MS,
    isFlooded: false,
    lateMs: 0,
    dangerMs,
    faults: FAULTS_ALONE.filter(() => dice.chance(0.7)),
    faultEveryMs: dangerMs / dice.between(5, 40),
    database: {
      ...database,
      lost: thin(database.lost),
      ambiguous: thin(database.ambiguous),
      hung: thin(database.hung),
      late: thin(database.late),
      stalled: thin(database.stalled),
    },
    // Within days a clock that runs wrong would be further off than is assumed of it.
    drift: 0,
  };
}

const SEVERED: Pick<Options, 'faults' | 'faultEveryMs'> = {
  faults: ['database cut off', 'database deaf', 'database mute'],
  faultEveryMs: 2_000,
};
const STARING = 0.9;

/** So many worlds see a rush of buyers; the others have time for the rest of a sale. */
const RUSHES = 0.008;

const FLOODED = 0.03;
const FLOODED_BRIEF = 0.06;
const CRASHES_LAST = 0.2;
/** In so many worlds guests come to the doors. */
const DOORS = 0.35;
const RESTOCKS = 0.35;
const RESTOCKS_MAX = 8;
const RESCHEDULES = 0.25;
const RESCHEDULES_MAX = 5;
const REPLANS = 0.2;
const REPLANS_MAX = 4;
const LATE = 0.02;
/** From the opening until the orders of its first seconds have almost run out. */
const ALMOST_LATE_MS = PAYMENT_WINDOW_MS + HOLD_GRACE_MS - 1_000;

/** Drawn apart, so that it changes nothing of what else a seed draws. */
function besides(
  seed: number,
  kind: WorldKind,
): Pick<Options, 'whims' | 'restocks' | 'reschedules' | 'replans' | 'isFlooded' | 'crashesLast' | 'lateMs' | 'doors'> {
  const dice = new Dice(Math.imul(seed, 0x7feb352d) ^ 0xb51d);
  const maybe = (most: number): number => (dice.chance(0.4) ? dice.roll() * most : 0);
  const drawn = {
    whims: {
      repeatsLate: maybe(0.8),
      reusesKeys: maybe(0.3),
      pries: maybe(0.6),
      clings: maybe(0.8),
      refundsAgain: maybe(0.8),
      stares: kind === 'severed' ? STARING : maybe(0.85),
    },
    crashesLast: dice.chance(CRASHES_LAST),
    isFlooded: dice.chance(kind === 'brief' ? FLOODED_BRIEF : FLOODED),
    lateMs: (dice.chance(LATE) && kind !== 'brief') || kind === 'late' ? ALMOST_LATE_MS : 0,
    doors: kind !== 'late' && dice.chance(DOORS) ? 0.3 + 0.7 * dice.roll() : 0,
    restocks: dice.chance(RESTOCKS) ? dice.between(1, RESTOCKS_MAX) : 0,
  };
  // Drawn last, for the same reason.
  const whims = { ...drawn.whims, moves: maybe(0.9) };
  const reschedules = dice.chance(RESCHEDULES) ? dice.between(1, RESCHEDULES_MAX) : 0;
  return { ...drawn, whims, reschedules, replans: dice.chance(REPLANS) ? dice.between(1, REPLANS_MAX) : 0 };
}

/** Every world is of another kind: each thing that can go wrong is left out of half of them, so that none hides another. */
export function drawOptions(seed: number, kind: WorldKind = 'any'): Options {
  const dice = new Dice(Math.imul(seed, 0x9e3779b1) ^ 0x0917);
  const maybe = (most: number, chance = 0.4): number => (dice.chance(chance) ? dice.roll() * most : 0);
  const isRush = dice.chance(RUSHES) ? kind !== 'brief' : kind === 'rush';
  const isBrief = kind === 'brief';
  // Where orders are left to themselves most of the time nothing happens, on as few nodes as will do.
  const abandons = !isBrief && dice.chance(0.22) ? dice.roll() * 0.3 : 0;
  const isSmall = isBrief || abandons > 0;
  const nodes = abandons > 0 ? 2 : dice.one([2, 2, 3, 3, 4]);
  const isUpgrade = dice.chance(0.2);
  const formats = Array.from({ length: nodes }, () =>
    isUpgrade ? dice.between(FORMAT.oldest, FORMAT.newest) : FORMAT.newest,
  );
  const network: NetworkWeather = dice.chance(0.3)
    ? CALM_NETWORK
    : {
        latencyMs: [0.2, dice.one([1, 5, 30])],
        drop: maybe(0.05),
        duplicate: maybe(0.05),
        reorder: maybe(0.2),
        reorderMs: dice.one([5, 100, 2_000]),
      };
  const database: DatabaseWeather = dice.chance(0.3)
    ? CALM_DATABASE
    : {
        latencyMs: [0.1, dice.one([0.5, 3, 10])],
        commitMs: [0.5, dice.one([3, 10, 40])],
        lost: maybe(0.02),
        ambiguous: maybe(0.03),
        hung: maybe(0.004),
        late: maybe(0.01),
        lateMs: dice.one([500, 3_000, 10_000]),
        stalled: maybe(0.01),
        torn: maybe(0.5, 0.3),
      };
  const provider: ProviderWeather = dice.chance(0.3)
    ? CALM_PROVIDER
    : {
        latencyMs: [5, dice.one([50, 500, 3_000])],
        lost: maybe(0.03),
        ambiguous: maybe(0.1),
        error: maybe(0.1),
        busy: maybe(0.2),
        slow: maybe(0.1),
        slowMs: dice.one([1_000, 10_000, 40_000]),
        hintLost: maybe(0.8),
        hintTwice: maybe(0.4),
        hintLateMs: dice.one([100, 5_000, 60_000]),
      };
  return {
    seed,
    nodes,
    formats,
    shows: dice.between(1, 3),
    rows: isRush ? dice.between(20, 40) : dice.between(2, 6),
    buyers: isRush ? dice.between(150, 300) : dice.between(4, isSmall ? 10 : 20),
    visits: isRush ? dice.between(20, 60) : isBrief ? dice.between(1, 2) : dice.between(2, isSmall ? 4 : 7),
    thinkMs: dice.one(isRush ? [1, 5, 20] : [50, 200, isBrief ? 500 : 2_000]),
    holdSeconds: dice.one([15, 60, 600]),
    perHold: dice.between(2, 10),
    perBuyer: dice.between(4, 30),
    habits: {
      picks: dice.roll(),
      area: dice.roll() * 0.4,
      extends: maybe(0.4),
      // In a rush most let go again what they hold, so that there is always something to be had.
      releases: isRush ? 0.8 + dice.roll() * 0.2 : maybe(0.5),
      abandons,
      cancels: maybe(0.4),
      repeats: maybe(0.5),
      methods: ['good', 'good', ...dice.some(METHODS, dice.between(0, 4))],
      refunds: maybe(0.4),
      disputes: maybe(0.1, 0.2),
      cancelsShow: dice.chance(0.08) ? 0.02 : 0,
      looks: maybe(0.5),
    },
    ...besides(seed, kind),
    ...USUAL,
    dangerMs: (isBrief ? dice.between(3, 10) : dice.between(8, 30)) * 1_000,
    faults: FAULTS.filter(() => dice.chance(0.5)),
    faultEveryMs: dice.one(isBrief ? [150, 500, 1_500] : [500, 2_000, 6_000]),
    network,
    database,
    provider,
    isStripe: dice.chance(STRIPES),
    clockAheadMs: maybe(25_000),
    drift: maybe(0.01),
    ...(kind === 'severed' ? SEVERED : {}),
    ...(kind === 'long' ? longWorld(seed, database) : {}),
  };
}
