import { execFileSync, spawn } from 'node:child_process';
import { open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { endWithUs } from '../../src/system/death-watch.ts';
import type { AtEnd } from '../support/lifetime.ts';

/*
 * A file system of its own for Postgres, so small that it can be filled: a tmpfs in a mount namespace of our own, which is
 * gone with the last process that is in it, however that ends.
 */

const SIZE_MB = 768;
/** Says to a process that it runs in a mount namespace of its own. */
const MARK = 'USHER_CHAOS_OWN_MOUNTS';
const CHUNK = Buffer.alloc(4 * 1024 * 1024);

/** How to run a program in a mount namespace of its own; root needs no user namespace for it, others do. */
function ownMounts(): string[] {
  const user = process.getuid?.() === 0 ? [] : ['--user', '--map-current-user', '--keep-caps'];
  return ['unshare', ...user, '--mount'];
}

/** Whether this machine lets us have one. */
function isAllowed(): boolean {
  const [program, ...args] = [...ownMounts(), 'mount', '-t', 'tmpfs', 'tmpfs', '/tmp'];
  try {
    execFileSync(program, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/**
 * Runs this same command again in a mount namespace of its own, where that is allowed. Resolves with its exit code; null
 * when this process is to go on itself, either because it is the one that runs there or because there is none to be had.
 */
export async function inOwnMounts(): Promise<number | null> {
  if (process.env[MARK] !== undefined || process.platform !== 'linux' || !isAllowed()) return null;
  const [program, ...args] = [...ownMounts(), process.execPath, ...process.argv.slice(1)];
  const child = spawn(program, args, { stdio: 'inherit', env: { ...process.env, [MARK]: 'on' } });
  endWithUs(child, 'SIGTERM');
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => child.kill(signal));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? 1));
  });
}

/** A small file system that can be filled up. */
export class SmallDisk {
  readonly #filler: string;

  private constructor(directory: string) {
    this.#filler = join(directory, 'filler');
  }

  /** Mounts one on this directory until the end; null where that is not allowed. */
  static on(directory: string, atEnd: AtEnd): SmallDisk | null {
    if (process.env[MARK] === undefined) return null;
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${SIZE_MB}m,mode=0755`, 'tmpfs', directory]);
    atEnd(() => void execFileSync('umount', ['--lazy', directory]));
    return new SmallDisk(directory);
  }

  /** Writes until there is no room left. */
  async fill(): Promise<void> {
    const file = await open(this.#filler, 'a');
    try {
      for (let size = CHUNK.length; size > 0; ) {
        const { bytesWritten } = await file.write(CHUNK, 0, size).catch(noRoom);
        if (bytesWritten < size) size = Math.floor(size / 2);
      }
    } finally {
      await file.close();
    }
  }

  async empty(): Promise<void> {
    await rm(this.#filler, { force: true });
  }
}

function noRoom(error: NodeJS.ErrnoException): { bytesWritten: number } {
  if (error.code === 'ENOSPC') return { bytesWritten: 0 };
  throw error;
}
