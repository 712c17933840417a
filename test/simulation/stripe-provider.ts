import { parseScopedId, scopedId } from '../../src/ids.ts';
import type { PaymentGateway } from '../../src/payments/gateway.ts';
import type { PaymentBooks } from '../../src/payments/payment-books.ts';
import { CallGate } from '../../src/payments/stripe/call-gate.ts';
import { isOutage } from '../../src/payments/stripe/failures.ts';
import type { StripePaymentTable } from '../../src/payments/stripe/payment-table.ts';
import { StripeApi } from '../../src/payments/stripe/stripe-api.ts';
import { createStripeBooks } from '../../src/payments/stripe/stripe-books.ts';
import { StripeEvents } from '../../src/payments/stripe/stripe-events.ts';
import { StripeGateway } from '../../src/payments/stripe/stripe-gateway.ts';
import { readEvent } from '../../src/payments/webhooks/webhook-events.ts';
import type { WebhookInbox } from '../../src/payments/webhooks/webhook-inbox.ts';
import { stripeSignature } from '../../src/payments/webhooks/webhook-signature.ts';
import { createWebhookWorker } from '../../src/payments/webhooks/webhook-worker.ts';
import type { Log } from '../../src/system/log.ts';
import type { BookLine } from '../judge/history.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { openStripeInProcess, type StripeInProcess } from '../support/stripe/in-process.ts';
import type { StripeCall } from '../support/stripe/in-process-client.ts';
import { MemoryInbox } from '../support/stripe/memory-inbox.ts';
import { MemoryPaymentTable } from '../support/stripe-nodes.ts';
import type { Phase } from './dangers.ts';
import type { DatabaseWire } from './database-wire.ts';
import type { Method, MoneyParts, MoneyTaker, MoneyWire } from './money.ts';
import type { SimulatedNode } from './simulated-node.ts';
import type { SimulatedProcess } from './simulated-process.ts';

const SECRET = 'whsec_of_the_world';
const VERIFY = stripeSignature(SECRET);
const METHOD_TYPES = ['card', 'ideal', 'sepa_debit'];
/** A statement of the gateway's table or of the inbox. */
const STATEMENT_MS = 5_000;
/** A refund that pends is decided in so long. */
const REFUND_MS = 20_000;
const CHALLENGE_MS = 300;

const CARDS: Readonly<Record<Method, string>> = {
  good: 'pm_card_pendingRefund',
  declined: 'pm_card_visa_chargeDeclined',
  challenge: 'pm_card_authenticationRequired',
  delayed: 'pm_success_de',
  'delayed and refused': 'pm_failed_de',
  'capture fails': 'pm_card_visa',
};

interface Parts extends MoneyParts {
  readonly wire: MoneyWire;
  readonly seed: number;
  readonly nextSeed: () => number;
  readonly wireOf: (host: string, process: SimulatedProcess) => DatabaseWire;
  readonly someNode: () => SimulatedNode | null;
}

/** What one process has of Stripe. */
interface Adapter {
  readonly gateway: StripeGateway;
  readonly lookups: StripeEvents;
  readonly inbox: WebhookInbox;
}

/** The product's own adapter to Stripe, with its gate, table, inbox and worker, at the stand-in for Stripe. */
export class StripeProvider implements MoneyTaker {
  readonly #parts: Parts;
  readonly #stripe: StripeInProcess;
  readonly #table = new MemoryPaymentTable();
  readonly #inbox: MemoryInbox;
  readonly #adapters = new Map<SimulatedProcess, Adapter>();
  readonly #takers = new Map<SimulatedProcess, (body: string, signature: string) => Promise<void>>();

