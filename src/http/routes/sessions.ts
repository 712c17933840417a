import Type from 'typebox';
import type { Guards } from '../auth.ts';
import type { HttpDeps } from '../deps.ts';
import { noBody } from '../no-body.ts';
import { CREDENTIAL_LENGTH_MAX, GivenPassword } from '../password-schema.ts';
import { addressOf, limitPerAddress } from '../rate-limit.ts';
import { BEARER, line, problems, strict } from '../schemas.ts';
import type { App } from '../server.ts';
import { SessionSchema, viewSession } from '../user-schema.ts';

export function sessionRoutes(app: App, deps: Pick<HttpDeps, 'logIns' | 'settings'>, guards: Guards): void {
  app.post(
    '/sessions',
    {
      schema: {
        tags: ['Accounts'],
        summary: 'Log in',
        description:
          'After some failures an e-mail, and an address, has to wait before the next try (429), longer each time up to a ' +
          'quarter of an hour; it is the same for an e-mail that nobody has.',
        body: strict({ email: line(1, CREDENTIAL_LENGTH_MAX), password: GivenPassword }),
        response: {
          200: SessionSchema,
          ...problems('BODY_INVALID', 'BAD_CREDENTIALS', 'TOO_MANY_REQUESTS', 'OVERLOADED'),
        },
      },
      onRequest: limitPerAddress(app, 'log-ins', deps.settings.logInsPerMinute),
    },
    async (request, reply) => {
      const { email, password } = request.body;
      const session = await deps.logIns.logIn(email, password, addressOf(request));
      return reply.header('cache-control', 'no-store').send(viewSession(session));
    },
  );

  app.delete(
    '/sessions/current',
    {
      onRequest: guards.user,
      preValidation: noBody,
      schema: {
        tags: ['Accounts'],
        summary: 'Log out',
        description:
          'The token of this request is refused from now on: here at once, by other nodes after a second or two.',
        security: BEARER,
        response: { 204: Type.Null({ description: 'Logged out' }), ...problems('UNAUTHENTICATED') },
      },
    },
    async (request, reply) => {
      await deps.logIns.logOut(request.user);
      return reply.code(204).send(undefined as never);
    },
  );

  app.delete(
    '/sessions',
    {
      onRequest: guards.user,
      preValidation: noBody,
      schema: {
        tags: ['Accounts'],
        summary: 'Log out everywhere',
        description:
          'All tokens of this account are refused from now on: here at once, by other nodes after a second or two.',
        security: BEARER,
        response: { 204: Type.Null({ description: 'Logged out everywhere' }), ...problems('UNAUTHENTICATED') },
      },
    },
    async (request, reply) => {
      await deps.logIns.logOutEverywhere(request.user.id);
      return reply.code(204).send(undefined as never);
    },
  );
}
