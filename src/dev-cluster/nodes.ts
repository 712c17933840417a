import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { StartError } from '../errors.ts';
import { pause } from '../system/pause.ts';
import { systemTimers } from '../system/timers.ts';
import type { FreePorts } from './free-ports.ts';
import { inWords, type Program, type ProgramOptions, startProgram } from './program.ts';

/** What all nodes have in common. */
export interface Shared {
  readonly databaseUrl: string;
  readonly natsUrl: string;
  readonly jwtSecret: string;
  readonly dataDir: string;
  /** Whether the first node seeds the demo. */
  readonly demo: boolean;
}

export interface ClusterMember extends Program {
  readonly url: string;
  readonly adminUrl: string;
}

/** Between the ports of one node and the next, so that a node's two ports stand side by side. */
const PORT_STEP = 10;
const READY_LIMIT_MS = 120_000;
const READY_ANSWER_MS = 2_000;
const READY_POLL_MS = 50;

const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));

/** Starts the node `node-N`, N counting from 1. */
export async function startNode(
  number: number,
  shared: Shared,
  ports: { readonly port: number; readonly adminPort: number; readonly free: FreePorts },
  onLine: ProgramOptions['onLine'],
): Promise<ClusterMember> {
  const name = `node-${number}`;
  const offset = (number - 1) * PORT_STEP;
  const port = await ports.free.take(ports.port + offset);
  const adminPort = await ports.free.take(ports.adminPort + offset);
  const url = `http://localhost:${port}`;
  const program = startProgram({
    name,
    file: process.execPath,
    args: [MAIN],
    env: {
      ...process.env,
      DATABASE_URL: shared.databaseUrl,
      NATS_URL: shared.natsUrl,
      JWT_SECRET: shared.jwtSecret,
      PORT: `${port}`,
      ADMIN_PORT: `${adminPort}`,
      ADMIN_HOST: '127.0.0.1',
      ADMIN_ACTIONS: 'on',
      USHER_NODE: name,
      USHER_NODE_URL: url,
      USHER_DATA_DIR: join(shared.dataDir, name),
      USHER_DEMO: shared.demo && number === 1 ? 'on' : 'off',
    },
    onLine,
  });
  return Object.assign(program, { url, adminUrl: `http://localhost:${adminPort}` });
}

/** Resolves when every node takes traffic. Throws {@link StartError} when one ends before, or it takes too long. */
export async function allReady(nodes: readonly ClusterMember[]): Promise<void> {
  await Promise.all(nodes.map(ready));
}

async function ready(node: ClusterMember): Promise<void> {
  for (let waited = 0; waited < READY_LIMIT_MS; waited += READY_POLL_MS) {
    if (node.hasEnded) {
      throw new StartError(`${node.name} ended (${inWords(await node.ended)}) before it was ready; see its log above.`);
    }
    if (await isReady(node.url)) return;
    await pause(READY_POLL_MS);
  }
  throw new StartError(`${node.name} was not ready within ${READY_LIMIT_MS / 1_000} s; see its log above.`);
}

async function isReady(url: string): Promise<boolean> {
  const patience = new AbortController();
  const limit = systemTimers.after(READY_ANSWER_MS, () => patience.abort());
  try {
    const { ok } = await fetch(`${url}/readyz`, { signal: patience.signal });
    return ok;
  } catch {
    return false;
  } finally {
    limit.cancel();
  }
}
