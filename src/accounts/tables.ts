import type { Generated, JSONColumnType } from 'kysely';
import type { Role } from './tokens.ts';

export interface Address {
  readonly street: string;
  readonly city: string;
  readonly state?: string | undefined;
  readonly country: string;
  readonly postalCode?: string | undefined;
  readonly additional?: string | undefined;
}

interface UserTable {
  id: string;
  /** Trimmed, lower case, NFC. */
  email: string;
  password_hash: string;
  first_name: string;
  last_name: string;
  role: Role;
  address: JSONColumnType<Address> | null;
  created_at: string;
  token_generation: Generated<number>;
}

interface PasswordResetTable {
  digest: Buffer;
  user_id: string;
  /** ms since the epoch. */
  expires_at: number;
}

/** The tables of accounts that are not only spoken to in SQL. */
export interface AccountsTables {
  usher_user: UserTable;
  password_reset: PasswordResetTable;
}
