import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { place } from '../../src/cluster/ownership/placement.ts';
import type { OpsRequest, PlanStatus } from '../../src/cluster/plans/cluster-ops.ts';
import { SHARDS, shardOf } from '../../src/cluster/shards.ts';
import { FreePorts } from '../../src/dev-cluster/free-ports.ts';
import { findNatsServer, startNatsServer } from '../../src/dev-cluster/nats-server.ts';
import { allReady, type ClusterMember } from '../../src/dev-cluster/nodes.ts';
import { startProgram } from '../../src/dev-cluster/program.ts';
import { AdminClient } from '../../src/ops/admin-client.ts';
import { startEmbeddedPostgres } from '../../src/postgres/embedded-postgres.ts';
import { createLog } from '../../src/system/log.ts';
import { pause } from '../../src/system/pause.ts';
import { UNLIMITED } from '../buyers.ts';

/** Below the ports that systems deal out by themselves: nobody takes a node's port while it restarts. */
const FIRST_PORT = 21_080;
const PORTS_A_NODE = 2;
const CONNECTIONS = 200;
const STOP_LIMIT_MS = 60_000;
/** A cluster that does not come to rest within this time is at fault. */
const SETTLED_LIMIT_MS = 60_000;
const POLL_MS = 10;

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

/** One node, through all its starts. */
export interface BenchNode {
  readonly id: string;
  readonly port: number;
  readonly adminPort: number;
  program: ClusterMember;
}

/** A start of a node that is alive, as the table of nodes has it. */
interface NodeSeen {
  readonly id: string;
  readonly incarnation: string;
  readonly weight: number;
  readonly state: string;
}

interface ShardSeen {
  readonly id: number;
  readonly pin: string | null;
  readonly exclusive: boolean;
  /** The node's id. */
  readonly owner: string | null;
}

const ALIVE = `
  select id, incarnation, weight::float8 as weight, state from node where state in ('up', 'draining', 'leaving')`;

const SHARDS_SEEN = `
  select s.id::int as id, s.pin, s.pin_exclusive as exclusive, n.id as owner
  from shard s left join node n on n.incarnation = s.owner order by s.id`;

/** Nodes of one cluster as processes, with a Postgres and a NATS of their own. All of it ends with `close`, or with us. */
export class Machines {
  readonly nodes: BenchNode[] = [];
  readonly #dataDir: string;
  readonly #jwtSecret: string;
  readonly #ports = new FreePorts();
  readonly #undo: (() => Promise<unknown>)[] = [];
  #environment: NodeJS.ProcessEnv = {};
  #pool: pg.Pool | null = null;

  constructor(dataDir: string, jwtSecret: string) {
    this.#dataDir = dataDir;
    this.#jwtSecret = jwtSecret;
  }

