import type { Answer, OrderView, PaymentWork, Shows } from '../actors/shows.ts';
import type { Command } from '../allocator/commands.ts';
import { type ErrorCode, type Refusal, RefusedError } from '../errors.ts';
import type { Clock, Random, Timers } from '../ports.ts';
import type { Payment, PaymentGateway } from './gateway.ts';
import { createSettlementQueue, type OrderRef } from './settlement-queue.ts';
import { afterwards, nextStep, ofAnyFormat } from './settlement-steps.ts';

/*
 * One order at a time: it is read, its one next step (settlement-steps.ts) is taken, and it is read again, until none is left.
 * What cannot be done now goes on in the background (settlement-queue.ts).
 */

const LIMITS = {
  /** More than the longest path, each refund of an order of a hundred tickets its own step: more means that the two sides do not converge. */
  steps: 256,
  /** How long one question to a show may take. */
  askMs: 10_000,
} as const;

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
  /** How long the first of them has been here, ms; 0 without one. */
  readonly oldestMs: number;
  /** How often, since the start, the provider could not give money back, so that people have to. */
  readonly failedRefunds: number;
  /** Starts nothing new and waits for the steps under way; what is left is found again when its show next wakes. */
  close(): Promise<void>;
}

/** Refusals after which the same step makes sense later. */
const PASSING: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['OVERLOADED', 'UNAVAILABLE', 'OUTCOME_UNKNOWN']);

const NOT_YET: Refusal = { code: 'UNAVAILABLE', detail: 'The order is not settled yet.', retryAfter: 2 };

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
  let failedRefunds = 0;

  const askShow = <T>(ref: OrderRef, message: Parameters<Shows['ask']>[1]): Promise<Answer<T>> =>
    shows.ask<T>(ref.showId, message, clock.now() + LIMITS.askMs);

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
    payment: Payment | null,
    refund: PaymentWork['refunds'][number] | null,
  ): Promise<{ value: Command | null } | { refusal: Refusal }> {
    const { paymentId, currency } = work;
    // What is not one of the show's refunds is the whole of a payment without a sale, and there is one of them at most.
    const captured = { id: paymentId, amount: payment?.amount ?? work.amount, at: work.createdAt };
    const { id: refundId, amount, at } = refund ?? captured;
    const answered = await atGateway(ref, () => gateway.refund({ refundId, paymentId, amount, currency, at }));
    if ('refusal' in answered) return answered;
    switch (answered.value) {
      case 'pending':
        return { value: null };
      case 'done':
        if (refund !== null) return { value: { type: 'refunded', refund: refund.number } };
        return { value: { type: 'settled', order: ref.order, reason: `${work.reason ?? LATE} ${GIVEN_BACK}` } };
      case 'failed':
        failedRefunds++;
        log.error({ ...ref, refundId, amount }, 'money cannot be given back by the payment provider: people have to');
        if (refund !== null) return { value: { type: 'refund-failed', refund: refund.number, reason: REFUND_FAILED } };
        return { value: { type: 'settled', order: ref.order, reason: `${work.reason ?? LATE} ${REFUND_FAILED}` } };
    }
  }

  async function settleNow(ref: OrderRef, known: Known | undefined): Promise<SettlementResult> {
    let work: PaymentWork | null = known === undefined ? null : ofAnyFormat(known.work);
    const underWay = new Set<number>();
    let payment: Payment | null | undefined = known?.payment;
    let order: OrderView | undefined;
    let refused: { readonly refusal: Refusal; readonly work: PaymentWork } | null = null;
    for (let step = 0; step < LIMITS.steps; step++) {
      if (work === null) {
        const read = await askShow<PaymentWork>(ref, { type: 'get-payment', order: ref.order });
        if (!read.ok) return { ok: false, refusal: read.refusal };
        work = ofAnyFormat(read.value);
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
      const next = nextStep(ref.order, work, payment, underWay);
      switch (next.do) {
        case 'nothing':
          break;
        case 'ask':
          command = next.command;
          break;
        case 'refund':
        case 'give-back': {
          const refund = next.do === 'refund' ? next.refund : null;
          const given = await giveBack(ref, work, payment ?? null, refund);
          if ('refusal' in given) return { ok: false, refusal: given.refusal };
          command = given.value;
          if (command !== null || refund === null) break;
          // The others of the order do not wait for it.
          underWay.add(refund.number);
          continue;
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

  const passing = (result: SettlementResult): Refusal | null =>
    !result.ok && PASSING.has(result.refusal.code) ? result.refusal : null;

  const queue = createSettlementQueue({
    attempt: async (ref) => passing(await run(ref, undefined)),
    clock,
    timers,
    random,
    log,
  });

  return {
    async settle(ref, known) {
      const result = await run(ref, known);
      if (passing(result) !== null) queue.add(ref);
      return result;
    },

    resume: (showId, orders) => queue.addAll(showId, orders),

    get pending() {
      return queue.pending;
    },

    get oldestMs() {
      return queue.oldestMs;
    },

    get failedRefunds() {
      return failedRefunds;
    },

    async close() {
      await Promise.allSettled([queue.close(), ...[...flights.values()].map((flight) => flight.current)]);
    },
  };
}
