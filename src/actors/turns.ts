import { apply } from '../allocator/apply.ts';
import { type Command, formatOf, type Question } from '../allocator/commands.ts';
import { decide } from '../allocator/decide.ts';
import type { Decision } from '../allocator/decision.ts';
import type { ShowEvent } from '../allocator/events.ts';
import { assertCounts } from '../allocator/invariants.ts';
import type { Show } from '../allocator/show.ts';
import type { AppendOutcome, Journal, Turn } from '../journal/journal.ts';
import { rowHash, WRITER_SINCE } from '../journal/row-hash.ts';
import type { Clock } from '../ports.ts';
import { answerOfCommand, answerOfEvent, answerQuestion, refusedWith } from './answers.ts';
import type { Inbox, Waiting } from './inbox.ts';
import { FAILED, MOVES, TOO_LATE, UPGRADING } from './not-begun.ts';
import { OwedAnswers } from './owed-answers.ts';
import { PublishedSeats } from './published-seats.ts';
import { ShowSnapshots } from './show-snapshots.ts';
import type { Answer } from './shows.ts';
import { TurnNews } from './turn-news.ts';

/** So many requests are decided in one turn; the rest are the next turn. */
export const TURN_LIMIT = 256;

const UNKNOWN = refusedWith(
  'OUTCOME_UNKNOWN',
  'Whether this was done is not known; retry with the same key to learn it.',
  1,
);
const UNREADABLE = refusedWith('UNAVAILABLE', 'The first answer cannot be read now; retry with the same key.', 1);

/** The allocator's two halves, as one port: tests plant bugs here. */
export interface Rules {
  decide(show: Show, command: Command, at: number): Decision;
  apply(show: Show, event: ShowEvent, seq: number, ordinal: number, at: number): void;
}

export const RULES: Rules = { decide, apply };

/** The append of a turn did not succeed: the state in memory is ahead of the journal and has to be thrown away. */
export class TurnLost extends Error {
  readonly outcome: Exclude<AppendOutcome, 'durable'>;
  constructor(showId: string, seq: number, outcome: Exclude<AppendOutcome, 'durable'>) {
    super(`turn ${seq} of ${showId}: ${outcome}`);
    this.name = 'TurnLost';
    this.outcome = outcome;
  }
}

export interface TurnsOptions {
  readonly show: Show;
  /** Hash of the journal's last row (hex), 64 zeros before the first. */
  readonly lastHash: string;
  /** Events replayed on the snapshot that the show was recovered from. */
  readonly eventsSinceSnapshot: number;
  readonly shard: number;
  readonly epoch: number;
  readonly inbox: Inbox;
  readonly journal: Journal;
  /** The form in which rows are to be written now. */
  readonly format: () => number;
  /** The incarnation in whose name the journal writes. */
  readonly writer: string;
  readonly clock: Clock;
  readonly rules: Rules;
  /** Orders whose money has to be put to rest, some perhaps named before; must not block. */
  readonly onUnsettled: (showId: string, orders: readonly number[]) => void;
  readonly onTurn: (commands: number, events: number) => void;
  /** The seats as of a turn that is durable; called after each, must not block. */
  readonly onPublished?: OnPublished | undefined;
}

export type OnPublished = (seats: PublishedSeats) => void;

/** An answer that waits for its turn to be durable. */
type Gated =
  | { readonly waiting: Waiting; readonly answer: Answer; readonly changed: boolean }
  | { readonly waiting: Waiting; readonly replay: { readonly seq: number; readonly ordinal: number } };

/**
 * One show's turns. A turn takes what waits, decides it command by command, appends all events as one journal row and
 * only then answers and publishes. One turn is under way at a time; the caller sees to that.
 */
export class Turns {
  readonly seats: PublishedSeats;
  readonly #options: TurnsOptions;
  readonly #show: Show;
  readonly #snapshots: ShowSnapshots;
  readonly #news: TurnNews;
  #lastHash: string;
  /** While a turn is under way, and for ever after one was lost, the state in memory is ahead of the journal. */
  #isAhead = false;
  #isRetired = false;
  #isAbandoned = false;
  /** Answers the turn whose append is under way. */
  #giveUp: (() => void) | null = null;

  constructor(options: TurnsOptions) {
    this.#options = options;
    this.#show = options.show;
    this.#lastHash = options.lastHash;
    this.#snapshots = new ShowSnapshots(options);
    this.#news = new TurnNews(options.show, options.onUnsettled);
    this.seats = new PublishedSeats(options.show);
  }

