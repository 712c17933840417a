import Type from 'typebox';
import type { HttpDeps } from '../deps.ts';
import { CREDENTIAL_LENGTH_MAX, NewPassword } from '../password-schema.ts';
import { limitPerAddress } from '../rate-limit.ts';
import { line, problems, strict } from '../schemas.ts';
import type { App } from '../server.ts';

export function passwordResetRoutes(app: App, deps: Pick<HttpDeps, 'resets' | 'settings'>): void {
  const { resetsPerMinute } = deps.settings;

  app.post(
    '/password-resets',
    {
      schema: {
        tags: ['Accounts'],
        summary: 'Have a token mailed with which a password can be set anew',
        description:
          'The answer is the same whether or not an account has this e-mail. One mail in five minutes goes to one e-mail; ' +
          'its token is good for half an hour.',
        body: strict({ email: line(1, CREDENTIAL_LENGTH_MAX) }),
        response: {
          202: Type.Null({ description: 'If an account has this e-mail, a mail is on its way' }),
          ...problems('BODY_INVALID', 'TOO_MANY_REQUESTS'),
        },
      },
      onRequest: limitPerAddress(app, 'password-resets', resetsPerMinute),
    },
    async (request, reply) => {
      await deps.resets.ask(request.body.email);
      return reply.code(202).send(undefined as never);
    },
  );

  app.post(
    '/password-resets/:token',
    {
      schema: {
        tags: ['Accounts'],
        summary: 'Set a new password with the token of the mail',
        description: 'A token can be used once. All sessions of the account end; log in with the new password.',
        params: strict({ token: Type.String({ maxLength: 200 }) }),
        body: strict({ password: NewPassword }),
        response: {
          204: Type.Null({ description: 'The password is set' }),
          ...problems('BODY_INVALID', 'NOT_FOUND', 'TOO_MANY_REQUESTS', 'OVERLOADED'),
        },
      },
      onRequest: limitPerAddress(app, 'password-reset-tokens', resetsPerMinute),
    },
    async (request, reply) => {
      await deps.resets.use(request.params.token, request.body.password);
      return reply.code(204).send(undefined as never);
    },
  );
}
