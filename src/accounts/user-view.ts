import { type Selectable, sql } from 'kysely';
import { rfc3339 } from '../rfc3339.ts';
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

/** What {@link userView} reads. */
export const USER_COLUMNS = [
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

export function userView(row: UserRow): UserView {
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

/** One spelling for each mailbox: without spaces around, in lower case, composed. */
export function normaliseEmail(email: string): string {
  return email.trim().toLowerCase().normalize('NFC');
}
