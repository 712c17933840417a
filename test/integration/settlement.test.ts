import { describe, expect, test } from 'vitest';
import type { Answer, PaymentWork, Shows } from '../../src/actors/shows.ts';
import type { Command, Question } from '../../src/allocator/commands.ts';
import type { Payment, PaymentGateway, PaymentOrder, PaymentState, RefundState } from '../../src/payments/gateway.ts';
import { createSettlement, type Settlement } from '../../src/payments/settlement.ts';
import { QUEUE_LIMITS } from '../../src/payments/settlement-queue.ts';
import type { Log } from '../../src/system/log.ts';
import { capturedLog } from '../support/captured-log.ts';
import { type ManualTime, manualTime, settled } from '../support/manual-time.ts';
import { type BookedOrder, OrderBook, paymentIdOf, SHOW } from '../support/order-book.ts';
import { seededRandom } from '../support/seeded-random.ts';

const BUYER = 'usr_01k9zxh3m4q8r2v6w7y0t5b1ce';

/** A provider in memory that writes what took effect into the order book's own history. */
class MemoryGateway implements PaymentGateway {
  readonly provider = 'sandbox';
  readonly payments = new Map<string, { state: PaymentState; captureFails: boolean }>();
  readonly #history: string[];
  constructor(history: string[]) {
    this.#history = history;
  }

  authorise(order: number, captureFails = false): void {
    this.payments.set(paymentIdOf(order), { state: 'authorised', captureFails });
  }
  stateOf(order: number): PaymentState | undefined {
    return this.payments.get(paymentIdOf(order))?.state;
  }
  async open({ paymentId }: PaymentOrder): Promise<{ clientSecret: string }> {
    return { clientSecret: paymentId };
  }
  rememberedSecret(paymentId: string): string {
    return paymentId;
  }
  async clientSecret(paymentId: string): Promise<string> {
    return paymentId;
  }
  async refund(): Promise<RefundState> {
    return 'done';
  }
  amountFault(): null {
    return null;
  }
  async get(id: string): Promise<Payment | null> {
    const payment = this.payments.get(id);
    return payment === undefined ? null : { id, state: payment.state, amount: 4_550, currency: 'EUR' };
  }
  async capture(id: string): Promise<Payment> {
    const payment = this.payments.get(id);
    if (payment === undefined) throw new Error('never heard of it');
    if (payment.state === 'authorised') {
      payment.state = payment.captureFails ? 'failed' : 'captured';
      this.#history.push(payment.captureFails ? 'gateway failed' : 'gateway captured');
    }
    return { id, state: payment.state, amount: 4_550, currency: 'EUR' };
  }
  async cancel(id: string): Promise<Payment> {
    const state = this.payments.get(id)?.state ?? 'open';
    if (state === 'open' || state === 'challenge' || state === 'authorised') {
      this.payments.set(id, { state: 'cancelled', captureFails: false });
      this.#history.push('gateway cancelled');
    }
    return (await this.get(id)) as Payment;
  }
}

/** The same provider, with some of its calls replaced. */
function withCalls(
  gateway: PaymentGateway,
  calls: Partial<Pick<PaymentGateway, 'get' | 'capture' | 'cancel'>>,
): PaymentGateway {
  return {
    provider: gateway.provider,
    open: (order) => gateway.open(order),
    clientSecret: (id) => gateway.clientSecret(id),
    rememberedSecret: (id) => gateway.rememberedSecret(id),
    refund: (refund) => gateway.refund(refund),
    amountFault: (amount, currency) => gateway.amountFault(amount, currency),
    get: (id) => gateway.get(id),
    capture: (id) => gateway.capture(id),
    cancel: (id) => gateway.cancel(id),
    ...calls,
  };
}

/** What happens at the `at`-th moment: each call has two, before and after it takes effect. */
class Fault {
  moments = 0;
  readonly #at: number;
  readonly #kind: 'crash' | 'fail';
  constructor(kind: 'crash' | 'fail', at: number) {
    this.#kind = kind;
    this.#at = at;
  }

