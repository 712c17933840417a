import Type from 'typebox';
import { AddressIn } from '../address-schema.ts';
import type { HttpDeps } from '../deps.ts';
import { assertEmail, Email } from '../email-schema.ts';
import { NewPassword } from '../password-schema.ts';
import { limitPerAddress } from '../rate-limit.ts';
import { line, problems, strict } from '../schemas.ts';
import type { App } from '../server.ts';
import { UserSchema } from '../user-schema.ts';

export function userRoutes(app: App, deps: Pick<HttpDeps, 'accounts' | 'settings'>): void {
  app.post(
    '/users',
    {
      schema: {
        tags: ['Accounts'],
        summary: 'Create an account',
        body: strict({
          email: Email,
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
      assertEmail(request.body.email);
      return reply.code(201).send(await deps.accounts.create(request.body));
    },
  );
}
