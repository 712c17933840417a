import pg from 'pg';
import { onTestFinished } from 'vitest';
import { SHARDS, shardOf } from '../../src/cluster/shards.ts';
import { endWithUs } from '../../src/system/death-watch.ts';
import { JWT_SECRET } from './box-office.ts';
import { ClusterPostgres } from './cluster-postgres.ts';
import { eventually } from './eventually.ts';
import { freePort } from './free-port.ts';
import type { AtEnd } from './lifetime.ts';
import { type NatsServer, natsServer } from './nats-server.ts';
import { withDatabase } from './prepared-database.ts';
import { privateDirectory } from './private-directory.ts';
import { tcpProxy, type Wire, wireTo } from './tcp-proxy.ts';
import { type ServerProcess, type Settings, startServer } from './usher-process.ts';

/** A start of a node as the table of nodes has it. */
export interface NodeSeen {
  readonly id: string;
  readonly incarnation: string;
  readonly state: string;
  readonly reason: string | null;
  readonly shards: number;
}

const NODES = `
  select n.id, n.incarnation, n.state, n.reason, count(s.id)::int as shards
  from node n left join shard s on s.owner = n.incarnation
  group by n.incarnation order by n.joined_at`;

const OWNER = 'select n.id from shard s join node n on n.incarnation = s.owner where s.id = $1';

/** Connections that one node opens at most, and what a test needs. */
const CONNECTIONS_PER_NODE = 40;
const CONNECTIONS_BESIDE = 20;
/** Nodes that a test may add to those that it starts with. */
const MORE_NODES = 1;

/** An answer of `/readyz`. */
export interface Readiness {
  readonly status: number;
  /** Of a node that cannot take traffic: what each check says. */
  readonly checks?: Readonly<Record<string, string>>;
}

/** One node, through all its starts. */
export class TestNode {
  readonly id: string;
  readonly port: number;
  readonly adminPort: number;
  /** Its wires, which a test can cut. */
  readonly postgresWire: Wire;
  readonly natsWire: Wire;
  readonly #settings: Settings;
  readonly #atEnd: AtEnd;
  /** Of all its starts. */
  readonly processes: ServerProcess[] = [];
  #errorsTold = 0;
  #opened: ServerProcess | null = null;

  constructor(
    id: string,
    ports: { port: number; adminPort: number },
    wires: [Wire, Wire],
    settings: Settings,
    atEnd: AtEnd,
  ) {
    this.id = id;
    this.port = ports.port;
    this.adminPort = ports.adminPort;
    [this.postgresWire, this.natsWire] = wires;
    this.#settings = settings;
    this.#atEnd = atEnd;
  }

  get process(): ServerProcess {
    const last = this.processes.at(-1);
    if (last === undefined) throw new Error(`${this.id} was never started`);
    return last;
  }