  constructor(parts: Parts) {
    this.#parts = parts;
    const { time, seed, wire, dice } = parts;
    const clock = { now: () => Math.floor(time.now) };
    const after = (ms: number, task: () => void) => {
      const entry = time.after(ms, task);
      return {
        cancel: () => {
          entry.task = null;
        },
      };
    };
    this.#inbox = new MemoryInbox(clock);
    this.#stripe = openStripeInProcess({
      clock,
      timers: { after, every: () => ({ cancel: () => {} }), soon: (task) => void time.soon(task, null) },
      account: { seed, refundMs: REFUND_MS },
      endpoints: [{ url: 'https://usher.example/v1/webhooks/stripe', secret: SECRET }],
      deliver: async (_endpoint, body, headers) => {
        const { hintLost, hintTwice, hintLateMs } = wire.weather;
        if (dice.chance(hintLost)) return false;
        if (dice.chance(hintTwice)) void this.#deliver(body, headers['stripe-signature'], dice.roll() * hintLateMs);
        return this.#deliver(body, headers['stripe-signature'], dice.roll() * hintLateMs);
      },
    });
    this.#guardCaptures();
  }

  gateway(host: string, process: SimulatedProcess): PaymentGateway {
    const { wire, wireOf, nextSeed } = this.#parts;
    const { clock, timers } = process;
    const ports = { clock, timers, random: seededRandom(nextSeed()), log: SILENT };
    const stripe = this.#stripe.clientFor((call, send) => {
      const suffered = (): ReturnType<typeof send> => {
        this.#spoil();
        return send();
      };
      return wire.call(host, process, phaseOf(call), suffered).catch(() => 'dropped' as const);
    }, timers);
    const gate = new CallGate(ports, isOutage);
    const statements = wireOf(host, process);
    const table: StripePaymentTable = {
      read: (paymentId) => statements.ask(null, STATEMENT_MS, () => this.#table.read(paymentId)),
      keep: (paymentId, intentId) => statements.ask(null, STATEMENT_MS, () => this.#table.keep(paymentId, intentId)),
    };
    const inbox: WebhookInbox = {
      store: (event) => statements.ask(null, STATEMENT_MS, () => this.#inbox.store(event)),
      claim: (most) => statements.ask(null, STATEMENT_MS, () => this.#inbox.claim(most)),
      end: (id, outcome) => statements.ask(null, STATEMENT_MS, () => this.#inbox.end(id, outcome)),
      postpone: (id, until) => statements.ask(null, STATEMENT_MS, () => this.#inbox.postpone(id, until)),
      backlogMs: () => statements.ask(null, STATEMENT_MS, () => this.#inbox.backlogMs()),
      prune: () => statements.ask(null, STATEMENT_MS, () => this.#inbox.prune()),
    };
    const gateway = new StripeGateway({ stripe, table, methods: METHOD_TYPES, gate, ...ports });
    this.#adapters.set(process, { gateway, lookups: new StripeEvents(new StripeApi(stripe, gate), table), inbox });
    return gateway;
  }

  attach({ process, selling }: SimulatedNode): void {
    const adapter = this.#adapters.get(process);
    if (adapter === undefined) return;
    const { clock, timers } = process;
    const { lookups, inbox } = adapter;
    const random = seededRandom(this.#parts.nextSeed());
    const { settlement, node } = selling;
    const worker = createWebhookWorker({
      inbox,
      lookups,
      settlement,
      shows: node.shows,
      clock,
      timers,
      random,
      log: SILENT,
    });
    worker.start();
    this.#takers.set(process, async (body, signature) => {
      const event = readEvent(VERIFY(Buffer.from(body), signature, clock.now()), false);
      if (event === null) throw new Error('that is no event');
      const stored = await inbox.store(event);
      if (stored !== null && stored !== 'duplicate') worker.take(stored);
    });
  }

  async confirm(secret: string, method: Method): Promise<boolean> {
    const { time, dice, bankMs } = this.#parts;
    const { paymentIntent, error } = await this.#stripe.browser.confirm(secret, CARDS[method]);
    if (paymentIntent === null || error !== null) return false;
    const { id } = paymentIntent;
    const later = (ms: number, act: () => void): void => {
      time.after(ms, () => {
        try {
          act();
        } catch {
          // Something else has happened to the payment meanwhile.
        }
      });
    };
    if (method === 'challenge') later(CHALLENGE_MS, () => this.#stripe.authenticate(id, 'ok'));
    if (method === 'delayed') later(dice.roll() * bankMs, () => this.#stripe.settleDelayed(id, 'succeed'));
    if (method === 'delayed and refused') later(dice.roll() * bankMs, () => this.#stripe.settleDelayed(id, 'fail'));
    if (method === 'capture fails') this.#stripe.failNextCapture(id);
    return true;
  }

  calm(): void {
    this.#stripe.faults.clear();
    this.#guardCaptures();
  }

  get books(): PaymentBooks {
    return createStripeBooks(this.#stripe.clientFor());
  }

  bookLines(): BookLine[] {
    // What failed after it was done was begun anew: an order may have several intents, of which one is used.
    const lines = new Map<string, BookLine>();
    for (const { metadata, captured, refunded, captures } of this.#stripe.books.payments()) {
      const id = parseScopedId('pay', metadata.usher_payment ?? '');
      if (id === null) continue;
      const book = scopedId('ord', id.at, id.showId, id.number);
      const sum = lines.get(book) ?? { book, captured: 0, refunded: 0, captures: 0 };
      lines.set(book, {
        book,
        captured: sum.captured + captured,
        refunded: sum.refunded + refunded,
        captures: sum.captures + captures,
        // What it captured by itself, by a method that cannot wait, is not told apart here.
        unasked: true,
      });
    }
    return [...lines.values()];
  }

  /** I10: money is taken only for a sale that is durable. */
  #guardCaptures(): void {
    const { faults, books } = this.#stripe;
    faults.onRequest({ path: '/v1/payment_intents/:id/capture' }, ({ path }) => {
      const { usher_payment: paymentId = '' } = books.payment(path.split('/')[3])?.metadata ?? {};
      const id = parseScopedId('pay', paymentId);
      if (id === null || !this.#parts.isSold(`${id.showId}/${id.number}`))
        this.#parts.onViolation('I10', `${paymentId} was captured before its sale was durable`);
    });
  }

  /** What Stripe itself does wrong with the request that comes now. */
  #spoil(): void {
    const { dice, wire } = this.#parts;
    const { busy, error } = wire.weather;
    if (dice.chance(busy)) this.#stripe.faults.add({}, { kind: 'rate-limit' });
    else if (dice.chance(error)) {
      const [acts, stored] = [dice.chance(0.5), dice.chance(0.5)];
      // What was begun is stored (docs.stripe.com/api/idempotent_requests).
      this.#stripe.faults.add({}, { kind: 'error', acts, stored: acts || stored });
    }
  }

  #deliver(body: string, signature: string, ms: number): Promise<boolean> {
    const { time, someNode } = this.#parts;
    return new Promise((resolve) => {
      time.after(ms, () => {
        const node = someNode();
        const take = node === null ? undefined : this.#takers.get(node.process);
        if (node === null || take === undefined) return resolve(false);
        time.into(node.process, () => {
          take(body, signature).then(
            () => resolve(true),
            () => resolve(false),
          );
        });
      });
    });
  }
}

const SILENT = { info: () => {}, warn: () => {}, error: () => {} } as unknown as Log;

function phaseOf({ method, path }: StripeCall): Phase {
  if (path.endsWith('/capture')) return 'capture under way';
  if (path.endsWith('/cancel')) return 'cancellation under way';
  if (path.startsWith('/v1/refunds')) return 'refund under way';
  return method === 'POST' ? 'payment opened' : 'payment looked at';
}
