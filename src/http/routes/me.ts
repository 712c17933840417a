import Type from 'typebox';
import type { Refusal } from '../../errors.ts';
import { AddressIn } from '../address-schema.ts';
import type { Guards } from '../auth.ts';
import type { HttpDeps } from '../deps.ts';
import { GivenPassword, NewPassword } from '../password-schema.ts';
import { refuse } from '../problem.ts';
import { addressOf, limitPerAddress } from '../rate-limit.ts';
import { BEARER, line, problems, strict } from '../schemas.ts';
import type { App } from '../server.ts';
import { SessionSchema, UserSchema, viewSession } from '../user-schema.ts';

const GONE: Refusal = { code: 'UNAUTHENTICATED', detail: 'The account of this token does not exist any more.' };

export function meRoutes(app: App, deps: Pick<HttpDeps, 'accounts' | 'logIns' | 'settings'>, guards: Guards): void {
  app.get(
    '/me',
    {
      schema: {
        tags: ['Accounts'],
        summary: 'The own account',
        security: BEARER,
        response: { 200: UserSchema, ...problems('UNAUTHENTICATED') },
      },
      onRequest: guards.user,
    },
    async (request, reply) => {
      const user = await deps.accounts.get(request.user.id);
      return user === null ? refuse(reply, GONE) : reply.header('cache-control', 'no-store').send(user);
    },
  );

  app.patch(
    '/me',
    {
      schema: {
        tags: ['Accounts'],
        summary: 'Change the own account',
        description: 'Members that are absent stay as they are; `"address": null` takes it away.',
        security: BEARER,
        body: strict({
          firstName: Type.Optional(line(1, 100)),
          lastName: Type.Optional(line(1, 100)),
          address: Type.Optional(Type.Union([AddressIn, Type.Null()])),
        }),
        response: { 200: UserSchema, ...problems('BODY_INVALID', 'UNAUTHENTICATED') },
      },
      onRequest: guards.user,
    },
    async (request, reply) => {
      const user = await deps.accounts.update(request.user.id, request.body);
      return user === null ? refuse(reply, GONE) : reply.header('cache-control', 'no-store').send(user);
    },
  );

  app.put(
    '/me/password',
    {
      schema: {
        tags: ['Accounts'],
        summary: 'Change the own password',
        description:
          'All sessions of the account end, this one too; the answer is a new one. A wrong current password counts as a ' +
          'log-in that failed.',
        security: BEARER,
        body: strict({ currentPassword: GivenPassword, password: NewPassword }),
        response: {
          200: SessionSchema,
          ...problems('BODY_INVALID', 'UNAUTHENTICATED', 'BAD_CREDENTIALS', 'TOO_MANY_REQUESTS', 'OVERLOADED'),
        },
      },
      onRequest: [guards.user, limitPerAddress(app, 'password-changes', deps.settings.logInsPerMinute)],
    },
    async (request, reply) => {
      const { currentPassword, password } = request.body;
      const address = addressOf(request);
      const session = await deps.logIns.changePassword(request.user.id, currentPassword, password, address);
      if (session === null) return refuse(reply, GONE);
      return reply.header('cache-control', 'no-store').send(viewSession(session));
    },
  );
}
