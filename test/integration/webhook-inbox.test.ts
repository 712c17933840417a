import pg from 'pg';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createMetrics } from '../../src/http/metrics.ts';
import { registerWebhookMetrics } from '../../src/http/webhook-metrics.ts';
import { INBOX_LIMITS } from '../../src/payments/webhooks/webhook-inbox.ts';
import { WORKER_LIMITS } from '../../src/payments/webhooks/webhook-worker.ts';
import { freePort } from '../support/free-port.ts';
import { settled } from '../support/manual-time.ts';
import { paymentIdOf, SHOW } from '../support/order-book.ts';
import { webhookDatabase } from '../support/webhook-database.ts';
import {
  BUYER,
  disputeEvent,
  eventOf,
  intentEvent,
  type NodeOptions,
  statusOf,
  WebhookScene,
} from '../support/webhook-nodes.ts';

const database = webhookDatabase();

/** Order 1 has been authorised at the provider, and only a webhook may tell. */
function authorised(orders = 1): WebhookScene {
  const scene = new WebhookScene(database().pool);
  for (let order = 1; order <= orders; order++) {
    scene.book.add(order, BUYER);
    scene.books.intents.set(`pi_${order}`, paymentIdOf(order));
    scene.books.payments.set(paymentIdOf(order), 'authorised');
  }
  return scene;
}

const SOLD = ['commit 1', 'captured 1'];

/** A node's settlement that never comes back: the node dies in it. */
const DYING: NodeOptions = { settlement: { settle: () => new Promise(() => {}) }, dies: true };

/** The database as it answers a node that loses its connection whenever it sends this statement. */
function losing(statement: string, pool: pg.Pool): pg.Pool {
  const connect = async () => {
    const client = await pool.connect();
    return {
      query: (query: pg.QueryConfig) =>
        query.name === statement ? Promise.reject(new Error('connection lost')) : client.query(query),
      release: (error?: Error) => client.release(error),
    };
  };
  return { query: pool.query.bind(pool), connect } as unknown as pg.Pool;
}

