import { setTimeout as pause } from 'node:timers/promises';
import { expect, onTestFinished, test, vi } from 'vitest';
import { buyerToken, JWT_SECRET, laLaguna, openShows, signUpOrganiser, theatre } from '../support/box-office.ts';
import { buy } from '../support/buyer.ts';
import { Dice } from '../support/dice.ts';
import { freePort } from '../support/free-port.ts';
import { withDatabase } from '../support/prepared-database.ts';
import {
  askAgain,
  changedAnswers,
  knowledgeOf,
  lostThings,
  Outside,
  reusedKeys,
  seatsSoldTwice,
  unexpectedAnswers,
  wrongCounts,
} from '../support/sale-audit.ts';
import { answerOf, type History, outcomeOf } from '../support/sale-history.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { ORPHAN_LIMIT_MS, postgresServers, runUsher, startServer } from '../support/usher-process.ts';

const BUYERS = 220;
const THINK_MS = 300;
/** Kills of a server that was open; further ones come while it starts. */
const KILLS = 20;
const KILLS_IN_START = 4;
const OPEN_MS = { from: 100, to: 1_600 };
const START_MS = { from: 50, to: 1_500 };
/** Holds that were given before each kill, all in all: {@link LEAST} needs as many. */
const HOLDS_PER_ROUND = 25;
const ROUND_LIMIT_MS = 30_000;
/** How often the database is killed with the server, as when the machine goes down. */
const DATABASE_TOO = 0.25;
const TEST_LIMIT_MS = 240_000;
const AUDITORS = 48;
const REUSED_KEYS = 400;
const FAULTS_SHOWN = 10;

/** Less than this would be no test of what it says. */
const LEAST: Readonly<Record<string, number>> = {
  'hold 201': 500,
  'hold 409 SEATS_TAKEN': 20,
  'hold 409 HOLD_LIMIT': 10,
  'hold 409 BUYER_LIMIT': 10,
  'extend 200': 50,
  'release 204': 50,
  'order 201': 300,
  'cancel 200': 10,
  'confirm 200': 200,
  'confirm 402 CARD_DECLINED': 20,
  'confirm 402 CAPTURE_FAILED': 20,
  'ticket 200': 200,
  'learnt from a replay': 5,
  'kills that cut requests off': KILLS / 2,
};

