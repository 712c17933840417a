import type { Kysely } from 'kysely';
import { RefusedError } from '../errors.ts';
import { newId } from '../ids.ts';
import type { Clock, Random } from '../ports.ts';
import { rfc3339 } from '../rfc3339.ts';
import { endSessions } from './end-sessions.ts';
import { Passwords } from './passwords.ts';
import type { AccountsTables, Address } from './tables.ts';
import type { Role } from './tokens.ts';
import { normaliseEmail, USER_COLUMNS, type UserView, userView } from './user-view.ts';

export interface NewUser {
  readonly email: string;
  readonly password: string;
  readonly firstName: string;
  readonly lastName: string;
  readonly role: Role;
  readonly address?: Address | undefined;
}

export interface UserChanges {
  readonly firstName?: string | undefined;
  readonly lastName?: string | undefined;
  /** `null` takes the address away. */
  readonly address?: Address | null | undefined;
}

/** Who there is: sign-up, the own profile, roles. */
export class Accounts {
  readonly #db: Kysely<AccountsTables>;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #passwords: Passwords;

  constructor(db: Kysely<AccountsTables>, clock: Clock, random: Random, passwords = new Passwords(random)) {
    this.#db = db;
    this.#clock = clock;
    this.#random = random;
    this.#passwords = passwords;
  }

  /** Creates an account. @throws RefusedError `EMAIL_TAKEN`, `OVERLOADED` */
  async create(user: NewUser): Promise<UserView> {
    const email = normaliseEmail(user.email);
    const passwordHash = await this.#passwords.hash(user.password);
    const row = await this.#db
      .insertInto('usher_user')
      .values({
        id: newId('usr', this.#random),
        email,
        password_hash: passwordHash,
        first_name: user.firstName,
        last_name: user.lastName,
        role: user.role,
        address: user.address === undefined ? null : JSON.stringify(user.address),
        created_at: rfc3339(this.#clock.now()),
      })
      .onConflict((conflict) => conflict.column('email').doNothing())
      .returning(USER_COLUMNS)
      .executeTakeFirst();
    if (row === undefined) throw new RefusedError({ code: 'EMAIL_TAKEN', detail: 'Log in, or use another e-mail.' });
    return userView(row);
  }

  async get(id: string): Promise<UserView | null> {
    const row = await this.#db.selectFrom('usher_user').select(USER_COLUMNS).where('id', '=', id).executeTakeFirst();
    return row === undefined ? null : userView(row);
  }

  /** Changes what is given; `null` for an unknown user. */
  async update(id: string, changes: UserChanges): Promise<UserView | null> {
    const { firstName, lastName, address } = changes;
    if (firstName === undefined && lastName === undefined && address === undefined) return this.get(id);
    const row = await this.#db
      .updateTable('usher_user')
      .set({
        ...(firstName === undefined ? undefined : { first_name: firstName }),
        ...(lastName === undefined ? undefined : { last_name: lastName }),
        ...(address === undefined ? undefined : { address: address === null ? null : JSON.stringify(address) }),
      })
      .where('id', '=', id)
      .returning(USER_COLUMNS)
      .executeTakeFirst();
    return row === undefined ? null : userView(row);
  }

  /** The id of the user with this e-mail, or null. */
  async idOf(email: string): Promise<string | null> {
    const row = await this.#db
      .selectFrom('usher_user')
      .select('id')
      .where('email', '=', normaliseEmail(email))
      .executeTakeFirst();
    return row?.id ?? null;
  }

  /**
   * Gives the user with this e-mail another role, and ends their sessions, which tell the one of before; `null` for an
   * unknown one.
   */
  async grant(email: string, role: Role): Promise<UserView | null> {
    const changes = { user: { email: normaliseEmail(email) }, set: { role } };
    const ended = await this.#db.transaction().execute((trx) => endSessions(trx, this.#clock, changes));
    return ended?.user ?? null;
  }
}
