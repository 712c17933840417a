import { expect, onTestFinished, test } from 'vitest';
import { JWT_SECRET, laLaguna, newBuyer, openShows, signUpOrganiser } from '../support/box-office.ts';
import { freePort } from '../support/free-port.ts';
import { HttpClient } from '../support/http-client.ts';
import { withDatabase } from '../support/prepared-database.ts';
import { startStripe } from '../support/stripe/stand-in.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { startServer } from '../support/usher-process.ts';

test('a node with a key of Stripe has its orders paid there, and no sandbox', async () => {
  const stripe = await startStripe();
  onTestFinished(() => stripe.close());
  const port = await freePort();
  const server = startServer({
    PORT: `${port}`,
    USHER_DATA_DIR: withDatabase(temporaryDirectory()),
    JWT_SECRET,
    USHER_SANDBOX: '',
    STRIPE_SECRET_KEY: stripe.secretKey,
    STRIPE_API_BASE: stripe.url,
  });
  await server.open;
  const [show] = await openShows(port, await signUpOrganiser(port), [laLaguna()]);
  const { token } = await newBuyer();
  const client = new HttpClient(port);
  onTestFinished(() => client.close());
  const send = (method: 'GET' | 'POST', path: string, body?: object) =>
    client.send({ method, path, token, ...(method === 'POST' ? { key: path } : {}), body });

  const hold = await send('POST', `/v1/shows/${show.id}/holds`, { seats: [show.rows[0][0]] });
  const { id: holdId } = hold.body as { id: string };
  const ordered = await send('POST', `/v1/holds/${holdId}/order`);
  expect(ordered.status).toBe(201);
  const order = ordered.body as {
    id: string;
    total: { amount: number };
    payment: { id: string; provider: string; clientSecret: string };
  };
  expect(order.payment.provider).toBe('stripe');
  expect(stripe.books.payments()).toMatchObject([
    { metadata: { usher_payment: order.payment.id, usher_order: order.id, usher_show: show.id }, currency: 'eur' },
  ]);
  const { paymentIntent } = await stripe.browser.confirm(order.payment.clientSecret, 'pm_card_visa');
  expect(paymentIntent).toMatchObject({ amount: order.total.amount, status: 'requires_capture' });

  const card = { card: '4242424242424242' };
  expect((await send('POST', `/v1/sandbox/payments/${order.payment.id}/confirm`, card)).status).toBe(404);
  const metrics = await fetch(`http://127.0.0.1:${port}/metrics`);
  expect(await metrics.text()).toMatch(/^usher_payment_calls_total [1-9]/m);
  expect(server.errors()).toEqual([]);
  expect(server.stderr()).not.toContain(order.payment.clientSecret);
});
