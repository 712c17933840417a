import type { Findings } from './findings.ts';
import type { Operation, PlanLine, RowEvent } from './history.ts';
import type { Cases, Entry } from './show-file.ts';
import type { Timeline } from './timeline.ts';

const EVER = Number.POSITIVE_INFINITY;

type KeyedEvent = Extract<
  RowEvent,
  { event: 'held' | 'ordered' | 'refunding' | 'transferred' | 'listed' | 'admitted' | 'stock-changed' | 'refused' }
>;

/**
 * Who asked for each event of the journal, and when that was answered: gives each its place in the timeline. A key takes
 * effect or is refused once (I4), as it was told (I3), and nothing happens that nobody asked for.
 */
export class Askers {
  readonly #plan: PlanLine;
  readonly #cases: Cases;
  readonly #timeline: Timeline;
  readonly #findings: Findings;
  /** By the key's number among those that were used: the row that answered it last, and its time if answers are forgotten. */
  readonly #answeredIn: Int32Array;
  readonly #answeredAt: Float64Array;
  /** The same of keys that nobody is known to have used. */
  readonly #otherKeys = new Map<string, { readonly n: number; readonly at: number }>();

  /** How often the times of sale were moved so far. */
  #revision = 0;

  constructor(plan: PlanLine, cases: Cases, timeline: Timeline, findings: Findings) {
    this.#plan = plan;
    this.#cases = cases;
    this.#timeline = timeline;
    this.#findings = findings;
    this.#answeredIn = new Int32Array(cases.keyed.size);
    this.#answeredAt = new Float64Array(plan.keysKept === undefined ? 0 : cases.keyed.size);
  }

  /** Adds the next event, of line `n`, at `at` on the server's clock, to the timeline. */
  note(event: RowEvent, n: number, at = 0): void {
    const cases = this.#cases;
    switch (event.event) {
      case 'refused':
        this.#noteKeyed(null, event, n, at);
        return;
      case 'held':
        this.#noteKeyed(cases.holds.find(event.hold)?.made ?? null, event, n, at);
        return;
      case 'ordered':
        this.#noteKeyed(cases.orders.find(event.order)?.made ?? null, event, n, at);
        return;
      case 'refunding':
      case 'transferred':
      case 'listed':
      case 'admitted':
      case 'stock-changed':
        this.#noteKeyed(null, event, n, at);
        return;
      case 'extended': {
        const entries = cases.holds.find(event.hold)?.extends ?? [];
        const told = entries.filter(
          ({ line }) => line.outcome !== 'ok' || (line.expires ?? event.until) === event.until,
        );
        this.#noteAsked(told, event.event, event.hold, n);
        return;
      }
      case 'released':
        this.#noteAsked(cases.holds.find(event.hold)?.releases ?? [], event.event, event.hold, n);
        return;
      case 'cancelled':
        this.#noteAsked(cases.orders.find(event.order)?.cancels ?? [], event.event, event.order, n);
        return;
      case 'show-cancelled':
        this.#noteAsked(cases.showCancels, event.event, this.#plan.plan, n);
        return;
      case 'rescheduled': {
        const revision = ++this.#revision;
        const told = cases.reschedules.filter(({ line }) => (line.revision ?? revision) === revision);
        this.#noteAsked(told, event.event, this.#plan.plan, n);
        return;
      }
      case 'scanned': {
        const scans = new Set(event.scans.map(({ ticket, at: when }) => `${ticket} ${when}`));
        const told = cases.uploads.filter(
          ({ line }) => line.gate === event.gate && line.scans.some((scan) => scans.has(`${scan.ticket} ${scan.at}`)),
        );
        this.#noteAsked(told, event.event, event.scans[0]?.ticket ?? '', n);
        return;
      }
      case 'admission-undone':
        // Which of several undos it was, nobody was told.
        this.#noteAsked(cases.doors.get(event.ticket)?.undos ?? [], event.event, event.ticket, n, false);
        return;
      case 'captured': {
        this.#noteNobody();
        for (const pay of cases.orders.find(event.order)?.pays ?? []) {
          if (pay.line.outcome === 'ok' && pay.line.to !== undefined) this.#timeline.sawLast(pay.line.to, pay.n);
        }
        return;
      }
      default:
        this.#noteNobody();
    }
  }

