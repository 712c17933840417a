import closeWithGrace from 'close-with-grace';
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { DEMO } from '../demo/seed-demo.ts';
import { StartError } from '../errors.ts';
import { readSettings } from '../settings.ts';
import { createLog } from '../system/log.ts';
import { Cluster, type RunningCluster } from './cluster.ts';
import { linesTo } from './lines.ts';

/** Exit codes beside 0, which is an ordered stop. */
const FAILED = 1;
const USAGE = 2;
const NODES_MAX = 20;
/** Longer than nodes, NATS and Postgres together have for an orderly stop. */
const STOP_LIMIT_MS = 120_000;

interface Arguments {
  readonly nodes: number;
  readonly port: number;
  readonly adminPort: number;
}

const tell = linesTo(process.stderr);

/** Starts a cluster and keeps it until a signal comes, or nothing is left of it. */
async function run({ nodes, port, adminPort }: Arguments): Promise<void> {
  const { NATS_URL, ...environment } = process.env;
  let isStopping = false;
  let cluster: Cluster | null = null;
  const grace = closeWithGrace({ delay: STOP_LIMIT_MS, logger: false }, async ({ signal, err }) => {
    isStopping = true;
    if (err !== undefined) tell('cluster', `stopping after an error: ${err.stack ?? err.message}`);
    else if (signal !== undefined) tell('cluster', `${signal}: stopping`);
    const inOrder = cluster === null || (await cluster.stop());
    process.exit(inOrder && err === undefined ? process.exitCode : FAILED);
  });
  const fail = (reason: string): void => {
    if (isStopping) return;
    process.stderr.write(`usher: ${reason}\n`);
    process.exitCode = FAILED;
    void grace.close();
  };
  try {
    const settings = readSettings(forAllNodes(environment));
    cluster = new Cluster({
      nodes,
      port,
      adminPort,
      settings,
      natsUrl: NATS_URL || null,
      log: createLog(settings.logLevel, { write: (line) => tell('postgres', line.trimEnd()) }),
      onLine: tell,
      onLost: fail,
    });
    const running = await cluster.start();
    if (!isStopping) process.stdout.write(announcement(running, settings.demo));
  } catch (error) {
    fail(error instanceof StartError ? error.message : `${(error as Error).stack}`);
  }
}

/** Of the environment what concerns every node alike; the rest is given to each of them. */
function forAllNodes(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const common = /^(DATABASE_URL|USHER_(DATA_DIR|LOG_LEVEL|DEMO|SANDBOX)|JWT_SECRET|STRIPE_\w+|NODE_ENV)$/;
  return Object.fromEntries(Object.entries(environment).filter(([name]) => common.test(name)));
}

/** What an operator has to know, one node a line. */
function announcement({ nodes, natsUrl, databaseUrl }: RunningCluster, hasDemo: boolean): string {
  const lines = nodes.map(
    ({ name, url, adminUrl, pid }) => `${name} is open at ${url} (admin: ${adminUrl}, process ${pid})`,
  );
  lines.push(`NATS: ${natsUrl}`, `Postgres: ${databaseUrl}`);
  if (hasDemo) lines.push(`Demo log-ins (password ${DEMO.password}): ${[DEMO.organiser, ...DEMO.buyers].join(', ')}`);
  lines.push(`${nodes.length === 1 ? '1 node is' : `${nodes.length} nodes are`} ready. Ctrl-C stops everything.`);
  return `${lines.join('\n')}\n`;
}

function wholeUpTo(most: number): (text: string) => number {
  return (text) => {
    const number = Number(text);
    if (/^\d{1,5}$/.test(text) && number >= 1 && number <= most) return number;
    throw new InvalidArgumentError(`It must be a whole number from 1 to ${most}.`);
  };
}

const program = new Command('cluster')
  .description('Start several nodes on a real NATS and Postgres: those of NATS_URL and DATABASE_URL, else own ones.')
  .option('--nodes <n>', 'how many', wholeUpTo(NODES_MAX), 3)
  .option('--port <port>', "the first node's port", wholeUpTo(65_535), 8080)
  .option('--admin-port <port>', "the first node's admin port", wholeUpTo(65_535), 8081)
  .allowExcessArguments(false)
  .exitOverride()
  .action((options: Arguments) => run(options));

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  process.exitCode = error.exitCode === 0 ? 0 : USAGE;
}
