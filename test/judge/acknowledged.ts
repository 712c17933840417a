import { isSameSet } from './answers.ts';
import type { Findings } from './findings.ts';
import type { AreaQuantity, OrderOperation, TicketLine } from './history.ts';
import type { JournalOrder, JournalState, JournalTicket } from './journal-state.ts';
import type { Cases, Entry, HoldFile, OrderFile } from './show-file.ts';
import { countUpTo } from './sorted-times.ts';
import type { Witness } from './witness.ts';

/*
 * What clients were told against the journal: everything that was acknowledged is there, with the same content (I3), for
 * the same client (I14); refusals and reads were true at some position
 * between question and answer (I7).
 */

export function judgeAcknowledged(witness: Witness, cases: Cases, findings: Findings): void {
  const { state } = witness;
  for (const hold of cases.holds.values()) judgeHold(state, hold, findings);
  for (const order of cases.orders.values()) judgeOrder(witness, order, findings);
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

const placesOf = (areas: readonly AreaQuantity[]): string[] => areas.map(({ id, quantity }) => `${quantity} of ${id}`);

function judgeHold(state: JournalState, hold: HoldFile, findings: Findings): void {
  const { id, made } = hold;
  const kept = state.holds.get(id);
  if (made !== null) {
    const { n, line } = made;
    if (kept === undefined) {
      findings.add('I3', `hold ${id} of ${line.client} was acknowledged, and is not in the journal`, n);
      return;
    }
    if (kept.client !== line.client)
      findings.add('I14', `hold ${id} is ${kept.client}'s, and ${line.client} was told of it`, n, kept.n);
    const { plan } = state;
    const seats = kept.seats.map((seat) => plan.seats[seat]);
    const areas = kept.areas.map(({ area, quantity }) => ({ id: area.id, quantity }));
    if (!isSameSet(seats, line.seats ?? []) || !isSameSet(placesOf(areas), placesOf(line.areas ?? [])))
      findings.add(
        'I3',
        `hold ${id} was told as ${[...(line.seats ?? []), ...placesOf(line.areas ?? [])]}, the journal has ${[...seats, ...placesOf(areas)]}`,
        n,
        kept.n,
      );
    if (line.expires !== undefined && line.expires !== kept.untils[0])
      findings.add(
        'I3',
        `hold ${id} was told to expire at ${line.expires}, the journal has ${kept.untils[0]}`,
        n,
        kept.n,
      );
  }
  for (const { n, line } of hold.extends) {
    if (line.outcome !== 'ok') continue;
    if (kept === undefined || (line.expires !== undefined && !kept.untils.includes(line.expires)))
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

const essence = (ticket: TicketLine): string =>
  `${ticket.id} ${ticket.seat ?? ''} ${ticket.area ?? ''} ${ticket.price}`;

const linesOf = ({ tickets }: JournalOrder): readonly JournalTicket[] =>
  tickets.filter(({ isSuccessor }) => isSuccessor !== true);

function judgeOrderMade(kept: JournalOrder | undefined, { n, line }: Entry<OrderOperation>, findings: Findings): void {
  if (kept === undefined) {
    findings.add('I3', `order ${line.order} of ${line.client} was acknowledged, and is not in the journal`, n);
    return;
  }
  if (kept.hold.client !== line.client)
    findings.add('I14', `order ${line.order} is ${kept.hold.client}'s, and ${line.client} was told of it`, n, kept.n);
  if (kept.hold.id !== line.hold)
    findings.add('I3', `order ${line.order} is of hold ${kept.hold.id}, not of ${line.hold}`, n, kept.n);
  if (line.tickets !== undefined && !isSameSet(line.tickets.map(essence), linesOf(kept).map(essence)))
    findings.add('I3', `order ${line.order} was told with other tickets than the journal has`, n, kept.n);
  if (line.total !== undefined && line.total !== kept.total)
    findings.add('I3', `order ${line.order} was told to cost ${line.total}, the journal has ${kept.total}`, n, kept.n);
}

function judgeOrder(witness: Witness, order: OrderFile, findings: Findings): void {
  const { state, timeline } = witness;
  const kept = state.orders.get(order.id);
  if (order.made !== null) judgeOrderMade(kept, order.made, findings);
  const wasPaid = kept?.told.some(({ state: status }) => status === 'paid') === true;
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
        ? (line.tickets ?? []).every((id) => state.tickets.get(id)?.state === 'refunded')
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
    const isTrue = kept?.told.some(
      ({ since, state: status }, i) =>
        status === line.state && since <= last && (kept.told[i + 1]?.since ?? Number.POSITIVE_INFINITY) > first,
    );
    if (isTrue !== true)
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
  for (const { n, line } of cases.refusedHolds) {
    if (line.taken === undefined || line.to === undefined || line.taken.length === 0) continue;
    const { first, last } = timeline.between(line.from, line.to);
    for (const id of line.taken) {
      if (blocked.size > 0 && blocked.has(id)) continue;
      const turns = state.turns[state.seatIndex.get(id) ?? -1] ?? [];
      const turn = countUpTo(turns, first);
      // Taken at the first position, or by a turn that comes after it.
      if (turn % 2 === 0 && !(turns[turn] <= last))
        findings.add(
          'I7',
          `${line.client} was refused seat ${id} as taken, which was free all that time in the journal`,
          n,
        );
    }
  }
}
