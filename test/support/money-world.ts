import { expect } from 'vitest';
import type { HoldView, OrderView, PaymentWork, TicketView } from '../../src/actors/shows.ts';
import type { Command, Question } from '../../src/allocator/commands.ts';
import type { ShowEvent, ShowTerms } from '../../src/allocator/events.ts';
import { parseScopedId } from '../../src/ids.ts';
import type { PaymentGateway } from '../../src/payments/gateway.ts';
import { createSettlement, type Settlement } from '../../src/payments/settlement.ts';
import { CallGate } from '../../src/payments/stripe/call-gate.ts';
import { isOutage } from '../../src/payments/stripe/failures.ts';
import type { StripePaymentTable } from '../../src/payments/stripe/payment-table.ts';
import { StripeApi } from '../../src/payments/stripe/stripe-api.ts';
import { StripeEvents } from '../../src/payments/stripe/stripe-events.ts';
import { StripeGateway } from '../../src/payments/stripe/stripe-gateway.ts';
import { FINAL_ORDER_TYPES, readEvent } from '../../src/payments/webhooks/webhook-events.ts';
import type { WebhookInbox } from '../../src/payments/webhooks/webhook-inbox.ts';
import { stripeSignature } from '../../src/payments/webhooks/webhook-signature.ts';
import { createWebhookWorker } from '../../src/payments/webhooks/webhook-worker.ts';
import { settled } from './manual-time.ts';
import { heardBy, MemoryCluster, type MemoryNode } from './memory-cluster.ts';
import { seededRandom } from './seeded-random.ts';
import { onceOf, rowsOfTen, termsOf, userOf } from './small-show.ts';
import { openStripeInProcess, type StripeInProcess } from './stripe/in-process.ts';
import { MemoryInbox } from './stripe/memory-inbox.ts';
import { MemoryPaymentTable } from './stripe-nodes.ts';

const SECOND = 1_000;
/** A change of owner, whoever notices what. */
export const TAKE_OVER_MS = 6 * SECOND;
/** After this without a fault every order is final: the time to pay, its grace, and the repeats of settlement. */
export const FINAL_MS = 15 * 60 * SECOND;
/** The provider lists its events so far back, and longer than any test lasts. */
const LISTED_MS = 30 * 86_400 * SECOND;

const METHODS = ['card', 'ideal', 'sepa_debit'];
const WEBHOOK_SECRET = 'whsec_of_the_world';
const VERIFY = stripeSignature(WEBHOOK_SECRET);

/** Parts that stand in for the right ones, to see whether their bug is found. */
export interface PlantedBug {
  readonly gateway?: (right: PaymentGateway) => PaymentGateway;
  readonly table?: (right: StripePaymentTable) => StripePaymentTable;
  readonly inbox?: (right: WebhookInbox) => WebhookInbox;
  /** False: nobody hears of the unsettled orders of a show that wakes. */
  readonly isAnnounced?: boolean;
}

export interface MoneyWorldOptions {
  readonly terms?: Partial<ShowTerms>;
  /** Whether the provider sends webhooks, which the nodes take; if not, only `hint` stands for one. */
  readonly hasWebhooks?: boolean;
  readonly bug?: PlantedBug;
}

/** The gateway's table, at whose writing something may happen. */
class TornTable extends MemoryPaymentTable {
  beforeKeep: (() => Promise<void>) | null = null;

  override async keep(paymentId: string, intentId: string | null): Promise<string | null> {
    const { beforeKeep } = this;
    if (beforeKeep === null) return super.keep(paymentId, intentId);
    this.beforeKeep = null;
    await beforeKeep();
    return new Promise(() => {});
  }
}

/** A node that sells and settles, until its process is killed. */
export interface MoneyNode {
  readonly memory: MemoryNode;
  readonly gateway: PaymentGateway;
  readonly settlement: Settlement;
  /** Puts an event into the inbox, and gets to work on it if it is new; rejects if it cannot. */
  readonly take: (body: Uint8Array, signature: string) => Promise<void>;
  /** The same with the provider's own list of them, back to this time. */
  readonly readList: (since: number) => Promise<void>;
}

