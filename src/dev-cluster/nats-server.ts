import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { StartError } from '../errors.ts';
import { pause } from '../system/pause.ts';
import { inWords, type ProgramOptions, startProgram } from './program.ts';

export interface NatsServer {
  /** nats://127.0.0.1:PORT */
  readonly url: string;
  readonly pid: number;
  /** Resolves with why it ended. */
  readonly ended: Promise<string>;
  stop(): Promise<void>;
}

const PROGRAM = 'nats-server';
/** Where packages put it that are not always on the path of an ordinary user. */
const USUAL_PLACES = ['/usr/sbin', '/usr/local/bin', '/opt/homebrew/bin'];
const READY_LIMIT_MS = 10_000;
const STOP_LIMIT_MS = 5_000;
const POLL_MS = 10;

/**
 * The path of a `nats-server` on this machine: the one that NATS_SERVER_BIN names, else one on the path or in a usual
 * place. Throws {@link StartError} that tells how to install one.
 */
export async function findNatsServer(
  environment: NodeJS.ProcessEnv,
  usualPlaces: readonly string[] = USUAL_PLACES,
): Promise<string> {
  const named = environment.NATS_SERVER_BIN;
  if (named) {
    if (await isProgram(named)) return named;
    throw new StartError(`NATS_SERVER_BIN names ${named}, which is no program that this user can run.`);
  }
  const path = (environment.PATH ?? '').split(delimiter).filter((directory) => directory !== '');
  for (const directory of [...path, ...usualPlaces]) {
    const candidate = join(directory, PROGRAM);
    if (await isProgram(candidate)) return candidate;
  }
  throw new StartError(
    'A cluster needs NATS, and there is no nats-server on this machine. Install it with ' +
      '`apt-get install nats-server` or `brew install nats-server`, or say in NATS_SERVER_BIN where it is, ' +
      'or set NATS_URL to a NATS that runs.',
  );
}

async function isProgram(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

/** Starts a NATS that only this machine reaches, on a free port of its own choice. Throws {@link StartError}. */
export async function startNatsServer(file: string, onLine: ProgramOptions['onLine']): Promise<NatsServer> {
  let port: string | null = null;
  let isReady = false;
  const server = startProgram({
    name: 'nats',
    file,
    // -1 is its word for any free port; which one it took stands in its log.
    args: ['--addr', '127.0.0.1', '--port', '-1'],
    env: { PATH: process.env.PATH },
    onLine: (name, line) => {
      port = /Listening for client connections on 127\.0\.0\.1:(\d+)/.exec(line)?.[1] ?? port;
      isReady ||= line.includes('Server is ready');
      onLine(name, line);
    },
  });
  for (let waited = 0; !isReady && !server.hasEnded && waited < READY_LIMIT_MS; waited += POLL_MS) await pause(POLL_MS);
  if (!isReady || port === null) {
    const how = await server.stop(STOP_LIMIT_MS);
    throw new StartError(`The NATS server ${file} did not start (${inWords(how)}); its last words are above.`);
  }
  return {
    url: `nats://127.0.0.1:${port}`,
    pid: server.pid,
    ended: server.ended.then(inWords),
    stop: async () => void (await server.stop(STOP_LIMIT_MS)),
  };
}
