import { describe, expect, test } from 'vitest';
import { type EventFeed, POLL_LIMITS } from '../../src/payments/webhooks/event-poller.ts';
import { FINAL_ORDER_TYPES } from '../../src/payments/webhooks/webhook-events.ts';
import { paymentIdOf } from '../support/order-book.ts';
import { webhookDatabase } from '../support/webhook-database.ts';
import { BUYER, disputeEvent, WebhookScene } from '../support/webhook-nodes.ts';

const database = webhookDatabase();

interface Listed {
  readonly at: number;
  readonly event: { readonly id: string };
}

/** A database on a busy machine answers by then. */
const PATIENCE_MS = 20_000;

/** The provider's list of events, two a page, newest first. */
class List implements EventFeed {
  readonly events: Listed[] = [];
  readonly asked: { readonly since: number; readonly types: readonly string[] }[] = [];
  pages = 0;
  /** Called before each page but the first. */
  between: () => Promise<void> = async () => {};

  async *eventsSince(since: number, types: readonly string[]): AsyncGenerator<readonly unknown[]> {
    this.asked.push({ since, types });
    const events = this.events.filter(({ at }) => at >= since).reverse();
    for (let from = 0; from < events.length; from += 2) {
      if (from > 0) await this.between();
      this.pages++;
      yield events.slice(from, from + 2).map(({ event }) => event);
    }
  }
}

class PollScene extends WebhookScene {
  readonly list = new List();

  constructor() {
    super(database().pool);
  }

  /** A dispute of a sold order, of which no webhook ever tells. */
  dispute(order: number): { readonly id: string } {
    this.book.add(order, BUYER, { status: 'paid', unsettled: false });
    this.books.disputes.set(`du_${order}`, { paymentId: paymentIdOf(order), status: 'open' });
    const event = disputeEvent(order, `du_${order}`);
    this.list.events.push({ at: this.time.clock.now(), event });
    return event;
  }

  reader() {
    return this.node({ feed: this.list });
  }

  async checkpoint(): Promise<number> {
    return (await this.pool.query<{ checkpoint: number }>('select checkpoint from webhook_poll')).rows[0].checkpoint;
  }
}