/** An order under way, as its buyer knows it. */
export interface Purchase {
  readonly buyer: number;
  readonly order: OrderView;
  readonly number: number;
}

/**
 * Nodes with show actors and settlement on a journal in memory, and the stand-in for Stripe, all in one process. Time stands
 * still until it is told; processes can be killed at any moment.
 */
export class MoneyWorld {
  readonly cluster: MemoryCluster;
  readonly standIn: StripeInProcess;
  /** The table of the gateway's own ids: it outlives the nodes. */
  readonly table = new TornTable();
  readonly #bug: PlantedBug;
  /** The table of webhooks, which outlives the nodes too. */
  readonly #inbox: WebhookInbox;
  #delivered = 0;
  /** Breaks off the events that a node is taking when it dies. */
  readonly #breakOffs = new Map<() => void, MemoryNode>();
  readonly #nodes = new Map<MemoryNode, MoneyNode>();
  #torn: { readonly call: string } | null = null;
  #keys = 1_000;
  /** Captures that were asked for before their sale was durable. */
  readonly #tooEarly: string[] = [];
  showId = '';

  private constructor(cluster: MemoryCluster, bug: PlantedBug) {
    this.cluster = cluster;
    this.standIn = openStripeInProcess({
      ...cluster.time,
      account: { refundMs: null },
      deliver: (_endpoint, body, headers) => this.#deliver(body, headers['stripe-signature']),
    });
    this.#bug = bug;
    const inbox = new MemoryInbox(cluster.time.clock);
    this.#inbox = bug.inbox?.(inbox) ?? inbox;
    cluster.onUnsettled = (node, showId, orders) => {
      if (bug.isAnnounced !== false) this.#of(node).settlement.resume(showId, orders);
    };
    this.#guardCaptures();
  }