test('killed time and again under load, the server loses nothing that it acknowledged and sells no seat twice', {
  timeout: TEST_LIMIT_MS,
}, async () => {
  const seed = Number(process.env.USHER_TEST_SEED ?? Date.now() % 1_000_000);
  process.stdout.write(`kill test: USHER_TEST_SEED=${seed}\n`);
  const dice = new Dice(seed);
  const port = await freePort();
  const dataDir = withDatabase(temporaryDirectory());
  const settings = {
    PORT: `${port}`,
    USHER_DATA_DIR: dataDir,
    JWT_SECRET,
    USHER_LOG_LEVEL: 'warn',
  };
  let server = startServer(settings);
  const servers = [server];
  await server.open;
  const organiser = await signUpOrganiser(port);
  const shows = await openShows(port, organiser, [laLaguna(), theatre(1_500, 600), theatre(20_000, 4_000)]);

  // --- the sale, and the kills ---------------------------------------------------------------------------------------
  const history: History = [];
  const faults: string[] = [];
  let isSelling = true;
  onTestFinished(() => {
    isSelling = false;
  });
  const setting = { ports: [port], shows, weights: [1, 2, 5], history, thinkMs: THINK_MS, goesOn: () => isSelling };
  const buyers = Array.from({ length: BUYERS }, (_, i) =>
    buy({ ...setting, dice: new Dice(seed + 1 + i) }).catch((error: Error) => faults.push(error.message)),
  );
  let killsInFlight = 0;
  for (let round = 0; round < KILLS + KILLS_IN_START && faults.length === 0; round++) {
    const inStart = round % 6 === 5;
    if (!inStart) {
      await server.open;
      expect(postgresServers(dataDir), `databases in round ${round}`).toHaveLength(1);
    }
    const { from, to } = inStart ? START_MS : OPEN_MS;
    await pause(dice.between(from, to));
    // A slow machine takes longer over it, or there would be little to lose.
    if (!inStart) {
      const wanted = (round + 1) * HOLDS_PER_ROUND;
      await vi.waitFor(() => expect(given(history)).toBeGreaterThanOrEqual(wanted), ROUND_LIMIT_MS);
    }
    const cutBefore = cutOff(history);
    const databases = postgresServers(dataDir);
    server.child.kill('SIGKILL');
    if (dice.chance(DATABASE_TOO)) for (const pid of databases) process.kill(pid, 'SIGKILL');
    expect(await server.ended).toEqual({ code: null, signal: 'SIGKILL' });
    if (dice.chance(0.5)) {
      await vi.waitFor(() => expect(postgresServers(dataDir), 'orphans').toEqual([]), ORPHAN_LIMIT_MS);
    }
    if (!inStart && cutOff(history) > cutBefore) killsInFlight++;
    server = startServer(settings);
    servers.push(server);
  }
  await server.open;
  isSelling = false;
  await Promise.all(buyers);
  expect(faults.slice(0, FAULTS_SHOWN)).toEqual([]);

  // --- what is left --------------------------------------------------------------------------------------------------
  const outside = new Outside(port, AUDITORS, (user) =>
    user === organiser.id ? Promise.resolve(organiser.token) : buyerToken(user),
  );
  onTestFinished(() => outside.close());
  const knowledge = knowledgeOf(history);
  const keyed = history.filter(({ key }) => key !== null);
  await askAgain(keyed, outside);
  const checks = {
    unexpectedAnswers: unexpectedAnswers(history),
    changedAnswers: changedAnswers(history),
    seatsSoldTwice: seatsSoldTwice(knowledge),
    reusedKeys: await reusedKeys(dice.some(keyed, REUSED_KEYS), outside),
    lostThings: await lostThings(knowledge, outside),
    wrongCounts: await wrongCounts(shows, knowledge, organiser, outside),
  };
  for (const [check, found] of Object.entries(checks)) {
    expect(found.slice(0, FAULTS_SHOWN), `${check}: ${found.length} faults`).toEqual([]);
  }

  const verified = await runUsher(['verify', '--json'], settings);
  expect(verified).toMatchObject({ code: 0, stderr: '' });
  expect(JSON.parse(verified.stdout)).toMatchObject({ shows: shows.length, soldTwice: 0, faults: [] });

  server.child.kill('SIGTERM');
  expect(await server.ended).toEqual({ code: 0, signal: null });
  expect(postgresServers(dataDir)).toEqual([]);
  expect(servers.flatMap((one) => one.errors()).slice(0, FAULTS_SHOWN)).toEqual([]);

  // --- was it a test? ------------------------------------------------------------------------------------------------
  const counts: Record<string, number> = { 'kills that cut requests off': killsInFlight, ...outcomes(history) };
  process.stdout.write(`kill test: ${JSON.stringify(counts)}\n`);
  for (const [what, least] of Object.entries(LEAST)) {
    expect(counts[what] ?? 0, what).toBeGreaterThanOrEqual(least);
  }
});

function given(history: History): number {
  return history.filter(({ kind, attempts }) => {
    const answer = attempts.at(-1)?.answer;
    return kind === 'hold' && answer !== undefined && answer !== null && outcomeOf(answer) === '201';
  }).length;
}

/** Requests that were on their way when their connection was lost. */
function cutOff(history: History): number {
  let cut = 0;
  for (const { attempts } of history) {
    for (const { answer, wasSent } of attempts) if (answer === null && wasSent) cut++;
  }
  return cut;
}

/** How often each operation met each outcome, and how often it was learnt only by asking again with the key. */
function outcomes(history: History): Record<string, number> {
  const counts: Record<string, number> = { 'learnt from a replay': 0 };
  for (const operation of history) {
    const answer = answerOf(operation);
    const name = `${operation.kind} ${outcomeOf(answer)}`;
    counts[name] = (counts[name] ?? 0) + 1;
    if (answer.replayed) counts['learnt from a replay']++;
  }
  return counts;
}
