import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { createClusterOps } from '../../src/cluster/plans/cluster-ops.ts';
import { PlanRunner } from '../../src/cluster/plans/plan-runner.ts';
import { shardOf } from '../../src/cluster/shards.ts';
import { buildAdminServer } from '../../src/http/admin-server.ts';
import { createMetrics } from '../../src/http/metrics.ts';
import { systemClock } from '../../src/system/clock.ts';
import { pause } from '../../src/system/pause.ts';
import { systemRandom } from '../../src/system/random.ts';
import { systemTimers } from '../../src/system/timers.ts';
import { capturedLog } from '../support/captured-log.ts';
import { freePort } from '../support/free-port.ts';
import { HttpClient } from '../support/http-client.ts';
import { MemoryPlanStore } from '../support/memory-plan-store.ts';
import { withDatabase } from '../support/prepared-database.ts';
import { SimulatedCluster } from '../support/simulated-cluster.ts';
import { SHOW_ID } from '../support/small-show.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { runUsher, startServer, startUsher } from '../support/usher-process.ts';

const HALL = fileURLToPath(new URL('../../examples/la-laguna-auditorium.json', import.meta.url));

/** Runs a command that is to fail, and returns its one line of talk. */
async function failure(code: number, args: readonly string[], settings: Record<string, string> = {}): Promise<string> {
  const ended = await runUsher(args, settings);
  expect(ended, `usher ${args.join(' ')}`).toMatchObject({ code, stdout: '' });
  expect(ended.stderr).not.toMatch(/\n\s+at /);
  return ended.stderr;
}

describe('plan generate', () => {
  test.each([
    ['arena', 15_000, 2_000],
    ['stadium', 80_000, 0],
  ])('prints an %s that can be imported', async (kind, seats, standing) => {
    const { code, stdout } = await runUsher(['plan', 'generate', kind], {});
    expect(code).toBe(0);
    const areas: { capacity: number }[] = JSON.parse(stdout).usher.areas ?? [];
    expect(areas.reduce((sum, { capacity }) => sum + capacity, 0)).toBe(standing);
    const file = join(temporaryDirectory(), 'plan.json');
    writeFileSync(file, stdout);
    const checked = await runUsher(['plan', 'import', file, '--check', '--json'], {});
    expect(checked).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(checked.stdout)).toEqual({ file, seats });
  });

  test('refuses what it cannot draw', async () => {
    expect(await failure(2, ['plan', 'generate', 'circus'])).toContain('theatre, arena, stadium');
    expect(await failure(2, ['plan', 'generate', 'theatre', '--seats', '0'])).toContain('seats must be');
    expect(await failure(2, ['plan', 'generate', 'theatre', '--seats', 'many'])).toContain('whole number');
    await failure(2, ['plan', 'generate']);
  });
});

test('plan import --check names each fault of a plan and where it is', async () => {
  const plan = JSON.parse(readFileSync(HALL, 'utf8'));
  plan.zones[0].rows[0].seats[1].seat_guid = plan.zones[0].rows[0].seats[0].seat_guid;
  const file = join(temporaryDirectory(), 'plan.json');
  writeFileSync(file, JSON.stringify(plan));
  expect(await failure(1, ['plan', 'import', file, '--check'])).toContain('/zones/0/rows/0/seats/1/seat_guid: ');
  writeFileSync(file, '{');
  expect(await failure(1, ['plan', 'import', file, '--check'])).toContain('is not JSON');
  expect(await failure(3, ['plan', 'import', `${file}.not`, '--check'])).toContain('ENOENT');
  expect(await failure(2, ['plan', 'import', HALL])).toContain('--venue');
});

test('a command says that there is no box office, and makes none', async () => {
  const dataDir = temporaryDirectory();
  const empty = { USHER_DATA_DIR: dataDir };
  expect(await failure(3, ['verify'], empty)).toBe(
    `usher: There is no database in ${dataDir}. Start a node there first, or say in USHER_DATA_DIR or DATABASE_URL where it is.\n`,
  );
  expect(await failure(3, ['plan', 'import', HALL, '--venue', 'ven_1'], empty)).toContain('There is no database');
  expect(await failure(3, ['verify'], { USHER_DATA_DIR: join(dataDir, 'missing') })).toContain('There is no database');
  expect(readdirSync(dataDir)).toEqual([]);
  // What a first start leaves that was killed at once.
  mkdirSync(join(dataDir, 'postgres'));
  expect(await failure(3, ['verify'], empty)).toContain('has nothing of Usher in it');
});

