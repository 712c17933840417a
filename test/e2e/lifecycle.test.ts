import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/postgres/embedded-postgres.ts';
import {
  buyerToken,
  JWT_SECRET,
  laLaguna,
  newBuyer,
  openShows,
  type ShowOnSale,
  signUpOrganiser,
} from '../support/box-office.ts';
import { buy } from '../support/buyer.ts';
import { capturedLog } from '../support/captured-log.ts';
import { Dice } from '../support/dice.ts';
import { fakePostgres } from '../support/fake-postgres.ts';
import { freePort } from '../support/free-port.ts';
import { type HttpAnswer, HttpClient } from '../support/http-client.ts';
import { withDatabase } from '../support/prepared-database.ts';
import { changedAnswers, knowledgeOf, lostThings, Outside, wrongCounts } from '../support/sale-audit.ts';
import { type History, isDefinite } from '../support/sale-history.ts';
import { temporaryDirectory, temporaryDirectoryForFile } from '../support/temporary-directory.ts';
import { postgresServers, runUsher, type ServerProcess, type Settings, startServer } from '../support/usher-process.ts';

const { log } = capturedLog();

/** The settings of one node: on `databaseUrl`, else on embedded Postgres in a directory of its own. */
async function nodeSettings(databaseUrl?: string): Promise<Settings & { PORT: string; USHER_DATA_DIR: string }> {
  return {
    PORT: `${await freePort()}`,
    USHER_DATA_DIR: databaseUrl === undefined ? withDatabase(temporaryDirectory()) : temporaryDirectory(),
    JWT_SECRET,
    USHER_LOG_LEVEL: 'info',
    ...(databaseUrl === undefined ? {} : { DATABASE_URL: databaseUrl }),
  };
}

async function query(url: string, text: string, values: unknown[] = []): Promise<pg.QueryResultRow[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(text, values)).rows;
  } finally {
    await client.end();
  }
}

async function get(settings: { PORT: string }, path: string): Promise<HttpAnswer> {
  const client = new HttpClient(Number(settings.PORT));
  try {
    return await client.send({ method: 'GET', path });
  } finally {
    client.close();
  }
}

/** Puts a show on sale and lets some buyers buy until there are `purchases` operations. */
async function sell(settings: { PORT: string }, operations: number): Promise<ShowOnSale> {
  const port = Number(settings.PORT);
  const shows = await openShows(port, await signUpOrganiser(port), [laLaguna()]);
  const history: History = [];
  const goesOn = () => history.length < operations;
  await Promise.all(
    [1, 2, 3, 4, 5].map((seed) =>
      buy({ ports: [port], shows, weights: [1], dice: new Dice(seed), history, thinkMs: 0, goesOn }),
    ),
  );
  return shows[0];
}

/** The seats and areas of a show as the public sees them, without the time. */
async function seatsOf(settings: { PORT: string }, show: ShowOnSale): Promise<unknown> {
  const { status, body } = await get(settings, `/v1/shows/${show.id}/seats?form=compact`);
  expect(status).toBe(200);
  const { seats, areas } = body as Record<string, unknown>;
  return { seats, areas };
}

/** Well below what a service manager waits before it kills. */
const STOP_LIMIT_MS = 10_000;

async function stopped(server: ServerProcess): Promise<void> {
  const asked = performance.now();
  server.child.kill('SIGTERM');
  expect(await server.ended).toEqual({ code: 0, signal: null });
  expect(performance.now() - asked).toBeLessThan(STOP_LIMIT_MS);
}

/** Starts a server that must refuse to; returns what it told the operator. */
async function refusal(settings: Settings): Promise<string> {
  const server = startServer(settings);
  expect(await server.ended).toEqual({ code: 1, signal: null });
  expect(server.stdout()).toBe('');
  expect(server.stderr()).not.toContain('    at ');
  return server.stderr();
}