describe('an event', () => {
  test('of an authorised payment has the order committed, captured and paid at once, on the node that it came to', async () => {
    const scene = authorised();
    const node = scene.node();
    expect((await node.deliver(intentEvent(1, 'payment_intent.amount_capturable_updated'))).statusCode).toBe(200);
    await node.webhooks.catchUp();
    expect(scene.book.history).toEqual(SOLD);
    expect(await scene.rows()).toMatchObject([{ about: 'payment', payment_id: paymentIdOf(1), outcome: 'done' }]);
    expect(node.webhooks.figures()).toMatchObject({ stored: 1, processed: 1, failed: 0, backlogMs: 0 });
  });

  test.each([
    ['a charge', eventOf('charge.succeeded', { id: 'ch_1', payment_intent: 'pi_1' })],
    ['an expanded payment', eventOf('charge.succeeded', { id: 'ch_1', payment_intent: { id: 'pi_1' } })],
    ['a refund', eventOf('refund.updated', { id: 're_1', payment_intent: 'pi_1' })],
  ])('that names the payment only as the provider does, about %s, is for its order too', async (_, event) => {
    const scene = authorised();
    const node = scene.node();
    await node.deliver(event);
    await node.webhooks.catchUp();
    expect(scene.book.history).toEqual(SOLD);
  });

  test('that comes 100 times at once is stored once and processed once, on whichever nodes', async () => {
    const scene = authorised();
    const nodes = [scene.node(), scene.node()];
    const event = intentEvent(1);
    const answers = await Promise.all(Array.from({ length: 100 }, (_, i) => nodes[i % 2].deliver(event)));
    expect(new Set(answers.map(({ statusCode }) => statusCode))).toEqual(new Set([200]));
    for (const { webhooks } of nodes) await webhooks.catchUp();
    expect(await scene.rows()).toHaveLength(1);
    const figures = nodes.map(({ webhooks }) => webhooks.figures());
    const sum = (of: 'stored' | 'duplicates' | 'processed') => figures.reduce((total, each) => total + each[of], 0);
    expect([sum('stored'), sum('duplicates'), sum('processed')]).toEqual([1, 99, 1]);
    expect(scene.book.history).toEqual(SOLD);
  });

  test('is not acknowledged when the database is away, and is processed when it is sent again', async () => {
    const scene = authorised();
    const pool = new pg.Pool({ host: '127.0.0.1', port: await freePort() });
    onTestFinished(() => pool.end());
    const event = intentEvent(1);
    const answer = await scene.node({ pool }).deliver(event);
    expect([answer.statusCode, answer.json().code]).toEqual([503, 'UNAVAILABLE']);
    expect(answer.headers['retry-after']).toBeDefined();
    expect(scene.book.history).toEqual([]);
    const node = scene.node();
    expect((await node.deliver(event)).statusCode).toBe(200);
    await node.webhooks.catchUp();
    expect(scene.book.history).toEqual(SOLD);
  });

  test('whose storing lost its answer is not acknowledged, and comes again as a duplicate', async () => {
    const scene = authorised();
    const lost = losing('webhook-store', scene.pool);
    const event = intentEvent(1);
    expect((await scene.node({ pool: lost }).deliver(event)).statusCode).toBe(503);
    expect((await scene.node().deliver(event)).statusCode).toBe(200);
  });

  test('saved but not processed, since its node died, is processed by another node once the lease is over', async () => {
    const scene = authorised();
    const [dying, other] = [scene.node(DYING), scene.node()];
    expect((await dying.deliver(intentEvent(1))).statusCode).toBe(200);
    await other.webhooks.catchUp();
    expect(scene.book.history).toEqual([]);
    await scene.time.advance(INBOX_LIMITS.leaseMs);
    await other.webhooks.catchUp();
    expect(scene.book.history).toEqual(SOLD);
    expect(await scene.rows()).toMatchObject([{ outcome: 'done', attempts: 2 }]);
    expect(other.webhooks.figures().processed).toBe(1);
  });

  test('processed but not marked is processed once more, to no effect', async () => {
    const scene = authorised();
    const cut = scene.node({ pool: losing('webhook-mark', scene.pool) });
    await cut.deliver(intentEvent(1));
    await cut.webhooks.catchUp();
    expect(scene.book.history).toEqual(SOLD);
    expect(await scene.rows()).toMatchObject([{ outcome: null }]);
    await scene.time.advance(INBOX_LIMITS.leaseMs);
    const other = scene.node();
    await other.webhooks.catchUp();
    expect(scene.book.history).toEqual(SOLD);
    expect(await scene.rows()).toMatchObject([{ outcome: 'done', attempts: 2 }]);
  });

  test('is claimed by one node alone when all sweep at once', async () => {
    const scene = authorised(40);
    const dying = scene.node(DYING);
    for (let order = 1; order <= 40; order++) await dying.deliver(intentEvent(order));
    await scene.time.advance(INBOX_LIMITS.leaseMs);
    const nodes = [scene.node(), scene.node(), scene.node()];
    await Promise.all(nodes.map(({ webhooks }) => webhooks.catchUp()));
    expect(nodes.reduce((sum, { webhooks }) => sum + webhooks.figures().processed, 0)).toBe(40);
    expect((await scene.rows()).map(({ attempts }) => attempts)).toEqual(new Array(40).fill(2));
  });

  test('that a node stored and never got to is left to others, and not processed late as well', async () => {
    const scene = authorised(WORKER_LIMITS.concurrency + 1);
    const held = Promise.withResolvers<void>();
    const begun: number[] = [];
    const settle: NonNullable<NodeOptions['settlement']>['settle'] = async ({ order }) => {
      begun.push(order);
      await held.promise;
      return { ok: false, refusal: { code: 'NOT_FOUND', detail: '' } };
    };
    const slow = scene.node({ settlement: { settle } });
    for (let order = 1; order <= WORKER_LIMITS.concurrency + 1; order++) await slow.deliver(intentEvent(order));
    expect(begun).toHaveLength(WORKER_LIMITS.concurrency);
    await scene.time.advance(INBOX_LIMITS.leaseMs);
    held.resolve();
    await settled();
    await scene.node().webhooks.catchUp();
    await slow.webhooks.close();
    expect(begun).toHaveLength(WORKER_LIMITS.concurrency);
    expect(statusOf(scene.book, WORKER_LIMITS.concurrency + 1)).toBe('paid');
  });
});

