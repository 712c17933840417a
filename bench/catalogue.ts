import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import type { ShowView } from '../src/http/show-views.ts';
import { startEmbeddedPostgres } from '../src/postgres/embedded-postgres.ts';
import { migrate } from '../src/postgres/migrate.ts';
import { createLog } from '../src/system/log.ts';
import { newJwtSecret } from './buyers.ts';
import { fill } from './catalogue/fill.ts';
import { type MadeUpCatalogue, makeUpCatalogue } from './catalogue/made-up-shows.ts';
import type { PeerOrder } from './catalogue/peer.ts';
import { SEARCHED } from './catalogue/postgres-query.ts';
import { KeepAliveConnection } from './keep-alive-connection.ts';
import { Latencies } from './latencies.ts';
import type { Report } from './report.ts';
import { seededRandom } from './seeded-random.ts';
import { withTemporaryDirectory } from './temporary-directory.ts';
import { startUsher } from './usher-process.ts';

const PEER = fileURLToPath(new URL('catalogue/peer.ts', import.meta.url));
const SHOWS_PER_VENUE = 10;
/** Requests under way at a time. */
const CONNECTIONS = 8;
/** More than answers are kept for, so that each is worked out anew. */
const DISTINCT_QUERIES = 4_000;
const TYPO_LENGTH_MIN = 6;
const MEGABYTE = 1_000_000;
const PAGE = 30;

interface Subject {
  readonly name: string;
  readonly port: number;
}

/**
 * Lists, filters and searches over HTTP, with a tenth as many venues as shows: the product beside a server that always
 * answers with the same page, and one that sends each query to Postgres.
 */
export async function benchCatalogue(report: Report, seconds: number, shows: number): Promise<void> {
  const venues = Math.max(1, Math.floor(shows / SHOWS_PER_VENUE));
  const made = makeUpCatalogue(venues, shows, Date.now());
  await withTemporaryDirectory(async (directory) => {
    const log = createLog('warn');
    const postgres = await startEmbeddedPostgres({ dataDir: directory, log });
    try {
      report.say(`catalogue: ${venues} venues and ${shows} shows are entered …`);
      await migrate({ url: postgres.url, log });
      const pool = new pg.Pool({ connectionString: postgres.url, max: 1 });
      await fill(pool, made);
      for (const statement of SEARCHED) await pool.query(statement);
      await pool.end();
      await compare(report, seconds, made, directory, postgres.url);
    } finally {
      await postgres.stop();
    }
  });
}

async function compare(
  report: Report,
  seconds: number,
  made: MadeUpCatalogue,
  directory: string,
  url: string,
): Promise<void> {
  const from = performance.now();
  const usher = await startUsher(directory, newJwtSecret(), { DATABASE_URL: url, USHER_DEMO: 'off' });
  const startMs = performance.now() - from;
  const bytes = (await usher.metrics()).get('process_resident_memory_bytes');
  const common = { bench: 'catalogue', load: `${made.shows.length} shows`, subject: 'usher', vs: {} };
  report.add({ ...common, subject: 'usher: start', value: startMs, unit: 'ms' });
  if (bytes !== undefined)
    report.add({ ...common, subject: 'usher: resident memory', value: bytes / MEGABYTE, unit: 'MB' });
  const items = await firstPage(usher.port);
  const peers = [await startPeer({ url: null, items }), await startPeer({ url, items })];
  try {
    const subjects: readonly Subject[] = [
      { name: 'ceiling', port: peers[0].port },
      { name: 'postgres', port: peers[1].port },
      { name: 'usher', port: usher.port },
    ];
    for (const [load, queries] of Object.entries(loadsOf(made)))
      await measure(report, load, queries, subjects, seconds);
  } finally {
    for (const peer of peers) peer.close();
    await usher.stop();
  }
}

