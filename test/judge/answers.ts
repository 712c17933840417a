import { isSameSet, judgeMade } from './asked.ts';
import { knownPaid, type Lives, mayBeTakenBack, PAID } from './claims.ts';
import type { Findings } from './findings.ts';
import type {
  ExtendOperation,
  HoldOperation,
  Operation,
  OrderOperation,
  OrderStatus,
  ReleaseOperation,
  SeenTicket,
  TicketLine,
} from './history.ts';
import type { Cases, Entry, HoldFile, OrderFile } from './show-file.ts';

/*
 * What answers say by themselves and of each other, whatever the seats: that they fit what was asked (I8), that one key
 * has one answer (I4), that nobody is told of another's things (I14), that what was acknowledged stays (I3), and that no
 * hold is said to have ended early (I9).
 */

/** Refusals that decided nothing: the same key may be answered otherwise later. */
const UNDECIDED: readonly (string | undefined)[] = [
  'IDEMPOTENCY_KEY_REUSED',
  'OVERLOADED',
  'UNAVAILABLE',
  'OUTCOME_UNKNOWN',
  'TOO_MANY_REQUESTS',
  'REQUEST_TIMEOUT',
  'INTERNAL',
];

export function judgeAnswers(cases: Cases, lives: Lives, findings: Findings): void {
  judgeKeys(cases, findings);
  const owners = new TicketOwners(cases.tickets.size);
  for (const hold of cases.holds.all) {
    if (!hold.isAsAsked) judgeMade(hold, findings);
    judgeHold(hold, lives, findings);
  }
  for (const order of cases.orders.all) {
    judgeOrder(cases, order, findings);
    owners.add(order, findings);
  }
  if (cases.ticketReads.length === 0) return;
  for (const { n, line: read } of cases.ticketReads) {
    for (const seen of read.tickets ?? []) {
      const ticket = cases.tickets.find(seen.id);
      const made = ticket < 0 ? undefined : owners.orders[ticket]?.made;
      if (made === undefined || made === null) continue;
      if (made.line.client !== read.client && read.all !== true)
        findings.add('I14', `${read.client} was shown ticket ${seen.id}, which is ${made.line.client}'s`, made.n, n);
      const { seat } = owners.lines[ticket];
      if (seat !== seen.seat)
        findings.add('I3', `ticket ${seen.id} was for seat ${seat}, then for ${seen.seat}`, made.n, n);
    }
  }
  judgeMissingTickets(cases, findings);
}

/** The order that was told with a ticket, and its line there; by the ticket's number. */
class TicketOwners {
  readonly orders: (OrderFile | undefined)[];
  readonly lines: TicketLine[];

  constructor(tickets: number) {
    this.orders = new Array<OrderFile | undefined>(tickets).fill(undefined);
    this.lines = new Array<TicketLine>(tickets);
  }

  add(order: OrderFile, findings: Findings): void {
    const { made, tickets } = order;
    if (made === null) return;
    const told = made.line.tickets ?? [];
    for (let i = 0; i < tickets.length; i++) {
      const number = tickets[i];
      const before = this.orders[number];
      if (before !== undefined)
        findings.add('I1', `ticket ${told[i].id} is of ${before.id} and of ${order.id}`, before.made?.n ?? 0, made.n);
      this.orders[number] = order;
      this.lines[number] = told[i];
    }
  }
}

function judgeKeys(cases: Cases, findings: Findings): void {
  const { keyed } = cases;
  for (const { n, line } of keyed.repeated) {
    const number = keyed.find(line.key ?? '');
    const first = keyed.line(number);
    if (line.outcome === 'unknown' || first.outcome === 'unknown') continue;
    if (UNDECIDED.includes(line.code) || UNDECIDED.includes(first.code)) continue;
    if (contentOf(first) !== contentOf(line))
      findings.add(
        'I4',
        `key ${line.key} was answered in two ways: ${contentOf(first)}, ${contentOf(line)}`,
        keyed.n(number),
        n,
      );
  }
  for (const { n, line } of cases.madeAgain) {
    const first = line.op === 'hold' ? cases.holds.find(line.hold ?? '') : undefined;
    const made = first?.made ?? (line.op === 'order' ? cases.orders.find(line.order ?? '')?.made : undefined);
    if (made === undefined || made === null || (line.key !== undefined && made.line.key === line.key)) continue;
    const id = line.op === 'hold' ? line.hold : line.op === 'order' ? line.order : '';
    if (made.line.client === line.client) findings.add('I4', `${id} was made by two operations`, made.n, n);
    else findings.add('I14', `${id} was made for ${made.line.client} and for ${line.client}`, made.n, n);
  }
}