test('what a node counts of webhooks is among its metrics', async () => {
  const scene = authorised();
  const node = scene.node();
  const { registry } = createMetrics(false);
  registerWebhookMetrics(registry, () => node.webhooks.figures());
  await node.deliver(intentEvent(1));
  await node.post('{}');
  await node.webhooks.catchUp();
  const text = await registry.metrics();
  for (const line of [
    'stored_total 1',
    'processed_total 1',
    'refused_total 1',
    'duplicate_total 0',
    'failed_total 0',
  ]) {
    expect(text).toContain(`\nusher_webhooks_${line}\n`);
  }
  expect(text).toContain('\nusher_webhooks_backlog_seconds 0\n');
});

describe('events', () => {
  test('in the reverse of their order lead to the same', async () => {
    const scene = authorised();
    const node = scene.node();
    scene.books.payments.set(paymentIdOf(1), 'captured');
    const types = ['created', 'amount_capturable_updated', 'succeeded'].map((name) => `payment_intent.${name}`);
    for (const type of types.reverse()) await node.deliver(intentEvent(1, type));
    await node.webhooks.catchUp();
    expect(scene.book.history).toEqual(SOLD);
    expect((await scene.rows()).map(({ outcome }) => outcome)).toEqual(['done', 'done', 'done']);
  });

  test('are processed many at a time, but no more than the limit', async () => {
    const many = WORKER_LIMITS.concurrency * 3;
    const scene = authorised(many);
    let atWork = 0;
    let most = 0;
    const settle: NonNullable<NodeOptions['settlement']>['settle'] = async () => {
      most = Math.max(most, ++atWork);
      for (let i = 0; i < 50; i++) await settled();
      atWork--;
      return { ok: false, refusal: { code: 'NOT_FOUND', detail: '' } };
    };
    const dying = scene.node(DYING);
    await Promise.all(Array.from({ length: many }, (_, i) => dying.deliver(intentEvent(i + 1))));
    await scene.time.advance(INBOX_LIMITS.leaseMs);
    const node = scene.node({ settlement: { settle } });
    await node.webhooks.catchUp();
    expect(most).toBe(WORKER_LIMITS.concurrency);
    expect(node.webhooks.figures().processed).toBe(many);
  });

  test('more than one claim holds are all processed by one sweep', async () => {
    const many = WORKER_LIMITS.claimed * 2 + 10;
    const scene = authorised();
    await scene.pool.query(
      `insert into webhook_event (id, type, about, intent_id, received_at, next_at, attempts)
       select 'evt_old_' || i, 'charge.updated', 'payment', 'pi_none', $1::bigint, $1::bigint, 0 from generate_series(1, $2::int) as i`,
      [scene.time.clock.now() - 5_000, many],
    );
    const node = scene.node();
    await node.webhooks.catchUp();
    expect(node.webhooks.figures()).toMatchObject({ processed: many });
    expect(new Set((await scene.rows()).map(({ outcome }) => outcome))).toEqual(new Set(['ignored']));
  });

  test('wait for their repeats ever longer while the provider is away, and are processed when it is back', async () => {
    const scene = authorised();
    scene.books.isAway = true;
    const node = scene.node();
    await node.deliver(eventOf('charge.succeeded', { id: 'ch_1', payment_intent: 'pi_1' }));
    await node.webhooks.catchUp();
    const waits: number[] = [];
    for (let i = 0; i < 12; i++) {
      const [{ next_at: nextAt }] = await scene.rows();
      waits.push(nextAt - scene.time.clock.now());
      await scene.time.advance(nextAt - scene.time.clock.now());
      await node.webhooks.catchUp();
    }
    waits.forEach((wait, i) => {
      expect(wait).toBeGreaterThanOrEqual((WORKER_LIMITS.retryBaseMs * 2 ** i) / 2);
      expect(wait).toBeLessThanOrEqual(WORKER_LIMITS.retryBaseMs * 2 ** i);
    });
    expect(node.webhooks.figures()).toMatchObject({ processed: 0, failed: 13 });
    expect(node.webhooks.figures().backlogMs).toBeGreaterThan(30 * 60_000);
    scene.books.isAway = false;
    await scene.time.advance(WORKER_LIMITS.retryMaxMs);
    await node.webhooks.catchUp();
    expect(scene.book.history).toEqual(SOLD);
    await node.webhooks.catchUp();
    expect(node.webhooks.figures().backlogMs).toBe(0);
  });

  test('that fail for ever are given up after a bounded number of attempts, and people are told', async () => {
    const scene = authorised();
    scene.books.isAway = true;
    const node = scene.node();
    await node.deliver(eventOf('charge.succeeded', { id: 'ch_1', payment_intent: 'pi_1' }));
    for (let i = 0; i < WORKER_LIMITS.attempts + 5; i++) {
      await node.webhooks.catchUp();
      await scene.time.advance(WORKER_LIMITS.retryMaxMs);
    }
    expect(await scene.rows()).toMatchObject([{ outcome: 'given_up', attempts: WORKER_LIMITS.attempts }]);
    expect(node.webhooks.figures().givenUp).toBe(1);
    expect(node.log.lines.filter(({ level }) => level === 50)).toHaveLength(1);
  });

  test('that kill every node which processes them are given up too', async () => {
    const scene = authorised();
    await scene.node(DYING).deliver(intentEvent(1));
    for (let i = 1; i < WORKER_LIMITS.attempts; i++) {
      await scene.time.advance(INBOX_LIMITS.leaseMs);
      void scene.node(DYING).webhooks.catchUp();
      await expect.poll(async () => (await scene.rows())[0].attempts).toBe(i + 1);
    }
    await scene.time.advance(INBOX_LIMITS.leaseMs);
    await scene.node().webhooks.catchUp();
    expect(await scene.rows()).toMatchObject([{ outcome: 'given_up' }]);
    expect(scene.book.history).toEqual([]);
  });

  test('are swept by themselves from time to time', async () => {
    const scene = authorised();
    await scene.node(DYING).deliver(intentEvent(1));
    scene.node({ timers: scene.time.timers });
    await scene.time.advance(INBOX_LIMITS.leaseMs - WORKER_LIMITS.sweepMs);
    expect(await scene.rows()).toMatchObject([{ outcome: null, attempts: 1 }]);
    await expect
      .poll(async () => {
        await scene.time.advance(WORKER_LIMITS.sweepMs);
        return (await scene.rows())[0].outcome;
      })
      .toBe('done');
  });

  test('are forgotten 30 days after they were processed, and never before that', async () => {
    const scene = authorised();
    const node = scene.node({ timers: scene.time.timers });
    for (const order of [1, 2, 3]) await node.deliver(intentEvent(order));
    await node.webhooks.catchUp();
    const ids = (await scene.rows()).map(({ id }) => id);
    const longAgo = scene.time.clock.now() - INBOX_LIMITS.keptMs;
    const set =
      'update webhook_event set received_at = $2::bigint, processed_at = $3::bigint, outcome = $4 where id = $1';
    await scene.pool.query(set, [ids[0], longAgo, longAgo, 'done']);
    await scene.pool.query(set, [ids[1], longAgo, longAgo + WORKER_LIMITS.pruneMs * 2, 'done']);
    await scene.pool.query(set, [ids[2], longAgo, null, null]);
    await scene.pool.query('update webhook_event set next_at = next_at + 86400000::bigint where id = $1', [ids[2]]);
    await scene.time.advance(WORKER_LIMITS.pruneMs);
    await expect.poll(async () => (await scene.rows()).map(({ id }) => id)).toEqual(ids.slice(1));
  });
});