  async around<T>(call: () => Promise<T>, failed: () => T): Promise<T> {
    for (const effect of [false, true]) {
      const result = effect ? await call() : undefined;
      this.moments++;
      // A crashed process gets no further answer, and takes no further step.
      if (this.#kind === 'crash' && this.moments >= this.#at) return new Promise(() => {});
      if (this.#kind === 'fail' && this.moments === this.#at) return failed();
      if (effect) return result as T;
    }
    throw new Error('not reached');
  }
}

const UNKNOWN: Answer<never> = { ok: false, refusal: { code: 'OUTCOME_UNKNOWN', detail: 'lost' }, replayed: false };

function faulty(book: Shows, gateway: PaymentGateway, fault: Fault): { shows: Shows; gateway: PaymentGateway } {
  const thrown = (): never => {
    throw new Error('the provider does not answer');
  };
  return {
    shows: {
      ask: <T>(showId: string, message: Command | Question, deadline: number) =>
        fault.around<Answer<T>>(
          () => book.ask<T>(showId, message, deadline),
          () => UNKNOWN,
        ),
      seatMap: (showId) => book.seatMap(showId),
      seatCounts: (showId) => book.seatCounts(showId),
    },
    gateway: withCalls(gateway, {
      get: (id) => fault.around(() => gateway.get(id), thrown),
      capture: (id) => fault.around(() => gateway.capture(id), thrown),
      cancel: (id) => fault.around(() => gateway.cancel(id), thrown),
    }),
  };
}

interface Scene {
  readonly name: string;
  readonly set: (book: OrderBook, gateway: MemoryGateway) => void;
  readonly ends: BookedOrder['status'];
  readonly gateway: PaymentState;
  readonly history: readonly string[];
}

const SCENES: readonly Scene[] = [
  {
    name: 'an authorised payment in time is committed, captured and paid',
    set: (book, gateway) => {
      book.add(1, BUYER);
      gateway.authorise(1);
    },
    ends: 'paid',
    gateway: 'captured',
    history: ['commit 1', 'gateway captured', 'captured 1'],
  },
  {
    name: 'a capture that fails for good voids the sale',
    set: (book, gateway) => {
      book.add(1, BUYER);
      gateway.authorise(1, true);
    },
    ends: 'cancelled',
    gateway: 'failed',
    history: ['commit 1', 'gateway failed', 'void 1', 'settled 1'],
  },
  {
    name: 'an order that expired with an authorisation, and whose places are gone, lets it go',
    set: (book, gateway) => {
      book.add(1, BUYER, { status: 'expired' });
      gateway.authorise(1);
    },
    ends: 'expired',
    gateway: 'cancelled',
    history: ['declined 1', 'gateway cancelled', 'settled 1'],
  },
  {
    name: 'an order that ended before anybody paid is closed at the provider',
    set: (book) => void book.add(1, BUYER, { status: 'cancelled' }),
    ends: 'cancelled',
    gateway: 'cancelled',
    history: ['gateway cancelled', 'settled 1'],
  },
  {
    name: 'a payment that the provider has cancelled rejects its order',
    set: (book, gateway) => {
      book.add(1, BUYER);
      gateway.payments.set(paymentIdOf(1), { state: 'cancelled', captureFails: false });
    },
    ends: 'cancelled',
    gateway: 'cancelled',
    history: ['reject 1', 'settled 1'],
  },
  {
    name: 'an authorisation that vanishes after the commit voids the sale',
    set: (book, gateway) => {
      book.add(1, BUYER, { status: 'processing' });
      gateway.payments.set(paymentIdOf(1), { state: 'cancelled', captureFails: false });
    },
    ends: 'cancelled',
    gateway: 'cancelled',
    history: ['void 1', 'settled 1'],
  },
];

function settlementOf(
  shows: Shows,
  gateway: PaymentGateway,
  time: ManualTime,
  log: Log = capturedLog().log,
): Settlement {
  return createSettlement({
    shows,
    gateway,
    clock: time.clock,
    timers: time.timers,
    random: seededRandom(7),
    log,
  });
}

function scene(): { book: OrderBook; gateway: MemoryGateway; time: ManualTime; settlement: Settlement } {
  const book = new OrderBook();
  const gateway = new MemoryGateway(book.history);
  const time = manualTime();
  return { book, gateway, time, settlement: settlementOf(book, gateway, time) };
}

const REF = { showId: SHOW, order: 1 };

describe.each(SCENES)('$name', ({ set, ends, gateway: endState, history }) => {
  test('without faults', async () => {
    const { book, gateway, settlement } = scene();
    set(book, gateway);
    const result = await settlement.settle(REF);
    expect(result).toMatchObject({ ok: true, work: { status: ends, unsettled: false } });
    expect(gateway.stateOf(1)).toBe(endState);
    expect(book.history).toEqual(history);
  });

  test('when the process dies at any moment and another one goes on', async () => {
    let moments = 0;
    for (let at = 1; at === 1 || at <= moments; at++) {
      const { book, gateway, time } = scene();
      set(book, gateway);
      const fault = new Fault('crash', at);
      const dying = faulty(book, gateway, fault);
      void settlementOf(dying.shows, dying.gateway, time).settle(REF);
      await settled();
      if (at === 1) {
        const counting = new Fault('fail', Number.POSITIVE_INFINITY);
        const whole = scene();
        set(whole.book, whole.gateway);
        const counted = faulty(whole.book, whole.gateway, counting);
        await settlementOf(counted.shows, counted.gateway, whole.time).settle(REF);
        moments = counting.moments;
        expect(moments).toBeGreaterThan(5);
      }
      const next = settlementOf(book, gateway, time);
      next.resume(SHOW, [1]);
      await time.advance(0);
      expect({ at, history: book.history }).toEqual({ at, history });
      expect(book.orders.get(`${SHOW}/1`)).toMatchObject({ status: ends, unsettled: false });
      expect(gateway.stateOf(1)).toBe(endState);
      expect(next.pending).toBe(0);
    }
  });

  test('when any one answer is lost, by its own repeats', async () => {
    for (let at = 1; at <= 14; at++) {
      const { book, gateway, time } = scene();
      set(book, gateway);
      const failing = faulty(book, gateway, new Fault('fail', at));
      const settlement = settlementOf(failing.shows, failing.gateway, time);
      await settlement.settle(REF);
      await time.advance(QUEUE_LIMITS.retryBaseMs * 2);
      expect({ at, history: book.history }).toEqual({ at, history });
      expect(settlement.pending).toBe(0);
    }
  });
});

describe('settlement', () => {
  test('leaves an order alone that nobody has paid yet', async () => {
    const { book, gateway, settlement } = scene();
    book.add(1, BUYER);
    expect(await settlement.settle(REF)).toMatchObject({
      ok: true,
      work: { status: 'awaiting_payment' },
      payment: null,
    });
    expect(book.history).toEqual([]);
    expect(gateway.payments.size).toBe(0);
  });

  test('understands a node that tells neither states nor refunds, and lets no live order’s payment go', async () => {
    const { book, gateway, time } = scene();
    book.add(1, BUYER);
    gateway.authorise(1);
    const older: Shows = {
      seatMap: (showId) => book.seatMap(showId),
      seatCounts: (showId) => book.seatCounts(showId),
      ask: async <T>(showId: string, message: Command | Question): Promise<Answer<T>> => {
        const answer = await book.ask<PaymentWork>(showId, message);
        if (!answer.ok || message.type !== 'get-payment') return answer as Answer<T>;
        const { state: _, refunds: __, createdAt: ___, ...value } = answer.value;
        return { ...answer, value: value as T };
      },
    };
    expect(await settlementOf(older, gateway, time).settle(REF)).toMatchObject({ ok: true, work: { status: 'paid' } });
    expect(book.history).toEqual(['commit 1', 'gateway captured', 'captured 1']);
  });

  test('never asks the provider about a free order', async () => {
    const { book, gateway, time } = scene();
    book.add(1, BUYER, { amount: 0, status: 'cancelled' });
    const silent = withCalls(gateway, {
      get: () => Promise.reject(new Error('asked')),
      capture: () => Promise.reject(new Error('asked')),
      cancel: () => Promise.reject(new Error('asked')),
    });
    expect(await settlementOf(book, silent, time).settle(REF)).toMatchObject({ ok: true });
  });

  test('lets the authorisation go when the order expires between the look and the commit', async () => {
    const { book, gateway, time } = scene();
    book.add(1, BUYER);
    gateway.authorise(1);
    const late: Shows = {
      seatMap: (showId) => book.seatMap(showId),
      seatCounts: (showId) => book.seatCounts(showId),
      ask: (showId, message) => {
        if (message.type === 'commit') book.expire(1);
        return book.ask(showId, message);
      },
    };
    const result = await settlementOf(late, gateway, time).settle(REF);
    expect(result).toMatchObject({ ok: true, work: { status: 'expired', unsettled: false } });
    expect(book.history).toEqual(['expired 1', 'declined 1', 'gateway cancelled', 'settled 1']);
  });

  test('answers the refusal of a commit that the show will not take, and captures nothing', async () => {
    const { book, gateway, settlement } = scene();
    book.add(1, BUYER, { amount: 9_999 });
    gateway.authorise(1);
    expect(await settlement.settle(REF)).toMatchObject({ ok: false, refusal: { code: 'ORDER_NOT_PAYABLE' } });
    expect(book.history).toEqual([]);
    expect(gateway.stateOf(1)).toBe('authorised');
    expect(settlement.pending).toBe(0);
  });

  test('of many calls at once for one order takes each step once', async () => {
    const { book, gateway, settlement } = scene();
    book.add(1, BUYER);
    gateway.authorise(1);
    const results = await Promise.all(Array.from({ length: 50 }, () => settlement.settle(REF)));
    for (const result of results) expect(result).toMatchObject({ ok: true, work: { status: 'paid' } });
    expect(book.history).toEqual(['commit 1', 'gateway captured', 'captured 1']);
    expect(book.asked.filter(({ message }) => message.type === 'get-payment').length).toBeLessThanOrEqual(2);
  });

  test('of another node that settles the order between two looks is no alarm', async () => {
    const { book, gateway, time, settlement: another } = scene();
    book.add(1, BUYER);
    gateway.authorise(1);
    const overtaken = withCalls(gateway, {
      get: async (id: string) => {
        await another.settle(REF);
        return gateway.get(id);
      },
    });
    const { log, lines } = capturedLog();
    const result = await settlementOf(book, overtaken, time, log).settle(REF);
    expect(result).toMatchObject({ ok: true, work: { status: 'paid' } });
    expect(book.history).toEqual(['commit 1', 'gateway captured', 'captured 1']);
    expect(lines).toEqual([]);
  });

  test('tells no payment that was read before another node moved it on', async () => {
    const { book, gateway, time, settlement: another } = scene();
    book.add(1, BUYER);
    gateway.authorise(1, true);
    const read = await book.ask<PaymentWork>(SHOW, { type: 'get-payment', order: 1 });
    const payment = await gateway.get(paymentIdOf(1));
    if (!read.ok || payment === null) throw new Error('not there');
    await another.settle(REF);
    const result = await settlementOf(book, gateway, time).settle(REF, { work: read.value, payment });
    expect(result).toMatchObject({ ok: true, work: { status: 'cancelled' } });
    expect(result).not.toHaveProperty('payment');
  });

  test('a call during another sees what happened before it', async () => {
    const { book, gateway, settlement } = scene();
    book.add(1, BUYER);
    const first = settlement.settle(REF);
    await first;
    const looking = settlement.settle(REF);
    gateway.authorise(1);
    const second = settlement.settle(REF);
    await looking;
    expect(await second).toMatchObject({ ok: true, work: { status: 'paid' } });
  });

  test('an order announced again while it is at work is looked at again', async () => {
    const { book, gateway, time } = scene();
    book.add(1, BUYER);
    const held = Promise.withResolvers<void>();
    const slow = withCalls(gateway, {
      get: async (id: string) => {
        const payment = await gateway.get(id);
        await held.promise;
        return payment;
      },
    });
    const settlement = settlementOf(book, slow, time);
    settlement.resume(SHOW, [1]);
    await time.advance(0);
    book.expire(1);
    settlement.resume(SHOW, [1]);
    held.resolve();
    await time.advance(0);
    expect(book.history).toEqual(['expired 1', 'gateway cancelled', 'settled 1']);
    expect(settlement.pending).toBe(0);
  });

  test('in the background works on a bounded number of orders, each announced once, until all are done', async () => {
    const { book, gateway, time } = scene();
    const orders = Array.from({ length: 1_000 }, (_, i) => i + 1);
    for (const order of orders) book.add(order, BUYER, { status: 'expired' });
    let atWork = 0;
    let most = 0;
    const counting = withCalls(gateway, {
      cancel: async (id: string) => {
        most = Math.max(most, ++atWork);
        await settled();
        const payment = await gateway.cancel(id);
        atWork--;
        return payment;
      },
    });
    const settlement = settlementOf(book, counting, time);
    settlement.resume(SHOW, orders);
    settlement.resume(SHOW, orders);
    expect(settlement.pending).toBe(1_000);
    for (let turn = 0; turn < 200 && settlement.pending > 0; turn++) await time.advance(1);
    expect(settlement.pending).toBe(0);
    expect(most).toBe(QUEUE_LIMITS.concurrency);
    expect(book.history.filter((entry) => entry.startsWith('settled'))).toHaveLength(1_000);
  });

  test('repeats with growing, bounded waits while the provider is down, and ends when it is back', async () => {
    const { book, gateway, time } = scene();
    book.add(1, BUYER, { status: 'expired' });
    const tries: number[] = [];
    let down = true;
    const broken = withCalls(gateway, {
      cancel: async (id: string) => {
        tries.push(time.clock.now());
        if (down) throw new Error('connection refused');
        return gateway.cancel(id);
      },
    });
    const settlement = settlementOf(book, broken, time);
    settlement.resume(SHOW, [1]);
    await time.advance(300_000);
    const waits = tries.slice(1).map((at, i) => at - tries[i]);
    expect(waits[0]).toBeGreaterThanOrEqual(QUEUE_LIMITS.retryBaseMs / 2);
    expect(Math.max(...waits)).toBeLessThanOrEqual(QUEUE_LIMITS.retryMaxMs);
    expect(tries.length).toBeLessThan(40);
    expect(settlement.pending).toBe(1);
    down = false;
    await time.advance(QUEUE_LIMITS.retryMaxMs);
    expect(settlement.pending).toBe(0);
    expect(book.history).toEqual(['gateway cancelled', 'settled 1']);
  });

  test('names an order in the log that has waited for a minute, and then every ten, until it is settled', async () => {
    const { book, gateway, time } = scene();
    book.add(1, BUYER, { status: 'expired' });
    const { log, lines } = capturedLog();
    let isDown = true;
    const broken = withCalls(gateway, {
      cancel: async (id: string) => {
        if (isDown) throw new Error('connection refused');
        return gateway.cancel(id);
      },
    });
    const settlement = settlementOf(book, broken, time, log);
    const named = () => lines.filter(({ msg }) => msg === 'an order still waits for its settlement');
    settlement.resume(SHOW, [1]);
    await time.advance(QUEUE_LIMITS.namedAfterMs - 1);
    expect(named()).toEqual([]);
    await time.advance(QUEUE_LIMITS.retryMaxMs);
    expect(named()).toMatchObject([{ level: 40, showId: SHOW, order: 1, refusal: { code: 'UNAVAILABLE' } }]);
    await time.advance(QUEUE_LIMITS.namedEveryMs + QUEUE_LIMITS.retryMaxMs);
    expect(named()).toHaveLength(2);
    expect(named()[1].waitedMs).toBeGreaterThan(QUEUE_LIMITS.namedEveryMs);
    isDown = false;
    await time.advance(2 * QUEUE_LIMITS.namedEveryMs);
    expect(settlement.pending).toBe(0);
    expect(named()).toHaveLength(2);
  });

  test('tells how many orders wait, and for how long the oldest has', async () => {
    const { book, gateway, time } = scene();
    for (const order of [1, 2]) book.add(order, BUYER, { status: 'expired' });
    let isDown = true;
    const broken = withCalls(gateway, {
      cancel: async (id: string) => {
        if (isDown) throw new Error('connection refused');
        return gateway.cancel(id);
      },
    });
    const settlement = settlementOf(book, broken, time);
    expect(settlement).toMatchObject({ pending: 0, oldestMs: 0 });
    settlement.resume(SHOW, [1]);
    await time.advance(60_000);
    settlement.resume(SHOW, [2]);
    // Named once more, it has not come anew.
    settlement.resume(SHOW, [1]);
    await time.advance(40_000);
    expect(settlement).toMatchObject({ pending: 2, oldestMs: 100_000 });
    isDown = false;
    await time.advance(QUEUE_LIMITS.retryMaxMs);
    expect(settlement).toMatchObject({ pending: 0, oldestMs: 0 });
  });

  test('does not count an order as old that was settled and has come again meanwhile', async () => {
    const { book, gateway, time } = scene();
    for (const order of [1, 2]) book.add(order, BUYER, { status: 'expired' });
    const slow = withCalls(gateway, {
      get: async (id: string) => {
        await new Promise<void>((resolve) => time.timers.after(5_000, resolve));
        return gateway.get(id);
      },
    });
    const shows: Shows = {
      ask: async <T>(showId: string, message: Command | Question) => {
        const answer = await book.ask<T>(showId, message);
        if (message.type === 'settled' && message.order === 1) book.add(1, BUYER, { status: 'expired' });
        return answer;
      },
      seatMap: (showId) => book.seatMap(showId),
      seatCounts: (showId) => book.seatCounts(showId),
    };
    const settlement = settlementOf(shows, slow, time);
    settlement.resume(SHOW, [1]);
    await time.advance(3_000);
    settlement.resume(SHOW, [2, 1]);
    await time.advance(3_000);
    // The second, which came three seconds ago; then the first alone, which came anew after five.
    expect(settlement).toMatchObject({ pending: 2, oldestMs: 3_000 });
    await time.advance(3_000);
    expect(settlement).toMatchObject({ pending: 1, oldestMs: 4_000 });
  });

  test('counts and tells of money that cannot be given back', async () => {
    const { book, gateway, time } = scene();
    book.add(1, BUYER, { status: 'expired', isDeclined: true });
    gateway.payments.set(paymentIdOf(1), { state: 'captured', captureFails: false });
    const { log, lines } = capturedLog();
    const refusing = { ...withCalls(gateway, {}), refund: async (): Promise<RefundState> => 'failed' };
    const settlement = settlementOf(book, refusing, time, log);
    expect(settlement.failedRefunds).toBe(0);
    expect(await settlement.settle(REF)).toMatchObject({ ok: true });
    expect(settlement.failedRefunds).toBe(1);
    expect(lines).toMatchObject([
      { level: 50, showId: SHOW, order: 1, msg: expect.stringContaining('people have to') },
    ]);
  });

  test('once closed starts nothing new', async () => {
    const { book, settlement, time } = scene();
    book.add(1, BUYER, { status: 'expired' });
    await settlement.close();
    settlement.resume(SHOW, [1]);
    await time.advance(1_000);
    expect(book.history).toEqual([]);
  });
});
