import Type from 'typebox';
import type { UserView } from '../accounts/accounts.ts';
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
