import { expect, test } from 'vitest';
import type { CancellationView } from '../../src/actors/shows.ts';
import { generatePlan } from '../../src/allocator/plan-generate.ts';
import type { Payment, PaymentGateway, PaymentState, RefundOrder, RefundState } from '../../src/payments/gateway.ts';
import { createSettlement } from '../../src/payments/settlement.ts';
import type { Timers } from '../../src/ports.ts';
import { settled } from '../support/manual-time.ts';
import { MemoryCluster, type MemoryNode } from '../support/memory-cluster.ts';
import { hallOf } from '../support/plan-fixtures.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { onceOf, termsOf, userOf } from '../support/small-show.ts';

const SECOND = 1_000;
const ORDERS = 10_000;
/** Some are for wheelchairs and their companions. */
const SEATS = ORDERS + 1_000;
const PRICE = 4_550;
/** The provider answers a refund after so long. */
const REFUND_MS = 20;
/** Orders that are bought at a time. */
const BATCH = 250;
const TEST_LIMIT_MS = 120_000;

/** A provider that has captured everything, and notes what it gives back. */
class CapturedEverything implements PaymentGateway {
  readonly provider = 'stripe';
  /** By refund: how often it was asked for. */
  readonly asked = new Map<string, number>();
  /** By payment: what was given back. */
  readonly given = new Map<string, number>();
  readonly #done = new Set<string>();
  readonly #timers: Timers;

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  async refund({ refundId, paymentId, amount }: RefundOrder): Promise<RefundState> {
    this.asked.set(refundId, (this.asked.get(refundId) ?? 0) + 1);
    if (!this.#done.has(refundId)) this.given.set(paymentId, (this.given.get(paymentId) ?? 0) + amount);
    this.#done.add(refundId);
    await new Promise<void>((resolve) => this.#timers.after(REFUND_MS, resolve));
    return 'done';
  }
  async get(id: string): Promise<Payment> {
    return this.#in(id, 'captured');
  }
  async capture(id: string): Promise<Payment> {
    return this.#in(id, 'captured');
  }
  async cancel(id: string): Promise<Payment> {
    return this.#in(id, 'captured');
  }
  async open(): Promise<{ clientSecret: string }> {
    return { clientSecret: '' };
  }
  rememberedSecret(): null {
    return null;
  }
  async clientSecret(): Promise<null> {
    return null;
  }
  amountFault(): null {
    return null;
  }
  #in(id: string, state: PaymentState): Payment {
    return { id, state, amount: PRICE, currency: 'EUR' };
  }
}

test('10,000 orders of a cancelled show are paid back once each, though the owner dies half-way; progress is shown', {
  timeout: TEST_LIMIT_MS,
}, async () => {
  const hall = hallOf(generatePlan({ kind: 'theatre', seats: SEATS, standing: 0 }));
  const prices = Object.fromEntries(hall.categories.map((name) => [name, PRICE]));
  const cluster = new MemoryCluster(hall, termsOf({ prices }));
  const { clock } = cluster.time;
  const gateway = new CapturedEverything(cluster.time.timers);
  const settlements = new Map<MemoryNode, ReturnType<typeof createSettlement>>();
  const log = { warn: () => {}, error: () => {} };
  cluster.onUnsettled = (node, showId, orders) => {
    let settlement = settlements.get(node);
    if (settlement === undefined) {
      const timers = node.process.timers(cluster.time.timers);
      const { shows } = node.node;
      settlement = createSettlement({ shows, gateway, clock, timers, random: seededRandom(settlements.size), log });
      settlements.set(node, settlement);
    }
    settlement.resume(showId, orders);
  };
  await cluster.start('a');
  await cluster.start('b');
  await cluster.advance(6 * SECOND);
  const showId = await cluster.showOn('a');
  const first = cluster.node('a');
  for (let from = 1; from <= ORDERS; from += BATCH) {
    const numbers = Array.from({ length: BATCH }, (_, i) => from + i);
    const at = clock.now();
    const buy = numbers.flatMap((n) => [
      first.ask(showId, { type: 'hold', once: onceOf(2 * n), buyer: userOf(n), best: { quantity: 1 } }),
      first.ask(showId, { type: 'order', once: onceOf(2 * n + 1), buyer: userOf(n), hold: n, at }),
      first.ask(showId, { type: 'commit', order: n, amount: PRICE, currency: 'EUR' }),
      first.ask(showId, { type: 'captured', order: n }),
    ]);
    await settled();
    expect((await Promise.all(buy)).filter(({ ok }) => !ok).slice(0, 2)).toEqual([]);
  }

  const progress = async (): Promise<CancellationView> => {
    const node = [...cluster.nodes.values()].find(({ process }) => !process.isDead) as MemoryNode;
    const asked = node.ask<CancellationView>(showId, { type: 'get-cancellation' });
    await cluster.advance(100);
    const answer = await asked;
    if (!answer.ok) throw new Error(answer.refusal.code);
    return answer.value;
  };
  const cancelled = first.ask(showId, { type: 'cancel-show', reason: 'Rain.' });
  await settled();
  expect(await cancelled).toMatchObject({ ok: true });
  for (let steps = 0; gateway.given.size < ORDERS / 2 && steps < 10_000; steps++) await cluster.time.advance(1);
  const half = await progress();
  expect(half).toMatchObject({ status: 'refunding', reason: 'Rain.' });
  expect(half.refunds.succeeded).toBeGreaterThan(0);
  const { waiting, pending, succeeded } = half.refunds;
  expect(waiting + pending + succeeded).toBe(ORDERS);
  expect(gateway.given.size).toBeLessThan(ORDERS);

  await first.kill();
  await cluster.advance(6 * SECOND);
  expect(cluster.ownerOf(showId)).toBe('b');
  for (let seconds = 0; (await progress()).status === 'refunding' && seconds < 120; seconds++) {
    await cluster.advance(SECOND);
  }
  expect(await progress()).toMatchObject({
    status: 'refunded',
    refunds: { waiting: 0, pending: 0, succeeded: ORDERS, failed: 0 },
    refunded: { amount: ORDERS * PRICE, currency: 'EUR' },
  });
  expect(gateway.given.size).toBe(ORDERS);
  expect(new Set(gateway.given.values())).toEqual(new Set([PRICE]));
  expect(gateway.asked.size).toBe(ORDERS);
});
