import fc from 'fast-check';
import { expect } from 'vitest';
import type { Command } from '../../src/allocator/commands.ts';
import type { ShowEvent } from '../../src/allocator/events.ts';
import { parseScopedId } from '../../src/ids.ts';
import { FINAL_MS, MoneyWorld, type PlantedBug, type Purchase } from '../support/money-world.ts';
import { onceOf, userOf } from '../support/small-show.ts';
import type { EventRecord } from '../support/stripe/account.ts';
import type { RequestMatch } from '../support/stripe/faults.ts';
import type { WebhookFault } from '../support/stripe/webhooks.ts';

const SECOND = 1_000;
const MOST_STEPS = 16;
/** How often the end looks after refunds that pend, at most. */
const REFUND_ROUNDS = 6;
/** After this an order that nobody has paid has ended, and after this its payment too. */
const TOO_LATE_MS = 11 * 60 * SECOND;
const SETTLED_MS = 13 * 60 * SECOND;

const METHODS = [
  'pm_card_visa',
  'pm_card_visa',
  'pm_card_chargeDeclined',
  'pm_card_authenticationRequired',
  'pm_card_pendingRefund',
  'pm_success_de',
  'pm_ideal_authorised',
] as const;
const ROUTES = [
  { method: 'POST', path: '/v1/payment_intents' },
  { method: 'POST', path: '/v1/payment_intents/:id/capture' },
  { method: 'POST', path: '/v1/payment_intents/:id/cancel' },
  { method: 'POST', path: '/v1/refunds' },
  { method: 'GET' },
] as const;
const REFUND = { method: 'POST', path: '/v1/refunds' } as const;
const CAPTURE = { method: 'POST', path: '/v1/payment_intents/:id/capture' } as const;
const CANCEL = { method: 'POST', path: '/v1/payment_intents/:id/cancel' } as const;
/** Of buyers who have paid at once. */
const PAYS = ['pm_card_visa', 'pm_ideal_authorised', 'pm_card_pendingRefund'] as const;
/** How a call that moves money is torn; it has moved, but for the one that is never heard. */
const TEARS = ['unheard', 'lost', 'stored-500', 'killed'] as const;
type Tear = (typeof TEARS)[number];
const FAULTS = [
  { kind: 'drop-before' },
  { kind: 'drop-after' },
  { kind: 'rate-limit' },
  { kind: 'lock-timeout' },
  { kind: 'error', acts: true },
  { kind: 'error', acts: false },
] as const;

