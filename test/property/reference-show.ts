import { isDeepStrictEqual } from 'node:util';
import type { Answer } from '../../src/actors/shows.ts';
import type { Command, Question } from '../../src/allocator/commands.ts';
import type { ShowEvent, ShowTerms } from '../../src/allocator/events.ts';
import type { Hall } from '../../src/allocator/hall.ts';
import type { ErrorCode } from '../../src/errors.ts';
import type { Notice } from '../../src/journal/journal.ts';
import { admitTicket, mergeScans, reasonsAgainstAdmission, undoAdmission } from './reference-doors.ts';
import { checkOrphanRefusal, checkTaken, extend, makeHold, reasonsAgainstHold, release } from './reference-holds.ts';
import {
  acceptTransfer,
  declineTransfer,
  makeListing,
  makeTransfer,
  reasonsAgainstResell,
  reasonsAgainstTransfer,
  withdrawListing,
  withdrawTransfer,
} from './reference-moves.ts';
import {
  cancel,
  captured,
  commit,
  endUnpaid,
  makeOrder,
  pending,
  reasonsAgainstOrder,
  reject,
  settle,
  voidSale,
} from './reference-orders.ts';
import { checkPlanInUse, isReady, keepPlan, reasonsAgainstPlan, replacePlan } from './reference-plan.ts';
import {
  cancelShow,
  dispute,
  endRefund,
  makeRefund,
  reasonsAgainstRefund,
  refundCancelled,
  returnRefunds,
} from './reference-refunds.ts';
import { reschedule } from './reference-schedule.ts';
import { type Asked, type Expected, type KeyedCommand, ReferenceState, refusedBy } from './reference-state.ts';
import { changeStock, checkInUse, reasonsAgainstStock } from './reference-stock.ts';
import { answerTo } from './reference-views.ts';
import { must, Violation } from './violation.ts';

const ANSWERS_PROMISED_MS = 24 * 3_600_000;
/** The longest that a hold may outlive what its buyer was shown. */
export const LONGEST_GRACE_MS = 90_000;
/** A cluster that writes an older format does not know these yet. */
const MONEY_SINCE = 3;
const MOVES_SINCE = 4;
const MOVES: ReadonlySet<string> = new Set([
  'transfer',
  'accept-transfer',
  'withdraw-transfer',
  'decline-transfer',
  'resell',
  'withdraw-listing',
  'list-offers',
  'list-listings',
]);
const DOORS_SINCE = 4;
const STOCK_SINCE = 4;
const TIMES_SINCE = 4;
const PLANS_SINCE = 5;

export interface PlayedTurn {
  readonly expected: readonly Expected[];
  /** Orders that ended unpaid, whose sale was void or that are owed a refund, in this turn. */
  readonly toSettle: readonly number[];
  /** Who ordered here for the first time, or accepted a ticket. */
  readonly newBuyers: readonly string[];
  /** To whom tickets were offered. */
  readonly offeredTo: readonly string[];
  readonly notices: readonly Notice[];
}

/** When a turn happened, and in which form its row is. */
export interface TurnPlace {
  readonly seq: number;
  readonly at: number;
  /** What the clock of its owner said. */
  readonly now: number;
  readonly format: number;
}

interface Kept {
  readonly fingerprint: number;
  readonly at: number;
  readonly seq: number;
  readonly answer: Answer;
}

/**
 * A show in plain objects, slow and simple. It is given what was asked in a turn and the events that the turn wrote,
 * works out for itself what may and must happen, and throws a {@link Violation} when the events say otherwise. Only
 * where a show is free (which best seats, an orphan refused, when within the grace) does it follow the events, and
 * then checks that the choice was allowed.
 */
export class ReferenceShow {
  readonly answers = new Map<string, Kept>();
  readonly state: ReferenceState;
  #opened = false;
  #format = 0;

  /** @param plans that may replace the first, by their ids. */
  constructor(id: string, hall: Hall, terms: ShowTerms, plans: Readonly<Record<string, Hall>> = {}) {
    this.state = new ReferenceState(id, hall, terms, plans);
  }

