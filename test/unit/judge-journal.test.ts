import { describe, expect, test } from 'vitest';
import type { HistoryLine, Invariant, PlanLine, RowEvent, RowLine } from '../judge/history.ts';
import {
  became,
  cancels,
  extendsTo,
  holds,
  invariantsOf,
  journal,
  keyed,
  meetsTaken,
  orders,
  PLAN,
  PRICE,
  pays,
  reads,
  refunds,
  refused,
  releases,
  restocks,
  SHOW,
  sees,
  sellsUntil,
  verdictOn,
  wasHeld,
  wasOrdered,
  wasReleased,
  wasRescheduled,
  wasRestocked,
} from '../support/told-stories.ts';

/** What clients tell and the journal beside it. Of each story one that can be true, and one that cannot. */
interface Story {
  readonly name: string;
  readonly good: readonly HistoryLine[];
  readonly bad: readonly HistoryLine[];
  readonly broken: Invariant;
  readonly plan?: PlanLine;
}

const ann = holds('ann', 'h1', 'A1', [0, 10]);
const bob = holds('bob', 'h2', 'A2', [20, 30]);
const annPays = [ann, orders('ann', 'h1', 'o1', 'A1', [12, 14]), pays('ann', 'o1', [16, 18])];
const sold = [
  wasHeld('ann', 'h1', 'A1'),
  wasOrdered('h1', 'o1', 'A1'),
  became('committed', 'o1'),
  became('captured', 'o1'),
];
const standing = (hold: string, quantity: number): RowLine['events'][number] => ({
  event: 'held',
  hold,
  client: 'ann',
  seats: [],
  areas: [{ id: 'floor', quantity }],
  until: 60_000,
});
/** All tickets of this event have the id of the first. */
const sameTickets = (event: RowEvent): RowEvent =>
  event.event === 'ordered'
    ? { ...event, tickets: event.tickets.map((ticket) => ({ ...ticket, id: event.tickets[0].id })) }
    : event;
/** Only the journal is judged. */
const PARTIAL = { ...PLAN, partial: true };
const withGrace = { ...PARTIAL, grace: 5_000 };
const at = (time: number, row: RowLine): RowLine => ({ ...row, at: time });

