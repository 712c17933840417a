import { createClient } from '@redis/client';
import { newId } from '../src/ids.ts';
import { startEmbeddedPostgres } from '../src/postgres/embedded-postgres.ts';
import { createLog } from '../src/system/log.ts';
import { systemRandom } from '../src/system/random.ts';
import { BoxOfficeClient } from './box-office-client.ts';
import { mintTokens, newJwtSecret } from './buyers.ts';
import { hotLoad, type Load, spreadLoad } from './demand.ts';
import type { HoldLoadReport } from './hold-load.ts';
import { runLoad } from './load-process.ts';
import { startPeer } from './peer-process.ts';
import type { PeerSetting } from './peers/hold-store.ts';
import { CATEGORY, CURRENCY, SEAT_PRICE, seatIds } from './rectangular-hall.ts';
import type { Report, Result, Target } from './report.ts';
import { withTemporaryDirectory } from './temporary-directory.ts';
import { startUsher } from './usher-process.ts';

export const CONNECTIONS = 500;
export const WARM_UP_SECONDS = 3;
const SEED = 2_015;
const REDIS_DEFAULT_URL = 'redis://127.0.0.1:6379';
const REDIS_CONNECT_LIMIT_MS = 1_000;

const CEILING = 'ceiling';
const POSTGRES_PEERS = ['postgres-update', 'postgres-for-update'];
const REDIS_PEER = 'redis-lua';
const USHER = 'usher';

/** What the product must reach in each load, as ratios of throughput. */
const CEILING_SHARE = 0.8;
const POSTGRES_FACTOR: Readonly<Record<Load['name'], number>> = { spread: 4, hot: 8 };

/** What every subject of one load is given. */
interface Trial {
  readonly load: Load;
  readonly seconds: number;
  readonly jwtSecret: string;
  readonly tokens: readonly string[];
}

/** Holds over HTTP: every subject under the same two loads, one after another. Rejects on any wrong answer or lost hold. */
export async function benchHolds(report: Report, seconds: number): Promise<void> {
  const redisUrl = await reachableRedis(report);
  const total = seconds + WARM_UP_SECONDS;
  for (const load of [spreadLoad(total), hotLoad(total)]) {
    const jwtSecret = newJwtSecret();
    const trial: Trial = { load, seconds, jwtSecret, tokens: await mintTokens(load.demandPerShow, jwtSecret) };
    const rates = new Map<string, number>();
    const measure = async (subject: string, run: () => Promise<HoldLoadReport>): Promise<void> => {
      report.say(`holds / ${load.name}: ${subject} …`);
      const seen = await run();
      if (seen.wrong > 0) throw new Error(`${subject} gave ${seen.wrong} wrong answers, the first: ${seen.firstWrong}`);
      if (seen.exhausted) report.say(`${subject} answered all the demand there was in ${seen.seconds.toFixed(1)} s`);
      report.add(resultOf(load, subject, seen, rates));
      rates.set(subject, seen.answered / seen.seconds);
    };
    await measure(CEILING, () => withPeer(CEILING, trial, {}));
    for (const peer of POSTGRES_PEERS) await measure(peer, () => withPostgresPeer(peer, trial));
    if (redisUrl !== null) await measure(REDIS_PEER, () => withPeer(REDIS_PEER, trial, { redisUrl }));
    await measure(USHER, () => withUsher(trial));
  }
}

function resultOf(load: Load, subject: string, seen: HoldLoadReport, rates: ReadonlyMap<string, number>): Result {
  const perSecond = seen.answered / seen.seconds;
  const vs = Object.fromEntries([...rates].map(([peer, rate]) => [peer, perSecond / rate]));
  return {
    bench: 'holds',
    load: load.name,
    subject,
    perSecond,
    p50Ms: seen.p50Ms,
    p99Ms: seen.p99Ms,
    holdsPerSecond: seen.holds / seen.seconds,
    vs,
    ...(subject === USHER ? { targets: targetsOf(load, vs) } : {}),
    outcomes: seen.outcomes,
  };
}

