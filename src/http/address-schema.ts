import Type from 'typebox';
import { line, strict } from './schemas.ts';

const parts = {
  street: line(1, 200),
  city: line(1, 100),
  state: Type.Optional(line(1, 100)),
  country: line(1, 100),
  postalCode: Type.Optional(line(1, 20)),
  additional: Type.Optional(line(1, 200)),
};

/** A postal address in a request. */
export const AddressIn = strict(parts);

/** A postal address in an answer. */
export const AddressOut = Type.Object(
  {
    street: Type.String(),
    city: Type.String(),
    state: Type.Optional(Type.String()),
    country: Type.String(),
    postalCode: Type.Optional(Type.String()),
    additional: Type.Optional(Type.String()),
  },
  { title: 'Address' },
);