  /** Starts everything, with so many nodes. What was started when this rejects ends with `close`. */
  async start(nodes: number): Promise<void> {
    const natsServer = await findNatsServer(process.env);
    const log = createLog('warn');
    const postgres = await startEmbeddedPostgres({ dataDir: this.#dataDir, log, maxConnections: CONNECTIONS });
    this.#undo.push(() => postgres.stop());
    const nats = await startNatsServer(natsServer, () => {});
    this.#undo.push(() => nats.stop());
    this.#environment = {
      PATH: process.env.PATH,
      // For a look inside: with --cpu-prof each node leaves a profile.
      ...(process.env.NODE_OPTIONS ? { NODE_OPTIONS: process.env.NODE_OPTIONS } : {}),
      DATABASE_URL: postgres.url,
      NATS_URL: nats.url,
      JWT_SECRET: this.#jwtSecret,
      USHER_LOG_LEVEL: process.env.USHER_LOG_LEVEL || 'fatal',
      USHER_DEMO: 'off',
      ...UNLIMITED,
      ADMIN_ACTIONS: 'on',
      NODE_COMPILE_CACHE: join(this.#dataDir, 'compiled'),
    };
    const pool = new pg.Pool({ connectionString: postgres.url, max: 2 });
    pool.on('error', () => {});
    this.#pool = pool;
    this.#undo.push(() => pool.end());
    for (let i = 0; i < nodes; i++) await this.add();
    await this.settled();
  }

  /** Starts another node; resolves when it takes traffic. */
  async add(): Promise<BenchNode> {
    const number = this.nodes.length + 1;
    const port = await this.#ports.take(FIRST_PORT + PORTS_A_NODE * number);
    const adminPort = await this.#ports.take(port + 1);
    const id = `node-${number}`;
    const node = { id, port, adminPort, program: this.#spawn({ id, port, adminPort }) };
    if (number === 1) this.#undo.push(() => Promise.all(this.nodes.map((each) => each.program.stop(STOP_LIMIT_MS))));
    this.nodes.push(node);
    await allReady([node.program]);
    return node;
  }

  signal(node: BenchNode, signal: NodeJS.Signals): void {
    process.kill(node.program.pid, signal);
  }

  /** Starts a node again that has ended, or is about to; resolves when it takes traffic. */
  async restart(node: BenchNode): Promise<void> {
    await node.program.ended;
    node.program = this.#spawn(node);
    await allReady([node.program]);
  }

  /** Ends a node in order, for good. */
  async remove(node: BenchNode): Promise<void> {
    await node.program.stop(STOP_LIMIT_MS);
    this.nodes.splice(this.nodes.indexOf(node), 1);
  }

  // --- as an operator ------------------------------------------------------------------------------------------------

  /** Has a plan made, at the last node; resolves with its id. */
  async propose(request: OpsRequest): Promise<string> {
    return (await this.#admin.post<PlanStatus>('/cluster/plans', request)).id;
  }

  /** Applies a plan to its end. Rejects when that is not to be. */
  async apply(plan: string): Promise<PlanStatus> {
    await this.#admin.post(`/cluster/plans/${plan}/apply`);
    let status: PlanStatus | null = null;
    await waitUntil(`the plan ${plan} is applied`, SETTLED_LIMIT_MS, async () => {
      status = await this.#admin.get<PlanStatus>(`/cluster/plans/${plan}`);
      if (status.state === 'failed' || (status.applier === null && status.detail !== null))
        throw new Error(`${status.detail}`);
      return status.state === 'applied';
    });
    if (status === null) throw new Error(`the plan ${plan} was not looked at`);
    return status;
  }

  async operate(request: OpsRequest): Promise<PlanStatus> {
    return this.apply(await this.propose(request));
  }

  get #admin(): AdminClient {
    return new AdminClient({ url: `http://127.0.0.1:${this.nodes.at(-1)?.adminPort}`, token: null });
  }

  // --- the tables ----------------------------------------------------------------------------------------------------

  async query<Row extends object>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    if (this.#pool === null) throw new Error('the database was not started');
    return (await this.#pool.query<Row>(text, [...values])).rows;
  }

  /** By shard: the id of the node that owns it, or null. */
  async owners(): Promise<(string | null)[]> {
    return (await this.query<ShardSeen>(SHARDS_SEEN)).map(({ owner }) => owner);
  }

  async ownerOf(showId: string): Promise<BenchNode> {
    const owner = (await this.owners())[shardOf(showId)];
    const node = this.nodes.find(({ id }) => id === owner);
    if (node === undefined) throw new Error(`nobody owns the show ${showId}`);
    return node;
  }

  /** Of the node's start that is alive; null while there is none. */
  async incarnationOf(node: BenchNode): Promise<string | null> {
    return (await this.query<NodeSeen>(ALIVE)).find(({ id }) => id === node.id)?.incarnation ?? null;
  }

  /** Resolves when all nodes are up and every shard is where it is placed. */
  async settled(): Promise<void> {
    let unrest: string | null = null;
    try {
      await waitUntil('the cluster is at rest', SETTLED_LIMIT_MS, async () => {
        unrest = await this.#unrest();
        return unrest === null;
      });
    } catch (error) {
      throw new Error(`${(error as Error).message}: ${unrest}`);
    }
  }

  /** What is not yet as it will be; null when nothing. */
  async #unrest(): Promise<string | null> {
    const alive = await this.query<NodeSeen>(ALIVE);
    const up = alive.filter(({ state }) => state === 'up');
    if (up.length !== this.nodes.length) return `nodes ${alive.map(({ id, state }) => `${id} ${state}`).join(', ')}`;
    const shards = await this.query<ShardSeen>(SHARDS_SEEN);
    const pins = shards.flatMap(({ id, pin, exclusive }) =>
      pin === null ? [] : [{ shard: id, node: pin, exclusive }],
    );
    const targets = place(up, pins);
    const astray = shards.filter(({ id, owner }) => owner !== targets[id]);
    if (shards.length === SHARDS && astray.length === 0) return null;
    return `${astray.length} shards, the first: ${JSON.stringify(astray[0])}, placed on ${targets[astray[0]?.id]}`;
  }

  /** Ends everything, last started first. */
  async close(): Promise<void> {
    // One that stands still takes no other signal.
    for (const { program } of this.nodes) if (!program.hasEnded) process.kill(program.pid, 'SIGCONT');
    for (let step = this.#undo.pop(); step !== undefined; step = this.#undo.pop()) await step().catch(() => undefined);
  }

  #spawn({ id, port, adminPort }: Pick<BenchNode, 'id' | 'port' | 'adminPort'>): ClusterMember {
    const program = startProgram({
      name: id,
      file: process.execPath,
      args: [MAIN],
      env: {
        ...this.#environment,
        USHER_NODE: id,
        PORT: `${port}`,
        ADMIN_PORT: `${adminPort}`,
        USHER_DATA_DIR: join(this.#dataDir, id),
      },
      onLine: (name, line) => {
        if (!line.startsWith('Usher is open')) process.stderr.write(`${name} | ${line}\n`);
      },
    });
    return Object.assign(program, { url: `http://127.0.0.1:${port}`, adminUrl: `http://127.0.0.1:${adminPort}` });
  }
}

/** Rejects when it does not become true in time. */
export async function waitUntil(what: string, limitMs: number, isTrue: () => Promise<boolean>): Promise<void> {
  for (const end = performance.now() + limitMs; !(await isTrue()); await pause(POLL_MS)) {
    if (performance.now() > end) throw new Error(`not within ${limitMs / 1_000} s: ${what}`);
  }
}