test('a wrong setting or command is told in a line', async () => {
  expect(await failure(1, ['verify'], { DATABASE_URL: 'nowhere' })).toContain('DATABASE_URL must be');
  expect(await failure(2, ['conjure'])).toContain("unknown command 'conjure'");
});

test('users grant gives an account a role beside the running server, which the next log-in tells', async () => {
  const settings = {
    PORT: String(await freePort()),
    USHER_DATA_DIR: withDatabase(temporaryDirectory()),
    USHER_DEMO: 'off',
  };
  const server = startServer(settings);
  await server.open;
  const client = new HttpClient(Number(settings.PORT));
  onTestFinished(() => client.close());
  const account = { email: 'ada@usher.example', password: 'correct horse battery staple' };
  const person = { ...account, firstName: 'Ada', lastName: 'Byron', role: 'buyer' };
  await client.send({ method: 'POST', path: '/v1/users', body: person });
  /** The role that a log-in tells, and whether its token may do what only organisers and admins may. */
  const logIn = async (): Promise<[role: string, maySell: boolean]> => {
    const { body } = await client.send({ method: 'POST', path: '/v1/sessions', body: account });
    const { token, user } = body as { token: string; user: { role: string } };
    const { status } = await client.send({ method: 'POST', path: '/v1/venues', token, body: {} });
    return [user.role, status !== 403];
  };
  expect(await logIn()).toEqual(['buyer', false]);

  const granted = await runUsher(['users', 'grant', ' Ada@Usher.example', 'admin', '--json'], settings);
  expect(granted).toMatchObject({ code: 0, stderr: '' });
  expect(JSON.parse(granted.stdout)).toEqual({ id: expect.any(String), email: account.email, role: 'admin' });
  expect(await logIn()).toEqual(['admin', true]);
  const taken = await runUsher(['users', 'grant', account.email, 'buyer'], settings);
  expect(taken.stdout).toContain('ada@usher.example');
  expect(await logIn()).toEqual(['buyer', false]);

  expect(await failure(3, ['users', 'grant', 'grace@usher.example', 'admin'], settings)).toContain('grace@usher');
  expect(await failure(2, ['users', 'grant', account.email, 'king'], settings)).toContain('buyer, organiser, admin');
  expect(await failure(2, ['users', 'grant', account.email], settings)).toContain('role');
  expect(await logIn()).toEqual(['buyer', false]);
  expect(server.errors()).toEqual([]);
  server.child.kill('SIGTERM');
  expect(await server.ended).toEqual({ code: 0, signal: null });
});

const SHARD = shardOf(SHOW_ID);
const UNKNOWN_SHOW = `shw_${'0'.repeat(26)}`;
const TOKEN = 'token-of-this-cluster';

