import { execFile } from 'node:child_process';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A Postgres process that works in a data directory. */
export interface ServerProcess {
  readonly pid: number;
  /** Whether it is a server (not one of its workers) that Usher started. */
  readonly startedByUsher: boolean;
}

/** Marks the servers that we start, so that a left-over of ours is told from one that somebody started by hand. */
export const SERVER_MARK = 'cluster_name=usher';

/**
 * The Postgres processes that live on `directory` (its real path) now. Asks the kernel, not `postmaster.pid`: that file
 * outlives a crash, and its process id may by then belong to anything.
 */
export async function serverProcesses(directory: string): Promise<ServerProcess[]> {
  return process.platform === 'linux' ? fromProc(directory) : fromPs(directory);
}

async function fromProc(directory: string): Promise<ServerProcess[]> {
  const found: ServerProcess[] = [];
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      // Every Postgres process changes into its data directory and stays there.
      if ((await readlink(`/proc/${entry}/cwd`)) !== directory) continue;
      const command = (await readFile(`/proc/${entry}/cmdline`, 'utf8')).split('\0');
      if (!/postgres/.test(command[0])) continue;
      found.push({ pid: Number(entry), startedByUsher: command.includes(SERVER_MARK) });
    } catch {
      // Gone meanwhile, or another user's, who cannot have our private directory open.
    }
  }
  return found;
}

async function fromPs(directory: string): Promise<ServerProcess[]> {
  const { stdout } = await run('ps', ['-axww', '-o', 'pid=,command='], { maxBuffer: 16 * 1024 * 1024 });
  return stdout
    .split('\n')
    .filter((line) => line.includes(`-D ${directory} `) && /postgres/.test(line))
    .map((line) => ({ pid: Number.parseInt(line, 10), startedByUsher: line.includes(SERVER_MARK) }));
}
