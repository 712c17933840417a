import { BoxOfficeClient } from './box-office-client.ts';
import { mintTokens, newJwtSecret } from './buyers.ts';
import { CONNECTIONS, WARM_UP_SECONDS } from './holds.ts';
import { runLoad } from './load-process.ts';
import type { RectangularHall } from './rectangular-hall.ts';
import { seatCount } from './rectangular-hall.ts';
import type { Report } from './report.ts';
import { withTemporaryDirectory } from './temporary-directory.ts';
import { startUsher } from './usher-process.ts';

/**
 * Tickets a second, the highest rate published for a national railway's ticket system: 12306 in 2015. Another machine
 * and another job; it is here as the order of magnitude that a real rush has reached.
 */
const RAILWAY_2015 = 1_032;

const HALL: RectangularHall = { name: 'Bench stadium', rows: 400, blocksPerRow: 8, seatsPerBlock: 25 };
/** More purchases a second than any machine gives here: bounds how many buyers are prepared. */
const MOST_PER_SECOND = 5_000;

/**
 * Whole purchases over HTTP on one show of 80,000 seats: hold the best seat, order, pay in the sandbox, fetch the ticket
 * until it is valid. Afterwards the server is killed and started again, and the seats sold are counted.
 */
export async function benchSale(report: Report, seconds: number): Promise<void> {
  const jwtSecret = newJwtSecret();
  const buyers = Math.min(MOST_PER_SECOND * (seconds + WARM_UP_SECONDS), seatCount(HALL));
  const tokens = await mintTokens(buyers, jwtSecret);
  report.say('sale / one hot show: usher …');
  await withTemporaryDirectory(async (dataDir) => {
    const first = await startUsher(dataDir, jwtSecret);
    let show: string;
    let seen: Awaited<ReturnType<typeof sell>>;
    try {
      const organiser = await BoxOfficeClient.signUp(first.port);
      [show] = await organiser.openShows(HALL, 1);
      seen = await sell(first.port, show, tokens, seconds);
    } finally {
      await first.kill();
    }
    if (seen.wrong > 0) throw new Error(`${seen.wrong} purchases failed, the first: ${seen.firstWrong}`);
    if (seen.exhausted) report.say(`all ${buyers} buyers were served in ${seen.seconds.toFixed(1)} s`);
    const second = await startUsher(dataDir, jwtSecret);
    try {
      const organiser = await BoxOfficeClient.signUp(second.port);
      const sold = await organiser.takenSeats(show);
      if (sold !== seen.ticketsInAll)
        throw new Error(`${seen.ticketsInAll} tickets were valid, but ${sold} seats are sold`);
    } finally {
      await second.stop();
    }
    const perSecond = seen.tickets / seen.seconds;
    report.add({
      bench: 'sale',
      load: 'one hot show',
      subject: 'usher',
      perSecond,
      unit: 'tickets/s',
      p50Ms: seen.p50Ms,
      p99Ms: seen.p99Ms,
      vs: { '12306-2015': perSecond / RAILWAY_2015 },
      targets: [{ text: `at least ${RAILWAY_2015} tickets/s`, met: perSecond >= RAILWAY_2015 }],
    });
  });
}

function sell(port: number, show: string, tokens: readonly string[], seconds: number) {
  return runLoad({
    kind: 'sale',
    port,
    show,
    tokens,
    connections: CONNECTIONS,
    warmUpSeconds: WARM_UP_SECONDS,
    seconds,
  });
}