describe("the provider's list of events", () => {
  test('brings what no webhook brought, through the same inbox', async () => {
    const scene = new PollScene();
    const node = scene.reader();
    await node.webhooks.catchUp();
    for (const order of [1, 2, 3, 4, 5]) scene.dispute(order);
    await scene.advance(POLL_LIMITS.everyMs);
    await node.webhooks.catchUp();
    expect(scene.book.history.toSorted()).toEqual([1, 2, 3, 4, 5].map((order) => `dispute open ${order}`));
    expect(await scene.rows()).toHaveLength(5);
    expect(node.webhooks.figures()).toMatchObject({ missed: 5, stored: 0, duplicates: 0, processed: 5 });
    expect(scene.list.asked[1].types).toEqual(FINAL_ORDER_TYPES);
  });

  test('changes nothing about an event that a webhook brought before, or brings after', async () => {
    const scene = new PollScene();
    const node = scene.reader();
    const [before, after] = [scene.dispute(1), scene.dispute(2)];
    await node.deliver(before);
    await node.webhooks.catchUp();
    expect((await node.deliver(after)).statusCode).toBe(200);
    await node.webhooks.catchUp();
    expect(node.webhooks.figures()).toMatchObject({ stored: 1, missed: 1, duplicates: 1, processed: 2 });
    expect(await scene.rows()).toHaveLength(2);
  });

  test('is read again only when its time has come, from the last reading on with an overlap', async () => {
    const scene = new PollScene();
    const node = scene.reader();
    const first = scene.time.clock.now();
    await node.webhooks.catchUp();
    await node.webhooks.catchUp();
    await scene.advance(POLL_LIMITS.everyMs - 1);
    await node.webhooks.catchUp();
    expect(scene.list.asked.map(({ since }) => since)).toEqual([first - POLL_LIMITS.overlapMs]);
    await scene.advance(1);
    await node.webhooks.catchUp();
    await scene.advance(POLL_LIMITS.everyMs);
    await node.webhooks.catchUp();
    const times = [0, 0, POLL_LIMITS.everyMs].map((since) => first - POLL_LIMITS.overlapMs + since);
    expect(scene.list.asked.map(({ since }) => since)).toEqual(times);
  });

  test('is read by one node of all that look at once', async () => {
    const scene = new PollScene();
    const nodes = [scene.reader(), scene.reader(), scene.reader()];
    await Promise.all(nodes.map(({ webhooks }) => webhooks.catchUp()));
    expect(scene.list.asked).toHaveLength(1);
  });

  test('is read anew from the checkpoint when it broke off in the middle', async () => {
    const scene = new PollScene();
    const node = scene.reader();
    await node.webhooks.catchUp();
    const checkpoint = await scene.checkpoint();
    for (const order of [1, 2, 3]) scene.dispute(order);
    await scene.advance(POLL_LIMITS.everyMs);
    scene.list.between = () => Promise.reject(new Error('the provider does not answer'));
    await node.webhooks.catchUp();
    expect(await scene.checkpoint()).toBe(checkpoint);
    expect(await scene.rows()).toHaveLength(2);
    expect(node.log.lines).toMatchObject([{ level: 40 }]);

    scene.list.between = async () => {};
    await scene.advance(POLL_LIMITS.leaseMs);
    await node.webhooks.catchUp();
    expect(await scene.checkpoint()).toBe(scene.time.clock.now());
    expect(await scene.rows()).toHaveLength(3);
    expect(node.webhooks.figures()).toMatchObject({ missed: 3, processed: 3 });
  });

  test('is taken over from a reader that died, and one that only slept ends its reading', async () => {
    const scene = new PollScene();
    const [sleeper, other] = [scene.reader(), scene.reader()];
    for (const order of [1, 2, 3, 4, 5]) scene.dispute(order);
    const asleep = Promise.withResolvers<void>();
    const woken = Promise.withResolvers<void>();
    scene.list.between = () => {
      scene.list.between = async () => {};
      asleep.resolve();
      return woken.promise;
    };
    const sleeping = sleeper.webhooks.catchUp();
    await asleep.promise;
    await other.webhooks.catchUp();
    expect(scene.list.asked).toHaveLength(1);
    await scene.advance(POLL_LIMITS.leaseMs);
    await other.webhooks.catchUp();
    const checkpoint = await scene.checkpoint();
    expect(checkpoint).toBe(scene.time.clock.now());

    await scene.advance(60_000);
    woken.resolve();
    await sleeping;
    expect(await scene.checkpoint()).toBe(checkpoint);
    expect(await scene.rows()).toHaveLength(5);
    const missed = [sleeper, other].map(({ webhooks }) => webhooks.figures().missed);
    expect(missed).toEqual([2, 3]);
    // The sleeper asked for one page more, and then saw that the reading was no longer its own.
    expect(scene.list.pages).toBe(2 + 3);
  });

  test('is not taken over from a reader that takes long, as long as its pages come', async () => {
    const scene = new PollScene();
    const [slow, other] = [scene.reader(), scene.reader()];
    for (const order of [1, 2, 3, 4, 5, 6, 7]) scene.dispute(order);
    scene.list.between = async () => {
      await scene.advance(POLL_LIMITS.leaseMs - 1);
      await other.webhooks.catchUp();
    };
    await slow.webhooks.catchUp();
    expect(scene.list.asked).toHaveLength(1);
    expect(slow.webhooks.figures().missed).toBe(7);
  });

  test('does not stop at events that cannot be read', async () => {
    const scene = new PollScene();
    const node = scene.reader();
    scene.list.events.push({ at: scene.time.clock.now(), event: { id: 'evt_\u0000' } });
    scene.dispute(1);
    await node.webhooks.catchUp();
    expect(scene.book.history).toEqual(['dispute open 1']);
    expect(await scene.checkpoint()).toBe(scene.time.clock.now());
  });

  test('is not asked for more than it keeps after a long standstill', async () => {
    const scene = new PollScene();
    const node = scene.reader();
    await node.webhooks.catchUp();
    await scene.advance(POLL_LIMITS.oldestMs * 2);
    await node.webhooks.catchUp();
    expect(scene.list.asked[1].since).toBe(scene.time.clock.now() - POLL_LIMITS.oldestMs);
  });

  test.each([
    ['ahead', POLL_LIMITS.oldestMs],
    ['behind', -POLL_LIMITS.oldestMs],
  ])('is read in full whoever reads it, and be its clock far %s', async (_, aheadMs) => {
    const scene = new PollScene();
    const [wrong, right] = [scene.node({ feed: scene.list, aheadMs }), scene.reader()];
    for (const reader of [right, wrong, right]) {
      await reader.webhooks.catchUp();
      await scene.advance(POLL_LIMITS.everyMs);
    }
    const { everyMs, overlapMs } = POLL_LIMITS;
    const started = scene.time.clock.now() - 3 * everyMs;
    expect(scene.list.asked.map(({ since }) => since - started + overlapMs)).toEqual([0, 0, everyMs]);
    expect(await scene.checkpoint()).toBe(started + 2 * everyMs);
  });

  test('is read by itself every few minutes', async () => {
    const scene = new PollScene();
    scene.node({ feed: scene.list, timers: scene.time.timers });
    for (const readings of [1, 2, 3]) {
      await expect
        .poll(
          async () => {
            await scene.advance(POLL_LIMITS.lookMs);
            return scene.list.asked.length;
          },
          { timeout: PATIENCE_MS },
        )
        .toBeGreaterThanOrEqual(readings);
    }
    const [first, second] = scene.list.asked.slice(1).map(({ since }) => since);
    expect(second - first).toBeGreaterThanOrEqual(POLL_LIMITS.everyMs);
  });
});
