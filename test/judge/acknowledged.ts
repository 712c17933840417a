import { isSameSet } from './asked.ts';
import type { Findings } from './findings.ts';
import type { AreaQuantity, HoldOperation, OrderOperation, OrderStatus, TicketLine } from './history.ts';
import type { JournalHold, JournalOrder, JournalState, JournalTicket } from './journal-state.ts';
import { TimeLists } from './lists.ts';
import type { Cases, Entry, HoldFile, OrderFile } from './show-file.ts';
import type { Witness } from './witness.ts';

/*
 * What clients were told against the journal: everything that was acknowledged is there, with the same content (I3), for
 * the same client (I14); refusals and reads were true at some position
 * between question and answer (I7).
 */

export function judgeAcknowledged(witness: Witness, cases: Cases, findings: Findings): void {
  const { state } = witness;
  for (const hold of cases.holds.all) judgeHold(state, cases, hold, findings);
  for (const order of cases.orders.all) judgeOrder(witness, order, findings);
  for (const { n, line } of cases.showCancels) {
    if (line.outcome === 'ok' && state.cancelledAt === 0)
      findings.add('I3', 'the show was called off, and the journal has nothing of it', n);
  }
  for (const { n, line } of cases.stocks) {
    if (line.outcome === 'ok' && line.key !== undefined && !witness.state.changes.has(line.key))
      findings.add('I3', `a change of the stock by ${line.client} was acknowledged, and is not in the journal`, n);
  }
  for (const { n, line } of cases.reschedules) {
    if (line.outcome !== 'ok' || line.revision === undefined) continue;
    const { onSale, offSale } = state.saleTimes[line.revision] ?? {};
    if (line.onSale !== onSale || line.offSale !== offSale)
      findings.add(
        'I3',
        `the show was told to sell from ${line.onSale} until ${line.offSale}, the journal has ${onSale} and ${offSale}`,
        n,
      );
  }
  judgeTaken(witness, cases, findings);
}

const NO_PLACES: readonly string[] = [];

function placesOf(areas: readonly AreaQuantity[]): readonly string[] {
  return areas.length === 0 ? NO_PLACES : areas.map(({ id, quantity }) => `${quantity} of ${id}`);
}

function judgeHold(state: JournalState, cases: Cases, hold: HoldFile, findings: Findings): void {
  const { id, made } = hold;
  const kept = state.holds[hold.number];
  if (made !== null) {
    const { n, line } = made;
    if (kept === undefined) {
      findings.add('I3', `hold ${id} of ${line.client} was acknowledged, and is not in the journal`, n);
      return;
    }
    if (kept.client !== line.client)
      findings.add('I14', `hold ${id} is ${kept.client}'s, and ${line.client} was told of it`, n, kept.n);
    if (!hasSeats(cases, hold, kept)) judgePlaces(state, made, kept, findings);
    if (line.expires !== undefined && line.expires !== kept.firstUntil)
      findings.add(
        'I3',
        `hold ${id} was told to expire at ${line.expires}, the journal has ${kept.firstUntil}`,
        n,
        kept.n,
      );
  }
  for (const { n, line } of hold.extends) {
    if (line.outcome !== 'ok') continue;
    if (kept === undefined || (line.expires !== undefined && !hadEnd(kept, line.expires)))
      findings.add(
        'I3',
        `hold ${id} was extended to ${line.expires ?? line.until}, and the journal has nothing of it`,
        n,
        kept?.n ?? 0,
      );
  }
  for (const { n, line } of hold.releases) {
    if (line.outcome === 'ok' && kept?.state !== 'released')
      findings.add('I3', `hold ${id} was released, and in the journal is ${kept?.state ?? 'unknown'}`, n, kept?.n ?? 0);
  }
}

function hadEnd({ firstUntil, laterUntils }: JournalHold, until: number): boolean {
  return until === firstUntil || laterUntils?.includes(until) === true;
}

/** Whether the hold was told as the journal has it: with these seats, in the same order, and nothing else; most are. */
function hasSeats({ made }: Cases, { place }: HoldFile, { seats, areas }: JournalHold): boolean {
  const from = made.seatsFrom(place);
  if (areas.length + made.areas[place].length > 0 || made.seatsTo.at(place) - from !== seats.length) return false;
  for (let i = 0; i < seats.length; i++) if (made.seats.at(from + i) !== seats[i]) return false;
  return true;
}

/** The hold was told with the places that the journal has. */
function judgePlaces(
  { plan }: JournalState,
  { n, line }: Entry<HoldOperation>,
  kept: JournalHold,
  findings: Findings,
): void {
  const seats = kept.seats.map((seat) => plan.seats[seat]);
  const areas = placesOf(kept.areas.map(({ area, quantity }) => ({ id: area.id, quantity })));
  const told = placesOf(line.areas ?? []);
  if (isSameSet(seats, line.seats ?? []) && isSameSet(areas, told)) return;
  findings.add(
    'I3',
    `hold ${line.hold} was told as ${[...(line.seats ?? []), ...told]}, the journal has ${[...seats, ...areas]}`,
    n,
    kept.n,
  );
}

/** Whether the order was made of these lines. */
function hasLines({ tickets }: JournalOrder, told: readonly TicketLine[]): boolean {
  if (tickets.length === told.length && told.every((line, i) => isOf(line, tickets[i]))) return true;
  const kept = tickets.filter(({ isSuccessor }) => isSuccessor !== true);
  return isSameSet(told.map(essence), kept.map(essence));
}