describe('a dispute', () => {
  function disputed(status: 'open' | 'won' | 'lost'): WebhookScene {
    const scene = new WebhookScene(database().pool);
    scene.book.add(1, BUYER, { status: 'paid', unsettled: false });
    scene.books.payments.set(paymentIdOf(1), 'captured');
    scene.books.disputes.set('du_1', { paymentId: paymentIdOf(1), status });
    return scene;
  }

  test('is told to the show with the status that the gateway gives, whatever the order of its events', async () => {
    const scene = disputed('lost');
    const node = scene.node();
    await node.deliver(disputeEvent(1, 'du_1', 'closed'));
    await node.deliver(disputeEvent(1, 'du_1', 'created'));
    await node.webhooks.catchUp();
    expect(scene.book.history).toEqual(['dispute lost 1']);
    expect(scene.book.orders.get(`${SHOW}/1`)?.dispute).toEqual({ id: 'du_1', status: 'lost' });
  });

  test('that is known before the capture waits until the order is settled', async () => {
    const scene = disputed('open');
    scene.book.add(1, BUYER);
    const node = scene.node();
    await node.deliver(disputeEvent(1, 'du_1'));
    await node.webhooks.catchUp();
    expect(scene.book.history).toEqual(['commit 1', 'captured 1', 'dispute open 1']);
  });

  test('of a payment without a sale is kept, and people are told', async () => {
    const scene = disputed('open');
    scene.book.add(1, BUYER, { status: 'cancelled', unsettled: false });
    const node = scene.node();
    await node.deliver(disputeEvent(1, 'du_1'));
    await node.webhooks.catchUp();
    expect(await scene.rows()).toMatchObject([{ outcome: 'ignored' }]);
    expect(node.log.lines).toMatchObject([{ level: 50, dispute: 'du_1' }]);
  });

  test('is told again later when the show does not answer', async () => {
    const scene = disputed('open');
    const node = scene.node();
    const away = { ok: false, refusal: { code: 'UNAVAILABLE', detail: 'moving' }, replayed: false } as const;
    scene.book.canned.set('dispute', away);
    await node.deliver(disputeEvent(1, 'du_1'));
    await node.webhooks.catchUp();
    expect(await scene.rows()).toMatchObject([{ outcome: null }]);
    scene.book.canned.clear();
    await scene.time.advance(WORKER_LIMITS.retryBaseMs);
    await node.webhooks.catchUp();
    expect(scene.book.history).toEqual(['dispute open 1']);
    expect(await scene.rows()).toMatchObject([{ outcome: 'done' }]);
  });
});

test('a refund that failed after it was done is asked for again', async () => {
  const scene = new WebhookScene(database().pool);
  scene.book.add(1, BUYER, { status: 'refunded', unsettled: false });
  scene.books.intents.set('pi_1', paymentIdOf(1));
  const node = scene.node();
  await node.deliver(eventOf('refund.failed', { id: 're_1', payment_intent: 'pi_1' }));
  await node.webhooks.catchUp();
  expect(scene.book.asked.map(({ message }) => message.type)).toEqual(['refund-returned', 'get-payment']);
  expect(await scene.rows()).toMatchObject([{ outcome: 'done' }]);
});