  /** Plays one turn, with the events that its row has. */
  play(asked: readonly Asked[], events: readonly ShowEvent[], { seq, at, now, format }: TurnPlace): PlayedTurn {
    const { state } = this;
    const messages = asked.map(({ message }) => message);
    Object.assign(state, {
      asked: messages,
      events: [...events],
      at,
      now,
      seq,
      toSettle: [],
      newBuyers: [],
      offeredTo: [],
      notices: [],
    });
    this.#format = format;
    if (!this.#opened) {
      const first = state.events.shift();
      must(
        first?.type === 'opened' && isDeepStrictEqual(first.terms, state.terms),
        'I2',
        () => 'the first event does not open the show',
      );
      this.#opened = true;
    }
    this.#expire();
    refundCancelled(state);
    const expected = asked.map((one) => this.#answer(one));
    this.#checkNothingMore(state.events[0]);
    state.checkCounts();
    const { toSettle, newBuyers, offeredTo, notices } = state;
    return { expected, toSettle, newBuyers, offeredTo, notices };
  }

  #checkNothingMore(event: ShowEvent | undefined): void {
    if (event === undefined) return;
    this.state.checkSale(event);
    throw new Violation('I3', `nobody asked for ${JSON.stringify(event)}`);
  }

  // ---- Time ----

  #expire(): void {
    const { state } = this;
    const event = state.events[0];
    if (event?.type === 'expired') {
      state.events.shift();
      for (const number of event.holds) {
        const hold = state.holds[number - 1];
        must(
          hold !== undefined && hold.state !== 'bought',
          'I9',
          () => `hold ${number} expires after its sale committed`,
        );
        must(
          hold.state === 'active' || hold.state === 'inPayment',
          'I9',
          () => `hold ${number} expires, but it is ${hold.state}`,
        );
        must(state.at >= hold.until, 'I9', () => `hold ${number} expires ${hold.until - state.at} ms before its time`);
        if (hold.order !== null) endUnpaid(state, hold.order, 'expired');
        state.free(hold, 'expired');
      }
    }
    for (const hold of state.live) {
      must(
        state.at < hold.until + LONGEST_GRACE_MS,
        'I9',
        () => `hold ${hold.number} outlives its time by ${state.at - hold.until} ms`,
      );
    }
  }

  // ---- Requests ----

  #answer({ message, deadline }: Asked): Expected {
    const { state } = this;
    if (deadline < state.now) return refusedBy('OVERLOADED');
    if (this.#format < since(message)) return refusedBy('UNAVAILABLE');
    switch (message.type) {
      case 'hold':
      case 'order':
      case 'refund':
      case 'transfer':
      case 'resell':
      case 'admit':
      case 'stock':
      case 'replace-plan':
        return this.#once(message);
      case 'extend':
        return extend(state, message);
      case 'release':
        return release(state, message);
      case 'cancel':
        return cancel(state, message);
      case 'pending':
        return pending(state, message);
      case 'commit':
        return commit(state, message);
      case 'reject':
        return reject(state, message);
      case 'captured':
        return captured(state, message);
      case 'void':
        return voidSale(state, message);
      case 'settled':
        return settle(state, message);
      case 'refunded':
      case 'refund-failed':
        return endRefund(state, message);
      case 'refund-returned':
        return returnRefunds(state, message);
      case 'dispute':
        return dispute(state, message);
      case 'cancel-show':
        return cancelShow(state, message);
      case 'accept-transfer':
        return acceptTransfer(state, message);
      case 'withdraw-transfer':
        return withdrawTransfer(state, message);
      case 'decline-transfer':
        return declineTransfer(state, message);
      case 'withdraw-listing':
        return withdrawListing(state, message);
      case 'undo-admission':
        return undoAdmission(state, message);
      case 'merge-scans':
        return mergeScans(state, message);
      case 'reschedule':
        return reschedule(state, message);
      case 'expire':
      case 'refund-next':
        throw new Error('no trial asks for this');
      default:
        return answerTo(state, message);
    }
  }

  #once(command: KeyedCommand): Expected {
    const { state } = this;
    const { once } = command;
    const first = this.answers.get(once.id);
    const event = state.events[0];
    const isDecidedNow = event !== undefined && 'once' in event && event.once.id === once.id;
    if (!isDecidedNow && command.type === 'replace-plan' && !isReady(state, command)) {
      if (first === undefined) return refusedBy('UNAVAILABLE');
      // Whether a first answer of so long ago is still kept is the show's affair.
      if (state.at - first.at >= ANSWERS_PROMISED_MS)
        return { answer: { ...first.answer, replayed: true }, codes: ['UNAVAILABLE'], inTurn: false };
    }
    if (first !== undefined && !(isDecidedNow && state.at - first.at >= ANSWERS_PROMISED_MS)) {
      must(!isDecidedNow, 'I4', () => `${command.type} ${once.id} takes effect again: ${JSON.stringify(event)}`);
      if (first.fingerprint !== once.fingerprint) return refusedBy('IDEMPOTENCY_KEY_REUSED');
      return { answer: { ...first.answer, replayed: true }, inTurn: first.seq === state.seq };
    }
    const name = `${command.type} ${once.id}`;
    if (!isDecidedNow) state.checkSale(event);
    must(isDecidedNow, 'I3', () => `${name} has no event: ${JSON.stringify(event)} comes instead`);
    must(event.once.fingerprint === once.fingerprint, 'I4', () => `${name} is journaled with another fingerprint`);
    state.events.shift();
    const answer = this.#decided(command, event, name);
    this.answers.set(once.id, { fingerprint: once.fingerprint, at: state.at, seq: state.seq, answer });
    return { answer, inTurn: true };
  }

  #decided(command: KeyedCommand, event: ShowEvent, name: string): Answer {
    const { state } = this;
    if (event.type === 'refused') {
      this.#checkRefusal(command, event, name);
      return { ok: false, refusal: event.refusal, replayed: false };
    }
    if (event.type === 'held' && command.type === 'hold') return makeHold(state, command, event);
    if (event.type === 'ordered' && command.type === 'order') return makeOrder(state, command, event);
    if (event.type === 'admitted' && command.type === 'admit') return admitTicket(state, command, event);
    if (event.type === 'refunding' && command.type === 'refund') return makeRefund(state, command, event);
    if (event.type === 'transferred' && command.type === 'transfer') return makeTransfer(state, command, event);
    if (event.type === 'listed' && command.type === 'resell') return makeListing(state, command, event);
    if (event.type === 'stock-changed' && command.type === 'stock') return changeStock(state, command, event);
    if (command.type === 'replace-plan') {
      if (event.type === 'plan-replaced') return replacePlan(state, command, event);
      if (event.type === 'stock-changed') return keepPlan(state, command, event);
    }
    throw new Violation('I3', `${name} became ${event.type}`);
  }

  #checkRefusal(command: KeyedCommand, { refusal }: Extract<ShowEvent, { type: 'refused' }>, name: string): void {
    const { state } = this;
    if (refusal.code === 'ORPHAN_SEAT' && command.type === 'hold') {
      checkOrphanRefusal(state, command, refusal);
      return;
    }
    const reasons = reasonsAgainst(state, command);
    must(
      reasons.includes(refusal.code),
      'rules',
      () => `${name} is refused with ${refusal.code}; reasons: ${reasons.join(', ') || 'none'}`,
    );
    if (refusal.code === 'SEAT_IN_USE' && command.type === 'stock') checkInUse(state, command, refusal);
    if (refusal.code === 'SEAT_IN_USE' && command.type === 'replace-plan') checkPlanInUse(state, command, refusal);
    if (refusal.code === 'SEATS_TAKEN' && command.type === 'hold') checkTaken(state, command, refusal);
  }
}

