import { type ChildProcess, spawn } from 'node:child_process';
import { onTestFinished } from 'vitest';
import { findNatsServer } from '../../src/dev-cluster/nats-server.ts';
import { endWithUs } from '../../src/system/death-watch.ts';
import { freePort } from './free-port.ts';
import type { AtEnd } from './lifetime.ts';

/** A real NATS server of a test's own. */
export interface NatsServer {
  /** As `NATS_URL`. */
  readonly url: string;
  readonly port: number;
  /** Ends it in order; nothing to do if it has ended. */
  stop(): Promise<void>;
  /** Ends it at once. */
  kill(): Promise<void>;
  /** Starts it again on the same port, with no memory of before. */
  restart(): Promise<void>;
  /** Lets it stand still with all its connections open, until {@link resume}. */
  pause(): void;
  resume(): void;
}

const READY = /Server is ready/;

/**
 * Starts a server on a free port of the loopback, without anything on disk. It ends with the test if nothing else is said.
 * @param args further ones for the server, such as `['--user', 'ada', '--pass', 'secret']`.
 */
export async function natsServer(args: readonly string[] = [], atEnd: AtEnd = onTestFinished): Promise<NatsServer> {
  const port = await freePort();
  const command = [await findNatsServer(process.env), '-a', '127.0.0.1', '-p', String(port), ...args];
  let child: ChildProcess | null = null;
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child?.once('exit', resolve));
    child.kill(signal);
    // A paused process takes other signals only when it goes on.
    if (signal !== 'SIGKILL') child.kill('SIGCONT');
    await ended;
  };
  const start = async (): Promise<void> => {
    child = await started(command);
  };
  const server: NatsServer = {
    url: `nats://127.0.0.1:${port}`,
    port,
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
    restart: async () => {
      await end('SIGKILL');
      await start();
    },
    pause: () => void child?.kill('SIGSTOP'),
    resume: () => void child?.kill('SIGCONT'),
  };
  atEnd(() => server.kill());
  await start();
  return server;
}

function started([program, ...args]: readonly string[]): Promise<ChildProcess> {
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  endWithUs(child, 'SIGKILL');
  return new Promise((resolve, reject) => {
    let told = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      if (READY.test(told)) return;
      told += text;
      if (READY.test(told)) resolve(child);
    });
    child.once('error', reject);
    child.once('exit', (code, signal) => reject(new Error(`${program} ended (${signal ?? code}): ${told}`)));
  });
}
