import type { Kysely } from 'kysely';
import { RefusedError } from '../errors.ts';
import type { Clock, Random } from '../ports.ts';
import { endSessions } from './end-sessions.ts';
import type { Lockout } from './lockout.ts';
import type { Passwords } from './passwords.ts';
import type { RevocationFeed } from './revocation-feed.ts';
import type { Revocations } from './revocations.ts';
import type { AccountsTables } from './tables.ts';
import type { Bearer, Tokens } from './tokens.ts';
import { normaliseEmail, USER_COLUMNS, type UserView, userView } from './user-view.ts';

/** Bytes of a session's id: none can be guessed. */
const SESSION_BYTES = 16;

export interface Session {
  readonly token: string;
  /** ms since the epoch. */
  readonly expiresAt: number;
  readonly user: UserView;
}

export interface LogInsDeps {
  readonly db: Kysely<AccountsTables>;
  readonly clock: Clock;
  readonly random: Random;
  readonly passwords: Passwords;
  readonly lockout: Lockout;
  readonly tokens: Tokens;
  readonly revocations: Revocations;
  readonly feed: Pick<RevocationFeed, 'revoke'>;
}

function wrong(detail: string): RefusedError {
  return new RefusedError({ code: 'BAD_CREDENTIALS', detail });
}

/**
 * From passwords to sessions, and their end.
 *
 * A session ends with its token after 12 hours, by logging out, and with all others of its user by logging out everywhere,
 * by a new password and by a new role. What ends it is durable before it is answered; this node heeds it at once, the
 * others after `FEED_LIMITS.pollMs`.
 */
export class LogIns {
  readonly #deps: LogInsDeps;

  constructor(deps: LogInsDeps) {
    this.#deps = deps;
  }

  /**
   * A new session for whoever has this e-mail and password. A wrong password and an unknown e-mail differ in neither text
   * nor work, and while too many have failed even the right one is not looked at.
   * @param address where it comes from
   * @throws RefusedError `BAD_CREDENTIALS`, `TOO_MANY_REQUESTS`, `OVERLOADED`
   */
  async logIn(email: string, password: string, address: string): Promise<Session> {
    const { db, passwords, lockout } = this.#deps;
    const attempt = { email: normaliseEmail(email), address };
    await lockout.requireOpen(attempt);
    const row = await db
      .selectFrom('usher_user')
      .select([...USER_COLUMNS, 'password_hash', 'token_generation'])
      .where('email', '=', attempt.email)
      .executeTakeFirst();
    const matches = await passwords.matches(password, row?.password_hash ?? null);
    if (row === undefined || !matches) {
      await lockout.failed(attempt);
      throw wrong('The e-mail or the password is wrong.');
    }
    await lockout.passed(attempt);
    // Of the generation that was read with the hash: had the password been changed since, this session has ended already.
    return this.#begin(userView(row), row.token_generation);
  }

  async logOut({ session, expiresAt }: Bearer): Promise<void> {
    await this.#deps.feed.revoke({ key: session, generation: null, expiresAt });
  }

  async logOutEverywhere(userId: string): Promise<void> {
    const { db, clock, revocations } = this.#deps;
    const ended = await db.transaction().execute((trx) => endSessions(trx, clock, { user: { id: userId } }));
    if (ended !== null) revocations.add(ended.revocation);
  }

  /**
   * Sets a new password, ends all sessions and begins a new one; null for an unknown user.
   * @throws RefusedError `BAD_CREDENTIALS` when the current one is another, `TOO_MANY_REQUESTS`, `OVERLOADED`
   */
  async changePassword(userId: string, current: string, next: string, address: string): Promise<Session | null> {
    const { db, clock, passwords, lockout, revocations } = this.#deps;
    const row = await db
      .selectFrom('usher_user')
      .select(['email', 'password_hash'])
      .where('id', '=', userId)
      .executeTakeFirst();
    if (row === undefined) return null;
    const attempt = { email: row.email, address };
    await lockout.requireOpen(attempt);
    const matches = await passwords.matches(current, row.password_hash);
    if (!matches) await lockout.failed(attempt);
    else await lockout.passed(attempt);
    const hash = matches ? await passwords.hash(next) : null;
    // Another request may have been quicker: then the current one is no longer what it was.
    const ended =
      hash === null
        ? null
        : await db.transaction().execute(async (trx) => {
            const changes = { user: { id: userId }, set: { password_hash: hash }, passwordHash: row.password_hash };
            const done = await endSessions(trx, clock, changes);
            // A code that was mailed before is good no more.
            if (done !== null) await trx.deleteFrom('password_reset').where('user_id', '=', userId).execute();
            return done;
          });
    if (ended === null) throw wrong('The current password is wrong.');
    revocations.add(ended.revocation);
    return this.#begin(ended.user, ended.generation);
  }

  async #begin(user: UserView, generation: number): Promise<Session> {
    const session = Buffer.from(this.#deps.random.bytes(SESSION_BYTES)).toString('base64url');
    const { token, expiresAt } = await this.#deps.tokens.issue({ id: user.id, role: user.role, generation, session });
    return { token, expiresAt, user };
  }
}