const which = fc.nat(20);
const quantity = fc.integer({ min: 1, max: 3 });
const payment = { quantity, method: fc.constantFrom(...PAYS) };
/** Small things, which come together by chance, and the courses of events in which money is most easily lost. */
const step = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({ do: fc.constant('buy' as const), ...payment, tear: fc.option(fc.constantFrom(...TEARS)) }),
  },
  {
    weight: 7,
    arbitrary: fc.record({
      do: fc.constant('torn-refund' as const),
      ...payment,
      one: fc.boolean(),
      tear: fc.constantFrom(...TEARS),
    }),
  },
  { weight: 5, arbitrary: fc.record({ do: fc.constant('bounced-refund' as const), quantity, one: fc.boolean() }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('too-late' as const),
      ...payment,
      isOpened: fc.boolean(),
      isTaken: fc.boolean(),
    }),
  },
  {
    weight: 4,
    // The money is there at once, and the seats are others' by then: it has to be given back.
    arbitrary: quantity.map((seats) => ({
      ...{ do: 'too-late' as const, quantity: seats, method: 'pm_ideal_authorised' as const },
      ...{ isOpened: true, isTaken: true },
    })),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('pay-twice' as const), ...payment }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('bounce' as const), which }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('webhooks' as const),
      fault: fc.constantFrom<WebhookFault>({ kind: 'never' }, { kind: 'duplicate' }, { kind: 'late', ms: 90 * SECOND }),
      times: fc.integer({ min: 1, max: 6 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('hold-webhooks' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('release-webhooks' as const),
      order: fc.constantFrom('as-it-was', 'reversed', 'twice', 'half'),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('order' as const), quantity }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('pay' as const), which, method: fc.constantFrom(...METHODS) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('look' as const), which }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('give-up' as const), which }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('refund' as const), which, one: fc.boolean() }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('resell' as const),
      method: fc.constantFrom(...PAYS),
      share: fc.constantFrom(1, 1, 0.5, 0),
      tear: fc.option(fc.constantFrom(...TEARS)),
      tornCall: fc.constantFrom('capture', 'refund'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('dispute' as const), which, won: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('bank' as const), which, ok: fc.boolean() }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('wait' as const), seconds: fc.constantFrom(1, 30, 90, 400, 700) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('fault' as const),
      route: fc.constantFrom(...ROUTES),
      fault: fc.constantFrom(...FAULTS),
      times: fc.integer({ min: 1, max: 4 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('outage' as const), seconds: fc.constantFrom(5, 120, 600) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('kill' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('kill-at' as const), route: fc.constantFrom(...ROUTES) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('move' as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('cancel-show' as const) }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;
type TooLate = Extract<Step, { readonly do: 'too-late' }>;
type Resell = Extract<Step, { readonly do: 'resell' }>;

interface Dispute {
  readonly purchase: Purchase;
  readonly id: string;
  readonly won: boolean;
}

type Arrange = (held: readonly EventRecord[]) => readonly EventRecord[];
const ARRANGED: Readonly<Record<string, Arrange>> = {
  'as-it-was': (held) => held,
  reversed: (held) => held.toReversed(),
  twice: (held) => [...held, ...held],
  half: (held) => held.filter((_, i) => i % 2 === 0),
};

/** Money that people are asked to give back by hand. */
function isGivenUp(event: ShowEvent): boolean {
  return event.type === 'refund-failed' || (event.type === 'settled' && /could not be given/.test(event.reason ?? ''));
}

/** One trial's buyers, and what they have. */
class Trial {
  readonly #world: MoneyWorld;
  readonly #purchases: Purchase[] = [];
  readonly #secrets = new Map<Purchase, string>();
  readonly #refunded = new Set<Purchase>();
  readonly #disputes: Dispute[] = [];
  /** Refunds at the provider that have failed once, and are let through from then on. */
  readonly #failed = new Set<string>();
  #keys = 50_000;

  constructor(world: MoneyWorld) {
    this.#world = world;
  }

  async play(step: Step): Promise<void> {
    const world = this.#world;
    if (world.isDown) await world.recover();
    switch (step.do) {
      case 'order':
        await this.#order(step.quantity);
        return;
      case 'pay':
        return this.#pay(this.#purchase(step.which), step.method);
      case 'buy':
        if (step.tear !== null) this.#tear(CAPTURE, step.tear);
        await this.#buy(step.quantity, step.method);
        return;
      case 'torn-refund':
        return this.#tornRefund(await this.#buy(step.quantity, step.method), step.one, step.tear);
      case 'bounced-refund': {
        const purchase = await this.#buy(step.quantity, 'pm_card_visa');
        await this.#refund(purchase, step.one);
        await world.advance(2 * SECOND);
        return this.#bounce(purchase);
      }
      case 'too-late':
        return this.#payTooLate(step);
      case 'bounce':
        return this.#bounce(this.#purchase(step.which));
      case 'pay-twice':
        return this.#payTwice(await this.#order(step.quantity), step.method);
      case 'look':
        return this.#look(this.#purchase(step.which));
      case 'webhooks':
        return world.standIn.webhooks.addFault({}, step.fault, step.times);
      case 'hold-webhooks':
        return world.standIn.webhooks.hold();
      case 'release-webhooks':
        await world.standIn.webhooks.release(ARRANGED[step.order]);
        return world.idle();
      case 'give-up':
        return this.#giveUp(this.#purchase(step.which));
      case 'refund':
        return this.#refund(this.#purchase(step.which), step.one);
      case 'resell':
        return this.#resell(step);
      case 'dispute':
        return this.#dispute(this.#purchase(step.which), step.won);
      case 'bank':
        return this.#bank(this.#purchase(step.which), step.ok);
      case 'wait':
        return world.advance(step.seconds * SECOND);
      case 'fault':
        return world.standIn.faults.add(step.route, step.fault, step.times);
      case 'outage':
        return world.standIn.faults.startOutage('reset', step.seconds * SECOND);
      case 'kill':
        await world.killOwner();
        return world.recover();
      case 'kill-at':
        return world.standIn.faults.beforeResponse(step.route, () => world.killOwner(), 1);
      case 'move':
        world.cluster.pin(world.showId, world.cluster.ownerOf(world.showId) === 'a' ? 'b' : 'a');
        return world.advance(3 * SECOND);
      case 'cancel-show':
        // Nothing is sold any more afterwards.
        if (this.#purchases.length > 2) await this.#tried({ type: 'cancel-show', reason: 'Rain.' });
        return;
    }
  }

  /** Faults stop: within a bounded time all is at rest. */
  async end(): Promise<void> {
    const world = this.#world;
    world.clearFaults();
    await world.recover();
    await world.standIn.webhooks.release();
    for (const purchase of this.#purchases) await this.#bank(purchase, true);
    for (const { id, won } of this.#disputes) world.standIn.closeDispute(id, won ? 'won' : 'lost');
    await world.advance(FINAL_MS);
    await world.readList();
    for (let round = 0; round < REFUND_ROUNDS && this.#finishRefunds(); round++) {
      await world.advance(65 * SECOND);
      await world.readList();
    }
    await world.advance(65 * SECOND);
    await world.expectBalanced();
    // Nothing that the provider could do is left to people: it fails each payment's refund once, and disputed ones.
    if (this.#disputes.length === 0) expect(world.events().filter(isGivenUp)).toEqual([]);
  }

  #purchase(which: number): Purchase | null {
    return this.#purchases.length === 0 ? null : this.#purchases[which % this.#purchases.length];
  }

  /** Whatever the answer: it may be refused, or nobody may know. */
  async #tried(command: Command): Promise<void> {
    await this.#world.ask(command).catch(() => {});
  }

  async #order(quantity: number, seats?: readonly string[]): Promise<Purchase | null> {
    const purchase = await this.#world.order(1 + this.#purchases.length, quantity, seats).catch(() => null);
    if (purchase !== null) this.#purchases.push(purchase);
    return purchase;
  }

  /** Ordered and paid, and looked at by its buyer: so it is sold at once, if nothing is in the way. */
  async #buy(quantity: number, method: string): Promise<Purchase | null> {
    const purchase = await this.#order(quantity);
    await this.#pay(purchase, method);
    await this.#look(purchase);
    return purchase;
  }

  /** Somebody buys a seat, lists it, and another buys that; money is on its way both to and from. */
  async #resell({ method, share, tear, tornCall }: Resell): Promise<void> {
    const world = this.#world;
    const sold = await this.#buy(1, method);
    const [line] = sold?.order.lines ?? [];
    const id = parseScopedId('tkt', line?.ticketId ?? '');
    if (sold === null || line?.seat.id === undefined || id === null) return;
    this.#refunded.add(sold);
    const once = onceOf(++this.#keys);
    const price = Math.floor(line.price.amount * share);
    await this.#tried({ type: 'resell', once, buyer: userOf(sold.buyer), ticket: id.number, at: id.at, price });
    if (tear !== null) this.#tear(tornCall === 'capture' ? CAPTURE : REFUND, tear);
    const bought = await this.#order(1, [line.seat.id]);
    await this.#pay(bought, method);
    await this.#look(bought);
    await world.advance(2 * SECOND);
  }

  #tear(route: RequestMatch, tear: Tear): void {
    const { faults } = this.#world.standIn;
    if (tear === 'unheard') faults.add(route, { kind: 'drop-before' }, 2);
    if (tear === 'lost') faults.add(route, { kind: 'drop-after' }, 2);
    if (tear === 'stored-500') faults.add(route, { kind: 'error', acts: true });
    if (tear === 'killed') faults.beforeResponse(route, () => this.#world.killOwner(), 1);
  }

  async #tornRefund(purchase: Purchase | null, one: boolean, tear: Tear): Promise<void> {
    const world = this.#world;
    this.#tear(REFUND, tear);
    await this.#refund(purchase, one);
    await world.advance(2 * SECOND);
  }

  /** The order runs out unpaid, others may take its seats, and then its buyer pays, if she can. */
  async #payTooLate({ quantity, method, isOpened, isTaken }: TooLate): Promise<void> {
    const world = this.#world;
    const purchase = await this.#order(quantity);
    if (purchase === null) return;
    if (isOpened) {
      await this.#open(purchase);
      // Else it would be cancelled at the provider before she pays.
      world.standIn.faults.add(CANCEL, { kind: 'lock-timeout' }, 40);
    }
    await world.advance(isOpened ? TOO_LATE_MS : SETTLED_MS);
    const seats = purchase.order.lines.flatMap(({ seat }) => (seat.id === undefined ? [] : [seat.id]));
    if (isTaken) await this.#order(seats.length, seats);
    await this.#pay(purchase, method);
  }

  /** The buyer has paid when the node dies, and asks another one again for what she needs to pay. */
  async #payTwice(purchase: Purchase | null, method: string): Promise<void> {
    await this.#pay(purchase, method);
    await this.#world.killOwner();
    await this.#world.recover();
    if (purchase === null) return;
    await this.#open(purchase);
    await this.#pay(purchase, method);
  }

  /** If it is to be had now, the buyer pays with this secret from now on. */
  async #open(purchase: Purchase): Promise<string | null> {
    const secret = await this.#world.secretNow(purchase).catch(() => null);
    if (secret !== null) this.#secrets.set(purchase, secret);
    return secret;
  }

  /** A refund that was given comes back, days later as far as anybody knows. */
  async #bounce(purchase: Purchase | null): Promise<void> {
    const { standIn } = this.#world;
    const book = purchase === null ? null : standIn.books.payment(this.#world.intent(purchase));
    const given = book?.refunds.find(({ status }) => status === 'succeeded');
    if (book === null || given === undefined || book.disputed !== null || this.#failed.has(book.id)) return;
    this.#failed.add(book.id);
    standIn.finishRefund(given.id, 'fail');
    await this.#world.idle();
  }

  async #pay(purchase: Purchase | null, method: string): Promise<void> {
    const world = this.#world;
    if (purchase === null) return;
    const secret = this.#secrets.get(purchase) ?? (await this.#open(purchase));
    if (secret === null) return;
    // The buyer's own way to the provider may fail too.
    await world.confirm(secret, method).catch(() => {});
    await world.idle();
  }

  async #look(purchase: Purchase | null): Promise<void> {
    if (purchase === null || this.#world.isDown) return;
    this.#world.hint(purchase);
    await this.#world.idle();
  }

  async #giveUp(purchase: Purchase | null): Promise<void> {
    if (purchase === null) return;
    const { buyer, number, order } = purchase;
    await this.#tried({ type: 'cancel', buyer: userOf(buyer), order: number, at: Date.parse(order.createdAt) });
  }

  async #refund(purchase: Purchase | null, one: boolean): Promise<void> {
    if (purchase === null || this.#disputes.some((dispute) => dispute.purchase === purchase)) return;
    this.#refunded.add(purchase);
    const at = Date.parse(purchase.order.createdAt);
    const refund = {
      type: 'refund',
      once: onceOf(++this.#keys),
      order: purchase.number,
      at,
      reason: 'Sorry.',
    } as const;
    const first = parseScopedId('tkt', purchase.order.lines[0].ticketId)?.number ?? 0;
    await this.#tried(one ? { ...refund, tickets: [first] } : refund);
  }

  /** Of a payment that is captured and not given back, so that what is withdrawn is what its tickets cost. */
  async #dispute(purchase: Purchase | null, won: boolean): Promise<void> {
    const world = this.#world;
    if (purchase === null || this.#refunded.has(purchase)) return;
    const book = world.standIn.books.payment(world.intent(purchase));
    const isPaid = (await world.work(purchase).catch(() => null))?.state === 'paid';
    if (book === null || book.refunds.length > 0 || book.disputed !== null || !isPaid || world.isCancelled) return;
    const id = world.standIn.dispute(book.id);
    this.#disputes.push({ purchase, id, won });
    await this.#tried({ type: 'dispute', order: purchase.number, dispute: id, status: 'open' });
  }

  async #bank(purchase: Purchase | null, ok: boolean): Promise<void> {
    const { standIn } = this.#world;
    if (purchase === null) return;
    const book = standIn.books.payment(this.#world.intent(purchase));
    if (book?.status === 'requires_action') standIn.authenticate(book.id, ok ? 'ok' : 'fail');
    if (book?.status === 'processing') standIn.settleDelayed(book.id, ok ? 'succeed' : 'fail');
  }

  /** Of the refunds of a payment that pend the first fails, and what is tried anew succeeds. @returns whether any pended */
  #finishRefunds(): boolean {
    const { standIn } = this.#world;
    const pending = standIn.books
      .payments()
      .flatMap(({ id, refunds }) =>
        refunds.filter(({ status }) => status === 'pending').map((refund) => ({ id, refund })),
      );
    for (const { id, refund } of pending) {
      standIn.finishRefund(refund.id, this.#failed.has(id) ? 'succeed' : 'fail');
      this.#failed.add(id);
    }
    return pending.length > 0;
  }
}

export const moneyTrials: fc.Arbitrary<Step[]> = fc.array(step, { minLength: 4, maxLength: MOST_STEPS, size: 'max' });

/**
 * Rejects if an order has not become final, or the books do not agree.
 * @returns what happened: the same steps tell the same to the byte
 */
export async function runMoneyTrial(steps: readonly Step[], bug: PlantedBug = {}): Promise<string> {
  const world = await MoneyWorld.start(['a', 'b'], { hasWebhooks: true, bug });
  try {
    const trial = new Trial(world);
    for (const each of steps) await trial.play(each);
    await trial.end();
    const { books, requests, webhooks } = world.standIn;
    return JSON.stringify([world.events(), books.payments(), [...requests], webhooks.counts]);
  } finally {
    await world.close();
  }
}
