import type { FastifyError } from 'fastify';
import Type from 'typebox';
import type { Webhooks } from '../../payments/webhooks/webhooks.ts';
import { WEBHOOK_BYTES_MAX } from '../limits.ts';
import { refuse } from '../problem.ts';
import { problems } from '../schemas.ts';
import type { App } from '../server.ts';

const NOTHING = new Uint8Array(0);

/** Where the payment provider tells what has happened. */
export function webhookRoutes(v1: App, webhooks: Pick<Webhooks, 'receive'>): void {
  v1.register((app: App, _options, done) => {
    // What was signed is bytes: nothing may read them before the signature was checked.
    app.removeAllContentTypeParsers();
    app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, parsed) => parsed(null, body));
    app.setErrorHandler((error: FastifyError, _request, reply) => {
      // A body that is too large or cut off is no webhook of the provider, whatever else is wrong with it.
      if (error.code?.startsWith('FST_ERR_CTP_')) {
        return refuse(reply, { code: 'WEBHOOK_INVALID', detail: 'The body cannot be read as a webhook.' });
      }
      throw error;
    });
    app.post(
      '/webhooks/stripe',
      {
        bodyLimit: WEBHOOK_BYTES_MAX,
        schema: {
          tags: ['Orders'],
          summary: "Stripe's webhooks",
          description:
            'Give this address to Stripe as an endpoint. Answers once the event is kept; Stripe sends it again after any other ' +
            'answer, and one that comes again is only acknowledged. At most 256 KiB, signed in the last five minutes.',
          headers: Type.Object({ 'stripe-signature': Type.Optional(Type.String()) }),
          response: {
            200: Type.Object({ received: Type.Literal(true) }),
            ...problems('WEBHOOK_INVALID', 'UNAVAILABLE', 'OVERLOADED', 'OUTCOME_UNKNOWN'),
          },
        },
      },
      async (request, reply) => {
        const body = request.body instanceof Uint8Array ? request.body : NOTHING;
        await webhooks.receive(body, request.headers['stripe-signature'] ?? '');
        return reply.send({ received: true } as const);
      },
    );
    done();
  });
}
