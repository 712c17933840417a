import { hash } from 'node:crypto';
import { type Kysely, sql } from 'kysely';
import { RefusedError } from '../errors.ts';
import type { Clock, Random } from '../ports.ts';
import { endSessions } from './end-sessions.ts';
import type { Lockout } from './lockout.ts';
import type { Passwords } from './passwords.ts';
import type { Revocations } from './revocations.ts';
import type { AccountsTables } from './tables.ts';
import { normaliseEmail } from './user-view.ts';

/*
 * A password is set anew by whoever has the mailbox:
 *
 *   ask     puts a letter into the table of mail, whether or not anybody has that e-mail: the work is the same
 *   token   when the letter is written, if somebody has it: a new token goes into the letter, and its digest into a table
 *   use     sets the password, once; all other tokens and all sessions of the user end with it, and so do locks
 *
 * So no token is anywhere but in the letter. A letter that is written twice has two tokens, of which either will do.
 */

export const RESET_LIMITS = {
  /** From when the letter is written. */
  tokenMs: 1_800_000,
  /** An e-mail gets one letter in each span of so long, on all nodes together. */
  letterEveryMs: 300_000,
  /** A letter that could not be sent for so long is not written any more. */
  askedMs: 3_600_000,
} as const;

const TOKEN_BYTES = 32;
/** What {@link TOKEN_BYTES} are in base64url. */
const TOKEN = /^[A-Za-z0-9_-]{43}$/;

export interface PasswordResetsDeps {
  readonly db: Kysely<AccountsTables>;
  readonly clock: Clock;
  readonly random: Random;
  readonly passwords: Passwords;
  readonly lockout: Lockout;
  readonly revocations: Revocations;
}

const digestOf = (token: string): Buffer => hash('sha256', token, 'buffer');

export class PasswordResets {
  readonly #deps: PasswordResetsDeps;

  constructor(deps: PasswordResetsDeps) {
    this.#deps = deps;
  }

  /** Has a letter with a token sent to this e-mail, if an account has it. Tells nothing. */
  async ask(email: string): Promise<void> {
    const { db, clock } = this.#deps;
    const to = normaliseEmail(email);
    const now = clock.now();
    const span = Math.floor(now / RESET_LIMITS.letterEveryMs);
    const id = `reset:rst_${hash('sha256', `${span}\n${to}`, 'hex')}`;
    await sql`
      insert into mail (id, kind, email, created_at, next_at) values (${id}, 'password-reset', ${to}, ${now}, ${now})
      on conflict (id) do nothing
    `.execute(db);
  }

  /** A new token for the letter to this e-mail, asked for at `askedAt`; or why there is none to be sent. */
  async tokenFor(
    email: string,
    askedAt: number,
  ): Promise<{ readonly token: string; readonly minutes: number } | string> {
    const { db, clock, random } = this.#deps;
    const now = clock.now();
    if (now - askedAt > RESET_LIMITS.askedMs) return 'it was asked for too long ago';
    const token = Buffer.from(random.bytes(TOKEN_BYTES)).toString('base64url');
    const { numAffectedRows } = await sql`
      insert into password_reset (digest, user_id, expires_at)
      select ${digestOf(token)}::bytea, id, ${now + RESET_LIMITS.tokenMs} from usher_user where email = ${email}
    `.execute(db);
    if (numAffectedRows !== 1n) return 'no account has this e-mail';
    return { token, minutes: RESET_LIMITS.tokenMs / 60_000 };
  }

  /**
   * Sets a new password, if the token is good. Used, it is not good any more.
   * @throws RefusedError `NOT_FOUND`, `OVERLOADED`
   */
  async use(token: string, password: string): Promise<void> {
    const { db, clock, passwords, lockout, revocations } = this.#deps;
    // Before the password is hashed, which is dear.
    const isGood = TOKEN.test(token) && (await goodReset(db, digestOf(token), clock.now())) !== undefined;
    if (!isGood) throw notGood();
    const passwordHash = await passwords.hash(password);
    const digest = digestOf(token);
    const ended = await db.transaction().execute(async (trx) => {
      const owner = await goodReset(trx, digest, clock.now());
      if (owner === undefined) return null;
      const { user_id: userId } = owner;
      // Those who come with several codes of one account do so one after the other.
      await trx.selectFrom('usher_user').select('id').where('id', '=', userId).forNoKeyUpdate().execute();
      const used = await trx.deleteFrom('password_reset').where('user_id', '=', userId).returning('digest').execute();
      if (!used.some((each) => each.digest.equals(digest))) return null;
      const done = await endSessions(trx, clock, { user: { id: userId }, set: { password_hash: passwordHash } });
      if (done !== null) await lockout.open(trx, done.user.email);
      return done;
    });
    if (ended === null) throw notGood();
    revocations.add(ended.revocation);
  }

  /** Removes up to `rows` that are good no more; how many there were. */
  async forget(rows: number): Promise<number> {
    const { db, clock } = this.#deps;
    const { numAffectedRows = 0n } = await sql`
      delete from password_reset where digest = any(array(
        select digest from password_reset where expires_at <= ${clock.now()} limit ${rows} for update skip locked
      ))
    `.execute(db);
    return Number(numAffectedRows);
  }
}

function goodReset(db: Kysely<AccountsTables>, digest: Buffer, now: number) {
  return db
    .selectFrom('password_reset')
    .select('user_id')
    .where('digest', '=', digest)
    .where('expires_at', '>', now)
    .executeTakeFirst();
}

function notGood(): RefusedError {
  return new RefusedError({
    code: 'NOT_FOUND',
    detail: 'There is no such reset: it was used, or has expired. Ask anew.',
  });
}
