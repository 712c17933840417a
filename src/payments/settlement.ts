import type { Answer, OrderView, PaymentWork, Shows } from '../actors/shows.ts';
import type { Command } from '../allocator/commands.ts';
import { type ErrorCode, type Refusal, RefusedError } from '../errors.ts';
import type { Clock, Random, Timers } from '../ports.ts';
import type { Payment, PaymentGateway } from './gateway.ts';

/*
 * Settlement brings an order and its payment to agree. It keeps nothing: what is to be done follows from the order's
 * journaled state and the gateway's alone, so that whoever recovers the show can go on from any crash.
 *
 *   order                    gateway                  step
 *   awaiting                 none, open, challenge    nothing: the buyer's move
 *   awaiting                 pending                  pending                  the bank takes days: the seats are held meanwhile
 *   awaiting, pending        authorised, captured     commit
 *   awaiting, pending        cancelled, failed        reject                   also pending that the bank has refused
 *   committed                authorised               capture                  crashed before: capture again
 *   committed                captured                 captured                 captured but not journaled: seen here, journaled
 *   committed                failed, cancelled        void                     the seats are free, the order stays unsettled
 *   expired, unsettled       authorised, captured     commit, late             places that are still free are taken again, else declined
 *   ended, unsettled         open … authorised        cancel                   nothing was charged
 *   ended, unsettled         captured                 give back                the method settles at once: one refund
 *   ended, unsettled         cancelled, failed        settled                  crashed between: cancelled twice, settled once
 *   paid, refund due         captured                 refund, refunded         asked for twice, given back once
 *   anything else                                     nothing: final, or the bank's move
 *
 * The seat decides first: nothing is captured before the commit is durable, and nothing is cancelled or given back at the
 * gateway before the order has durably ended or been declined; so a commit and a cancellation never cross.
 */

export const SETTLEMENT_LIMITS = {
  /** Orders that wait for settlement in the background; further ones are left to the next wake of their show. */
  pending: 262_144,
  /** Orders settled at a time in the background. */
  concurrency: 64,
  /** The longest path is look, late commit, capture and void, cancel, settled, end; more means the two sides do not converge. */
  steps: 24,
  /** How long one question to a show may take. */
  askMs: 10_000,
  /** Wait before the first repeat; doubled each time, and shortened at random by up to half. */
  retryBaseMs: 250,
  retryMaxMs: 30_000,
} as const;

interface OrderRef {
  readonly showId: string;
  readonly order: number;
}

/**
 * Where an order stands now that nothing more can be done: its payment work, and the gateway's state if it was
 * looked at (`null`: it never heard of the payment). Or why it is not known; then settlement goes on in the background
 * if that can help.
 */
type SettlementResult =
  | {
      readonly ok: true;
      readonly work: PaymentWork;
      readonly payment?: Payment | null;
      /** The order after the last step, if there was one. */
      readonly order?: OrderView;
    }
  | { readonly ok: false; readonly refusal: Refusal };

/** An order and its payment as just read. */
export interface Known {
  readonly work: PaymentWork;
  readonly payment: Payment;
}

interface SettlementLog {
  warn(details: object, message: string): void;
  error(details: object, message: string): void;
}

export interface Settlement {
  /**
   * Does all that can be done for an order now. One at a time an order: a call during another runs after it, so that
   * it sees all that happened before the call. Never rejects.
   * @param known what was just read, saves reading it again; if it is out of date, a step is refused and it is read anew
   */
  settle(ref: OrderRef, known?: Known): Promise<SettlementResult>;
  /** Settles these orders in the background, with repeats. Returns at once; orders already waiting are not added twice. */
  resume(showId: string, orders: readonly number[]): void;
  /** Orders that wait or are at work in the background. */
  readonly pending: number;
  /** Starts nothing new and waits for the steps under way; what is left is found again when its show next wakes. */
  close(): Promise<void>;
}

/** Refusals after which the same step makes sense later. */
const PASSING: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['OVERLOADED', 'UNAVAILABLE', 'OUTCOME_UNKNOWN']);

const NOT_YET: Refusal = { code: 'UNAVAILABLE', detail: 'The order is not settled yet.', retryAfter: 2 };

/** What a durable command has made of the order; `null` if that is to be read. */
function afterwards(work: PaymentWork, command: Command, order: OrderView): PaymentWork | null {
  if (command.type === 'commit' && command.late === undefined) {
    return order.status === 'processing' ? { ...work, status: order.status, state: 'committed' } : null;
  }
  if (command.type === 'captured') return { ...work, status: order.status, state: 'paid', unsettled: false };
  if (command.type === 'settled') return { ...work, status: order.status, unsettled: false };
  return null;
}

