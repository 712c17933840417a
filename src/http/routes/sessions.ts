import Type from 'typebox';
import { rfc3339 } from '../../rfc3339.ts';
import type { HttpDeps } from '../deps.ts';
import { limitPerAddress } from '../rate-limit.ts';
import { line, problems, strict, TimeOut } from '../schemas.ts';
import type { App } from '../server.ts';
import { UserSchema } from '../user-schema.ts';

/** Looser than at sign-up: what cannot be right is told as wrong credentials, not as a fault of form. */
const TEXT_LENGTH_MAX = 1_000;

const SessionSchema = Type.Object({ token: Type.String(), expiresAt: TimeOut, user: UserSchema }, { title: 'Session' });

export function sessionRoutes(app: App, deps: Pick<HttpDeps, 'accounts' | 'tokens' | 'settings'>): void {
  app.post(
    '/sessions',
    {
      schema: {
        tags: ['Accounts'],
        summary: 'Log in',
        body: strict({
          email: line(1, TEXT_LENGTH_MAX),
          password: Type.String({ minLength: 1, maxLength: TEXT_LENGTH_MAX }),
        }),
        response: {
          200: SessionSchema,
          ...problems('BODY_INVALID', 'BAD_CREDENTIALS', 'TOO_MANY_REQUESTS', 'OVERLOADED'),
        },
      },
      onRequest: limitPerAddress(app, 'log-ins', deps.settings.logInsPerMinute),
    },
    async (request, reply) => {
      const user = await deps.accounts.authenticate(request.body.email, request.body.password);
      const { token, expiresAt } = await deps.tokens.issue(user);
      return reply.header('cache-control', 'no-store').send({ token, expiresAt: rfc3339(expiresAt), user });
    },
  );
}
