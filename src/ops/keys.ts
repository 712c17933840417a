import { readSettings } from '../settings.ts';
import { createLog } from '../system/log.ts';
import type { KeyRing, KeyStatus } from '../tickets/key-ring.ts';
import { withDatabase } from './database.ts';
import { CommandError, EXIT } from './exit-codes.ts';
import { type Column, table } from './table.ts';

const COLUMNS: readonly Column<KeyStatus>[] = [
  { title: 'key', of: ({ kid }) => kid },
  { title: 'state', of: ({ state }) => state },
  { title: 'created', of: ({ createdAt }) => createdAt },
];

interface Options {
  readonly json?: boolean;
}

function withKeys<T>(work: (keys: KeyRing) => Promise<T>): Promise<T> {
  return withDatabase(readSettings(process.env), createLog('warn'), ({ keys }) => work(keys));
}

/** Prints all keys, the one that signs first. */
export async function listKeys({ json }: Options): Promise<void> {
  const keys = await withKeys((ring) => ring.list());
  if (json) for (const key of keys) console.log(JSON.stringify(key));
  else console.log(table(COLUMNS, keys));
}

/** Makes a new key the one that signs, and prints its id. */
export async function rotateKeys({ json }: Options): Promise<void> {
  const kid = await withKeys((ring) => ring.rotate());
  console.log(
    json ? JSON.stringify({ kid, state: 'active' }) : `${kid} signs from now on; running nodes follow within seconds.`,
  );
}

/** Ends a key. Throws {@link CommandError} for one that there is not, or that signs. */
export async function retireKey(kid: string, { json }: Options): Promise<void> {
  const state = await withKeys((ring) => ring.retire(kid));
  if (state === null) throw new CommandError(EXIT.notFound, `There is no key ${kid}.`);
  if (state === 'active')
    throw new CommandError(EXIT.conflict, `${kid} is the key that signs. Rotate first: usher keys rotate.`);
  console.log(
    json ? JSON.stringify({ kid, state: 'retired' }) : `${kid} is retired: codes that it signed are refused.`,
  );
}