type Step =
  | { readonly do: 'ask'; readonly command: Command }
  | { readonly do: 'look' | 'capture' | 'cancel' }
  /** Captured money of an order that has ended. */
  | { readonly do: 'give-back' }
  | { readonly do: 'refund'; readonly refund: PaymentWork['refunds'][number] }
  | { readonly do: 'nothing' };

const ask = (command: Command): Step => ({ do: 'ask', command });

/** The one next step for an order. `payment`: undefined if the gateway was not asked yet, null if it knows of none. */
function nextStep(order: number, work: PaymentWork, payment: Payment | null | undefined): Step {
  // A free order has no payment.
  if (work.amount === 0) return { do: 'nothing' };
  switch (work.state) {
    case 'awaiting':
    case 'pending':
      return payment === undefined ? { do: 'look' } : whileOpen(order, work, payment);
    case 'committed':
      return payment === undefined ? { do: 'look' } : whileCommitted(order, payment);
    case 'paid':
      return work.refunds.length === 0 ? { do: 'nothing' } : { do: 'refund', refund: work.refunds[0] };
    default:
      return work.unsettled ? onceEnded(order, work, payment) : { do: 'nothing' };
  }
}

function whileOpen(order: number, work: PaymentWork, payment: Payment | null): Step {
  switch (payment?.state) {
    case 'authorised':
    case 'captured':
      return ask({ type: 'commit', order, amount: payment.amount, currency: payment.currency });
    case 'cancelled':
    case 'failed':
      return ask({ type: 'reject', order, reason: `payment ${payment.state}` });
    case 'pending':
      return work.state === 'pending' ? { do: 'nothing' } : ask({ type: 'pending', order });
    default:
      return work.state === 'awaiting'
        ? { do: 'nothing' }
        : ask({ type: 'reject', order, reason: 'the bank refused the payment' });
  }
}

function whileCommitted(order: number, payment: Payment | null): Step {
  switch (payment?.state) {
    case 'captured':
      return ask({ type: 'captured', order });
    case 'failed':
    case 'cancelled':
      return ask({
        type: 'void',
        order,
        reason: payment.state === 'failed' ? 'capture failed' : 'payment cancelled',
      });
    default:
      return { do: 'capture' };
  }
}

/** The order has ended unpaid: what the gateway holds of it, or may yet get, is not ours. */
function onceEnded(order: number, work: PaymentWork, payment: Payment | null | undefined): Step {
  if (payment === undefined) return { do: work.state === 'expired' ? 'look' : 'cancel' };
  const isPaid = payment?.state === 'authorised' || payment?.state === 'captured';
  if (work.state === 'expired' && isPaid) {
    return ask({ type: 'commit', order, amount: payment.amount, currency: payment.currency, late: true });
  }
  switch (payment?.state) {
    case 'captured':
      return { do: 'give-back' };
    case 'pending':
      return { do: 'nothing' };
    case 'cancelled':
    case 'failed':
      return ask(settledBy(order, work, 'Nothing was charged.'));
    default:
      return { do: 'cancel' };
  }
}

/** Only the buyer of a payment that came too late has to be told what became of it. */
function settledBy(order: number, work: PaymentWork, outcome: string): Command {
  return work.state === 'declined'
    ? { type: 'settled', order, reason: `${work.reason ?? ''} ${outcome}`.trim() }
    : { type: 'settled', order };
}

const GIVEN_BACK = 'The money is on its way back.';
const REFUND_FAILED = 'The money could not be given back by the payment provider; the box office will see to it.';
const LATE = 'The order had ended when the payment came.';

const CALLS = {
  look: (gateway: PaymentGateway, paymentId: string) => gateway.get(paymentId),
  capture: (gateway: PaymentGateway, paymentId: string) => gateway.capture(paymentId),
  cancel: (gateway: PaymentGateway, paymentId: string) => gateway.cancel(paymentId),
} as const;

