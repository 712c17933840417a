import type { Pool } from 'pg';
import { describe, expect, test, vi } from 'vitest';
import { RefusedError } from '../../src/errors.ts';
import { scopedId } from '../../src/ids.ts';
import { isCardNumber } from '../../src/payments/cards.ts';
import { createSandboxGateway, type SandboxGateway } from '../../src/payments/sandbox.ts';
import { type BatchLimits, StatementBatcher } from '../../src/payments/statement-batcher.ts';
import { systemTimers } from '../../src/system/timers.ts';
import { manualTime } from '../support/manual-time.ts';
import { salesServer } from '../support/sales-database.ts';

const newDatabase = salesServer();

const SHOW = 'shw_01k9zxh3m4q8r2v6w7y0t5b1cd';
const SECRET = Buffer.from('a secret that stays');
const AUTHORISES = '4242424242424242';
const DECLINES = '4000000000000002';
const CHALLENGES = '4000000000003220';
const FAILS_AT_CAPTURE = '4000000000000341';

const payment = (number: number): string => scopedId('pay', 1_790_000_000_000, SHOW, number);

function gatewayOn(pool: Pool, secret: Uint8Array = SECRET): SandboxGateway {
  return createSandboxGateway({ pool, clock: manualTime().clock, timers: systemTimers, secret });
}

async function newGateway(): Promise<{ gateway: SandboxGateway; pool: Pool }> {
  const { pool } = await newDatabase();
  return { gateway: gatewayOn(pool), pool };
}

describe('cards', () => {
  test.each([AUTHORISES, DECLINES, CHALLENGES, FAILS_AT_CAPTURE, '5555555555554444', '6304000000000000'])(
    '%s is a card number',
    (card) => {
      expect(isCardNumber(card)).toBe(true);
    },
  );
  test.each([
    '',
    '4242424242424241',
    '42424242424',
    '42424242424242424242',
    '4242 4242 4242 4242',
    '４２４２４２４２４２４２４２４２',
  ])('"%s" is none', (card) => {
    expect(isCardNumber(card)).toBe(false);
  });
});

