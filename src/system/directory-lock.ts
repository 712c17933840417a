import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { StartError } from '../errors.ts';

/** Another process holds the directory. */
export class DirectoryBusyError extends StartError {
  override readonly name = 'DirectoryBusyError';
}

export interface DirectoryLock {
  release(): void;
}

const SQLITE_BUSY = 5;

/**
 * Takes `directory` for this process until `release()` or its end, however it ends.
 * Throws {@link DirectoryBusyError} naming the holder if another process (or another part of this one) has it.
 *
 * The lock is the kernel's, on the file `usher.lock`, so nothing goes stale after a kill -9 and no reused process id can
 * fool it. Node has no call for such locks, but the SQLite that comes with it takes them; the file stays empty.
 */
export function lockDirectory(directory: string): DirectoryLock {
  const pidFile = join(directory, 'usher.pid');
  let database: DatabaseSync | undefined;
  try {
    database = new DatabaseSync(join(directory, 'usher.lock'));
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
    writeFileSync(pidFile, `${process.pid}\n`, { mode: 0o644 });
  } catch (error) {
    database?.close();
    if ((error as { errcode?: number }).errcode === SQLITE_BUSY) {
      throw new DirectoryBusyError(
        `The data directory ${directory} is in use by ${holder(pidFile)}. ` +
          'Stop it first, or set USHER_DATA_DIR to another directory.',
      );
    }
    throw new StartError(
      `The data directory ${directory} cannot be locked: ${(error as Error).message}. ` +
        'Give this user the right to write there, or set USHER_DATA_DIR to another directory.',
      { cause: error },
    );
  }
  const held = database;
  return {
    release() {
      if (!held.isOpen) return;
      rmSync(pidFile, { force: true });
      held.close();
    },
  };
}

function holder(pidFile: string): string {
  try {
    return `another Usher, process ${readFileSync(pidFile, 'utf8').trim()}`;
  } catch {
    return 'another Usher';
  }
}