describe('the commands of the cluster', () => {
  let cluster: SimulatedCluster;
  let settings: Record<string, string>;

  beforeEach(async () => {
    cluster = new SimulatedCluster({ clock: systemClock(), timers: systemTimers, advance: pause });
    onTestFinished(() => cluster.stop());
    await cluster.start('a', 'b', 'c');
    await cluster.settle();
    settings = { ADMIN_PORT: String(await openAdmin()) };
  });

  /** An admin listener over the simulated cluster; its port. */
  async function openAdmin({ token = null as string | null, allowsActions = true } = {}): Promise<number> {
    const { registry, time } = cluster;
    const [log, port] = [capturedLog().log, await freePort()];
    const store = new MemoryPlanStore(time.clock, systemRandom);
    const runner = new PlanRunner({
      store,
      registry,
      incarnation: () => cluster.incarnation('a'),
      nudge: () => cluster.nudge(),
      clock: time.clock,
      timers: time.timers,
      log,
    });
    const app = buildAdminServer({
      ops: createClusterOps({ registry, store, runner, shardOf, isShow: async (id) => id === SHOW_ID, log }),
      access: { host: '127.0.0.1', token, allowsActions },
      random: systemRandom,
      timers: time.timers,
      log,
      metrics: createMetrics(false),
      readiness: {},
    });
    await app.listen({ host: '127.0.0.1', port });
    onTestFinished(async () => {
      await runner.stop();
      await app.close();
    });
    return port;
  }

  /** Runs a command that is to succeed, and returns what it prints. */
  async function printed(...args: readonly string[]): Promise<string> {
    const ended = await runUsher(args, settings);
    expect(ended, `usher ${args.join(' ')}`).toMatchObject({ code: 0 });
    return ended.stdout;
  }

  async function json(...args: readonly string[]): Promise<Record<string, unknown>[]> {
    const lines = (await printed(...args, '--json')).trimEnd().split('\n');
    return lines.map((line) => JSON.parse(line));
  }

  function ownerOf(shard: number): string | undefined {
    return ['a', 'b', 'c'].find((id) => cluster.incarnation(id) === cluster.tables.shards[shard].owner);
  }

  function shardsNotOn(id: string): number[] {
    return cluster.tables.shards.flatMap((_, shard) => (ownerOf(shard) === id ? [] : [shard]));
  }

  /** Where the show is not. */
  function elsewhere(): string {
    return ownerOf(SHARD) === 'a' ? 'b' : 'a';
  }

  test('status shows nodes, load and shards, as a table or as JSON', async () => {
    cluster.loads.set('b', { perSecond: 120.26, inbox: 3, awake: 7, lagMs: 12, hot: [] });
    cluster.nudge();
    const [text, [status]] = await Promise.all([printed('status'), json('status')]);
    const [head, blank, titles, ...nodes] = text.trimEnd().split('\n');
    expect(head).toMatch(
      /^\S+Z {2}1024 shards: 1024 owned, 0 without an owner, 0 not where placed; 0 pinned; format 1$/,
    );
    expect(blank).toBe('');
    expect(titles).toBe('NODE  STATE  SHARDS  LOAD/S  INBOX  AWAKE  LAG MS  LINKED  HEARD MS');
    expect(nodes).toHaveLength(3);
    expect(nodes[1]).toMatch(/^b {5}up {8}\d{3} {3}120\.3 {6}3 {6}7 {6}12 {2}yes +\d+$/);
    expect(status).toMatchObject({
      shards: { total: 1_024, owned: 1_024, unowned: 0, moving: 0 },
      pins: [],
      moves: [],
    });
    expect(status.nodes).toHaveLength(3);
  });

  test('status --watch goes on until Ctrl-C', async () => {
    const watching = startUsher(['status', '--watch', '--json'], settings);
    const lines = (): string[] => watching.stdout().split('\n').slice(0, -1);
    await vi.waitFor(() => expect(lines().length).toBeGreaterThanOrEqual(2), 30_000);
    await cluster.kill('c');
    await vi.waitFor(() => expect(JSON.parse(lines().at(-1) ?? '').nodes).toHaveLength(2), 30_000);
    watching.child.kill('SIGINT');
    expect(await watching.ended).toEqual({ code: 0, signal: null });
    expect(watching.stderr()).toBe('');
  });

  test('nodes, shards and explain tell who has what, and why', async () => {
    const owner = ownerOf(SHARD);
    const [nodes, nodesText, shards, shardsText, [place], placeText] = await Promise.all([
      json('nodes'),
      printed('nodes'),
      json('shards', '--node', 'b'),
      printed('shards'),
      json('explain', SHOW_ID),
      printed('explain', String(SHARD)),
    ]);
    expect(nodes.map(({ id, url }) => [id, url])).toEqual(['a', 'b', 'c'].map((id) => [id, `http://${id}.example`]));
    expect(nodesText.split('\n')[0]).toMatch(
      /^NODE +STATE +SHARDS +WEIGHT +PID +FORMAT +URL +ADMIN +INCARNATION +REASON$/,
    );
    expect(shards).toContainEqual({
      shard: expect.any(Number),
      epoch: expect.any(Number),
      owner: 'b',
      target: 'b',
      pin: null,
    });
    expect(new Set(shards.map((shard) => shard.owner))).toEqual(new Set(['b']));
    expect(shardsText.trimEnd().split('\n')).toHaveLength(1 + 1_024);
    expect(place).toMatchObject({ showId: SHOW_ID, shard: SHARD, owner, why: expect.stringContaining('rendezvous') });
    expect(placeText).toMatch(new RegExp(`^Shard ${SHARD} is on ${owner} \\(epoch \\d+\\): highest of 3`));
  });

  test('move, pin and unpin do so at once, and tell each pause', async () => {
    const to = elsewhere();
    const before = ownerOf(SHARD);
    const moved = await printed('move', SHOW_ID, '--to', to);
    expect(moved).toMatch(new RegExp(`shard ${SHARD}: ${before} → ${to}, paused for \\d+ ms\n`));
    expect(moved).toMatch(/cpl_\w+ is applied: \d+ moves? in [\d.]+ s; longest pause \d+ ms, p99 \d+ ms\.\n$/);
    expect(ownerOf(SHARD)).toBe(to);
    const lines = await json('pin', String(SHARD), '--to', before ?? '');
    expect(lines).toContainEqual({ shard: SHARD, from: to, to: before, pauseMs: expect.any(Number) });
    expect(lines.at(-1)).toEqual({
      plan: expect.stringMatching(/^cpl_/),
      state: 'applied',
      moves: lines.length - 1,
      seconds: expect.any(Number),
      longestPauseMs: expect.any(Number),
      p99PauseMs: expect.any(Number),
    });
    expect(cluster.tables.shards[SHARD].pin).toEqual({ shard: SHARD, node: before, exclusive: false });
    await printed('pin', SHOW_ID, '--none');
    expect(cluster.tables.shards[SHARD].pin).toBeNull();
    const again = await runUsher(['pin', SHOW_ID, '--none'], settings);
    expect(again).toEqual({ code: 0, stdout: '', stderr: 'None of these shards is pinned.\n' });
  });

  test('a dry run changes nothing', async () => {
    const [plan] = await json('pin', SHOW_ID, '--to', elsewhere(), '--exclusive', '--dry-run');
    expect(plan).toMatchObject({ state: 'proposed', request: { kind: 'pin', shards: [SHARD], exclusive: true } });
    expect(await printed('drain', 'c', '--dry-run')).toContain('drain c\n');
    expect(cluster.tables.shards[SHARD].pin).toBeNull();
    expect((await cluster.registry.read()).nodes.map(({ state }) => state)).toEqual(['up', 'up', 'up']);
  });

  test('drain waits until the node owns nothing, and undrain brings it back', async () => {
    const drained = await printed('drain', 'c');
    expect(drained).toMatch(/\nc owns nothing, after [\d.]+ s\.\n$/);
    expect(drained.match(/^shard \d+: c → [ab], paused for \d+ ms$/gm)?.length).toBeGreaterThan(300);
    expect(cluster.tables.shards.some((_, shard) => ownerOf(shard) === 'c')).toBe(false);
    expect((await json('undrain', 'c')).at(-1)).toMatchObject({ state: 'applied' });
    expect(cluster.tables.shards.some((_, shard) => ownerOf(shard) === 'c')).toBe(true);
    const [begun] = await json('drain', 'b', '--no-wait');
    expect(begun).toEqual({ node: 'b', plan: expect.stringMatching(/^cpl_/), moves: expect.any(Number) });
    await vi.waitFor(() => expect(shardsNotOn('b')).toHaveLength(1_024), 30_000);
  });

  test('rebalance prints a plan for a hot show, applies that plan, and tells each pause', async () => {
    const node = ownerOf(SHARD) ?? '';
    cluster.loads.set(node, { perSecond: 1_000, inbox: 0, awake: 1, lagMs: 0, hot: [[SHARD, 950]] });
    cluster.nudge();
    const text = await printed('rebalance', '--dry-run');
    const id = /Apply it with: usher rebalance --apply (cpl_\w+)\n$/.exec(text)?.[1] ?? '';
    expect(text).toMatch(new RegExp(`^pin shard ${SHARD} to [abc], for itself$`, 'm'));
    expect(text).toMatch(/^SHARD +FROM +TO +LOAD\/S +WHY$/m);
    expect(text).toMatch(/^NODE +SHARDS +AFTER +LOAD\/S +AFTER$/m);
    expect(text).toMatch(new RegExp(`^${node} +\\d+ +\\d+ +1000 +\\d+$`, 'm'));
    const applied = await json('rebalance', '--apply', id);
    expect(applied.at(-1)).toMatchObject({ plan: id, state: 'applied', moves: applied.length - 1 });
    const pin = cluster.tables.shards[SHARD].pin;
    expect(pin).toMatchObject({ exclusive: true });
    expect(cluster.tables.shards.filter((_, shard) => ownerOf(shard) === pin?.node)).toHaveLength(1);
  });

  test('rebalance --apply refuses a plan that the cluster has left behind', async () => {
    const [{ id }] = await json('drain', 'c', '--dry-run');
    await cluster.start('d');
    expect(await failure(5, ['rebalance', '--apply', String(id)], settings)).toContain('Node d has joined');
    expect((await cluster.registry.read()).nodes.every(({ state }) => state === 'up')).toBe(true);
  });

  test('Ctrl-C stops a plan between two steps and says how to resume it', async () => {
    const shards = shardsNotOn('b').slice(0, 70).map(String);
    const [{ id }] = await json('pin', ...shards, '--to', 'b', '--dry-run');
    cluster.stick('b');
    const applying = startUsher(['rebalance', '--apply', String(id), '--json'], settings);
    await vi.waitFor(() => expect(cluster.tables.shards[Number(shards[0])].pin).not.toBeNull(), 30_000);
    applying.child.kill('SIGINT');
    await vi.waitFor(() => expect(applying.stderr()).toContain('Stopping after the step under way'), 30_000);
    cluster.stick('b', false);
    expect(await applying.ended).toEqual({ code: 1, signal: null });
    expect(applying.stderr()).toMatch(
      new RegExp(`32 of \\d+ moves are done\\. Resume it with: usher rebalance --apply ${id}\n$`),
    );
    const moved = applying.stdout().trimEnd().split('\n');
    expect(moved).toHaveLength(32);
    const resumed = await json('rebalance', '--apply', String(id));
    expect(resumed.at(-1)).toMatchObject({ plan: id, state: 'applied', moves: resumed.length - 1 + moved.length });
    for (const shard of shards) expect(ownerOf(Number(shard))).toBe('b');
  });

  test('a plan that fails is told with how far it came', async () => {
    cluster.stick('b');
    const moving = startUsher(['move', String(shardsNotOn('b')[0]), '--to', 'b'], settings);
    await vi.waitFor(() => expect(cluster.tables.shards.some(({ pin }) => pin !== null)).toBe(true), 30_000);
    await cluster.kill('b');
    expect(await moving.ended).toEqual({ code: 1, signal: null });
    expect(moving.stderr()).toMatch(/cpl_\w+ failed: .*Node b is gone.* 0 of \d+ moves are done/);
  });

  test('exit codes tell what is wrong: the use, the name, the right, or the moment', async () => {
    const closed = { ADMIN_PORT: String(await freePort()) };
    const guarded = { ADMIN_URL: `http://127.0.0.1:${await openAdmin({ token: TOKEN, allowsActions: false })}` };
    const told = await Promise.all([
      failure(1, ['status'], closed),
      failure(2, ['status', '--admin', 'nowhere'], settings),
      failure(2, ['move', SHOW_ID], settings),
      failure(2, ['pin', SHOW_ID], settings),
      failure(2, ['pin', SHOW_ID, '--none', '--exclusive'], settings),
      failure(2, ['rebalance'], settings),
      failure(2, ['move', '1024', '--to', 'a'], settings),
      failure(3, ['explain', UNKNOWN_SHOW], settings),
      failure(3, ['drain', 'z'], settings),
      failure(3, ['shards', '--node', 'z'], settings),
      failure(3, ['rebalance', '--apply', 'cpl_0'], settings),
      failure(4, ['status'], guarded),
      failure(4, ['status'], { ...guarded, ADMIN_TOKEN: `${TOKEN}x` }),
      failure(4, ['drain', 'c'], { ...guarded, ADMIN_TOKEN: TOKEN }),
    ]);
    const words = [
      /ECONNREFUSED.*ADMIN_PORT/,
      /not the address of an admin listener/,
      /--to/,
      /--to NODE.*--none/,
      /--to NODE.*--none/,
      /--dry-run or --apply/,
      /\/shards\/0: /,
      /no show shw_0/,
      /No node "z" is alive\. The nodes are a/,
      /No node "z" is alive\. The nodes are a, b, c/,
      /no plan cpl_0/,
      /ADMIN_TOKEN/,
      /not the ADMIN_TOKEN/,
      /ADMIN_ACTIONS=on/,
    ];
    for (const [i, text] of told.entries()) expect(text).toMatch(words[i]);
    expect((await runUsher(['status', '--json'], { ...guarded, ADMIN_TOKEN: TOKEN })).code).toBe(0);
  });
});