describe('the sandbox', () => {
  test.each([
    [AUTHORISES, 'authorised', 'captured'],
    ['5555555555554444', 'authorised', 'captured'],
    [FAILS_AT_CAPTURE, 'authorised', 'failed'],
  ])('card %s ends as it should', async (card, confirmed, captured) => {
    const { gateway } = await newGateway();
    const id = payment(1);
    expect(await gateway.get(id)).toBeNull();
    expect(await gateway.confirm(id, 4_550, 'EUR', card)).toEqual({
      id,
      state: confirmed,
      amount: 4_550,
      currency: 'EUR',
    });
    expect(await gateway.capture(id)).toMatchObject({ state: captured });
    expect(await gateway.capture(id)).toMatchObject({ state: captured });
    expect(await gateway.get(id)).toEqual({ id, state: captured, amount: 4_550, currency: 'EUR' });
  });

  test('a declined card leaves the payment open for another one', async () => {
    const { gateway } = await newGateway();
    expect(await gateway.confirm(payment(1), 4_550, 'EUR', DECLINES)).toMatchObject({ state: 'open' });
    expect(await gateway.capture(payment(1))).toMatchObject({ state: 'open' });
    expect(await gateway.confirm(payment(1), 4_550, 'EUR', AUTHORISES)).toMatchObject({ state: 'authorised' });
  });

  test('a challenge is passed by the second confirmation, and not by a capture', async () => {
    const { gateway } = await newGateway();
    expect(await gateway.confirm(payment(1), 4_550, 'EUR', CHALLENGES)).toMatchObject({ state: 'challenge' });
    expect(await gateway.capture(payment(1))).toMatchObject({ state: 'challenge' });
    expect(await gateway.confirm(payment(1), 4_550, 'EUR', CHALLENGES)).toMatchObject({ state: 'authorised' });
    expect(await gateway.capture(payment(1))).toMatchObject({ state: 'captured' });
  });

  test('once authorised, no other card and no other amount changes it', async () => {
    const { gateway } = await newGateway();
    await gateway.confirm(payment(1), 4_550, 'EUR', AUTHORISES);
    for (const card of [DECLINES, CHALLENGES, FAILS_AT_CAPTURE]) {
      expect(await gateway.confirm(payment(1), 1, 'USD', card)).toMatchObject({
        state: 'authorised',
        amount: 4_550,
        currency: 'EUR',
      });
    }
    expect(await gateway.capture(payment(1))).toMatchObject({ state: 'captured' });
  });

  test('an open payment is not confirmed for another amount', async () => {
    const { gateway } = await newGateway();
    await gateway.confirm(payment(1), 4_550, 'EUR', DECLINES);
    expect(await gateway.confirm(payment(1), 1, 'EUR', AUTHORISES)).toMatchObject({ state: 'open', amount: 4_550 });
  });

  test('a cancelled payment can never be confirmed, even one never heard of', async () => {
    const { gateway } = await newGateway();
    await gateway.cancel(payment(1));
    await gateway.confirm(payment(2), 4_550, 'EUR', AUTHORISES);
    await gateway.cancel(payment(2));
    await gateway.cancel(payment(2));
    for (const id of [payment(1), payment(2)]) {
      expect(await gateway.confirm(id, 4_550, 'EUR', AUTHORISES)).toMatchObject({ state: 'cancelled' });
      expect(await gateway.capture(id)).toMatchObject({ state: 'cancelled' });
    }
  });

  test('captured money cannot be cancelled away, and the failed capture stays what it is', async () => {
    const { gateway } = await newGateway();
    await gateway.confirm(payment(1), 4_550, 'EUR', AUTHORISES);
    await gateway.capture(payment(1));
    expect(await gateway.cancel(payment(1))).toMatchObject({ state: 'captured', amount: 4_550 });
    expect(await gateway.get(payment(1))).toMatchObject({ state: 'captured' });
    await gateway.confirm(payment(2), 4_550, 'EUR', FAILS_AT_CAPTURE);
    await gateway.capture(payment(2));
    await gateway.cancel(payment(2));
    expect(await gateway.get(payment(2))).toMatchObject({ state: 'failed' });
  });

  test('a payment that was never confirmed cannot be captured', async () => {
    const { gateway } = await newGateway();
    await expect(gateway.capture(payment(1))).rejects.toThrow('never confirmed');
  });

  test('of confirmations and cancellations racing over two nodes, one wins and all are told the same', async () => {
    const { gateway, pool } = await newGateway();
    const other = gatewayOn(pool);
    const numbers = Array.from({ length: 300 }, (_, i) => i + 1);
    const confirmed = await Promise.all(
      numbers.map(async (number) => {
        const [result] = await Promise.all([
          gateway.confirm(payment(number), 100, 'EUR', AUTHORISES),
          other.cancel(payment(301 - number)),
        ]);
        return result.state;
      }),
    );
    for (const number of numbers) {
      // Cancelling comes after authorising or before it; either way it holds at the end.
      expect(await gateway.get(payment(number))).toMatchObject({ state: 'cancelled' });
    }
    expect(confirmed.every((state) => state === 'authorised' || state === 'cancelled')).toBe(true);
  });

  test('of captures and cancellations racing, one wins for good', async () => {
    const { gateway, pool } = await newGateway();
    const other = gatewayOn(pool);
    const numbers = Array.from({ length: 200 }, (_, i) => i + 1);
    await Promise.all(numbers.map((number) => gateway.confirm(payment(number), 100, 'EUR', AUTHORISES)));
    const outcomes = await Promise.all(
      numbers.map(async (number) => {
        const [captured, cancelled] = await Promise.allSettled([
          gateway.capture(payment(number)),
          other.cancel(payment(201 - number)),
        ]);
        return { number, captured, cancelled };
      }),
    );
    for (const { number, captured } of outcomes) {
      const state = captured.status === 'fulfilled' ? captured.value.state : 'rejected';
      expect(await gateway.get(payment(number))).toMatchObject({ state });
      const { cancelled } = outcomes[200 - number];
      expect(cancelled.status === 'fulfilled' && cancelled.value.state).toBe(state);
    }
  });

  test('gives captured money back once for each refund, and never more than there is', async () => {
    const { gateway } = await newGateway();
    await gateway.confirm(payment(1), 4_550, 'EUR', AUTHORISES);
    const refund = (refundId: string, amount: number) =>
      gateway.refund({ refundId, paymentId: payment(1), amount, currency: 'EUR', at: 0 });
    expect(await refund('rfd_1', 1_000)).toBe('failed');
    await gateway.capture(payment(1));
    expect(await Promise.all([refund('rfd_1', 1_000), refund('rfd_1', 1_000), refund('rfd_2', 3_000)])).toEqual([
      'done',
      'done',
      'done',
    ]);
    expect(await refund('rfd_3', 551)).toBe('failed');
    expect(await refund('rfd_3', 550)).toBe('done');
    expect(await refund('rfd_1', 1_000)).toBe('done');
  });

  test('tells both of two nodes that ask for the same refund at once that it is given', async () => {
    const { gateway, pool } = await newGateway();
    await gateway.confirm(payment(1), 4_550, 'EUR', AUTHORISES);
    await gateway.capture(payment(1));
    const busy = await pool.connect();
    await busy.query('begin');
    await busy.query('select from sandbox_payment where id = $1 for update', [payment(1)]);
    const refund = { refundId: 'rfd_1', paymentId: payment(1), amount: 4_550, currency: 'EUR', at: 0 };
    const both = Promise.all([gateway.refund(refund), gatewayOn(pool).refund(refund)]);
    await expect
      .poll(async () => {
        const { rows } = await pool.query(
          `select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`,
        );
        return rows.length;
      })
      .toBe(2);
    await busy.query('commit');
    busy.release();
    expect(await both).toEqual(['done', 'done']);
    expect((await pool.query('select from sandbox_refund')).rowCount).toBe(1);
  });

  test('decisions outlive the process', async () => {
    const { gateway, pool } = await newGateway();
    await gateway.confirm(payment(1), 4_550, 'EUR', FAILS_AT_CAPTURE);
    const restarted = gatewayOn(pool);
    expect(await restarted.get(payment(1))).toMatchObject({ state: 'authorised' });
    expect(await restarted.capture(payment(1))).toMatchObject({ state: 'failed' });
    const secret = await gateway.clientSecret(payment(1));
    expect(await restarted.clientSecret(payment(1))).toBe(secret);
    expect(await gatewayOn(pool, Buffer.from('another')).clientSecret(payment(1))).not.toBe(secret);
    expect(await gateway.clientSecret(payment(2))).not.toBe(secret);
  });

  test('keeps no card number', async () => {
    const { gateway, pool } = await newGateway();
    await gateway.confirm(payment(1), 4_550, 'EUR', AUTHORISES);
    const { rows } = await pool.query('select p::text as row, last4 from sandbox_payment as p');
    expect(rows[0].last4).toBe('4242');
    expect(rows[0].row).not.toContain('42424242');
  });

  test('a thousand purchases at once share a few statements', async () => {
    const { gateway, pool } = await newGateway();
    const connect = vi.spyOn(pool, 'connect');
    const numbers = Array.from({ length: 1_000 }, (_, i) => i + 1);
    const states = await Promise.all(
      numbers.map((number) =>
        gateway.confirm(payment(number), number, 'EUR', number % 10 === 0 ? DECLINES : AUTHORISES),
      ),
    );
    for (const [i, state] of states.entries()) {
      expect(state).toEqual({
        id: payment(i + 1),
        amount: i + 1,
        currency: 'EUR',
        state: (i + 1) % 10 === 0 ? 'open' : 'authorised',
      });
    }
    expect(connect.mock.calls.length).toBeLessThanOrEqual(5);
  });
});

