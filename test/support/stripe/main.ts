import { parseArgs } from 'node:util';
import { startStripe } from './stand-in.ts';

/*
 * The stand-in as a process of its own; its first line is `{ "url": … }`.
 *
 *   node test/support/stripe/main.ts [--port N] [--key sk_…] [--publishable-key pk_…] [--webhook-url URL --webhook-secret whsec_… [--webhook-types TYPE,…]]
 */
const { values } = parseArgs({
  options: {
    port: { type: 'string' },
    key: { type: 'string' },
    'publishable-key': { type: 'string' },
    'webhook-url': { type: 'string' },
    'webhook-secret': { type: 'string' },
    'webhook-types': { type: 'string' },
  },
});
const {
  port,
  key,
  'publishable-key': publishableKey,
  'webhook-url': url,
  'webhook-secret': secret,
  'webhook-types': types,
} = values;
const stripe = await startStripe({
  isControlled: true,
  ...(port === undefined ? {} : { port: Number(port) }),
  ...(key === undefined ? {} : { secretKey: key }),
  ...(publishableKey === undefined ? {} : { publishableKey }),
  ...(url === undefined || secret === undefined
    ? {}
    : { endpoints: [{ url, secret, ...(types === undefined ? {} : { types: types.split(',') }) }] }),
});
process.stdout.write(`${JSON.stringify({ url: stripe.url })}\n`);
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void stripe.close());