/** What a retry must hear again. */
function contentOf(line: Operation): string {
  const { op, outcome, code } = line;
  switch (op) {
    case 'hold':
      return JSON.stringify([op, outcome, code, line.hold, line.seats, line.areas, line.expires, line.total]);
    case 'order':
      return JSON.stringify([op, outcome, code, line.order, line.tickets, line.total]);
    case 'refund':
      return JSON.stringify([op, outcome, code, line.refund]);
    case 'admit':
      return JSON.stringify([op, outcome, code, line.ticket, line.admittedAt, line.gate]);
    default:
      return JSON.stringify([op, outcome, code]);
  }
}

function judgeHold(hold: HoldFile, lives: Lives, findings: Findings): void {
  const { id, made } = hold;
  if (made === null || hold.extends.length + hold.releases.length + hold.orders.length === 0) return;
  judgeUses(hold, made, hold.extends, lives, findings);
  judgeUses(hold, made, hold.releases, lives, findings);
  judgeUses(hold, made, hold.orders, lives, findings);
  let ordered = 0;
  for (const { n, line } of hold.orders) {
    if (line.outcome !== 'ok' || line.order === undefined) continue;
    if (line.order !== hold.order?.id || ++ordered > 1) {
      if (line.key === undefined || line.key !== hold.order?.made?.line.key)
        findings.add('I4', `hold ${id} was ordered twice`, n, hold.order?.made?.n ?? 0);
    }
    const tickets = line.tickets ?? [];
    if (!isWhole(made.line, tickets))
      findings.add('I8', `order ${line.order} is not for what hold ${id} has`, made.n, n);
    const sum = tickets.reduce((total, { price }) => total + price, 0);
    if (line.total !== undefined && line.total !== sum)
      findings.add('I10', `order ${line.order} costs ${line.total}, its tickets ${sum}`, n);
  }
}

/** What was asked of a hold after it was made. */
function judgeUses(
  { id, number, order }: HoldFile,
  made: Entry<HoldOperation>,
  uses: readonly Entry<ExtendOperation | ReleaseOperation | OrderOperation>[],
  lives: Lives,
  findings: Findings,
): void {
  const { client, from, to: madeAt = from } = made.line;
  for (let i = 0; i < uses.length; i++) {
    const { n, line } = uses[i];
    if (line.client !== client) {
      if (line.outcome === 'ok')
        findings.add('I14', `${line.client} could ${line.op} hold ${id}, which is ${client}'s`, made.n, n);
      continue;
    }
    const isToldAgain = line.op === 'order' && line.order === order?.id && n !== order?.made?.n;
    if (line.outcome === 'ok' && line.op !== 'release' && !isToldAgain && lives.over[number] < line.from)
      findings.add('I7', `hold ${id} could be used (${line.op}) after it had ended`, made.n, n);
    if (line.outcome !== 'refused' || line.to === undefined) continue;
    const isAlive = madeAt < line.from && line.to < lives.sureUntil[number];
    if (isAlive && line.code === 'NOT_FOUND')
      findings.add('I3', `hold ${id} was acknowledged, and then not found`, made.n, n);
    if (madeAt < line.from && line.to < lives.shownUntil[number] && line.code === 'HOLD_EXPIRED')
      findings.add('I9', `hold ${id} was said to have expired before its time`, made.n, n);
  }
}

/** Whether these lines of an order are for all that a hold has, and for nothing else. */
function isWhole({ seats = [], areas = [] }: HoldOperation, tickets: readonly TicketLine[]): boolean {
  // Most are for seats alone, in their order.
  if (areas.length === 0 && tickets.length === seats.length && seats.every((seat, i) => tickets[i].seat === seat))
    return true;
  const places = areas.flatMap(({ id, quantity }) => Array<string>(quantity).fill(id));
  return isSameSet(
    [...seats, ...places],
    tickets.map(({ seat, area }) => seat ?? area ?? ''),
  );
}

/** States that an order which was seen in this one can have later. */
const LATER: Readonly<Partial<Record<OrderStatus, readonly OrderStatus[]>>> = {
  paid: ['paid', 'partially_refunded', 'refunded'],
  partially_refunded: ['partially_refunded', 'refunded'],
  refunded: ['refunded'],
  cancelled: ['cancelled'],
  expired: ['expired', 'processing', 'paid', 'partially_refunded', 'refunded'],
  processing: ['processing', 'paid', 'partially_refunded', 'refunded', 'cancelled', 'expired'],
};