const STORIES: readonly Story[] = [
  {
    name: 'an acknowledged hold is lost',
    good: [ann, ...journal(wasHeld('ann', 'h1', 'A1'))],
    bad: [ann, ...journal(wasHeld('bob', 'h2', 'A2'))],
    plan: PARTIAL,
    broken: 'I3',
  },
  {
    name: 'a hold is kept with other seats',
    good: [ann, ...journal(wasHeld('ann', 'h1', 'A1'))],
    bad: [ann, ...journal(wasHeld('ann', 'h1', 'A2'))],
    broken: 'I3',
  },
  {
    name: 'a hold is kept for another client',
    good: [ann, ...journal(wasHeld('ann', 'h1', 'A1'))],
    bad: [ann, ...journal(wasHeld('bob', 'h1', 'A1'))],
    broken: 'I14',
  },
  {
    name: 'a hold was told another end',
    good: [{ ...ann, expires: 60_000 }, ...journal(wasHeld('ann', 'h1', 'A1'))],
    bad: [{ ...ann, expires: 60_001 }, ...journal(wasHeld('ann', 'h1', 'A1'))],
    broken: 'I3',
  },
  {
    name: 'a held seat is taken off sale',
    good: [ann, restocks('s', 'A2', '', 0, [20, 30]), ...journal(wasHeld('ann', 'h1', 'A1'), wasRestocked('s', 'A2'))],
    bad: [ann, restocks('s', 'A1', '', 0, [20, 30]), ...journal(wasHeld('ann', 'h1', 'A1'), wasRestocked('s', 'A1'))],
    broken: 'I1',
  },
  {
    name: 'a seat is held that is off sale',
    good: [
      restocks('s', 'A1', '', 0, [0, 10]),
      restocks('t', '', 'A1', 0, [11, 12]),
      ...journal(wasRestocked('s', 'A1'), wasRestocked('t', '', 'A1'), wasHeld('ann', 'h1', 'A1')),
    ],
    bad: [restocks('s', 'A1', '', 0, [0, 10]), ...journal(wasRestocked('s', 'A1'), wasHeld('ann', 'h1', 'A1'))],
    plan: PARTIAL,
    broken: 'I1',
  },
  {
    name: 'an acknowledged end of the sale is not in force',
    good: [
      sellsUntil(50, 1, [0, 10]),
      ann,
      at(20, journal(wasRescheduled(50))[0]),
      at(40, journal(wasRescheduled(50), wasHeld('ann', 'h1', 'A1'))[1]),
    ],
    bad: [
      sellsUntil(50, 1, [0, 10]),
      ann,
      at(20, journal(wasRescheduled(50))[0]),
      at(50, journal(wasRescheduled(50), wasHeld('ann', 'h1', 'A1'))[1]),
    ],
    broken: 'I3',
  },
  {
    name: 'moved times of sale are told as others than the journal has',
    good: [sellsUntil(50, 1, [0, 10]), ...journal(wasRescheduled(50))],
    bad: [sellsUntil(60, 1, [0, 10]), ...journal(wasRescheduled(50))],
    broken: 'I3',
  },
  {
    name: 'moved times of sale are lost',
    good: [sellsUntil(50, 1, [0, 10]), sellsUntil(60, 2, [20, 30]), ...journal(wasRescheduled(50), wasRescheduled(60))],
    bad: [sellsUntil(50, 1, [0, 10]), sellsUntil(60, 2, [20, 30]), ...journal(wasRescheduled(50))],
    broken: 'I3',
  },
  {
    name: 'times of sale are moved that nobody asked for',
    good: [sellsUntil(50, 1, [0]), ...journal(wasRescheduled(50))],
    bad: [ann, ...journal(wasHeld('ann', 'h1', 'A1'), wasRescheduled(50))],
    broken: 'I3',
  },
  {
    name: 'an acknowledged change of the stock is lost',
    good: [ann, restocks('s', 'A2', '', 0, [20, 30]), ...journal(wasHeld('ann', 'h1', 'A1'), wasRestocked('s', 'A2'))],
    bad: [ann, restocks('s', 'A2', '', 0, [20, 30]), ...journal(wasHeld('ann', 'h1', 'A1'))],
    broken: 'I3',
  },
  {
    name: 'a seat that is off sale is shown free',
    good: [restocks('s', 'A1', '', 0, [0, 10]), reads('baaa', [20, 30], 1), ...journal(wasRestocked('s', 'A1'))],
    bad: [restocks('s', 'A1', '', 0, [0, 10]), reads('aaaa', [20, 30], 1), ...journal(wasRestocked('s', 'A1'))],
    broken: 'I7',
  },
  {
    name: 'an area is shown with more places than it has',
    good: [restocks('s', '', '', 2, [0, 10]), reads('aaaa', [20, 30], 1, 5), ...journal(wasRestocked('s', '', '', 2))],
    bad: [restocks('s', '', '', 2, [0, 10]), reads('aaaa', [20, 30], 1, 6), ...journal(wasRestocked('s', '', '', 2))],
    broken: 'I5',
  },
  {
    name: 'an order costs something else than its hold was told',
    good: [{ ...ann, total: PRICE }, ...annPays.slice(1), ...journal(...sold)],
    bad: [{ ...ann, total: PRICE + 1 }, ...annPays.slice(1), ...journal(...sold)],
    broken: 'I3',
  },
  {
    name: 'an acknowledged extension is lost',
    good: [
      ann,
      extendsTo('ann', 'h1', 70_000, [20, 30]),
      ...journal(wasHeld('ann', 'h1', 'A1'), { event: 'extended', hold: 'h1', until: 70_000 }),
    ],
    bad: [ann, extendsTo('ann', 'h1', 70_000, [20, 30]), ...journal(wasHeld('ann', 'h1', 'A1'))],
    broken: 'I3',
  },
  {
    name: 'an acknowledged release is lost',
    good: [ann, releases('ann', 'h1', [20, 30]), ...journal(wasHeld('ann', 'h1', 'A1'), wasReleased('h1'))],
    bad: [ann, releases('ann', 'h1', [20, 30]), ...journal(wasHeld('ann', 'h1', 'A1'))],
    broken: 'I3',
  },
  {
    name: 'an acknowledged order is lost',
    good: [...annPays, ...journal(...sold)],
    bad: [...annPays.slice(0, 2), ...journal(...sold.slice(0, 1))],
    broken: 'I3',
  },
  {
    name: 'an order is kept with other tickets',
    good: [...annPays.slice(0, 2), ...journal(...sold.slice(0, 2))],
    bad: [
      ann,
      { ...orders('ann', 'h1', 'o1', 'A1', [12, 14]), tickets: [{ id: 't', seat: 'A1', price: 100 }] } as HistoryLine,
      ...journal(...sold.slice(0, 2)),
    ],
    broken: 'I3',
  },
  {
    name: 'a payment that was acknowledged is lost',
    good: [...annPays, ...journal(...sold)],
    bad: [...annPays, ...journal(...sold.slice(0, 3))],
    broken: 'I3',
  },
  {
    name: 'an acknowledged cancellation is lost',
    good: [
      ...annPays.slice(0, 2),
      cancels('ann', 'o1', [20, 30]),
      ...journal(...sold.slice(0, 2), became('cancelled', 'o1')),
    ],
    bad: [...annPays.slice(0, 2), cancels('ann', 'o1', [20, 30]), ...journal(...sold.slice(0, 2))],
    broken: 'I3',
  },
  {
    name: 'an acknowledged refund is lost',
    good: [
      ...annPays,
      { ...refunds('o1', [20, 30]), refund: 'r1' } as HistoryLine,
      ...journal(...sold, { event: 'refunding', refund: 'r1', order: 'o1' }),
    ],
    bad: [...annPays, { ...refunds('o1', [20, 30]), refund: 'r1' } as HistoryLine, ...journal(...sold)],
    broken: 'I3',
  },
  {
    name: 'what was refused takes effect',
    good: [
      keyed('k', meetsTaken('ann', 'A2', [20, 30])),
      holds('bob', 'h2', 'A2', [0, 10]),
      ...journal(wasHeld('bob', 'h2', 'A2'), { event: 'refused', code: 'SEATS_TAKEN', key: 'k' }),
    ],
    bad: [
      keyed('k', refused(holds('ann', 'h1', 'A1', [0, 10]), 'NOT_ON_SALE')),
      ...journal(wasHeld('ann', 'h1', 'A1', 'k')),
    ],
    broken: 'I3',
  },
  {
    name: 'what was acknowledged is refused in the journal',
    good: [keyed('k', ann), ...journal(wasHeld('ann', 'h1', 'A1', 'k'))],
    bad: [keyed('k', ann), ...journal(wasHeld('ann', 'h1', 'A1'), { event: 'refused', code: 'SEATS_TAKEN', key: 'k' })],
    broken: 'I3',
  },
  {
    name: 'a refusal is kept with another code',
    good: [keyed('k', refused(ann, 'NOT_ON_SALE')), ...journal({ event: 'refused', code: 'NOT_ON_SALE', key: 'k' })],
    bad: [keyed('k', refused(ann, 'NOT_ON_SALE')), ...journal({ event: 'refused', code: 'BUYER_LIMIT', key: 'k' })],
    broken: 'I4',
  },
  {
    name: 'a key takes effect twice',
    good: [...journal(wasHeld('ann', 'h1', 'A1', 'k'), wasHeld('ann', 'h2', 'A2', 'l'))],
    bad: [...journal(wasHeld('ann', 'h1', 'A1', 'k'), wasHeld('ann', 'h2', 'A2', 'k'))],
    plan: PARTIAL,
    broken: 'I4',
  },
  {
    name: 'a hold takes effect that nobody asked for',
    good: [keyed('k', holds('ann', '', 'A1', [0])), ...journal(wasHeld('ann', 'h1', 'A1', 'k'))],
    bad: [keyed('k', holds('ann', '', 'A1', [0])), ...journal(wasHeld('ann', 'h1', 'A1', 'other'))],
    broken: 'I4',
  },
  {
    name: 'a release takes effect that was refused',
    good: [ann, releases('ann', 'h1', [20]), ...journal(wasHeld('ann', 'h1', 'A1'), wasReleased('h1'))],
    bad: [
      ann,
      refused(releases('ann', 'h1', [20, 30]), 'HOLD_IN_PAYMENT'),
      ...journal(wasHeld('ann', 'h1', 'A1'), wasReleased('h1')),
    ],
    broken: 'I3',
  },
  {
    name: 'a seat is held by two',
    good: journal(wasHeld('ann', 'h1', 'A1'), wasReleased('h1'), wasHeld('bob', 'h2', 'A1')),
    bad: journal(wasHeld('ann', 'h1', 'A1'), wasHeld('bob', 'h2', 'A1')),
    plan: PARTIAL,
    broken: 'I1',
  },
  {
    name: 'an area is overfull',
    good: journal(standing('h1', 2), wasReleased('h1'), standing('h2', 3)),
    bad: journal(standing('h1', 2), standing('h2', 2)),
    plan: PARTIAL,
    broken: 'I5',
  },
  {
    name: 'a seat is held that is not for sale',
    good: journal(wasHeld('ann', 'h1', 'A1')),
    bad: journal(wasHeld('ann', 'h1', 'A4')),
    plan: { ...PARTIAL, blocked: ['A4'] },
    broken: 'I1',
  },
  {
    name: 'an ended hold is ordered',
    good: journal(wasHeld('ann', 'h1', 'A1'), wasOrdered('h1', 'o1', 'A1')),
    bad: journal(wasHeld('ann', 'h1', 'A1'), wasReleased('h1'), wasOrdered('h1', 'o1', 'A1')),
    plan: PARTIAL,
    broken: 'I9',
  },
  {
    name: 'an order takes a seat that its hold does not have',
    good: journal(wasHeld('ann', 'h1', 'A1 A2'), wasOrdered('h1', 'o1', 'A1 A2')),
    bad: journal(wasHeld('ann', 'h1', 'A1 A2'), wasOrdered('h1', 'o1', 'A1 A3')),
    plan: PARTIAL,
    broken: 'I8',
  },
  {
    name: 'an order is committed twice',
    good: journal(...sold),
    bad: journal(...sold.slice(0, 3), became('committed', 'o1')),
    plan: PARTIAL,
    broken: 'I10',
  },
  {
    name: 'money is captured before the seat decides',
    good: journal(...sold),
    bad: journal(...sold.slice(0, 2), became('captured', 'o1')),
    plan: PARTIAL,
    broken: 'I10',
  },
  {
    name: 'a voided sale frees its seats once',
    good: journal(...sold.slice(0, 3), became('voided', 'o1'), wasHeld('bob', 'h2', 'A1')),
    bad: journal(...sold, became('voided', 'o1')),
    plan: PARTIAL,
    broken: 'I10',
  },
  {
    name: 'a ticket is refunded twice',
    good: journal(
      ...sold,
      { event: 'refunding', refund: 'r1', order: 'o1', tickets: ['o1-A1'] },
      wasHeld('bob', 'h2', 'A1'),
    ),
    bad: journal(
      ...sold,
      { event: 'refunding', refund: 'r1', order: 'o1', tickets: ['o1-A1'] },
      { event: 'refunding', refund: 'r2', order: 'o1', tickets: ['o1-A1'] },
    ),
    plan: PARTIAL,
    broken: 'I10',
  },
  {
    name: 'an order that had expired is sold late, if its seats are free',
    good: journal(
      wasHeld('ann', 'h1', 'A1'),
      wasOrdered('h1', 'o1', 'A1'),
      { event: 'expired', holds: ['h1'] },
      { event: 'committed', order: 'o1', late: true },
    ).map((row, i) => at(i * 40_000, row)),
    bad: journal(
      wasHeld('ann', 'h1', 'A1'),
      wasOrdered('h1', 'o1', 'A1'),
      { event: 'expired', holds: ['h1'] },
      wasHeld('bob', 'h2', 'A1'),
      { event: 'committed', order: 'o1', late: true },
    ).map((row, i) => at(i * 40_000, row)),
    plan: PARTIAL,
    broken: 'I1',
  },
  {
    name: 'a hold expires before its end',
    good: journal(wasHeld('ann', 'h1', 'A1'), { event: 'expired', holds: ['h1'] }).map((row, i) => at(i * 65_000, row)),
    bad: journal(wasHeld('ann', 'h1', 'A1'), { event: 'expired', holds: ['h1'] }).map((row, i) => at(i * 64_999, row)),
    plan: withGrace,
    broken: 'I9',
  },
  {
    name: 'the journal makes one ticket twice',
    good: journal(wasHeld('ann', 'h1', 'A1 A2'), wasOrdered('h1', 'o1', 'A1 A2')),
    bad: journal(wasHeld('ann', 'h1', 'A1 A2'), sameTickets(wasOrdered('h1', 'o1', 'A1 A2'))),
    plan: PARTIAL,
    broken: 'I1',
  },
  {
    name: 'a hold is ordered after its end',
    good: journal(wasHeld('ann', 'h1', 'A1'), wasOrdered('h1', 'o1', 'A1')).map((row, i) => at(i * 64_999, row)),
    bad: journal(wasHeld('ann', 'h1', 'A1'), wasOrdered('h1', 'o1', 'A1')).map((row, i) => at(i * 65_000, row)),
    plan: withGrace,
    broken: 'I9',
  },
  {
    name: 'a hold that was extended before its order expires at its own end',
    good: journal(
      wasHeld('ann', 'h1', 'A1'),
      { event: 'extended', hold: 'h1', until: 90_000 },
      { event: 'expired', holds: ['h1'] },
    ).map((row, i) => at(i * 47_500, row)),
    bad: journal(
      wasHeld('ann', 'h1', 'A1'),
      { event: 'extended', hold: 'h1', until: 90_000 },
      { event: 'expired', holds: ['h1'] },
    ).map((row, i) => at(i * 40_000, row)),
    plan: withGrace,
    broken: 'I9',
  },
  {
    name: 'a row is missing',
    good: journal(wasHeld('ann', 'h1', 'A1'), wasReleased('h1')),
    bad: journal(wasHeld('ann', 'h1', 'A1'), wasReleased('h1'), wasHeld('ann', 'h2', 'A1')).map((row) =>
      row.seq < 3 ? row : { ...row, seq: 4 },
    ),
    plan: PARTIAL,
    broken: 'I2',
  },
  {
    name: 'an epoch falls',
    good: journal(wasHeld('ann', 'h1', 'A1'), wasReleased('h1')).map((row) => ({ ...row, epoch: row.seq })),
    bad: journal(wasHeld('ann', 'h1', 'A1'), wasReleased('h1')).map((row) => ({ ...row, epoch: 3 - row.seq })),
    plan: PARTIAL,
    broken: 'I2',
  },
  {
    name: 'the journal has what was answered first after what was asked later',
    good: [ann, { ...bob, from: 9 }, ...journal(wasHeld('bob', 'h2', 'A2'), wasHeld('ann', 'h1', 'A1'))],
    bad: [ann, bob, ...journal(wasHeld('bob', 'h2', 'A2'), wasHeld('ann', 'h1', 'A1'))],
    broken: 'I7',
  },
  {
    name: 'what was never answered takes effect before it was sent',
    good: [
      keyed('k', holds('bob', '', 'A2', [5])),
      ann,
      ...journal(wasHeld('bob', 'h2', 'A2', 'k'), wasHeld('ann', 'h1', 'A1')),
    ],
    bad: [
      keyed('k', holds('bob', '', 'A2', [15])),
      ann,
      ...journal(wasHeld('bob', 'h2', 'A2', 'k'), wasHeld('ann', 'h1', 'A1')),
    ],
    broken: 'I7',
  },
  {
    name: 'a seat map is not what the journal has at its version',
    good: [ann, bob, ...journal(wasHeld('ann', 'h1', 'A1'), wasHeld('bob', 'h2', 'A2')), reads('haaa', [15, 25], 1, 3)],
    bad: [ann, bob, ...journal(wasHeld('ann', 'h1', 'A1'), wasHeld('bob', 'h2', 'A2')), reads('hhaa', [15, 25], 1, 3)],
    broken: 'I7',
  },
  {
    name: 'a seat map has other counts than the journal',
    good: [reads('aaaa', [0, 5], 1, 3), ...journal({ event: 'refused', code: 'NOT_ON_SALE', key: 'k' })],
    bad: [reads('aaaa', [0, 5], 1, 2), ...journal({ event: 'refused', code: 'NOT_ON_SALE', key: 'k' })],
    broken: 'I5',
  },
  {
    name: 'a seat map is older than what was answered before it was asked for',
    good: [ann, bob, ...journal(wasHeld('ann', 'h1', 'A1'), wasHeld('bob', 'h2', 'A2')), reads('haaa', [30, 40], 1)],
    bad: [ann, bob, ...journal(wasHeld('ann', 'h1', 'A1'), wasHeld('bob', 'h2', 'A2')), reads('haaa', [31, 40], 1)],
    broken: 'I7',
  },
  {
    name: 'a seat map goes back behind another',
    good: [
      keyed('k', holds('bob', '', 'A1', [0])),
      ...journal(wasHeld('bob', 'h1', 'A1', 'k'), wasReleased('h1'), wasHeld('bob', 'h2', 'A2')),
      reads('aaaa', [10, 20], 2),
      reads('haaa', [15, 30], 1),
    ],
    bad: [
      keyed('k', holds('bob', '', 'A1', [0])),
      ...journal(wasHeld('bob', 'h1', 'A1', 'k'), wasReleased('h1'), wasHeld('bob', 'h2', 'A2')),
      reads('aaaa', [10, 20], 2),
      reads('haaa', [25, 30], 1),
    ],
    plan: PARTIAL,
    broken: 'I7',
  },
  {
    name: 'a seat map that says that it is old may go back, but not forward',
    good: [
      ann,
      bob,
      ...journal(wasHeld('ann', 'h1', 'A1'), wasHeld('bob', 'h2', 'A2')),
      { ...reads('haaa', [50, 60], 1), stale: true } as HistoryLine,
    ],
    bad: [
      ann,
      bob,
      ...journal(wasHeld('ann', 'h1', 'A1'), wasHeld('bob', 'h2', 'A2')),
      { ...reads('hhaa', [15, 19], 2), stale: true } as HistoryLine,
    ],
    broken: 'I7',
  },
  {
    name: 'a seat map is of a version that there is not',
    good: [ann, ...journal(wasHeld('ann', 'h1', 'A1')), reads('haaa', [15, 25], 1)],
    bad: [ann, ...journal(wasHeld('ann', 'h1', 'A1')), reads('haaa', [15, 25], 2)],
    broken: 'I7',
  },
  {
    name: 'a seat in payment may be shown as held or as in payment',
    good: [
      ...annPays.slice(0, 2),
      ...journal(...sold.slice(0, 2)),
      reads('haaa', [15, 25], 2),
      reads('paaa', [15, 25], 2),
    ],
    bad: [...annPays.slice(0, 2), ...journal(...sold.slice(0, 2)), reads('saaa', [15, 25], 2)],
    broken: 'I7',
  },
  {
    name: 'an order is shown in a state that it had before',
    good: [...annPays, ...journal(...sold), sees('ann', 'o1', 'awaiting_payment', [15, 17])],
    bad: [
      ...annPays.slice(0, 2),
      releases('bob', 'h2', [20, 30]),
      bob,
      ...journal(...sold, wasHeld('bob', 'h2', 'A2'), wasReleased('h2')),
      sees('ann', 'o1', 'awaiting_payment', [31, 40]),
    ],
    broken: 'I7',
  },
  {
    name: 'a refusal names a seat that was free by then',
    good: [
      ann,
      releases('ann', 'h1', [20, 30]),
      ...journal(wasHeld('ann', 'h1', 'A1'), wasReleased('h1')),
      meetsTaken('bob', 'A1', [25, 40]),
    ],
    bad: [
      ann,
      releases('ann', 'h1', [20]),
      holds('bob', 'h2', 'A2', [21, 22]),
      ...journal(wasHeld('ann', 'h1', 'A1'), wasReleased('h1'), wasHeld('bob', 'h2', 'A2')),
      meetsTaken('bob', 'A1', [25, 40]),
    ],
    broken: 'I7',
  },
  {
    name: 'a show that was called off is not',
    good: [
      { op: 'cancel-show', show: SHOW, client: 'organiser', from: 20, to: 30, outcome: 'ok' },
      ann,
      ...journal(wasHeld('ann', 'h1', 'A1'), { event: 'show-cancelled', holds: ['h1'] }),
    ],
    bad: [
      { op: 'cancel-show', show: SHOW, client: 'organiser', from: 20, to: 30, outcome: 'ok' },
      ann,
      ...journal(wasHeld('ann', 'h1', 'A1')),
    ],
    broken: 'I3',
  },
  {
    name: 'a disputed ticket is valid again only when the dispute is won',
    good: journal(
      ...sold,
      { event: 'disputed', order: 'o1', dispute: 'd', status: 'open' },
      { event: 'disputed', order: 'o1', dispute: 'd', status: 'won' },
      { event: 'refunding', refund: 'r', order: 'o1', tickets: ['o1-A1'] },
    ),
    bad: journal(
      ...sold,
      { event: 'disputed', order: 'o1', dispute: 'd', status: 'open' },
      { event: 'refunding', refund: 'r', order: 'o1', tickets: ['o1-A1'] },
    ),
    plan: PARTIAL,
    broken: 'I10',
  },
];

describe('what clients were told, and the journal', () => {
  test.each(STORIES)('$name: can be so', ({ good, plan }) => {
    expect(verdictOn(good, plan)).toEqual([]);
  });

  test.each(STORIES)('$name: cannot be so', ({ bad, plan, broken }) => {
    expect(invariantsOf(verdictOn(bad, plan))).toEqual([broken]);
  });
});
