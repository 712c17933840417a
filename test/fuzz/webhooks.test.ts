import fc from 'fast-check';
import type { LightMyRequestResponse } from 'fastify';
import { describe, expect, test } from 'vitest';
import { FINAL_ORDER_TYPES } from '../../src/payments/webhooks/webhook-events.ts';
import { expectProblem } from '../support/expect-problem.ts';
import { paymentIdOf } from '../support/order-book.ts';
import { webhookDatabase } from '../support/webhook-database.ts';
import {
  BUYER,
  disputeEvent,
  eventOf,
  intentEvent,
  signed,
  statusOf,
  type WebhookNode,
  WebhookScene,
} from '../support/webhook-nodes.ts';
import { attack, expectFound, limitMs, runsOf, Tally } from './attack.ts';
import { byteMutations, mutatedBytes } from './byte-mutations.ts';
import { jsonMutations, mutated } from './json-mutations.ts';
import { oddText } from './odd-values.ts';

const RUNS = 300;
/** Pino's number for errors. */
const ERROR_LEVEL = 50;
const database = webhookDatabase();

const EVENTS: readonly object[] = [
  intentEvent(1),
  intentEvent(2, 'payment_intent.payment_failed'),
  disputeEvent(1, 'du_1'),
  disputeEvent(2, 'du_2', 'closed', { data: { object: { id: 'du_2', status: 'lost', payment_intent: 'pi_2' } } }),
  ...['charge.captured', 'charge.refunded', ...FINAL_ORDER_TYPES].map((type) =>
    eventOf(type, { id: 'xx_1', payment_intent: 'pi_1', metadata: { usher_payment: paymentIdOf(1) } }),
  ),
  eventOf('customer.created', { id: 'cus_1' }),
];
const TEXTS = EVENTS.map((event) => JSON.stringify(event));

/** Bodies that the provider might sign by mistake: events with something changed, and what is none. */
const bodies: fc.Arbitrary<Buffer> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .tuple(fc.constantFrom(...EVENTS), jsonMutations(3))
      .map(([event, changes]) => Buffer.from(JSON.stringify(mutated(event, changes)) ?? '')),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(fc.constantFrom(...TEXTS), byteMutations(3), fc.constantFrom(...TEXTS))
      .map(([text, bytes, donor]) => mutatedBytes(Buffer.from(text), bytes, Buffer.from(donor))),
  },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)) },
  { weight: 1, arbitrary: fc.jsonValue().map((value) => Buffer.from(JSON.stringify(value))) },
  { weight: 1, arbitrary: fc.constantFrom(...TEXTS).map((text) => Buffer.from(text)) },
);

interface Scene {
  readonly scene: WebhookScene;
  readonly node: WebhookNode;
}

/** Two orders await payments that the provider says are not paid, whatever its events say. */
function scene(): Scene {
  const made = new WebhookScene(database().pool);
  for (const order of [1, 2]) {
    made.book.add(order, BUYER);
    made.books.intents.set(`pi_${order}`, paymentIdOf(order));
    made.books.payments.set(paymentIdOf(order), 'open');
    made.books.disputes.set(`du_${order}`, { paymentId: null, status: 'open' });
  }
  return { scene: made, node: made.node() };
}

async function kept({ scene: { pool } }: Scene): Promise<{ all: number; open: number }> {
  const counts =
    'select count(*)::int as all, (count(*) filter (where outcome is null))::int as open from webhook_event';
  return (await pool.query(counts)).rows[0];
}

/** Kept whole and dealt with, or refused and nothing of it kept; either way nothing is sold and nobody is charged. */
async function look(at: Scene, send: () => Promise<LightMyRequestResponse>): Promise<'taken' | 'refused'> {
  const { scene: made, node } = at;
  const before = await kept(at);
  const answer = await send();
  if (answer.statusCode !== 200) expectProblem(answer, 'WEBHOOK_INVALID');
  await node.webhooks.catchUp();
  const after = await kept(at);
  if (answer.statusCode !== 200) expect(after).toEqual(before);
  expect(after.open).toBe(0);
  // That refunds may have come back has the show look at the gateway, and there are none.
  expect(made.book.history.splice(0).filter((what) => !what.startsWith('refunds returned'))).toEqual([]);
  expect([1, 2].map((order) => statusOf(made.book, order))).toEqual(['awaiting_payment', 'awaiting_payment']);
  expect([...made.books.payments.values()]).toEqual(['open', 'open']);
  expect(node.log.lines.splice(0).filter(({ level }) => (level as number) >= ERROR_LEVEL)).toEqual([]);
  return answer.statusCode === 200 ? 'taken' : 'refused';
}

describe('a webhook', () => {
  test('that is signed is kept and believed in nothing, or refused, whatever it says', {
    timeout: limitMs(RUNS),
  }, async () => {
    const [at, tally] = [scene(), new Tally()];
    await attack(bodies, runsOf(RUNS), async (body) => {
      const header = signed(body, at.scene.time.clock.now());
      tally.note(await look(at, () => at.node.post(body, { 'stripe-signature': header })));
    });
    tally.print('signed webhooks');
    expect(tally.of('taken')).toBeGreaterThan(0);
    expect(tally.of('refused')).toBeGreaterThan(0);
  });

  /** A body, and what was signed of it; how the header is changed. */
  const forgeries = fc.record({
    text: fc.constantFrom(...TEXTS),
    changes: fc.option(byteMutations(2)),
    cut: fc.nat(90),
    length: fc.nat(12),
    by: fc.oneof(fc.constant(''), oddText, fc.constantFrom(',', 't=1', ',v1=', '=', ',v0=', ' ', '\t')),
  });
  type Forgery = typeof forgeries extends fc.Arbitrary<infer T> ? T : never;

  /** What is signed right is taken, nothing else is. */
  async function forge(
    at: Scene,
    { text, changes, cut, length, by }: Forgery,
    post: WebhookNode['post'],
  ): Promise<string> {
    const right = signed(text, at.scene.time.clock.now());
    const body = changes === null ? Buffer.from(text) : mutatedBytes(Buffer.from(text), changes, Buffer.from(text));
    // What no header of HTTP can have is not for this.
    const odd = by.replaceAll(/[^\t\u0020-\u007e\u0080-\u00ff]/g, '?');
    const header = right.slice(0, cut) + odd + right.slice(cut + length);
    const became = await look(at, () => post(body, { 'stripe-signature': header }));
    if (became === 'taken') {
      expect(body.toString(), 'taken, and not what was signed').toBe(text);
      const signature = right.slice(right.indexOf('v1='));
      expect(header, 'taken, and not so signed').toContain(signature);
    }
    return became;
  }

  test('that is not signed as it stands is refused', { timeout: limitMs(RUNS) }, async () => {
    const [at, tally] = [scene(), new Tally()];
    await attack(forgeries, runsOf(RUNS), async (forgery) => tally.note(await forge(at, forgery, at.node.post)));
    tally.print('forged webhooks');
    expect(tally.of('refused')).toBeGreaterThan(0);
  });

  test('that a careless node takes is found', async () => {
    const at = scene();
    const post: WebhookNode['post'] = (body) =>
      at.node.post(body, { 'stripe-signature': signed(body ?? '', at.scene.time.clock.now()) });
    await expectFound(forgeries, RUNS, async (forgery) => void (await forge(at, forgery, post)), /taken, and not/);
  });
});