function judgeOrder(cases: Cases, order: OrderFile, findings: Findings): void {
  const { id, made } = order;
  const client = made?.line.client;
  const madeAt = made?.line.to;
  const held = order.hold?.made ?? null;
  const told = held?.line.total;
  const total = made?.line.total ?? 0;
  // Only what is given away costs something else than its hold: nothing.
  if (told !== undefined && total !== 0 && total !== told)
    findings.add('I3', `order ${id} costs ${total}, its hold was told to cost ${told}`, held?.n ?? 0, made?.n ?? 0);
  for (const entries of [order.cancels, order.pays, order.reads]) {
    for (const { n, line } of entries as readonly Entry<Operation>[]) {
      const isAll = line.op === 'order-state' && line.all === true;
      if (client !== undefined && line.outcome === 'ok' && line.client !== client && !isAll)
        findings.add(
          'I14',
          `${line.client} was answered ${line.op} of order ${id}, which is ${client}'s`,
          made?.n ?? 0,
          n,
        );
      if (madeAt !== undefined && line.client === client && line.code === 'NOT_FOUND' && madeAt < line.from)
        findings.add('I3', `order ${id} was acknowledged, and then not found`, made?.n ?? 0, n);
    }
  }
  if (order.pays.length + order.cancels.length + order.reads.length > 1) judgeStates(cases, order, findings);
}

interface Seen {
  readonly state: OrderStatus;
  readonly from: number;
  readonly to: number;
  readonly isPay: boolean;
  readonly n: number;
}

/** Of any two sights of an order, one after the other, the second can follow from the first. */
function judgeStates(cases: Cases, order: OrderFile, findings: Findings): void {
  const seen: Seen[] = [];
  const see = (state: OrderStatus, { n, line }: Entry<Operation>): void => {
    if (line.outcome === 'ok' && line.to !== undefined)
      seen.push({ state, from: line.from, to: line.to, isPay: line.op === 'pay', n });
  };
  for (const entry of order.pays) see('paid', entry);
  for (const entry of order.cancels) see('cancelled', entry);
  for (const entry of order.reads) if (entry.line.state !== undefined) see(entry.line.state, entry);
  // The earliest sight of each state is enough to hold the others against; there are seven.
  const first = new Map<OrderStatus, Seen>();
  for (const each of seen)
    if (each.to < (first.get(each.state)?.to ?? Number.POSITIVE_INFINITY)) first.set(each.state, each);
  // A refund says only that not all is left; told again, it says so of a time before.
  for (const { n, line } of order.refunds) {
    const known = first.get('partially_refunded')?.to ?? Number.POSITIVE_INFINITY;
    if (line.outcome === 'ok' && line.to !== undefined && line.to < known)
      first.set('partially_refunded', { state: 'partially_refunded', from: line.from, to: line.to, isPay: false, n });
  }
  const refundable = mayBeTakenBack(cases, order, null);
  for (const each of seen) {
    for (const before of first.values()) {
      if (before.to >= each.from || LATER[before.state]?.includes(each.state) !== false) continue;
      // Whoever pays again for what was paid is told so, whatever became of it since.
      if (each.isPay && before.state !== 'cancelled') continue;
      findings.add('I3', `order ${order.id} was ${before.state}, and later ${each.state}`, before.n, each.n);
    }
    if (each.state !== 'paid' && PAID.includes(each.state) && each.to < refundable)
      findings.add('I7', `order ${order.id} is ${each.state}, though nobody had asked for a refund`, each.n);
  }
}

/** Who has paid sees valid tickets, until they may have been taken back. */
function judgeMissingTickets(cases: Cases, findings: Findings): void {
  const byClient = Map.groupBy(cases.orders.all, (order) => order.made?.line.client ?? '');
  for (const { n, line: read } of cases.ticketReads) {
    if (read.outcome !== 'ok' || read.to === undefined || read.all === true) continue;
    const isValid = ({ status }: SeenTicket): boolean => status === 'valid' || status === 'used';
    const valid = new Set((read.tickets ?? []).filter(isValid).map(({ id }) => id));
    for (const order of byClient.get(read.client) ?? []) {
      if (order.made === null || knownPaid(order) >= read.from) continue;
      for (const { id } of order.made.line.tickets ?? []) {
        if (!valid.has(id) && read.to < mayBeTakenBack(cases, order, id))
          findings.add(
            'I3',
            `ticket ${id} of ${read.client} was paid, and is not among the valid ones`,
            order.made.n,
            n,
          );
      }
    }
  }
}