/** Most often they are in the same order, and none was given away since. */
function isOf({ id, seat, area, price }: TicketLine, kept: JournalTicket): boolean {
  return kept.id === id && kept.seat === seat && kept.area === area && kept.price === price && !kept.isSuccessor;
}

const essence = (ticket: TicketLine | JournalTicket): string =>
  `${ticket.id} ${ticket.seat ?? ''} ${ticket.area ?? ''} ${ticket.price}`;

function judgeOrderMade(kept: JournalOrder | undefined, { n, line }: Entry<OrderOperation>, findings: Findings): void {
  if (kept === undefined) {
    findings.add('I3', `order ${line.order} of ${line.client} was acknowledged, and is not in the journal`, n);
    return;
  }
  if (kept.hold.client !== line.client)
    findings.add('I14', `order ${line.order} is ${kept.hold.client}'s, and ${line.client} was told of it`, n, kept.n);
  if (kept.hold.id !== line.hold)
    findings.add('I3', `order ${line.order} is of hold ${kept.hold.id}, not of ${line.hold}`, n, kept.n);
  if (line.tickets !== undefined && !hasLines(kept, line.tickets))
    findings.add('I3', `order ${line.order} was told with other tickets than the journal has`, n, kept.n);
  if (line.total !== undefined && line.total !== kept.total)
    findings.add('I3', `order ${line.order} was told to cost ${line.total}, the journal has ${kept.total}`, n, kept.n);
}

/** Whether the client was to be told of this state at some position from `first` to `last`. */
function wasTold(order: JournalOrder | undefined, state: OrderStatus, first: number, last: number): boolean {
  let until = Number.POSITIVE_INFINITY;
  for (let told = order?.told ?? null; told !== null && until > first; told = told.before) {
    if (told.state === state && told.since <= last) return true;
    until = told.since;
  }
  return false;
}

function judgeOrder(witness: Witness, order: OrderFile, findings: Findings): void {
  const { state, timeline } = witness;
  const kept = state.orders[order.number];
  if (order.made !== null) judgeOrderMade(kept, order.made, findings);
  const wasPaid = wasTold(kept, 'paid', 0, Number.POSITIVE_INFINITY);
  for (const { n, line } of order.pays) {
    if (line.outcome === 'ok' && !wasPaid)
      findings.add(
        'I3',
        `order ${order.id} was told to be paid, and in the journal is ${kept?.state ?? 'unknown'}`,
        n,
        kept?.n ?? 0,
      );
  }
  for (const { n, line } of order.cancels) {
    if (line.outcome === 'ok' && kept?.state !== 'cancelled')
      findings.add(
        'I3',
        `order ${order.id} was cancelled, and in the journal is ${kept?.state ?? 'unknown'}`,
        n,
        kept?.n ?? 0,
      );
  }
  for (const { n, line } of order.refunds) {
    if (line.outcome !== 'ok') continue;
    const refund = line.refund === undefined ? undefined : state.refunds.get(line.refund);
    const isKept =
      line.refund === undefined
        ? (line.tickets ?? []).every((id) => state.ticket(id)?.state === 'refunded')
        : refund?.order.id === order.id &&
          (line.tickets === undefined ||
            isSameSet(
              line.tickets,
              refund.tickets.map(({ id }) => id),
            ));
    if (!isKept)
      findings.add(
        'I3',
        `a refund of order ${order.id} was acknowledged, and is not so in the journal`,
        n,
        refund?.n ?? 0,
      );
  }
  for (const { n, line } of order.reads) {
    if (line.outcome !== 'ok' || line.to === undefined || line.state === undefined) continue;
    const { first, last } = timeline.between(line.from, line.to);
    if (!wasTold(kept, line.state, first, last))
      findings.add(
        'I7',
        `order ${order.id} was shown as ${line.state}, which it was not at that time in the journal`,
        n,
        kept?.n ?? 0,
      );
  }
}

/** A seat that a refusal names as taken was taken at some position between question and answer. */
function judgeTaken({ state, timeline }: Witness, cases: Cases, findings: Findings): void {
  const blocked = new Set(state.plan.blocked);
  const { begins, items } = state.turns.of(state.plan.seats.length);
  const turns = new TimeLists(begins, items);
  const { lines, n, from, to, seats, seatsTo } = cases.refusedHolds;
  let next = 0;
  for (let i = 0; i < n.length; i++) {
    const { first, last } = timeline.between(from.at(i), to.at(i));
    const begin = next;
    next = seatsTo.at(i);
    for (let j = begin; j < next; j++) {
      const seat = seats.at(j);
      const turn = seat < 0 ? 0 : turns.endUpTo(seat, first);
      // Taken at the first position, or by a turn that comes after it.
      if (seat >= 0 && ((turn - begins[seat]) % 2 !== 0 || (turn < begins[seat + 1] && items[turn] <= last))) continue;
      const { client, taken = [] } = lines[i];
      const id = taken[j - begin];
      if (blocked.has(id)) continue;
      findings.add(
        'I7',
        `${client} was refused seat ${id} as taken, which was free all that time in the journal`,
        n.at(i),
      );
    }
  }
}
