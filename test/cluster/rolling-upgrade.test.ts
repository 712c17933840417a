import { expect, onTestFinished, test, vi } from 'vitest';
import { connectNats } from '../../src/cluster/messages/nats-transport.ts';
import { FORMAT } from '../../src/formats.ts';
import { systemRandom } from '../../src/system/random.ts';
import { systemTimers } from '../../src/system/timers.ts';
import { newBuyer, openShows, type ShowOnSale, signUpOrganiser, theatre } from '../support/box-office.ts';
import { capturedLog } from '../support/captured-log.ts';
import { type Absence, expectSound, failures } from '../support/cluster-audit.ts';
import { startCluster, type TestCluster, type TestNode } from '../support/cluster-processes.ts';
import { ClusterSale } from '../support/cluster-sale.ts';
import { runUsher } from '../support/usher-process.ts';

/*
 * Versions of neighbouring formats in one cluster. A node that is told to act as the version before (USHER_FORMAT) neither
 * reads nor writes what only the newer one knows.
 */

const TEST_LIMIT_MS = 240_000;
const WAIT_MS = 30_000;
const SELLS_AGAIN_MS = 20_000;
const IDS = ['n1', 'n2', 'n3'];

const OLD = FORMAT.newest - 1;
const formatOf = (format: number) => ({ USHER_FORMAT: String(format) });
const UNKNOWN = FORMAT.newest + 1;

/** The form in which the cluster writes rows. */
async function formatIn(cluster: TestCluster): Promise<number> {
  const [{ format }] = await cluster.query<{ format: number }>('select format from cluster');
  return format;
}

/** How many rows there are in each form. */
async function rowsByFormat(cluster: TestCluster): Promise<Record<number, number>> {
  const rows = await cluster.query<{ format: number; rows: number }>(
    'select format, count(*)::int as rows from journal group by format',
  );
  return Object.fromEntries(rows.map(({ format, rows: count }) => [format, count]));
}

/** Ids of the nodes that have written rows that name their writer, with the incarnation that runs now. */
async function writers(cluster: TestCluster): Promise<string[]> {
  const rows = await cluster.query<{ id: string }>(
    `select n.id from node n where n.state = 'up' and n.incarnation in (select writer from journal) order by 1`,
  );
  return rows.map(({ id }) => id);
}

test('a rolling upgrade under load: no request fails, and rows change their form once the last old node is gone', {
  timeout: TEST_LIMIT_MS,
}, async () => {
  const cluster = await startCluster(IDS, { settings: formatOf(OLD) });
  const sale = await ClusterSale.open(cluster, await signUpOrganiser(cluster.ports[0]));
  const absences: Absence[] = [];
  for (const node of cluster.nodes) {
    expect(await formatIn(cluster)).toBe(OLD);
    expect(Object.keys(await rowsByFormat(cluster))).toEqual([String(OLD)]);
    const from = performance.now();
    node.signal('SIGTERM');
    expect(await node.process.ended).toEqual({ code: 0, signal: null });
    await node.start(formatOf(FORMAT.newest));
    const to = performance.now();
    absences.push({ port: node.port, from, to, kind: 'gone' });
    await cluster.settled(IDS, WAIT_MS);
    await sale.sellsAgain(sale.shows, { since: to, at: [node], limitMs: SELLS_AGAIN_MS });
  }
  expect(await formatIn(cluster)).toBe(FORMAT.newest);
  await vi.waitFor(async () => expect(await writers(cluster)).toEqual(IDS), { timeout: WAIT_MS, interval: 100 });
  const { [OLD]: oldRows } = await rowsByFormat(cluster);
  for (const node of cluster.nodes) {
    const since = performance.now();
    await sale.sellsAgain(sale.shows, { since, at: [node], limitMs: SELLS_AGAIN_MS });
  }
  await sale.end();

  const rows = await rowsByFormat(cluster);
  process.stdout.write(`rolling upgrade: rows by format ${JSON.stringify(rows)}\n`);
  expect(rows).toEqual({ [OLD]: oldRows, [FORMAT.newest]: expect.any(Number) });
  expect(failures(sale.history, absences)).toEqual([]);
  await expectSound(sale, cluster.nodes[0], { absences });

  const old = await cluster.add('n4');
  await expect(old.start()).rejects.toThrow('before it was open');
  expect(await old.process.ended).toEqual({ code: 1, signal: null });
  expect(old.process.stderr()).toContain(
    `usher: The database has been raised to format ${FORMAT.newest}, and this node reads formats up to ${OLD} only. `,
  );
  expect(cluster.nodes.flatMap((node) => node.newErrors())).toEqual([]);
});