function reasonsAgainst(state: ReferenceState, command: KeyedCommand): ErrorCode[] {
  switch (command.type) {
    case 'hold':
      return reasonsAgainstHold(state, command);
    case 'order':
      return reasonsAgainstOrder(state, command);
    case 'refund':
      return reasonsAgainstRefund(state, command);
    case 'transfer':
      return reasonsAgainstTransfer(state, command);
    case 'resell':
      return reasonsAgainstResell(state, command);
    case 'admit':
      return reasonsAgainstAdmission(state, command);
    case 'stock':
      return reasonsAgainstStock(state, command);
    case 'replace-plan':
      return reasonsAgainstPlan(state, command);
  }
}

/** The format that all nodes of the cluster have to write before this is asked of it. */
function since(message: Command | Question): number {
  switch (message.type) {
    case 'admit':
    case 'undo-admission':
    case 'merge-scans':
    case 'list-admissions':
    case 'get-voided':
      return DOORS_SINCE;
    case 'stock':
    case 'get-inventory':
      return STOCK_SINCE;
    case 'reschedule':
      return TIMES_SINCE;
    case 'replace-plan':
      return PLANS_SINCE;
    default:
      if (MOVES.has(message.type)) return MOVES_SINCE;
      return isOfMoney(message) ? MONEY_SINCE : 1;
  }
}

function isOfMoney(message: Command | Question): boolean {
  switch (message.type) {
    case 'pending':
    case 'refund':
    case 'refunded':
    case 'refund-failed':
    case 'refund-returned':
    case 'dispute':
    case 'cancel-show':
    case 'get-cancellation':
      return true;
    case 'order':
      return message.comp !== undefined;
    case 'commit':
      return message.late !== undefined;
    case 'settled':
      return message.reason !== undefined;
    default:
      return false;
  }
}