describe('a stop by SIGTERM', () => {
  test('answers what is in flight, keeps snapshots, leaves no process, and the next start goes on from the snapshots', async () => {
    const settings = await nodeSettings();
    const server = startServer(settings);
    await server.open;
    const show = await sell(settings, 400);

    // Log-ins take a while each and wait for one another, so that some are in flight whenever the signal comes.
    const clients = Array.from({ length: 20 }, () => new HttpClient(Number(settings.PORT)));
    onTestFinished(() => {
      for (const client of clients) client.close();
    });
    const body = { email: 'nobody@usher.example', password: 'wrong wrong wrong' };
    let signalled = false;
    let answeredAfter = 0;
    const logIns = clients.map(async (client) => {
      const answer = await client.send({ method: 'POST', path: '/v1/sessions', body });
      if (signalled) answeredAfter++;
      return answer.status;
    });
    await Promise.race(logIns);
    signalled = true;
    await stopped(server);
    expect(new Set(await Promise.all(logIns))).toEqual(new Set([401]));
    expect(answeredAfter).toBeGreaterThan(0);
    await expect(get(settings, '/livez')).rejects.toThrow('ECONNREFUSED');
    expect(server.errors()).toEqual([]);
    expect(postgresServers(settings.USHER_DATA_DIR)).toEqual([]);

    const verified = await runUsher(['verify'], settings);
    expect(verified).toMatchObject({ code: 0, stderr: '' });
    expect(verified.stdout).toContain('0 seats sold twice');
    expect(verified.stdout).toContain('No faults.');

    const second = startServer(settings);
    await second.open;
    const before = await seatsOf(settings, show);
    await stopped(second);
    // With the rows before it gone, a show can only come from its snapshot.
    const database = await startEmbeddedPostgres({ dataDir: settings.USHER_DATA_DIR, log });
    onTestFinished(() => database.stop());
    expect(
      await query(
        database.url,
        'select max(j.seq) - s.seq as behind from journal j join snapshot s using (show_id) group by s.seq',
      ),
    ).toEqual([{ behind: 0 }]);
    await query(database.url, 'delete from journal j using snapshot s where s.show_id = j.show_id and j.seq < s.seq');
    await database.stop();
    const third = startServer(settings);
    await third.open;
    expect(await seatsOf(settings, show)).toEqual(before);
    await stopped(third);
  });

  test('under load answers, or tells when to come again; nobody loses what they were told', async () => {
    const settings = await nodeSettings();
    const port = Number(settings.PORT);
    const server = startServer(settings);
    await server.open;
    const organiser = await signUpOrganiser(port);
    const shows = await openShows(port, organiser, [laLaguna()]);
    const history: History = [];
    let isSelling = true;
    onTestFinished(() => {
      isSelling = false;
    });
    const goesOn = () => isSelling;
    const buyers = Array.from({ length: 40 }, (_, seed) =>
      buy({ ports: [port], shows, weights: [1], dice: new Dice(seed), history, thinkMs: 20, goesOn }),
    );
    await pause(700);
    await stopped(server);
    expect(server.errors()).toEqual([]);
    const next = startServer(settings);
    await next.open;
    isSelling = false;
    await Promise.all(buyers);
    // What was answered while the node stopped was an answer, or told when to come again.
    const refusals = history
      .flatMap(({ attempts }) => attempts.flatMap(({ answer }) => answer ?? []))
      .filter((answer) => !isDefinite(answer))
      .map(({ status, body }) => `${status} ${(body as { code: string }).code}`);
    expect(new Set(refusals).difference(new Set(['503 UNAVAILABLE']))).toEqual(new Set());
    const outside = new Outside(port, 8, (user) =>
      user === organiser.id ? Promise.resolve(organiser.token) : buyerToken(user),
    );
    onTestFinished(() => outside.close());
    const knowledge = knowledgeOf(history);
    expect(changedAnswers(history)).toEqual([]);
    expect(await lostThings(knowledge, outside)).toEqual([]);
    expect(await wrongCounts(shows, knowledge, organiser, outside)).toEqual([]);
    await stopped(next);
  });

  test('during the start ends it without a trace, whenever it comes', async () => {
    const settings = await nodeSettings();
    for (const ms of [100, 300, 600, 900, 1_300]) {
      const server = startServer(settings);
      await pause(ms);
      server.child.kill('SIGTERM');
      const { code, signal } = await server.ended;
      // Before the program has begun, the kernel ends it.
      expect(signal === null ? code : signal, `after ${ms} ms: ${server.stderr()}`).toBeOneOf([0, 'SIGTERM']);
      expect(server.errors()).toEqual([]);
      await vi.waitFor(() => expect(postgresServers(settings.USHER_DATA_DIR)).toEqual([]), 15_000);
    }
    const server = startServer(settings);
    await server.open;
    await stopped(server);
  });
});