/** Each a list of what stands behind `/v1/shows`. */
function loadsOf({ shows, performers }: MadeUpCatalogue): Record<string, readonly string[]> {
  const random = seededRandom(7);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)];
  const several = (make: () => string): string[] => Array.from({ length: DISTINCT_QUERIES }, make);
  const searched = (text: string): string => `?q=${encodeURIComponent(text)}`;
  const pages = Math.max(1, Math.floor(shows.length / PAGE));
  return {
    'the first page': [''],
    'list, any page': several(() => `?offset=${Math.floor(random() * pages) * PAGE}`),
    'filter by city and sale': several(() => {
      const city = encodeURIComponent(pick(shows).venue.city);
      return `?city=${city}&status=on_sale&offset=${Math.floor(random() * 3) * PAGE}`;
    }),
    'search for a title': several(() => searched(pick(shows).title)),
    'search for a performer': several(() => searched(pick(performers).name)),
    'search, mistyped': several(() =>
      searched(
        pick(performers)
          .name.split(' ')
          .map((word) => mistyped(word, random))
          .join(' '),
      ),
    ),
  };
}

/** Two letters swapped. */
function mistyped(word: string, random: () => number): string {
  if (word.length < TYPO_LENGTH_MIN) return word;
  const at = 1 + Math.floor(random() * (word.length - 2));
  return word.slice(0, at) + word.charAt(at + 1) + word.charAt(at) + word.slice(at + 2);
}

async function measure(
  report: Report,
  load: string,
  queries: readonly string[],
  subjects: readonly Subject[],
  seconds: number,
): Promise<void> {
  const perSecond = new Map<string, number>();
  const peersOf = (name: string): Record<string, number> => {
    const own = perSecond.get(name) ?? 0;
    return Object.fromEntries([...perSecond].filter(([peer]) => peer !== name).map(([peer, of]) => [peer, own / of]));
  };
  for (const { name, port } of subjects) {
    report.say(`catalogue / ${load}: ${name} …`);
    const measured = await ask(port, queries, seconds);
    perSecond.set(name, measured.perSecond);
    report.add({ bench: 'catalogue', load, subject: name, ...measured, vs: name === 'usher' ? peersOf(name) : {} });
  }
}

/** Closed loop: each connection sends its next request when the last is answered. */
async function ask(port: number, queries: readonly string[], seconds: number) {
  const latencies = new Latencies();
  const from = performance.now();
  const until = from + seconds * 1_000;
  let [next, answered] = [0, 0];
  const connection = async (): Promise<void> => {
    const http = await KeepAliveConnection.open(port);
    while (performance.now() < until) {
      const query = queries[next++ % queries.length];
      const sent = performance.now();
      const { status, body } = await http.request(`GET /v1/shows${query} HTTP/1.1\r\nHost: bench\r\n\r\n`);
      if (status !== 200) throw new Error(`GET /v1/shows${query} is answered with ${status}: ${body}`);
      latencies.record(performance.now() - sent);
      answered++;
    }
    http.close();
  };
  await Promise.all(Array.from({ length: CONNECTIONS }, connection));
  const perSecond = answered / ((performance.now() - from) / 1_000);
  return { perSecond, p50Ms: latencies.percentile(0.5), p99Ms: latencies.percentile(0.99) };
}

async function firstPage(port: number): Promise<ShowView[]> {
  const answer = await fetch(`http://127.0.0.1:${port}/v1/shows`);
  return ((await answer.json()) as { items: ShowView[] }).items;
}

async function startPeer(order: PeerOrder): Promise<{ readonly port: number; close(): void }> {
  const child = fork(PEER, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  const port = await new Promise<number>((resolve, reject) => {
    child.once('message', (answer: { port?: number; error?: string }) => {
      if (answer.port === undefined) reject(new Error(answer.error));
      else resolve(answer.port);
    });
    child.once('error', reject);
    child.once('exit', (code, signal) => reject(new Error(`the peer ended early (${signal ?? code})`)));
    child.send(order);
  });
  return { port, close: () => child.disconnect() };
}