describe('the statement batcher', () => {
  const LIMITS: BatchLimits = { perStatement: 10, waiting: 25, deadlineMs: 5_000 };
  interface Item {
    readonly key: string;
    readonly seconds: number;
  }
  interface Row {
    readonly key: string;
    readonly place: number;
  }

  async function newBatcher(
    limits = LIMITS,
  ): Promise<{ batcher: StatementBatcher<Item, Row>; pool: Pool; sizes: number[] }> {
    const { pool } = await newDatabase();
    await pool.query('create table ran (key text, place bigserial)');
    const sizes: number[] = [];
    const batcher = new StatementBatcher<Item, Row>(
      pool,
      systemTimers,
      {
        name: 'ran',
        text: `with slept as materialized (select pg_sleep(max(s)) from unnest($2::float8[]) as s)
          insert into ran (key) select k from unnest($1::text[]) as k, slept returning key, place`,
        values: (items) => {
          sizes.push(items.length);
          return [items.map((item) => item.key), items.map((item) => item.seconds)];
        },
        keyOf: (item) => item.key,
        rowKeyOf: (row) => row.key,
      },
      limits,
    );
    return { batcher, pool, sizes };
  }

  test('keeps the order of one key and fills statements up to the limit', async () => {
    const { batcher, sizes } = await newBatcher();
    const keys = ['a', 'a', 'b', 'a', ...Array.from({ length: 12 }, (_, i) => `other ${i}`)];
    const rows = await Promise.all(keys.map((key) => batcher.run({ key, seconds: 0 })));
    expect(rows.map((row) => row?.key)).toEqual(keys);
    const [first, second, , third] = rows.map((row) => row?.place ?? 0);
    expect(first).toBeLessThan(second);
    expect(second).toBeLessThan(third);
    expect(sizes).toEqual([10, 5, 1]);
  });

  test('refuses what would wait beyond its bound', async () => {
    const { batcher } = await newBatcher();
    const runs = Array.from({ length: 30 }, (_, i) => batcher.run({ key: `${i}`, seconds: 0 }));
    const results = await Promise.allSettled(runs);
    const refused = results.filter((result) => result.status === 'rejected');
    expect(refused).toHaveLength(5);
    for (const { reason } of refused) expect((reason as RefusedError).refusal.code).toBe('OVERLOADED');
  });

  test('gives a statement up at its deadline, destroys the connection and goes on', async () => {
    const { batcher, pool } = await newBatcher({ ...LIMITS, deadlineMs: 300 });
    const stuck = batcher.run({ key: 'stuck', seconds: 30 });
    const outcome = await stuck.catch((error: RefusedError) => error.refusal.code);
    expect(outcome).toBe('OUTCOME_UNKNOWN');
    expect(await batcher.run({ key: 'next', seconds: 0 })).toMatchObject({ key: 'next' });
    expect(pool.totalCount).toBe(1);
  });

  test('refuses what it could not send within the deadline, however many statements hang before it', async () => {
    const { batcher } = await newBatcher({ perStatement: 1, waiting: 25, deadlineMs: 300 });
    const codes = await Promise.all(
      Array.from({ length: 10 }, (_, i) =>
        batcher.run({ key: `${i}`, seconds: 30 }).catch((error: RefusedError) => error.refusal.code),
      ),
    );
    expect(codes).toEqual(['OUTCOME_UNKNOWN', ...new Array(9).fill('UNAVAILABLE')]);
    expect(await batcher.run({ key: 'next', seconds: 0 })).toMatchObject({ key: 'next' });
  });

  test('answers UNAVAILABLE when no connection is free by the deadline, and gives a late one back', async () => {
    const { batcher, pool } = await newBatcher({ ...LIMITS, deadlineMs: 200 });
    const taken = await Promise.all(Array.from({ length: 4 }, () => pool.connect()));
    const outcome = await batcher.run({ key: 'a', seconds: 0 }).catch((error: RefusedError) => error.refusal.code);
    expect(outcome).toBe('UNAVAILABLE');
    for (const client of taken) client.release();
    expect(await batcher.run({ key: 'b', seconds: 0 })).toMatchObject({ key: 'b' });
    await vi.waitFor(() => expect(pool.idleCount).toBe(pool.totalCount));
  });

  test('tells a fault of ours from a passing one', async () => {
    const { batcher, pool } = await newBatcher();
    await pool.query('drop table ran');
    await expect(batcher.run({ key: 'a', seconds: 0 })).rejects.not.toBeInstanceOf(RefusedError);
  });
});