export function createSettlement(deps: {
  readonly shows: Shows;
  readonly gateway: PaymentGateway;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly log: SettlementLog;
}): Settlement {
  const { shows, gateway, clock, timers, random, log } = deps;

  // --- one order ---------------------------------------------------------------------------------------------------

  const askShow = <T>(ref: OrderRef, message: Parameters<Shows['ask']>[1]): Promise<Answer<T>> =>
    shows.ask<T>(ref.showId, message, clock.now() + SETTLEMENT_LIMITS.askMs);

  /** Asks the gateway; its failures are refusals, and any but a definite one may pass. */
  async function atGateway<T>(ref: OrderRef, call: () => Promise<T>): Promise<{ value: T } | { refusal: Refusal }> {
    try {
      return { value: await call() };
    } catch (error) {
      if (error instanceof RefusedError) return { refusal: error.refusal };
      log.error({ ...ref, err: error }, 'the payment provider failed');
      return {
        refusal: { code: 'UNAVAILABLE', detail: 'The payment provider does not answer. Try again.', retryAfter: 2 },
      };
    }
  }

  /** Gives money back, and says what the show is to hear of it; null while the provider has it under way. */
  async function giveBack(
    ref: OrderRef,
    work: PaymentWork,
    refund: PaymentWork['refunds'][number] | null,
  ): Promise<{ value: Command | null } | { refusal: Refusal }> {
    const { paymentId, currency } = work;
    // What is not one of the show's refunds is the whole of a payment without a sale, and there is one of them at most.
    const { id: refundId, amount, at } = refund ?? { id: paymentId, amount: work.amount, at: work.createdAt };
    const answered = await atGateway(ref, () => gateway.refund({ refundId, paymentId, amount, currency, at }));
    if ('refusal' in answered) return answered;
    switch (answered.value) {
      case 'pending':
        return { value: null };
      case 'done':
        if (refund !== null) return { value: { type: 'refunded', refund: refund.number } };
        return { value: { type: 'settled', order: ref.order, reason: `${work.reason ?? LATE} ${GIVEN_BACK}` } };
      case 'failed':
        log.error({ ...ref, refundId, amount }, 'money cannot be given back by the payment provider: people have to');
        if (refund !== null) return { value: { type: 'refund-failed', refund: refund.number, reason: REFUND_FAILED } };
        return { value: { type: 'settled', order: ref.order, reason: `${work.reason ?? LATE} ${REFUND_FAILED}` } };
    }
  }

  async function settleNow(ref: OrderRef, known: Known | undefined): Promise<SettlementResult> {
    let work: PaymentWork | null = known?.work ?? null;
    let payment: Payment | null | undefined = known?.payment;
    let order: OrderView | undefined;
    let refused: { readonly refusal: Refusal; readonly work: PaymentWork } | null = null;
    for (let step = 0; step < SETTLEMENT_LIMITS.steps; step++) {
      if (work === null) {
        const read = await askShow<PaymentWork>(ref, { type: 'get-payment', order: ref.order });
        if (!read.ok) return { ok: false, refusal: read.refusal };
        work = read.value;
      }
      // After a refusal the same step would be refused again, unless the order has moved on: as it does when its time
      // to pay is over but the show's clock has not ended it yet.
      if (refused !== null && refused.work.state === work.state && refused.work.unsettled === work.unsettled) {
        log.warn(
          { ...ref, state: work.state, payment: payment?.state, refusal: refused.refusal },
          'settlement was refused',
        );
        return { ok: false, refusal: refused.refusal };
      }
      refused = null;

      let command: Command | null = null;
      const next = nextStep(ref.order, work, payment);
      switch (next.do) {
        case 'nothing':
          break;
        case 'ask':
          command = next.command;
          break;
        case 'refund':
        case 'give-back': {
          const given = await giveBack(ref, work, next.do === 'refund' ? next.refund : null);
          if ('refusal' in given) return { ok: false, refusal: given.refusal };
          command = given.value;
          break;
        }
        default: {
          const { paymentId } = work;
          const answered = await atGateway<Payment | null>(ref, () => CALLS[next.do](gateway, paymentId));
          if ('refusal' in answered) return { ok: false, refusal: answered.refusal };
          const isUndecided = next.do === 'capture' && nextStep(ref.order, work, answered.value).do === 'capture';
          payment = answered.value;
          // Repeated later, not at once: the provider has not decided yet.
          if (isUndecided) return { ok: false, refusal: NOT_YET };
          continue;
        }
      }
      if (command === null) {
        return {
          ok: true,
          work,
          ...(payment === undefined ? {} : { payment }),
          ...(order === undefined ? {} : { order }),
        };
      }

      const answer = await askShow<OrderView>(ref, command);
      if (answer.ok) {
        order = answer.value ?? order;
        work = afterwards(work, command, answer.value);
      } else {
        if (PASSING.has(answer.refusal.code)) return { ok: false, refusal: answer.refusal };
        // Another settlement of the order, on another node, may have moved its payment on too.
        refused = { refusal: answer.refusal, work };
        work = null;
        payment = undefined;
      }
    }
    log.error({ ...ref, payment: payment?.state }, 'settlement does not converge');
    return { ok: false, refusal: NOT_YET };
  }

  interface Flight {
    current: Promise<SettlementResult>;
    next: Promise<SettlementResult> | null;
  }
  const flights = new Map<string, Flight>();

  function run(ref: OrderRef, known: Known | undefined): Promise<SettlementResult> {
    const key = `${ref.showId}/${ref.order}`;
    const flight = flights.get(key);
    if (flight !== undefined) {
      flight.next ??= flight.current.then(() => start(key, ref, undefined));
      return flight.next;
    }
    return start(key, ref, known);
  }

  function start(key: string, ref: OrderRef, known: Known | undefined): Promise<SettlementResult> {
    const flight: Flight = { current: settleNow(ref, known), next: null };
    flights.set(key, flight);
    // Registered before anybody's `then`, so it sees whether a next run was asked for meanwhile; that one replaces the entry.
    void flight.current.then(() => {
      if (flight.next === null && flights.get(key) === flight) flights.delete(key);
    });
    return flight.current;
  }

  // --- the background ------------------------------------------------------------------------------------------------

  interface Waiting extends OrderRef {
    readonly key: string;
    /** Repeats so far. */
    attempt: number;
    atWork: boolean;
    /** Announced again while at work: what was read may be older than the news. */
    again: boolean;
  }
  /** Everything in the background by key: ready, at work or waiting for its repeat. */
  const waiting = new Map<string, Waiting>();
  let ready: Waiting[] = [];
  let taken = 0;
  const working = new Set<Promise<void>>();
  let closed = false;
  let overflowing = false;

  function enqueue(ref: OrderRef): void {
    const key = `${ref.showId}/${ref.order}`;
    if (closed) return;
    const known = waiting.get(key);
    if (known !== undefined) {
      known.again = known.atWork;
      return;
    }
    if (waiting.size >= SETTLEMENT_LIMITS.pending) {
      if (!overflowing)
        log.warn({ pending: waiting.size }, 'too many orders wait for settlement; the rest waits for its shows');
      overflowing = true;
      return;
    }
    overflowing = false;
    const entry: Waiting = { ...ref, key, attempt: 0, atWork: false, again: false };
    waiting.set(key, entry);
    ready.push(entry);
  }

  function pump(): void {
    while (!closed && working.size < SETTLEMENT_LIMITS.concurrency && taken < ready.length) {
      const entry = ready[taken];
      taken++;
      // Keeps the taken part short without shifting the array at each step.
      if (taken === ready.length || taken >= 1_024) {
        ready = ready.slice(taken);
        taken = 0;
      }
      const work = attempt(entry).finally(() => {
        working.delete(work);
        pump();
      });
      working.add(work);
    }
  }

  async function attempt(entry: Waiting): Promise<void> {
    entry.atWork = true;
    entry.again = false;
    const result = await run({ showId: entry.showId, order: entry.order }, undefined);
    entry.atWork = false;
    if (result.ok || !PASSING.has(result.refusal.code)) {
      if (entry.again) ready.push(entry);
      else waiting.delete(entry.key);
      return;
    }
    if (entry.attempt === 0) {
      log.warn({ showId: entry.showId, order: entry.order, refusal: result.refusal }, 'settlement waits for a repeat');
    }
    timers.after(retryDelay(entry.attempt), () => {
      ready.push(entry);
      pump();
    });
    entry.attempt++;
  }

  /** ms until the repeat after `attempt` earlier ones: exponential, with half of it at random. */
  function retryDelay(attempt: number): number {
    const full = Math.min(SETTLEMENT_LIMITS.retryMaxMs, SETTLEMENT_LIMITS.retryBaseMs * 2 ** Math.min(attempt, 16));
    const [high, low] = random.bytes(2);
    return Math.round(full * (0.5 + (high * 256 + low) / 131_072));
  }

  return {
    async settle(ref, known) {
      const result = await run(ref, known);
      if (!result.ok && PASSING.has(result.refusal.code)) {
        enqueue(ref);
        pump();
      }
      return result;
    },

    resume(showId, orders) {
      for (const order of orders) enqueue({ showId, order });
      // Not in the caller's turn: an actor that recovers must first be able to answer.
      timers.after(0, pump);
    },

    get pending() {
      return waiting.size;
    },

    async close() {
      closed = true;
      await Promise.allSettled([...working, ...[...flights.values()].map((flight) => flight.current)]);
    },
  };
}
