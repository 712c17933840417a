import type { Kysely } from 'kysely';
import type { Clock, Random, Timers } from '../ports.ts';
import type { Log } from '../system/log.ts';
import { Accounts } from './accounts.ts';
import { Forgetting } from './forgetting.ts';
import { Lockout, type LockoutLimits } from './lockout.ts';
import { LogIns } from './log-ins.ts';
import { PasswordResets } from './password-resets.ts';
import { hashLimits, Passwords } from './passwords.ts';
import { RevocationFeed } from './revocation-feed.ts';
import { Revocations } from './revocations.ts';
import type { AccountsTables } from './tables.ts';
import { Tokens } from './tokens.ts';

export interface AccountsParts {
  readonly db: Kysely<AccountsTables>;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly log: Log;
  /** Signs the tokens. */
  readonly secret: Uint8Array;
  /** Of this machine: so many are not to be busy with passwords. */
  readonly cores: number;
  readonly lockout?: LockoutLimits | undefined;
}

/** All about accounts, wired. */
export interface AccountsRoom {
  readonly accounts: Accounts;
  readonly tokens: Tokens;
  readonly logIns: LogIns;
  readonly resets: PasswordResets;
  close(): void;
}

/** Resolves when it knows all tokens that are revoked. */
export async function createAccounts(parts: AccountsParts): Promise<AccountsRoom> {
  const { db, clock, timers, random, log } = parts;
  const revocations = new Revocations();
  const feed = new RevocationFeed({ db, revocations, clock, timers, log });
  const passwords = new Passwords(random, hashLimits(parts.cores));
  const lockout = new Lockout(db, parts.lockout);
  const tokens = new Tokens(parts.secret, clock, revocations);
  const shared = { db, clock, random, passwords, lockout, revocations };
  const resets = new PasswordResets(shared);
  await feed.start();
  const tasks = [feed, lockout, resets].map((each) => (rows: number) => each.forget(rows));
  const forgetting = new Forgetting(tasks, timers, log);
  return {
    accounts: new Accounts(db, clock, random, passwords),
    tokens,
    logIns: new LogIns({ ...shared, tokens, feed }),
    resets,
    close() {
      feed.close();
      forgetting.close();
    },
  };
}