  /** Whether a turn would find something to do now. */
  isDue(): boolean {
    const show = this.#show;
    return (
      show.seq === 0 ||
      this.#options.inbox.size > 0 ||
      show.toRefund.size > 0 ||
      show.nextDeadline() <= this.#options.clock.now()
    );
  }

  /** When time alone brings the next turn about (ms), or +∞. */
  nextDeadline(): number {
    return this.#show.toRefund.size > 0 ? this.#show.at : this.#show.nextDeadline();
  }

  /** Whether the show has nothing pending: neither requests nor live holds nor money under way. */
  isAtRest(): boolean {
    return !this.#isAhead && this.#show.seq > 0 && this.#options.inbox.size === 0 && this.#show.wakeAt() === null;
  }

  /** Names all unsettled orders to settlement: at once, or, if a turn is under way, when that is durable. */
  announceUnsettled(): void {
    this.#news.announceAll(this.#isAhead);
  }

  /**
   * Runs one turn; resolves once it is durable and all it decided is answered. What was answered in an earlier turn is
   * told again a little later, when it was read from the journal.
   * @throws TurnLost when the append failed; InvariantViolation when an event was not legal; whatever else goes wrong. In
   *   each case every request of the turn is answered, and this object must not be used again.
   */
  async run(): Promise<void> {
    const { inbox } = this.#options;
    const taken = inbox.take(TURN_LIMIT);
    const owed = new OwedAnswers(taken);
    this.#isAhead = true;
    this.#news.begin();
    let sorry: Answer = FAILED;
    try {
      const { events, gated, turn } = this.#decideAll(taken);
      if (turn !== null) {
        // From here on the row may be in the journal, whatever happens to us.
        sorry = UNKNOWN;
        this.#giveUp = () => this.#answerLost(gated, owed, turn.seq, 'unknown');
        const outcome = await this.#options.journal.append(turn);
        this.#giveUp = null;
        if (this.#isAbandoned) return;
        if (outcome !== 'durable') {
          this.#answerLost(gated, owed, turn.seq, outcome);
          throw new TurnLost(turn.showId, turn.seq, outcome);
        }
        this.#lastHash = turn.hash;
        this.seats.publish(this.#show);
        this.#options.onPublished?.(this.seats);
        this.#snapshots.countEvents(events);
      }
      this.#isAhead = false;
      for (const one of gated) this.#answer(one, owed);
      owed.assertNone();
      this.#options.onTurn(taken.length, events);
    } catch (error) {
      this.#isAhead = true;
      owed.giveRest(sorry);
      throw error;
    }
    if (this.#isRetired) return;
    this.#news.tell();
    if (this.#snapshots.isDue) void this.keepSnapshot().catch(() => {});
  }

  /** The show leaves this node: the turn under way is still answered, but nothing else comes of it here. */
  retire(): void {
    this.#isRetired = true;
  }

  /**
   * The turn under way is not waited for: those whom it may have changed something for hear that nobody knows, the others
   * that the show moves. Whatever becomes of it is told to nobody. This object must not be used again.
   */
  abandon(): void {
    this.#isRetired = true;
    this.#isAbandoned = true;
    this.#giveUp?.();
  }

  /**
   * Keeps a snapshot of the last durable turn, if it has none yet; between turns only, else it does nothing.
   * @throws whatever the journal throws: a snapshot is only a shortcut, the show goes on without.
   */
  async keepSnapshot(): Promise<void> {
    if (!this.#isAhead) await this.#snapshots.keep(this.#lastHash);
  }

  /** Whether a snapshot is being kept, or so many events came after the last one. */
  isWorthSnapshot(events: number): boolean {
    return this.#snapshots.isUnderWay || this.#snapshots.eventsSince > events;
  }

  /** Resolves when the snapshots under way now are over, kept or not. */
  get snapshotsSettled(): Promise<void> {
    return this.#snapshots.settled;
  }

  /** Decides what was taken, in memory only, and makes the row that says so; none if nothing has happened. */
  #decideAll(taken: readonly Waiting[]): { events: number; gated: readonly Gated[]; turn: Turn | null } {
    const { clock, shard, epoch, writer } = this.#options;
    const show = this.#show;
    const now = clock.now();
    const at = Math.max(show.at, now);
    const seq = show.seq + 1;
    const events: ShowEvent[] = [];
    if (show.seq === 0) this.#record({ type: 'opened', terms: show.terms }, events, seq, at);
    if (show.nextDeadline() <= at) this.#decide({ type: 'expire' }, events, seq, at);
    if (show.toRefund.size > 0) this.#decide({ type: 'refund-next' }, events, seq, at);
    const gated = taken.map((waiting) => this.#handle(waiting, events, seq, at, now));
    if (events.length > 0) {
      show.seq = seq;
      show.at = at;
    }
    assertCounts(show);
    if (events.length === 0) return { events: 0, gated, turn: null };
    const format = this.#options.format();
    const row = {
      showId: show.id,
      seq,
      epoch,
      at,
      events: JSON.stringify(events),
      format,
      writer: format < WRITER_SINCE ? null : writer,
      prevHash: this.#lastHash,
      wakeAt: show.wakeAt(),
    };
    return {
      events: events.length,
      gated,
      turn: {
        ...row,
        shard,
        newBuyers: this.#news.newBuyers,
        offeredTo: this.#news.offeredTo,
        notices: this.#news.notices(),
        hash: rowHash(row),
      },
    };
  }

  #handle(waiting: Waiting, events: ShowEvent[], seq: number, at: number, now: number): Gated {
    const { message, deadline } = waiting;
    // Not against `at`: after a restart the clock may be behind the journal, and nothing would be in time.
    if (deadline < now) return { waiting, answer: TOO_LATE, changed: false };
    // What it leads to could not be read by every node yet.
    if (formatOf(message) > this.#options.format()) return { waiting, answer: UPGRADING, changed: false };
    if (isQuestion(message)) return { waiting, answer: answerQuestion(this.#show, message, at), changed: false };
    const before = events.length;
    this.#show.comingHall = waiting.comingHall ?? null;
    const decision = this.#decide(message, events, seq, at);
    this.#show.comingHall = null;
    if (decision.kind === 'replay') return { waiting, replay: decision };
    const changed = events.length > before;
    if (changed && 'once' in message)
      return { waiting, answer: answerOfEvent(this.#show, events[before], at), changed };
    if (decision.kind === 'refused')
      return { waiting, answer: { ok: false, refusal: decision.refusal, replayed: false }, changed };
    return { waiting, answer: answerOfCommand(this.#show, message, at), changed };
  }

  #decide(command: Command, events: ShowEvent[], seq: number, at: number): Decision {
    const decision = this.#options.rules.decide(this.#show, command, at);
    if (decision.kind !== 'replay' && decision.event !== null) this.#record(decision.event, events, seq, at);
    return decision;
  }

  #record(event: ShowEvent, events: ShowEvent[], seq: number, at: number): void {
    this.#options.rules.apply(this.#show, event, seq, events.length, at);
    events.push(event);
    this.#news.note(event);
  }

  #answer(one: Gated, owed: OwedAnswers): void {
    if ('answer' in one) {
      owed.give(one.waiting, one.answer);
    } else {
      owed.handOver(one.waiting);
      void this.#answerAgain(one.waiting, one.replay.seq, one.replay.ordinal);
    }
  }

  /**
   * Nothing of a fenced turn was kept; of an unknown one nobody knows, so only those it did not concern hear "not begun".
   * What an earlier turn answered is durable, whatever became of this one; what came too late stays so.
   */
  #answerLost(
    gated: readonly Gated[],
    owed: OwedAnswers,
    seq: number,
    outcome: Exclude<AppendOutcome, 'durable'>,
  ): void {
    for (const one of gated) {
      const isReplay = 'replay' in one;
      if (isReplay ? one.replay.seq < seq : one.answer === TOO_LATE) this.#answer(one, owed);
      else owed.give(one.waiting, outcome === 'unknown' && (isReplay || one.changed) ? UNKNOWN : MOVES);
    }
  }

  /** Tells the first answer again, from the journal that keeps it. */
  async #answerAgain(waiting: Waiting, seq: number, ordinal: number): Promise<void> {
    let answer = UNREADABLE;
    try {
      const row = await this.#options.journal.readRow(this.#show.id, seq);
      if (row === null) throw new Error(`row ${seq} of ${this.#show.id} is gone`);
      const event = (JSON.parse(row.events) as ShowEvent[])[ordinal];
      answer = { ...answerOfEvent(this.#show, event, row.at), replayed: true };
    } catch {
      // Whoever asks again may have more luck.
    }
    waiting.answer(answer);
  }
}

/** Whether this only reads. */
export function isQuestion(message: Command | Question): message is Question {
  return message.type.startsWith('get-') || message.type.startsWith('list-');
}
