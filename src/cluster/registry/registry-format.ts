import type { ClientConfig } from 'pg';
import type { SessionLimits } from '../../journal/session.ts';
import type { Timers } from '../../ports.ts';
import { IS_ALIVE } from './node-conditions.ts';
import { RegistrySession } from './registry-session.ts';

const DEADLINE_MS = 3_000;
const LIMITS: SessionLimits = { lockMs: 1_500, statementMs: 2_000, transactionMs: 2_500 };

const BEGIN = { text: 'begin' };
const COMMIT = { text: 'commit' };
/** Nobody enters meanwhile: a node that does has locked the row until it is in the table. */
const HOLD = { text: 'select format from cluster for update' };
/** A statement of its own, so that it sees who has entered by the time the row was locked. */
const RAISE = {
  text: `
    update cluster set format = $1
    where format < $1 and not exists (select from node n where ${IS_ALIVE} and n.format < $1)`,
};
const READ_FORMAT = { text: 'select format from cluster' };

/** {@link file://./registry.ts}'s `raiseFormat`, on a connection of its own: it happens once in the life of a format. */
export async function raiseFormat(
  { connection, timers }: { readonly connection: ClientConfig; readonly timers: Timers },
  format: number,
): Promise<number> {
  const name = 'usher format';
  const session = new RegistrySession({ connection, timers, name, deadlineMs: DEADLINE_MS, limits: LIMITS });
  try {
    return await session.use(async (query) => {
      await query(BEGIN);
      await query(HOLD);
      await query(RAISE, [format]);
      const [[now]] = await query<[number]>(READ_FORMAT);
      await query(COMMIT);
      return now;
    });
  } finally {
    await session.close();
  }
}
