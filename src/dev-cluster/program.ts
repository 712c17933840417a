import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { endWithUs } from '../system/death-watch.ts';
import { systemTimers } from '../system/timers.ts';

export interface ProgramOptions {
  /** Before each of its lines. */
  readonly name: string;
  readonly file: string;
  readonly args: readonly string[];
  readonly env: NodeJS.ProcessEnv;
  /** Each line that it writes, to stdout or stderr. */
  readonly onLine: (name: string, line: string) => void;
}

/** How a program ended; both null when it could not even be started. */
export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface Program {
  readonly name: string;
  readonly pid: number;
  /** Resolves when it has ended and its last words were passed on. */
  readonly ended: Promise<Ended>;
  readonly hasEnded: boolean;
  /** Asks it to end (SIGTERM), and makes it end when it has not done so in time. */
  stop(limitMs: number): Promise<Ended>;
}

/**
 * Runs a program in a session of its own, so that a Ctrl-C at the terminal reaches only the launcher, which stops
 * everything in order. It does not outlive the launcher: when that is killed the program is killed too.
 */
export function startProgram({ name, file, args, env, onLine }: ProgramOptions): Program {
  const child = spawn(file, args, { env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  let hasEnded = false;
  const ended = new Promise<Ended>((resolve) => {
    const end = (how: Ended): void => {
      hasEnded = true;
      resolve(how);
    };
    child.once('error', (error) => {
      onLine(name, error.message);
      end({ code: null, signal: null });
    });
    child.once('close', (code, signal) => end({ code, signal }));
  });
  // Not SIGTERM: its database and NATS go at the same moment, and there is nothing that a crash would lose.
  endWithUs(child, 'SIGKILL');
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY }).on('line', (line) => onLine(name, line));
  }
  return {
    name,
    pid: child.pid ?? 0,
    ended,
    get hasEnded() {
      return hasEnded;
    },
    stop: (limitMs) => stop(child, ended, limitMs),
  };
}

async function stop(child: ChildProcess, ended: Promise<Ended>, limitMs: number): Promise<Ended> {
  child.kill('SIGTERM');
  const limit = systemTimers.after(limitMs, () => child.kill('SIGKILL'));
  const how = await ended;
  limit.cancel();
  return how;
}

export function inWords({ code, signal }: Ended): string {
  if (signal !== null) return `signal ${signal}`;
  return code === null ? 'it could not be started' : `exit code ${code}`;
}
