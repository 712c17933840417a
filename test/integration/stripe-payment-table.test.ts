import type { Pool } from 'pg';
import { describe, expect, test, vi } from 'vitest';
import { scopedId } from '../../src/ids.ts';
import { createStripePaymentTable, type StripePaymentTable } from '../../src/payments/stripe/payment-table.ts';
import { StripeGateway } from '../../src/payments/stripe/stripe-gateway.ts';
import { systemTimers } from '../../src/system/timers.ts';
import { capturedLog } from '../support/captured-log.ts';
import { manualTime } from '../support/manual-time.ts';
import { salesServer } from '../support/sales-database.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { stripeForTest } from '../support/stripe/for-test.ts';

const newDatabase = salesServer();

const SHOW = 'shw_01k9zxh3m4q8r2v6w7y0t5b1cd';
const payment = (number: number): string => scopedId('pay', 1_790_000_000_000, SHOW, number);
const tableOn = (pool: Pool): StripePaymentTable =>
  createStripePaymentTable({ pool, clock: manualTime().clock, timers: systemTimers });

describe('the table of intents', () => {
  test('keeps the first intent of a payment, for every node and over restarts', async () => {
    const { pool } = await newDatabase();
    const [one, two] = [tableOn(pool), tableOn(pool)];
    expect(await one.read(payment(1))).toBeUndefined();
    expect(await one.keep(payment(1), 'pi_1')).toBe('pi_1');
    expect(await two.keep(payment(1), 'pi_2')).toBe('pi_1');
    expect(await two.keep(payment(1), null)).toBe('pi_1');
    expect(await tableOn(pool).read(payment(1))).toBe('pi_1');
  });

  test('keeps that a payment is shut, before any intent', async () => {
    const { pool } = await newDatabase();
    const table = tableOn(pool);
    expect(await table.keep(payment(1), null)).toBeNull();
    expect(await table.keep(payment(2), null)).toBeNull();
    expect(await table.keep(payment(1), 'pi_1')).toBeNull();
    expect(await table.read(payment(1))).toBeNull();
  });

  test('of two nodes at once over hundreds of payments, each payment has one winner and both are told it', async () => {
    const { pool } = await newDatabase();
    const [one, two] = [tableOn(pool), tableOn(pool)];
    const numbers = Array.from({ length: 500 }, (_, i) => i + 1);
    const told = await Promise.all(
      numbers.map((number) =>
        Promise.all([
          one.keep(payment(number), `pi_a${number}`),
          two.keep(payment(501 - number), `pi_b${501 - number}`),
        ]),
      ),
    );
    for (const number of numbers) {
      const winner = await one.read(payment(number));
      expect([told[number - 1][0], told[500 - number][1]]).toEqual([winner, winner]);
    }
  });

  test('a thousand at once share a few statements', async () => {
    const { pool } = await newDatabase();
    const connect = vi.spyOn(pool, 'connect');
    const table = tableOn(pool);
    const numbers = Array.from({ length: 1_000 }, (_, i) => i + 1);
    await Promise.all(numbers.map((number) => table.keep(payment(number), `pi_${number}`)));
    const read = await Promise.all(numbers.map((number) => table.read(payment(number))));
    expect(read).toEqual(numbers.map((number) => `pi_${number}`));
    expect(connect.mock.calls.length).toBeLessThanOrEqual(10);
  });
});

test('two nodes on one database sell, capture and give back through Stripe, to the cent', async () => {
  const { pool } = await newDatabase();
  const { standIn, stripe, time } = await stripeForTest();
  const node = (seed: number) =>
    new StripeGateway({
      ...{ stripe, methods: ['card'], log: capturedLog().log, random: seededRandom(seed) },
      ...{ clock: time.clock, timers: systemTimers },
      table: createStripePaymentTable({ pool, clock: time.clock, timers: systemTimers }),
    });
  const [one, two] = [node(1), node(2)];
  const numbers = Array.from({ length: 40 }, (_, i) => i + 1);
  await Promise.all(
    numbers.map(async (number) => {
      const at = time.clock.now();
      const [paymentId, orderId] = [scopedId('pay', at, SHOW, number), scopedId('ord', at, SHOW, number)];
      const order = { paymentId, orderId, showId: SHOW, amount: 1_000 + number, currency: 'EUR' };
      const { clientSecret } = await one.open(order);
      expect(await two.open(order)).toEqual({ clientSecret });
      await standIn.browser.confirm(clientSecret, 'pm_card_visa');
      if (number % 2 === 0) expect(await two.cancel(paymentId)).toMatchObject({ state: 'cancelled' });
      else expect(await two.capture(paymentId)).toMatchObject({ state: 'captured', amount: 1_000 + number });
      if (number % 4 === 1) {
        const refund = { refundId: scopedId('rfd', at, SHOW, number), paymentId, amount: 1_000, currency: 'EUR', at };
        expect(await one.refund(refund)).toBe('done');
      }
    }),
  );
  const captured = numbers.filter((n) => n % 2 === 1).reduce((sum, n) => sum + 1_000 + n, 0);
  expect(standIn.books.totals()).toEqual({
    eur: expect.objectContaining({ payments: 40, captured, refunded: 10_000, authorised: 0, mostCaptures: 1 }),
  });
  const { rows } = await pool.query(
    'select count(*)::int as rows, count(distinct intent_id)::int as intents from stripe_payment',
  );
  expect(rows).toEqual([{ rows: 40, intents: 40 }]);
});
