import type { JSONColumnType } from 'kysely';
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
}

/** The tables of `migrations/0002-accounts.ts`. */
export interface AccountsTables {
  usher_user: UserTable;
}
