import { newId } from '../src/ids.ts';
import { startEmbeddedPostgres } from '../src/postgres/embedded-postgres.ts';
import { systemClock } from '../src/system/clock.ts';
import { createLog } from '../src/system/log.ts';
import { systemRandom } from '../src/system/random.ts';
import { BoxOfficeClient } from './box-office-client.ts';
import { mintTokens, newJwtSecret } from './buyers.ts';
import { admissionsPerSecond } from './core/admissions.ts';
import { stadium } from './core/stadium.ts';
import type { DoorLoadReport } from './door-load.ts';
import { WARM_UP_SECONDS } from './holds.ts';
import { KeepAliveConnection } from './keep-alive-connection.ts';
import { runLoad } from './load-process.ts';
import { startPeer } from './peer-process.ts';
import { CATEGORY, CURRENCY, type RectangularHall, seatCount } from './rectangular-hall.ts';
import type { Report } from './report.ts';
import { holdAndOrder } from './sale-load.ts';
import { withTemporaryDirectory } from './temporary-directory.ts';
import { newTicketCodes } from './ticket-codes.ts';
import { startUsher } from './usher-process.ts';

const HALL: RectangularHall = { name: 'Bench arena', rows: 200, blocksPerRow: 8, seatsPerBlock: 25 };
/** More admissions a second than any machine gives here: bounds how many tickets are prepared. */
const MOST_PER_SECOND = 5_000;
const PER_ORDER = 10;
const BUYERS_AT_ONCE = 32;
/** Gates of a very large house, all busy. */
const GATES = 100;

const PEER = 'postgres-admissions';
const USHER = 'usher';

interface Trial {
  readonly seconds: number;
  readonly jwtSecret: string;
  /** Tickets that are prepared. */
  readonly tickets: number;
}

/**
 * Admissions on one show: in the core alone, and over HTTP at a hundred gates, where a peer updates a row of a table for each.
 * Afterwards those who were let in are counted in the table and, after a SIGKILL, in the product's ledger.
 */
export async function benchDoors(report: Report, seconds: number): Promise<void> {
  report.say('doors: the core …');
  const core = admissionsPerSecond(stadium());
  report.add({ bench: 'doors', load: 'in the core', subject: USHER, perSecond: core, vs: {} });

  const tickets = Math.min(MOST_PER_SECOND * (seconds + WARM_UP_SECONDS), seatCount(HALL));
  const trial: Trial = { seconds, jwtSecret: newJwtSecret(), tickets };
  report.say(`doors / one show over HTTP: ${PEER} …`);
  const peer = await withPeer(trial);
  add(report, PEER, peer, {});
  report.say(`doors / one show over HTTP: ${USHER} …`);
  const usher = await withUsher(report, trial);
  add(report, USHER, usher, { [PEER]: usher.admitted / usher.seconds / (peer.admitted / peer.seconds) });
}

function add(report: Report, subject: string, seen: DoorLoadReport, vs: Readonly<Record<string, number>>): void {
  if (seen.exhausted) report.say(`all who had tickets are in; the last ${seen.seconds.toFixed(1)} s were measured`);
  const { p50Ms, p99Ms } = seen;
  const perSecond = seen.admitted / seen.seconds;
  report.add({ bench: 'doors', load: 'one show over HTTP', subject, perSecond, p50Ms, p99Ms, vs });
}

async function comeIn(
  port: number,
  show: string,
  token: string,
  codes: readonly string[],
  seconds: number,
): Promise<DoorLoadReport> {
  const load = { kind: 'doors', port, show, token, codes, connections: GATES } as const;
  const seen = await runLoad({ ...load, warmUpSeconds: Math.min(WARM_UP_SECONDS, seconds), seconds });
  if (seen.wrong > 0) throw new Error(`${seen.wrong} guests were not let in, the first: ${seen.firstWrong}`);
  return seen;
}

function compare(subject: string, seen: DoorLoadReport, admitted: number): void {
  if (admitted !== seen.admittedInAll)
    throw new Error(`${subject} let ${seen.admittedInAll} in, and knows of ${admitted}`);
}

function withPeer({ jwtSecret, seconds, tickets }: Trial): Promise<DoorLoadReport> {
  return withTemporaryDirectory(async (dataDir) => {
    const postgres = await startEmbeddedPostgres({ dataDir, log: createLog('warn') });
    try {
      const show = newId('shw', systemRandom);
      const { codes, publicKey } = newTicketCodes(show, systemClock().now(), tickets);
      const common = { jwtSecret, shows: [show], seats: [], category: CATEGORY, price: 0, currency: CURRENCY };
      const peer = await startPeer(PEER, { ...common, databaseUrl: postgres.url, tickets, ticketKey: publicKey });
      try {
        const [token] = await mintTokens(1, jwtSecret, 'organiser');
        const seen = await comeIn(peer.port, show, token, codes, seconds);
        compare(PEER, seen, (await peer.held())?.[0] ?? 0);
        return seen;
      } finally {
        await peer.close();
      }
    } finally {
      await postgres.stop();
    }
  });
}

function withUsher(report: Report, { jwtSecret, seconds, tickets }: Trial): Promise<DoorLoadReport> {
  return withTemporaryDirectory(async (dataDir) => {
    const first = await startUsher(dataDir, jwtSecret);
    let organiser: BoxOfficeClient;
    let show: string;
    let seen: DoorLoadReport;
    try {
      organiser = await BoxOfficeClient.signUp(first.port);
      [show] = await organiser.openShows(HALL, 1, 0);
      report.say(`doors: ${tickets} tickets are given away …`);
      await giveAway(first.port, show, await mintTokens(tickets / PER_ORDER, jwtSecret));
      const codes = await organiser.ticketCodes(show, tickets);
      if (codes.length !== tickets) throw new Error(`${codes.length} tickets of ${tickets} have a code`);
      seen = await comeIn(first.port, show, organiser.token, codes, seconds);
    } finally {
      await first.kill();
    }
    const second = await startUsher(dataDir, jwtSecret);
    try {
      compare(USHER, seen, await organiser.at(second.port).admitted(show));
    } finally {
      await second.stop();
    }
    return seen;
  });
}

/** Free tickets, ten an order. */
async function giveAway(port: number, show: string, tokens: readonly string[]): Promise<void> {
  const left = tokens.entries();
  const buyer = async (): Promise<void> => {
    const connection = await KeepAliveConnection.open(port);
    for (const [i, token] of left) await holdAndOrder(connection, show, token, `doors-${i}-`, PER_ORDER);
    connection.close();
  };
  await Promise.all(Array.from({ length: BUYERS_AT_ONCE }, buyer));
}
