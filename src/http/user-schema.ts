import Type from 'typebox';
import type { Session } from '../accounts/log-ins.ts';
import type { UserView } from '../accounts/user-view.ts';
import { rfc3339 } from '../rfc3339.ts';
import { AddressOut } from './address-schema.ts';
import { TimeOut } from './schemas.ts';

export const UserSchema = Type.Unsafe<UserView>(
  Type.Object(
    {
      id: Type.String(),
      email: Type.String(),
      firstName: Type.String(),
      lastName: Type.String(),
      role: Type.Enum(['buyer', 'organiser', 'admin']),
      address: Type.Optional(AddressOut),
      createdAt: TimeOut,
    },
    { title: 'User' },
  ),
);

export const SessionSchema = Type.Object(
  { token: Type.String(), expiresAt: TimeOut, user: UserSchema },
  { title: 'Session' },
);

export function viewSession({ token, expiresAt, user }: Session) {
  return { token, expiresAt: rfc3339(expiresAt), user };
}