  /** I10: money is taken only for a sale that is durable. */
  #guardCaptures(): void {
    const { faults, books } = this.standIn;
    faults.onRequest({ path: '/v1/payment_intents/:id/capture' }, ({ path }) => {
      const order = parseScopedId('pay', books.payment(path.split('/')[3])?.metadata.usher_payment ?? '')?.number;
      if (!this.events().some((event) => event.type === 'committed' && event.order === order))
        this.#tooEarly.push(path);
    });
  }

  async close(): Promise<void> {
    for (const node of this.#living()) await node.kill();
    await this.standIn.close();
  }

  /** Whether no node lives. */
  get isDown(): boolean {
    return this.#living().length === 0;
  }

  get isCancelled(): boolean {
    return this.events().some(({ type }) => type === 'show-cancelled');
  }

  /** A show of forty seats on sale, on the first of these nodes. */
  static async start(nodes: readonly string[], options: MoneyWorldOptions = {}): Promise<MoneyWorld> {
    const cluster = new MemoryCluster(rowsOfTen(4), termsOf(options.terms));
    const world = new MoneyWorld(cluster, options.bug ?? {});
    if (options.hasWebhooks === true) world.standIn.webhooks.addEndpoint({ url: 'here', secret: WEBHOOK_SECRET });
    for (const id of nodes) await world.startNode(id);
    await world.advance(TAKE_OVER_MS);
    world.showId = await cluster.showOn(nodes[0]);
    return world;
  }

  async startNode(id: string): Promise<void> {
    this.#of(await this.cluster.start(id));
  }

  /** Webhooks reach the living nodes in turn. */
  #deliver(body: string, signature: string): Promise<boolean> {
    const living = this.#living();
    if (living.length === 0) return Promise.resolve(false);
    const node = living[this.#delivered++ % living.length];
    return new Promise((resolve) => {
      const end = (isTaken: boolean): void => {
        this.#breakOffs.delete(breakOff);
        resolve(isTaken);
      };
      const breakOff = (): void => end(false);
      this.#breakOffs.set(breakOff, node);
      this.#of(node)
        .take(Buffer.from(body), signature)
        .then(
          () => end(true),
          () => end(false),
        );
    });
  }

  get time() {
    return this.cluster.time;
  }

  /** The living node that owns the show; any other while none does. */
  get owner(): MoneyNode {
    const id = this.cluster.ownerOf(this.showId);
    const owner = id === null ? undefined : this.cluster.nodes.get(id);
    const living = owner === undefined || owner.process.isDead ? this.#living()[0] : owner;
    return this.#of(living);
  }

  #living(): MemoryNode[] {
    return [...this.cluster.nodes.values()].filter((node) => !node.process.isDead);
  }

  #of(node: MemoryNode): MoneyNode {
    const known = this.#nodes.get(node);
    if (known !== undefined) return known;
    const { clock } = this.time;
    const timers = node.process.timers(this.time.timers);
    const random = seededRandom(this.cluster.nextSeed());
    const log = { info: () => {}, warn: () => {}, error: () => {} };
    const ports = { clock, timers, random, log };
    // Of a dead process no request leaves any more, and it hears no answer.
    const stripe = this.standIn.clientFor(
      (_call, send) => (node.process.isDead ? new Promise(() => {}) : node.process.hears(send())),
      timers,
    );
    const gate = new CallGate(ports, isOutage);
    const table = heardBy(node.process, this.#bug.table?.(this.table) ?? this.table);
    const inner = new StripeGateway({ stripe, table, methods: METHODS, gate, ...ports });
    const gateway = heardBy(node.process, this.#tearable(this.#bug.gateway?.(inner) ?? inner));
    const settlement = createSettlement({ shows: node.node.shows, gateway, ...ports });
    const events = new StripeEvents(new StripeApi(stripe, gate), table);
    const inbox = heardBy(node.process, this.#inbox);
    const lookups = heardBy(node.process, this.#tearable(events));
    const worker = createWebhookWorker({ inbox, lookups, settlement, shows: node.node.shows, ...ports });
    worker.start();
    const store = async (value: unknown): Promise<void> => {
      const event = readEvent(value, false);
      if (event === null) throw new Error('that is no event');
      const stored = await inbox.store(event);
      if (stored !== null && stored !== 'duplicate') worker.take(stored);
    };
    const money: MoneyNode = {
      memory: node,
      gateway,
      settlement,
      take: async (body, signature) => store(VERIFY(body, signature, clock.now())),
      async readList(since) {
        for await (const page of events.eventsSince(since, FINAL_ORDER_TYPES)) {
          for (const event of page) await store(event);
        }
      },
    };
    this.#nodes.set(node, money);
    return money;
  }

  #tearable<T extends object>(outside: T): T {
    return new Proxy(outside, {
      get: (target, name) => {
        const method = Reflect.get(target, name);
        if (typeof method !== 'function') return method;
        return async (...args: unknown[]) => {
          const torn = this.#torn;
          if (torn?.call === name) {
            this.#torn = null;
            await this.killOwner();
            return new Promise(() => {});
          }
          return method.apply(target, args);
        };
      },
    });
  }

  // ---- time

  /** Lets everything happen that waits for no time to pass. */
  idle(): Promise<void> {
    return settled();
  }

  advance(ms: number): Promise<void> {
    return this.time.advance(ms);
  }

  // ---- faults

  /** The owner is killed when it next makes this call of the gateway, which never leaves. */
  killBefore(call: 'open' | 'capture' | 'cancel' | 'refund'): void {
    this.#torn = { call };
  }

  /** Kills the process of the show's owner, as by SIGKILL, in the midst of whatever it does. */
  async killOwner(): Promise<void> {
    if (this.isDown) return;
    const { memory } = this.owner;
    await memory.kill();
    for (const [breakOff, node] of this.#breakOffs) if (node === memory) breakOff();
  }

  /** Another node takes over; only when there is none are the dead ones started again. */
  async recover(): Promise<void> {
    if (this.isDown) for (const id of [...this.cluster.nodes.keys()]) await this.startNode(id);
    await this.advance(2 * TAKE_OVER_MS);
  }

  /** The show is handed over to this node, in order. */
  async moveTo(id: string): Promise<void> {
    this.cluster.pin(this.showId, id);
    await this.advance(TAKE_OVER_MS);
  }

  /** No more faults, of those that wait too; captures stay guarded. */
  clearFaults(): void {
    this.standIn.faults.clear();
    this.cluster.journal.appendFaults.length = 0;
    this.#guardCaptures();
  }

  /** Faults and kills that were to happen and have not. */
  get left(): { readonly torn: boolean; readonly appends: number } {
    return { torn: this.#torn !== null, appends: this.cluster.journal.appendFaults.length };
  }

  // ---- buyers

  async ask<T>(message: Command | Question): Promise<T> {
    const answering = this.owner.memory.ask<T>(this.showId, message, 60_000);
    let answer: Awaited<typeof answering> | undefined;
    void answering.then((told) => {
      answer = told;
    });
    await this.idle();
    for (let waited = 0; answer === undefined && waited < 60; waited++) await this.advance(SECOND);
    if (answer === undefined) throw new Error(`no answer to ${message.type}`);
    if (!answer.ok) throw new Error(`${answer.refusal.code}: ${answer.refusal.detail}`);
    return answer.value;
  }

  /** Holds seats and orders them. */
  async order(buyer: number, quantity = 2, seats?: readonly string[]): Promise<Purchase> {
    const held = await this.ask<HoldView>({
      type: 'hold',
      once: onceOf(++this.#keys),
      buyer: userOf(buyer),
      ...(seats === undefined ? { best: { quantity } } : { seats }),
    });
    const hold = parseScopedId('hld', held.id);
    if (hold === null) throw new Error('no hold');
    const order = await this.ask<OrderView>({
      type: 'order',
      once: onceOf(++this.#keys),
      buyer: userOf(buyer),
      hold: hold.number,
      at: hold.at,
    });
    const id = parseScopedId('ord', order.id);
    if (id === null) throw new Error('no order');
    return { buyer, order, number: id.number };
  }

  /** Makes the order payable at the provider; rejects if that fails, and never answers if the node dies. */
  open({ order }: Purchase): Promise<{ readonly clientSecret: string }> {
    const paymentId = order.payment?.id ?? '';
    return this.owner.gateway.open({ paymentId, orderId: order.id, showId: this.showId, ...order.total });
  }

  /** The same as a patient client does it: again with a new node when there is no answer. */
  async secret(purchase: Purchase, tries = 60): Promise<string> {
    for (let attempt = 0; attempt < tries; attempt++) {
      const secret = await this.secretNow(purchase);
      if (secret !== null) return secret;
      await this.advance(5 * SECOND);
    }
    throw new Error('the order was never made payable');
  }

  /** The secret if it is to be had now. */
  async secretNow(purchase: Purchase): Promise<string | null> {
    const opening = this.open(purchase).then(
      ({ clientSecret }) => clientSecret,
      () => null,
    );
    return Promise.race([opening, this.#givenUp()]);
  }

  async #givenUp(): Promise<null> {
    await this.idle();
    await this.idle();
    return null;
  }

  confirm(secret: string, method = 'pm_card_visa') {
    return this.standIn.browser.confirm(secret, method);
  }

  /** What a webhook brings about: the order is looked at. */
  hint({ number }: Purchase): void {
    void this.owner.settlement.settle({ showId: this.showId, order: number });
  }

  /** What webhooks did not bring the provider's list does: a node reads it again from the beginning. */
  async readList(): Promise<void> {
    await this.owner.readList(this.time.clock.now() - LISTED_MS);
    await this.idle();
  }

  // ---- what came of it

  events(): ShowEvent[] {
    return this.cluster.journal.rows(this.showId).flatMap((row) => JSON.parse(row.events) as ShowEvent[]);
  }

  /** Ids of what buyers are to be told, in the order of the journal, each as often as it is kept. */
  notices(): string[] {
    return [...this.cluster.journal.notices.values()].map(({ kind }) => kind);
  }

  view({ order }: Purchase): Promise<OrderView> {
    const id = parseScopedId('ord', order.id);
    return this.ask({
      type: 'get-order',
      viewer: { user: '', all: true },
      order: id?.number ?? 0,
      at: id?.at ?? 0,
    });
  }

  tickets(): Promise<{ readonly items: readonly TicketView[] }> {
    return this.ask({ type: 'list-tickets', viewer: { user: '', all: true }, offset: 0, limit: 1_000 });
  }

  work({ number }: Purchase): Promise<PaymentWork> {
    return this.ask({ type: 'get-payment', order: number });
  }

  /** The provider's id of the order's payment. */
  intent({ order }: Purchase): string {
    const books = this.standIn.books.payments(({ usher_payment }) => usher_payment === order.payment?.id);
    const alive = books.filter(({ status }) => status !== 'canceled');
    return (alive[0] ?? books[0])?.id ?? '';
  }

  /** What sellers had paid above what they were given back, unless their bank has it. */
  async #keptOfResales(items: readonly TicketView[]): Promise<number> {
    let kept = 0;
    for (const event of this.events()) {
      if (event.type !== 'captured' && event.type !== 'ordered') continue;
      for (const { ticket, amount } of event.resold ?? []) {
        const sold = items.find(({ id }) => parseScopedId('tkt', id)?.number === ticket);
        const order = parseScopedId('ord', sold?.orderId ?? '');
        const withdrawn = this.events().filter(
          (other) => other.type === 'disputed' && other.order === order?.number && other.status !== 'won',
        );
        const isWon = this.events().some(
          (other) => other.type === 'disputed' && other.order === order?.number && other.status === 'won',
        );
        if (withdrawn.length === 0 || isWon) kept += (sold?.price.amount ?? 0) - amount;
      }
    }
    return kept;
  }

  /**
   * I10 to I12 at rest: every order is final, no refund is due, and the money that the provider took and did not give
   * back is the price of the valid tickets, to the cent. Nobody paid twice for one order.
   */
  async expectBalanced(): Promise<void> {
    expect(this.#tooEarly).toEqual([]);
    const { items } = await this.tickets();
    // Of suspended ones the buyer's bank has the money.
    const valid = items.filter(({ status }) => status === 'valid' || status === 'offered' || status === 'listed');
    const worth = valid.reduce((sum, { price }) => sum + price.amount, 0);
    const books = this.standIn.books.payments();
    const captured = books.reduce((sum, book) => sum + book.captured, 0);
    const refunded = books.reduce((sum, book) => sum + book.refunded, 0);
    const withdrawn = books.reduce((sum, book) => sum + book.withdrawn, 0);
    const resold = await this.#keptOfResales(items);
    expect({ kept: captured - refunded - withdrawn }).toEqual({ kept: worth + resold });
    const byOrder = Map.groupBy(books, ({ metadata }) => metadata.usher_payment);
    for (const [payment, several] of byOrder) {
      expect({ payment, captures: several.reduce((sum, { captures }) => sum + captures, 0) <= 1 }).toEqual({
        payment,
        captures: true,
      });
      expect(several.every(({ authorised }) => authorised === 0)).toBe(true);
    }
    const orders = this.events().filter((event) => event.type === 'ordered');
    for (const { order } of orders) {
      const { state, unsettled, refunds } = await this.ask<PaymentWork>({ type: 'get-payment', order });
      expect({ order, isOpen: ['awaiting', 'pending', 'committed'].includes(state) }).toEqual({ order, isOpen: false });
      expect({ order, unsettled, due: refunds.length }).toEqual({ order, unsettled: false, due: 0 });
    }
  }
}
