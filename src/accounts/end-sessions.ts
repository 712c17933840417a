import { type Kysely, sql } from 'kysely';
import type { Clock } from '../ports.ts';
import { lastExpiry, writeRevocation } from './revocation-feed.ts';
import type { Revocation } from './revocations.ts';
import type { AccountsTables } from './tables.ts';
import type { Role } from './tokens.ts';
import { USER_COLUMNS, type UserView, userView } from './user-view.ts';

export interface SessionsEnded {
  readonly user: UserView;
  /** Of the tokens that are given from now on. */
  readonly generation: number;
  /** To be heeded once the transaction is committed. */
  readonly revocation: Revocation;
}

export interface EndSessions {
  readonly user: { readonly id: string } | { readonly email: string };
  /** What changes together with it. */
  readonly set?: { readonly password_hash?: string; readonly role?: Role };
  /** The hash that the password must still have. */
  readonly passwordHash?: string;
}

/** Within a transaction: ends all sessions of a user. Null for an unknown one, and if the password is not what it must be. */
export async function endSessions(
  trx: Kysely<AccountsTables>,
  clock: Clock,
  { user, set = {}, passwordHash }: EndSessions,
): Promise<SessionsEnded | null> {
  let update = trx
    .updateTable('usher_user')
    .set({ ...set, token_generation: sql<number>`token_generation + 1` })
    .returning([...USER_COLUMNS, 'token_generation']);
  update = 'id' in user ? update.where('id', '=', user.id) : update.where('email', '=', user.email);
  if (passwordHash !== undefined) update = update.where('password_hash', '=', passwordHash);
  const row = await update.executeTakeFirst();
  if (row === undefined) return null;
  const { id, token_generation: generation } = row;
  const revocation = { key: id, generation, expiresAt: lastExpiry(clock) };
  await writeRevocation(trx, revocation);
  return { user: userView(row), generation, revocation };
}