test('what has an unknown newer format is refused by name, and the other shows go on', {
  timeout: TEST_LIMIT_MS,
}, async () => {
  const cluster = await startCluster(IDS);
  const organiser = await signUpOrganiser(cluster.ports[0]);
  const [victim, ...others] = cluster.nodes;
  const shows = await showsOn(cluster, victim, 2, () => openShows(cluster.ports[0], organiser, [theatre(100, 0)]));
  const [strange, usual] = shows;
  for (const show of shows) expect(await hold(victim, show)).toBe(201);

  // --- a row ---------------------------------------------------------------------------------------------------------
  const { seq } = await plantRow(cluster, strange);
  await victim.kill();
  await cluster.settled(
    others.map(({ id }) => id),
    WAIT_MS,
  );
  for (const node of others) {
    expect(await hold(node, usual)).toBe(201);
    expect(await hold(node, strange)).toBe(503);
  }
  const refusal = `row ${seq} of the journal of ${strange.id} has format ${UNKNOWN}; this version knows formats 1 to ${FORMAT.newest}`;
  const owner = cluster.node((await cluster.ownerOf(strange.id)) ?? '');
  expect(owner.newErrors().join('\n')).toContain(refusal);
  expect(await unknownFormats(owner)).toBeGreaterThan(0);
  expect(await rowsOf(cluster, strange)).toBe(seq);
  const verified = await runUsher(['verify', '--json'], cluster.settings);
  expect(verified.code).not.toBe(0);
  expect(JSON.parse(verified.stdout).faults).toEqual([{ showId: strange.id, seq, what: refusal }]);

  // --- a message -----------------------------------------------------------------------------------------------------
  const [receiver] = others.filter((node) => node !== owner);
  expect(await unknownFormats(receiver)).toBe(0);
  await sendTo(cluster, receiver, JSON.stringify([UNKNOWN, 'nod_newer', 'whatever comes next']));
  await vi.waitFor(async () => expect(await unknownFormats(receiver)).toBe(1), WAIT_MS);
  expect(receiver.newErrors()).toEqual([
    expect.stringContaining(`a message has format ${UNKNOWN}; this version knows formats 1 to ${FORMAT.newest}`),
  ]);
  expect(await hold(receiver, usual)).toBe(201);
});

/** Opens shows until so many of them are on this node. */
async function showsOn(
  cluster: TestCluster,
  node: TestNode,
  count: number,
  open: () => Promise<readonly ShowOnSale[]>,
): Promise<ShowOnSale[]> {
  const shows: ShowOnSale[] = [];
  while (shows.length < count) {
    const [show] = await open();
    if ((await cluster.ownerOf(show.id)) === node.id) shows.push(show);
  }
  return shows;
}

/** Asks for one seat. @returns the status of the answer. */
async function hold(node: TestNode, show: ShowOnSale): Promise<number> {
  const { token } = await newBuyer();
  const answer = await fetch(`http://127.0.0.1:${node.port}/v1/shows/${show.id}/holds`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
      'idempotency-key': crypto.randomUUID(),
    },
    body: JSON.stringify({ best: { quantity: 1 } }),
    signal: AbortSignal.timeout(WAIT_MS),
  });
  await answer.text();
  return answer.status;
}

/** Says of the show's last row that it is of a format that is still to come. */
async function plantRow(cluster: TestCluster, { id }: ShowOnSale): Promise<{ seq: number }> {
  const [planted] = await cluster.query<{ seq: number }>(
    `update journal set format = $2 where show_id = $1 and seq = (select max(seq) from journal where show_id = $1)
     returning seq`,
    [id, UNKNOWN],
  );
  return planted;
}

async function rowsOf(cluster: TestCluster, { id }: ShowOnSale): Promise<number> {
  const [{ rows }] = await cluster.query<{ rows: number }>(
    'select count(*)::int as rows from journal where show_id = $1',
    [id],
  );
  return rows;
}

async function unknownFormats(node: TestNode): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${node.port}/metrics`)).text();
  return Number(/^usher_unknown_format_total (\d+)$/m.exec(text)?.[1]);
}

/** Sends a message to the node as another node does. */
async function sendTo(cluster: TestCluster, node: TestNode, text: string): Promise<void> {
  const [{ id }] = await cluster.query<{ id: string }>('select id from cluster');
  const transport = await connectNats({
    url: cluster.nats.url,
    subjectPrefix: `usher.${id}`,
    timers: systemTimers,
    random: systemRandom,
    log: capturedLog().log,
  });
  onTestFinished(() => transport.close());
  const line = await transport.listen('nod_newer', { message: () => {}, unreachable: () => {} });
  const { incarnation } = await cluster.lastOf(node.id);
  expect(line.send(incarnation, Buffer.from(text), 1)).toBe(true);
}