function targetsOf(load: Load, vs: Readonly<Record<string, number>>): Target[] {
  const factor = POSTGRES_FACTOR[load.name];
  const targets = [
    { text: `at least ${CEILING_SHARE} x ceiling`, met: vs[CEILING] >= CEILING_SHARE },
    { text: `at least ${factor} x the better Postgres peer`, met: POSTGRES_PEERS.every((peer) => vs[peer] >= factor) },
  ];
  if (REDIS_PEER in vs) targets.push({ text: `not behind ${REDIS_PEER}`, met: vs[REDIS_PEER] >= 1 });
  return targets;
}

// --- subjects --------------------------------------------------------------------------------------------------------

function drive(port: number, shows: readonly string[], trial: Trial): Promise<HoldLoadReport> {
  const { load, seconds, tokens } = trial;
  return runLoad({
    kind: 'holds',
    port,
    load,
    seed: SEED,
    shows,
    tokens,
    connections: CONNECTIONS,
    warmUpSeconds: WARM_UP_SECONDS,
    seconds,
  });
}

async function withPeer(
  name: string,
  trial: Trial,
  stores: Pick<PeerSetting, 'databaseUrl' | 'redisUrl'>,
): Promise<HoldLoadReport> {
  const { load, jwtSecret } = trial;
  const shows = Array.from({ length: load.shows }, () => newId('shw', systemRandom));
  const peer = await startPeer(name, {
    jwtSecret,
    shows,
    seats: seatIds(load.hall),
    category: CATEGORY,
    price: SEAT_PRICE,
    currency: CURRENCY,
    ...stores,
  });
  try {
    const seen = await drive(peer.port, shows, trial);
    const held = await peer.held();
    if (held !== null) compareHeld(name, seen, held);
    return seen;
  } finally {
    await peer.close();
  }
}

function withPostgresPeer(name: string, trial: Trial): Promise<HoldLoadReport> {
  return withTemporaryDirectory(async (dataDir) => {
    const postgres = await startEmbeddedPostgres({ dataDir, log: createLog('warn') });
    try {
      return await withPeer(name, trial, { databaseUrl: postgres.url });
    } finally {
      await postgres.stop();
    }
  });
}

/**
 * The product, as `npm start` runs it. After the load it is killed with SIGKILL and started again on its data: the
 * seats of every 201 must still be held, and no others.
 */
function withUsher(trial: Trial): Promise<HoldLoadReport> {
  return withTemporaryDirectory(async (dataDir) => {
    const first = await startUsher(dataDir, trial.jwtSecret);
    let shows: readonly string[];
    let seen: HoldLoadReport;
    try {
      const organiser = await BoxOfficeClient.signUp(first.port);
      shows = await organiser.openShows(trial.load.hall, trial.load.shows);
      seen = await drive(first.port, shows, trial);
    } finally {
      await first.kill();
    }
    const second = await startUsher(dataDir, trial.jwtSecret);
    try {
      const organiser = await BoxOfficeClient.signUp(second.port);
      const held: number[] = [];
      for (const show of shows) held.push(await organiser.takenSeats(show));
      compareHeld(USHER, seen, held);
    } finally {
      await second.stop();
    }
    return seen;
  });
}

/** What was answered with 201 must be what the store holds. */
function compareHeld(subject: string, seen: HoldLoadReport, held: readonly number[]): void {
  seen.seatsHeld.forEach((seats, show) => {
    if (held[show] === seats) return;
    throw new Error(`${subject} answered holds of ${seats} seats in show ${show + 1}, but ${held[show]} are held`);
  });
}

/** The address of a Redis that answers, or `null`. */
async function reachableRedis(report: Report): Promise<string | null> {
  const url = process.env.REDIS_URL ?? REDIS_DEFAULT_URL;
  const client = createClient({ url, socket: { connectTimeout: REDIS_CONNECT_LIMIT_MS, reconnectStrategy: false } });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.ping();
    return url;
  } catch {
    report.say(`No Redis answers at ${url}: ${REDIS_PEER} is left out. Set REDIS_URL to have it measured.`);
    return null;
  } finally {
    client.destroy();
  }
}