  #noteNobody(): void {
    this.#timeline.add(Number.NEGATIVE_INFINITY, EVER, 0);
  }

  /** An event that one intention made: known by what it was told, or by its key. */
  #noteKeyed(made: Entry<Operation> | null, event: KeyedEvent, n: number, at: number): void {
    const { key } = event;
    const { keyed } = this.#cases;
    const number = key === undefined ? -1 : keyed.find(key);
    if (key !== undefined) this.#judgeOnce(key, number, n, at);
    if (made === null && number < 0) {
      // A refund without a key is the show's own doing.
      if (key !== undefined && keyed.size > 0 && this.#plan.partial !== true)
        this.#findings.add('I4', `journal: ${event.event} under key ${key}, which nobody used`, n);
      this.#noteNobody();
      return;
    }
    const asker = made?.line ?? keyed.line(number);
    const askerN = made?.n ?? keyed.n(number);
    this.#judgeTold(asker, askerN, event, n);
    const { from, to = EVER, outcome } = asker;
    this.#timeline.add(from, outcome === 'unknown' ? EVER : to, askerN);
  }

  /** `number`: the key's among those that were used, or -1. */
  #judgeOnce(key: string, number: number, n: number, at: number): void {
    const { keysKept } = this.#plan;
    let before = 0;
    let beforeAt = 0;
    if (number < 0) {
      const other = this.#otherKeys.get(key);
      before = other?.n ?? 0;
      beforeAt = other?.at ?? 0;
      this.#otherKeys.set(key, { n, at });
    } else {
      before = this.#answeredIn[number];
      this.#answeredIn[number] = n;
      if (keysKept !== undefined) {
        beforeAt = this.#answeredAt[number];
        this.#answeredAt[number] = at;
      }
    }
    if (before !== 0 && (keysKept === undefined || at - beforeAt < keysKept))
      this.#findings.add('I4', `journal: key ${key} takes effect or is refused twice`, before, n);
  }

  /** What the journal has under a key is what its client was told. */
  #judgeTold({ client, op, outcome, code }: Operation, told: number, event: KeyedEvent, n: number): void {
    if (outcome === 'unknown' || code === 'IDEMPOTENCY_KEY_REUSED') return;
    if (event.event !== 'refused') {
      if (outcome === 'refused')
        this.#findings.add('I3', `${client} was refused (${code ?? op}), and it took effect: ${event.event}`, told, n);
    } else if (outcome === 'ok') {
      this.#findings.add(
        'I3',
        `${op} of ${client} was acknowledged, and the journal refuses it (${event.code})`,
        told,
        n,
      );
    } else if (code !== undefined && code !== event.code) {
      this.#findings.add(
        'I4',
        `${op} of ${client} was refused with ${code}, in the journal with ${event.code}`,
        told,
        n,
      );
    }
  }

  /** An event that any of these may have asked for; it was there when the first of them was told so. */
  #noteAsked(entries: readonly Entry<Operation>[], what: string, id: string, n: number, isSeen = true): void {
    let asked = EVER;
    let askedBy = 0;
    let seen = EVER;
    let seenBy = 0;
    for (const { n: by, line } of entries) {
      if (line.outcome === 'refused') continue;
      if (line.from < asked) {
        asked = line.from;
        askedBy = by;
      }
      if (line.outcome === 'ok' && line.to !== undefined && line.to < seen) {
        seen = line.to;
        seenBy = by;
      }
    }
    if (askedBy > 0) this.#timeline.add(asked, EVER, askedBy);
    else this.#noteNobody();
    if (seenBy > 0 && isSeen) this.#timeline.sawLast(seen, seenBy);
    if (askedBy > 0 || this.#plan.partial === true) return;
    const refused = entries[0]?.n ?? 0;
    this.#findings.add('I3', `journal: ${id} is ${what}, though nobody asked for it or was told so`, refused, n);
  }
}