describe('a start that cannot be', () => {
  let postgres: EmbeddedPostgres;
  let databases = 0;
  beforeAll(async () => {
    postgres = await startEmbeddedPostgres({ dataDir: withDatabase(temporaryDirectoryForFile()), log });
  });
  afterAll(() => postgres.stop());

  async function emptyDatabase(): Promise<string> {
    const name = `node_${++databases}`;
    await query(postgres.url, `create database ${name}`);
    return postgres.url.replace('@/usher?', `@/${name}?`);
  }

  test('on a busy port says so, and makes not even the data directory', async () => {
    const settings = { ...(await nodeSettings()), USHER_DATA_DIR: join(temporaryDirectory(), 'data') };
    const holder = createServer();
    await new Promise<void>((resolve) => holder.listen(Number(settings.PORT), '0.0.0.0', resolve));
    onTestFinished(() => new Promise<void>((resolve) => holder.close(() => resolve())));
    expect(await refusal(settings)).toBe(
      `usher: Port ${settings.PORT} is in use. Free it, or set PORT to another one.\n`,
    );
    expect(existsSync(settings.USHER_DATA_DIR)).toBe(false);
  });

  test('on a busy data directory names the node that has it, which goes on', async () => {
    const settings = await nodeSettings();
    const first = startServer(settings);
    await first.open;
    const message = await refusal({ ...settings, PORT: `${await freePort()}` });
    expect(message).toContain(
      `The data directory ${settings.USHER_DATA_DIR} is in use by another Usher, process ${first.child.pid}.`,
    );
    expect((await get(settings, '/readyz')).status).toBe(200);
    expect(postgresServers(settings.USHER_DATA_DIR)).toHaveLength(1);
    await stopped(first);
  });

  test('on settings that are wrong names each of them', async () => {
    const settings = { ...(await nodeSettings()), USHER_DATA_DIR: join(temporaryDirectory(), 'data') };
    const message = await refusal({ ...settings, PORT: 'eighty', JWT_SECRET: 'short' });
    expect(message).toMatch(/^usher: .*PORT must be a port number/m);
    expect(message).toMatch(/JWT_SECRET must be at least 32 characters/);
    expect(message).not.toContain('short');
    expect(existsSync(settings.USHER_DATA_DIR)).toBe(false);
  });

  test('on a database that is out of reach names it, without its password', async () => {
    const port = await freePort();
    const message = await refusal(await nodeSettings(`postgres://usher:secret@127.0.0.1:${port}/usher`));
    expect(message).toContain(`The database postgres://usher:***@127.0.0.1:${port}/usher cannot be used`);
    expect(message).not.toContain('secret');
  });

  test('on a database that is too old says what it needs', async () => {
    expect(await refusal(await nodeSettings(await fakePostgres('140012')))).toContain('Usher needs 15 or newer');
  });

  test('on a newer schema says so and changes nothing', async () => {
    const url = await emptyDatabase();
    const settings = await nodeSettings(url);
    const server = startServer(settings);
    await server.open;
    await stopped(server);
    await query(url, `insert into kysely_migration (name, timestamp) values ('9999-of-tomorrow', '2099')`);
    const state =
      'select (select json_agg(s order by id) from shard s)::text, (select json_agg(m) from kysely_migration m)::text';
    const before = await query(url, state);
    expect(await refusal(settings)).toContain(
      'The database is newer than this Usher: it has the migration 9999-of-tomorrow',
    );
    expect(await query(url, state)).toEqual(before);
  });

  test('beside another node on the same database names it, and the first goes on selling', async () => {
    const url = await emptyDatabase();
    const settings = await nodeSettings(url);
    const first = startServer(settings);
    await first.open;
    const show = await sell(settings, 30);
    const message = await refusal(await nodeSettings(url));
    expect(message).toMatch(
      /^usher: The database is in use by another node \([a-z0-9-]+, process \d+ at this machine\)\./,
    );
    expect(message).toContain(`process ${first.child.pid} `);
    expect(message).toContain('give all nodes the same NATS_URL');
    const client = new HttpClient(Number(settings.PORT));
    onTestFinished(() => client.close());
    const buyer = await newBuyer();
    const held = await client.send({
      method: 'POST',
      path: `/v1/shows/${show.id}/holds`,
      token: buyer.token,
      key: 'one',
      body: { best: { quantity: 2 } },
    });
    expect(held.status).toBe(201);
    await stopped(first);
  });

  test('of the verification: it tells a whole journal from one in which a byte was changed, and names the row', async () => {
    const url = await emptyDatabase();
    const settings = await nodeSettings(url);
    const server = startServer(settings);
    await server.open;
    const show = await sell(settings, 200);
    await stopped(server);
    const whole = await runUsher(['verify'], settings);
    expect(whole).toMatchObject({ code: 0, stderr: '' });
    expect(whole.stdout).toContain('0 seats sold twice');

    const rows = await query(
      url,
      `select seq, events::text as events from journal where events::text like '%"seats":[%' order by seq`,
    );
    const { seq, events } = rows[Math.floor(rows.length / 2)];
    // Another seat than the one that was held.
    const at = /"seats":\[(\d)/.exec(events)?.index ?? -1;
    const digit = at + '"seats":['.length;
    const changed = `${events.slice(0, digit)}${(Number(events[digit]) + 1) % 10}${events.slice(digit + 1)}`;
    await query(url, 'update journal set events = $1 where show_id = $2 and seq = $3', [changed, show.id, seq]);

    const faulty = await runUsher(['verify', '--json'], settings);
    expect(faulty.code).toBe(1);
    const fault = { showId: show.id, seq, what: 'the row does not match its hash: it was changed' };
    expect(JSON.parse(faulty.stdout)).toMatchObject({ shows: 1, faults: [fault] });
    expect(faulty.stderr).toBe(`usher: show ${show.id}, row ${seq}: ${fault.what}\n`);
    expect((await runUsher(['verify'], settings)).stdout).toContain(
      `FAULT in show ${show.id}, row ${seq}: ${fault.what}`,
    );
  });
});

test('a node whose embedded Postgres dies ends with exit code 1 and says why; the next start has everything', async () => {
  const settings = await nodeSettings();
  const server = startServer(settings);
  await server.open;
  const show = await sell(settings, 100);
  const before = await seatsOf(settings, show);
  const [postmaster] = postgresServers(settings.USHER_DATA_DIR);
  process.kill(postmaster, 'SIGKILL');
  expect(await server.ended).toEqual({ code: 1, signal: null });
  expect(server.stderr()).toContain('The embedded Postgres ended by itself (signal SIGKILL)');
  const next = startServer(settings);
  await next.open;
  expect(await seatsOf(settings, show)).toEqual(before);
  const verified = await runUsher(['verify', '--json'], settings);
  expect(JSON.parse(verified.stdout)).toMatchObject({ shows: 1, soldTwice: 0, faults: [] });
  await stopped(next);
});