  /** Starts it; resolves when it is open. `extra`: settings of this start only. */
  async start(extra: Settings = {}): Promise<void> {
    const server = startServer({ ...this.#settings, ...extra }, this.#atEnd);
    endWithUs(server.child, 'SIGKILL');
    this.processes.push(server);
    await server.open;
    this.#opened = server;
  }

  /** Whether it runs and has said that it is open. */
  get isOpen(): boolean {
    return this.isRunning && this.#opened === this.process;
  }

  get isRunning(): boolean {
    const child = this.processes.at(-1)?.child;
    return child !== undefined && child.exitCode === null && child.signalCode === null;
  }

  signal(signal: NodeJS.Signals): void {
    this.process.child.kill(signal);
  }

  /** SIGKILL; resolves when it is gone. */
  async kill(): Promise<void> {
    this.signal('SIGKILL');
    await this.process.ended;
  }

  /** Error and fatal lines of its log that were not told before. */
  newErrors(): string[] {
    const errors = this.processes.flatMap((process) => process.errors());
    const told = this.#errorsTold;
    this.#errorsTold = errors.length;
    return errors.slice(told);
  }

  /** Undoes what a test did to it: it runs, and its wires pass. */
  async mend(): Promise<void> {
    for (const wire of [this.postgresWire, this.natsWire]) {
      wire.isStill = () => false;
      wire.mode = 'pass';
    }
    this.signal('SIGCONT');
    if (!this.isRunning) await this.start();
  }

  /** For `runUsher`: commands as an operator gives them on the node's own machine. */
  get operator(): Settings {
    return { USHER_NODE: this.id, ADMIN_PORT: `${this.adminPort}` };
  }

  /** What it says of whether it can take traffic. */
  async readiness(): Promise<Readiness> {
    const answer = await fetch(`http://127.0.0.1:${this.port}/readyz`, { signal: AbortSignal.timeout(5_000) });
    const { checks } = (await answer.json()) as { checks?: Record<string, string> };
    return { status: answer.status, ...(checks === undefined ? undefined : { checks }) };
  }
}

export interface TestCluster {
  readonly nodes: readonly TestNode[];
  readonly ports: readonly number[];
  readonly nats: NatsServer;
  readonly postgres: ClusterPostgres;
  /** Of the database itself, past all wires. */
  readonly databaseUrl: string;
  /** For `runUsher`: commands on the database. */
  readonly settings: Settings;
  node(id: string): TestNode;
  /** All starts of all nodes, oldest first. */
  seen(): Promise<readonly NodeSeen[]>;
  /** The newest start of a node. */
  lastOf(id: string): Promise<NodeSeen>;
  /** The id of the node that owns the show; null while there is none. */
  ownerOf(showId: string): Promise<string | null>;
  /** Asks the database, past all wires. */
  query<Row>(text: string, values?: readonly unknown[]): Promise<Row[]>;
  /** Another node, not yet started. */
  add(id: string): Promise<TestNode>;
  /** Resolves when each of these nodes is up and all shards have owners among them. */
  settled(ids: readonly string[], limitMs?: number): Promise<void>;
}

export interface TestClusterOptions {
  /** Settings of all nodes. */
  readonly settings?: Settings;
  /** When everything ends: with the test if nothing else is said. */
  readonly atEnd?: AtEnd;
  /** Where the database is; a directory of its own if nothing else is said. */
  readonly postgresDirectory?: string;
  /** Each line of the database's log, as JSON. */
  readonly onPostgresLine?: (line: string) => void;
}

const SETTLED_MS = 20_000;

/** Real nodes on a NATS and a Postgres of the test's own. The nodes are started. */
export async function startCluster(ids: readonly string[], options: TestClusterOptions = {}): Promise<TestCluster> {
  const { atEnd = onTestFinished, onPostgresLine: onLine } = options;
  const dataDir = withDatabase(options.postgresDirectory ?? privateDirectory(atEnd));
  const maxConnections = (ids.length + MORE_NODES) * CONNECTIONS_PER_NODE + CONNECTIONS_BESIDE;
  const postgres = await ClusterPostgres.start({ dataDir, maxConnections, ...(onLine && { onLine }) }, atEnd);
  const databaseUrl = postgres.url;
  const nats = await natsServer([], atEnd);
  const nodes: TestNode[] = [];
  const add = async (id: string): Promise<TestNode> => {
    const postgresWire = await tcpProxy({ connectionString: databaseUrl }, atEnd);
    const natsWire = await wireTo({ host: '127.0.0.1', port: nats.port }, atEnd);
    const [port, adminPort] = [await freePort(), await freePort()];
    const { user, database } = postgresWire.connection;
    const settings = {
      USHER_NODE: id,
      PORT: `${port}`,
      ADMIN_PORT: `${adminPort}`,
      ADMIN_ACTIONS: 'on',
      DATABASE_URL: `postgresql://${user}@127.0.0.1:${postgresWire.port}/${database}`,
      NATS_URL: `nats://127.0.0.1:${natsWire.port}`,
      USHER_DATA_DIR: privateDirectory(atEnd),
      JWT_SECRET,
      USHER_LOG_LEVEL: 'warn',
      ...options.settings,
    };
    const node = new TestNode(id, { port, adminPort }, [postgresWire, natsWire], settings, atEnd);
    nodes.push(node);
    return node;
  };
  for (const id of ids) await add(id);
  // The first one makes the tables.
  const [first, ...others] = nodes;
  await first.start();
  await Promise.all(others.map((node) => node.start()));

  const pool = new pg.Pool({ connectionString: databaseUrl, max: 2 });
  pool.on('error', () => {});
  atEnd(() => pool.end());
  const cluster: TestCluster = {
    nodes,
    seen: () => cluster.query<NodeSeen>(NODES),
    async lastOf(id) {
      const last = (await cluster.seen()).findLast((each) => each.id === id);
      if (last === undefined) throw new Error(`${id} has never joined`);
      return last;
    },
    ownerOf: async (showId) => (await cluster.query<{ id: string }>(OWNER, [shardOf(showId)]))[0]?.id ?? null,
    query: async <Row>(text: string, values: readonly unknown[] = []) =>
      (await pool.query(text, [...values])).rows as Row[],
    get ports() {
      return nodes.map((node) => node.port);
    },
    nats,
    postgres,
    databaseUrl,
    settings: { DATABASE_URL: databaseUrl, USHER_DATA_DIR: privateDirectory(atEnd), JWT_SECRET },
    node(id) {
      const node = nodes.find((each) => each.id === id);
      if (node === undefined) throw new Error(`there is no node ${id}`);
      return node;
    },
    add,
    async settled(wanted, limitMs = SETTLED_MS) {
      await eventually(
        async () => {
          const seen = (await cluster.seen()).filter(({ state }) => state === 'up');
          const up = seen.filter(({ id }) => wanted.includes(id));
          const owned = up.reduce((sum, { shards }) => sum + shards, 0);
          if (up.length < wanted.length || owned < SHARDS || up.some(({ shards }) => shards === 0)) {
            throw new Error(`not settled: ${JSON.stringify(seen)}`);
          }
        },
        { timeoutMs: limitMs, intervalMs: 50 },
      );
    },
  };
  await cluster.settled(ids);
  return cluster;
}
