import { StartError } from '../errors.ts';
import { printable } from '../postgres/database.ts';
import { startEmbeddedPostgres } from '../postgres/embedded-postgres.ts';
import type { Settings } from '../settings.ts';
import { keptSecret, prepareDataDirectory } from '../system/data-directory.ts';
import type { Log } from '../system/log.ts';
import { systemRandom } from '../system/random.ts';
import { FreePorts } from './free-ports.ts';
import { findNatsServer, startNatsServer } from './nats-server.ts';
import { allReady, type ClusterMember, startNode } from './nodes.ts';
import { inWords, type ProgramOptions } from './program.ts';

export interface ClusterOptions {
  readonly nodes: number;
  /** Of the first node; the others' are above. */
  readonly port: number;
  readonly adminPort: number;
  /** What the cluster has in common, as for one node. */
  readonly settings: Settings;
  /** A NATS that runs, or null to start one. */
  readonly natsUrl: string | null;
  readonly log: Log;
  readonly onLine: ProgramOptions['onLine'];
  /** Something ended by itself without which the cluster cannot go on. */
  readonly onLost: (reason: string) => void;
}

export interface RunningCluster {
  readonly nodes: readonly ClusterMember[];
  readonly natsUrl: string;
  /** Without its password. */
  readonly databaseUrl: string;
}

/** Steps that undo the start, last first. */
type Undo = () => Promise<unknown>;

/** Connections that one node opens at most, and what commands beside the nodes need. */
const CONNECTIONS_PER_NODE = 40;
const CONNECTIONS_BESIDE = 20;
/** Longer than a node takes for giving its shows away and its own orderly stop. */
const NODE_STOP_LIMIT_MS = 60_000;

/**
 * Nodes of one cluster as processes of this machine, with the Postgres and the NATS that they need. What ends by itself
 * is told of and stays so: that is what one wants to look at.
 */
export class Cluster {
  readonly #options: ClusterOptions;
  readonly #undo: Undo[] = [];
  #stopping: Promise<void> | null = null;
  #hasFailed = false;

  constructor(options: ClusterOptions) {
    this.#options = options;
  }

  /** Throws StartError when it cannot be had; what was started by then runs on until `stop()`. */
  async start(): Promise<RunningCluster> {
    const { settings, onLine } = this.#options;
    // Looked for first: nothing is worth being started when it is not there.
    const natsProgram = this.#options.natsUrl === null ? await findNatsServer(process.env) : null;
    await prepareDataDirectory(settings.dataDir);
    const databaseUrl = settings.databaseUrl ?? (await this.#startPostgres());
    const natsUrl = natsProgram === null ? (this.#options.natsUrl ?? '') : await this.#startNats(natsProgram);
    const jwtSecret = settings.jwtSecret ?? (await keptSecret(settings.dataDir, systemRandom));

    const { dataDir, demo } = settings;
    const { port, adminPort } = this.#options;
    const ports = { port, adminPort, free: new FreePorts() };
    const nodes: ClusterMember[] = [];
    this.#undo.push(() => this.#stopNodes(nodes));
    for (let number = 1; number <= this.#options.nodes; number++) {
      this.#requireGoingOn();
      nodes.push(await startNode(number, { databaseUrl, natsUrl, jwtSecret, dataDir, demo }, ports, onLine));
    }
    await allReady(nodes);
    this.#requireGoingOn();
    for (const node of nodes) void this.#watch(node, nodes);
    return { nodes, natsUrl, databaseUrl: printable(databaseUrl) };
  }

  /** Nodes first, all at once; then what they stand on. Resolves with whether all ended in order. */
  async stop(): Promise<boolean> {
    this.#stopping ??= this.#stop();
    await this.#stopping;
    return !this.#hasFailed;
  }

  async #stop(): Promise<void> {
    for (let step = this.#undo.pop(); step !== undefined; step = this.#undo.pop()) {
      try {
        await step();
      } catch (error) {
        this.#failed(`a step of the stop failed: ${(error as Error).message}`);
      }
    }
  }

  async #startPostgres(): Promise<string> {
    const { settings, nodes, log, onLost } = this.#options;
    const postgres = await startEmbeddedPostgres({
      dataDir: settings.dataDir,
      log,
      maxConnections: nodes * CONNECTIONS_PER_NODE + CONNECTIONS_BESIDE,
      onExit: onLost,
    });
    this.#undo.push(() => postgres.stop());
    return postgres.url;
  }

  async #startNats(file: string): Promise<string> {
    const nats = await startNatsServer(file, this.#options.onLine);
    this.#undo.push(() => nats.stop());
    void nats.ended.then((how) => {
      if (this.#stopping === null) this.#tell(`NATS (process ${nats.pid}) ended: ${how}. It is not started again.`);
    });
    return nats.url;
  }

  /** A stop during the start must not be overtaken by it. */
  #requireGoingOn(): void {
    if (this.#stopping !== null) throw new StartError('The cluster was stopped during its start.');
  }

  async #watch(node: ClusterMember, nodes: readonly ClusterMember[]): Promise<void> {
    const how = inWords(await node.ended);
    if (this.#stopping !== null) return;
    this.#tell(`${node.name} (process ${node.pid}) ended: ${how}. It is not started again.`);
    if (nodes.every(({ hasEnded }) => hasEnded)) this.#options.onLost('The last node has ended.');
  }

  async #stopNodes(nodes: readonly ClusterMember[]): Promise<void> {
    const living = nodes.filter(({ hasEnded }) => !hasEnded);
    await Promise.all(
      living.map(async (node) => {
        const how = await node.stop(NODE_STOP_LIMIT_MS);
        // One that has hardly begun does not listen to the signal yet, and has nothing to bring in order.
        if (how.code !== 0 && how.signal !== 'SIGTERM')
          this.#failed(`${node.name} did not stop in order: ${inWords(how)}.`);
      }),
    );
  }

  #failed(what: string): void {
    this.#hasFailed = true;
    this.#tell(what);
  }

  #tell(text: string): void {
    this.#options.onLine('cluster', text);
  }
}
