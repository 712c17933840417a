import Type from 'typebox';
import { RefusedError } from '../../errors.ts';
import { AddressIn } from '../address-schema.ts';
import type { HttpDeps } from '../deps.ts';
import { NewPassword } from '../password-schema.ts';
import { limitPerAddress } from '../rate-limit.ts';
import { line, problems, strict } from '../schemas.ts';
import type { App } from '../server.ts';
import { UserSchema } from '../user-schema.ts';

const EMAIL_LENGTH_MAX = 254;

/** Good enough to catch slips; only a mail that arrives proves an address. */
const EMAIL = /^[^\s@]+@[^\s@.]+(\.[^\s@.]+)+$/u;

export function userRoutes(app: App, deps: Pick<HttpDeps, 'accounts' | 'settings'>): void {
  app.post(
    '/users',
    {
      schema: {
        tags: ['Accounts'],
        summary: 'Create an account',
        body: strict({
          email: line(3, EMAIL_LENGTH_MAX),
          password: NewPassword,
          firstName: line(1, 100),
          lastName: line(1, 100),
          role: Type.Enum(['buyer', 'organiser']),
          address: Type.Optional(AddressIn),
        }),
        response: { 201: UserSchema, ...problems('BODY_INVALID', 'EMAIL_TAKEN', 'TOO_MANY_REQUESTS', 'OVERLOADED') },
      },
      onRequest: limitPerAddress(app, 'sign-ups', deps.settings.signUpsPerMinute),
    },
    async (request, reply) => {
      if (!EMAIL.test(request.body.email.trim())) {
        const errors = [{ pointer: '/email', detail: 'must be an e-mail address' }];
        throw new RefusedError({ code: 'BODY_INVALID', detail: 'Mend what `errors` points at.', errors });
      }
      return reply.code(201).send(await deps.accounts.create(request.body));
    },
  );
}
