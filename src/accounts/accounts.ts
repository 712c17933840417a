import { type Kysely, type Selectable, sql } from 'kysely';
import { RefusedError } from '../errors.ts';
import { newId } from '../ids.ts';
import type { Clock, Random } from '../ports.ts';
import { rfc3339 } from '../rfc3339.ts';
import { Passwords } from './passwords.ts';
import type { AccountsTables, Address } from './tables.ts';
import type { Role } from './tokens.ts';

/** A user as they see themselves; never the password or its hash. */
export interface UserView {
  readonly id: string;
  readonly email: string;
  readonly firstName: string;
  readonly lastName: string;
  readonly role: Role;
  readonly address?: Address;
  readonly createdAt: string;
}

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

const COLUMNS = [
  'id',
  'email',
  'first_name',
  'last_name',
  'role',
  'address',
  sql<number>`(extract(epoch from created_at) * 1000)::float8`.as('created_ms'),
] as const;

type UserRow = Pick<
  Selectable<AccountsTables['usher_user']>,
  'id' | 'email' | 'first_name' | 'last_name' | 'role' | 'address'
> & {
  created_ms: number;
};

/** One spelling for each mailbox: without spaces around, in lower case, composed. */
export function normaliseEmail(email: string): string {
  return email.trim().toLowerCase().normalize('NFC');
}

function view(row: UserRow): UserView {
  return {
    id: row.id,
    email: row.email,
    firstName: row.first_name,
    lastName: row.last_name,
    role: row.role,
    ...(row.address === null ? undefined : { address: row.address }),
    createdAt: rfc3339(row.created_ms),
  };
}

/** Who may do what: sign-up, log-in, the own profile. */
export class Accounts {
  readonly #db: Kysely<AccountsTables>;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #passwords: Passwords;

  constructor(db: Kysely<AccountsTables>, clock: Clock, random: Random) {
    this.#db = db;
    this.#clock = clock;
    this.#random = random;
    this.#passwords = new Passwords(random);
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
      .returning(COLUMNS)
      .executeTakeFirst();
    if (row === undefined) throw new RefusedError({ code: 'EMAIL_TAKEN', detail: 'Log in, or use another e-mail.' });
    return view(row);
  }

  /**
   * The user with this e-mail and password. A wrong password and an unknown e-mail differ in neither text nor work.
   * @throws RefusedError `BAD_CREDENTIALS`, `OVERLOADED`
   */
  async authenticate(email: string, password: string): Promise<UserView> {
    const row = await this.#db
      .selectFrom('usher_user')
      .select([...COLUMNS, 'password_hash'])
      .where('email', '=', normaliseEmail(email))
      .executeTakeFirst();
    const matches = await this.#passwords.matches(password, row?.password_hash ?? null);
    if (row === undefined || !matches) {
      throw new RefusedError({ code: 'BAD_CREDENTIALS', detail: 'The e-mail or the password is wrong.' });
    }
    return view(row);
  }

  async get(id: string): Promise<UserView | null> {
    const row = await this.#db.selectFrom('usher_user').select(COLUMNS).where('id', '=', id).executeTakeFirst();
    return row === undefined ? null : view(row);
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
      .returning(COLUMNS)
      .executeTakeFirst();
    return row === undefined ? null : view(row);
  }

  /** Gives the user with this e-mail another role, which their next log-in tells; `null` for an unknown one. */
  async grant(email: string, role: Role): Promise<UserView | null> {
    const row = await this.#db
      .updateTable('usher_user')
      .set({ role })
      .where('email', '=', normaliseEmail(email))
      .returning(COLUMNS)
      .executeTakeFirst();
    return row === undefined ? null : view(row);
  }
}
