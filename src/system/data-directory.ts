import { constants } from 'node:fs';
import { access, link, mkdir, open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { StartError } from '../errors.ts';
import type { Random } from '../ports.ts';

/** 256 bits, as HS256 asks for. */
const SECRET_BYTES = 32;
const SECRET_FILE = 'jwt-secret';
const SECRET_FORM = /^[0-9a-f]{64}$/;

/** Makes the data directory where it is missing. Throws {@link StartError} when this user cannot work in it. */
export async function prepareDataDirectory(directory: string): Promise<void> {
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await access(directory, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new StartError(
      `The data directory ${directory} cannot be used: ${(error as Error).message}. ` +
        'Give this user the right to write there, or set USHER_DATA_DIR to another directory.',
      { cause: error },
    );
  }
}

/**
 * The secret that signs access tokens: the one kept in the data directory, else a new one, which is kept there first.
 * Several nodes that start on the same directory get the same one. Throws {@link StartError} when it cannot be kept or
 * what is kept is not one.
 */
export async function keptSecret(directory: string, random: Random): Promise<string> {
  const path = join(directory, SECRET_FILE);
  try {
    const kept = (await readIfThere(path)) ?? (await keepNew(directory, path, random));
    if (SECRET_FORM.test(kept)) return kept;
  } catch (error) {
    throw new StartError(
      `The token secret ${path} cannot be read or kept: ${(error as Error).message}. ` +
        'Give this user the right to it, or set JWT_SECRET.',
      { cause: error },
    );
  }
  throw new StartError(`The token secret ${path} is damaged. Restore it, or remove it: then everybody logs in again.`);
}

async function readIfThere(path: string): Promise<string | null> {
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/** Whole or not at all, and durable before it is used; the first of several writers wins. */
async function keepNew(directory: string, path: string, random: Random): Promise<string> {
  const secret = Buffer.from(random.bytes(SECRET_BYTES)).toString('hex');
  const draft = `${path}.${random.uuidv7()}`;
  const file = await open(draft, 'wx', 0o600);
  try {
    await file.writeFile(`${secret}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  try {
    // Unlike a rename, a link never replaces what another writer has kept meanwhile.
    await link(draft, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    await rm(draft, { force: true });
  }
  const parent = await open(directory, 'r');
  await parent.sync().finally(() => parent.close());
  return (await readIfThere(path)) ?? secret;
}
