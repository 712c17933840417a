import { describe, expect, test } from 'vitest';
import type { HistoryLine, Invariant, PlanLine } from '../judge/history.ts';
import {
  cancels,
  extendsTo,
  HOLD_LIFE,
  hasTickets,
  holds,
  invariantsOf,
  keyed,
  meetsTaken,
  orders,
  PLAN,
  pays,
  reads,
  refunds,
  refused,
  releases,
  sees,
  stands,
  verdictOn,
} from '../support/told-stories.ts';

/** What clients alone tell, without a journal. Of each story one that can be true, and one that cannot. */
interface Story {
  readonly name: string;
  readonly good: readonly HistoryLine[];
  readonly bad: readonly HistoryLine[];
  readonly broken: Invariant;
  readonly plan?: PlanLine;
}

const ann = holds('ann', 'h1', 'A1 A2', [0, 10]);
const soldToAnn = [ann, orders('ann', 'h1', 'o1', 'A1 A2', [20, 30]), pays('ann', 'o1', [40, 50])];

const lateOrder: HistoryLine = Object.assign(orders('ann', 'h1', 'o1', 'A1 A2', [HOLD_LIFE + 30, HOLD_LIFE + 40]), {
  until: HOLD_LIFE * 3,
});

const STORIES: readonly Story[] = [
  {
    name: 'two buyers are told the same seat',
    good: [ann, holds('bob', 'h2', 'A3', [5, 15])],
    bad: [ann, holds('bob', 'h2', 'A2 A3', [5, 15])],
    broken: 'I1',
  },
  {
    name: 'a seat is held again after its release was begun, not before',
    good: [ann, releases('ann', 'h1', [20, 30]), holds('bob', 'h2', 'A1', [15, 25])],
    bad: [ann, releases('ann', 'h1', [20, 30]), holds('bob', 'h2', 'A1', [15, 19])],
    broken: 'I1',
  },
  {
    name: 'a release without an answer may have freed the seat, a refused one has not',
    good: [ann, releases('ann', 'h1', [20]), holds('bob', 'h2', 'A1', [500, 510])],
    bad: [ann, refused(releases('ann', 'h1', [20, 30]), 'HOLD_IN_PAYMENT'), holds('bob', 'h2', 'A1', [500, 510])],
    broken: 'I1',
  },
  {
    name: 'an expired hold is sold again, a live one is not',
    good: [ann, holds('bob', 'h2', 'A1', [HOLD_LIFE, HOLD_LIFE + 10])],
    bad: [ann, holds('bob', 'h2', 'A1', [HOLD_LIFE - 20, HOLD_LIFE - 10])],
    broken: 'I1',
  },
  {
    name: 'an extended hold lives longer',
    good: [ann, extendsTo('ann', 'h1', 1_500, [500, 510]), holds('bob', 'h2', 'A1', [1_500, 1_510])],
    bad: [ann, extendsTo('ann', 'h1', 1_500, [500, 510]), holds('bob', 'h2', 'A1', [1_200, 1_210])],
    broken: 'I1',
  },
  {
    name: 'an extension without an answer promises nothing',
    good: [ann, extendsTo('ann', 'h1', 1_500, [500]), holds('bob', 'h2', 'A1', [1_200, 1_210])],
    bad: [ann, extendsTo('ann', 'h1', 1_500, [500]), holds('bob', 'h2', 'A1', [900, 910])],
    broken: 'I1',
  },
  {
    name: 'a sold seat stays sold, until it may be refunded',
    good: [...soldToAnn, refunds('o1', [2_000]), holds('bob', 'h2', 'A1', [5_000, 5_010])],
    bad: [...soldToAnn, holds('bob', 'h2', 'A1', [5_000, 5_010])],
    broken: 'I1',
  },
  {
    name: 'a refund of one ticket frees one seat',
    good: [...soldToAnn, refunds('o1', [2_000, 2_010], ['o1-A1']), holds('bob', 'h2', 'A1', [2_020, 2_030])],
    bad: [...soldToAnn, refunds('o1', [2_000, 2_010], ['o1-A1']), holds('bob', 'h2', 'A2', [2_020, 2_030])],
    broken: 'I1',
  },
  {
    name: 'a cancelled order frees its seats',
    good: [...soldToAnn.slice(0, 2), cancels('ann', 'o1', [40, 50]), holds('bob', 'h2', 'A1', [60, 70])],
    bad: [
      ...soldToAnn.slice(0, 2),
      refused(cancels('ann', 'o1', [40, 50]), 'ORDER_NOT_CANCELLABLE'),
      holds('bob', 'h2', 'A1', [60, 70]),
    ],
    broken: 'I1',
  },
  {
    name: 'a seat that came back late to its payer was not somebody else’s by then',
    good: [
      ...soldToAnn.slice(0, 2),
      holds('bob', 'h2', 'A1', [1_100, 1_110]),
      releases('bob', 'h2', [1_200, 1_210]),
      pays('ann', 'o1', [1_300, 1_310]),
    ],
    bad: [...soldToAnn.slice(0, 2), holds('bob', 'h2', 'A1', [1_100, 1_110]), pays('ann', 'o1', [1_300, 1_310])],
    broken: 'I1',
  },
  {
    name: 'two valid tickets for one seat',
    good: [
      hasTickets('ann', 'o1', 'A1', [10, 20]),
      hasTickets('bob', 'o2', 'A2', [10, 20]),
      hasTickets('bob', 'o2', 'A2', [30, 40]),
    ],
    bad: [
      hasTickets('ann', 'o1', 'A1', [10, 20]),
      hasTickets('ann', 'o1', 'A1', [50, 60]),
      hasTickets('bob', 'o2', 'A1', [10, 20]),
      hasTickets('bob', 'o2', 'A1', [50, 60]),
    ],
    broken: 'I1',
  },
  {
    name: 'one ticket in two orders',
    good: [...soldToAnn, holds('bob', 'h2', 'A3', [0, 10]), orders('bob', 'h2', 'o2', 'A3', [20, 30])],
    bad: [
      ...soldToAnn,
      holds('bob', 'h2', 'A3', [0, 10]),
      {
        ...orders('bob', 'h2', 'o2', 'A3', [20, 30]),
        tickets: [{ id: 'o1-A1', seat: 'A3', price: 100 }],
      } as HistoryLine,
    ],
    broken: 'I1',
  },
  {
    name: 'a refused hold names a seat that is free',
    good: [ann, meetsTaken('bob', 'A1', [5, 15])],
    bad: [ann, meetsTaken('bob', 'A3', [5, 15])],
    broken: 'I7',
  },
  {
    name: 'a refused hold names a seat that the hall does not have',
    good: [holds('ann', '', 'A1', [0]), meetsTaken('bob', 'A1', [5, 15])],
    bad: [holds('ann', '', 'A1', [0]), meetsTaken('bob', 'A9', [5, 15])],
    broken: 'I7',
  },
  {
    name: 'a seat was taken before anybody asked for it',
    good: [ann, meetsTaken('bob', 'A1', [-5, 0])],
    bad: [ann, meetsTaken('bob', 'A1', [-5, -1])],
    broken: 'I7',
  },
  {
    name: 'a hold without an answer explains a taken seat, but no other',
    good: [holds('ann', '', 'A1', [0]), meetsTaken('bob', 'A1', [5_000, 5_010])],
    bad: [holds('ann', '', 'A1', [0]), meetsTaken('bob', 'A2', [5_000, 5_010])],
    broken: 'I7',
  },
  {
    name: 'a hold of any seats without an answer explains every taken seat, from then on',
    good: [holds('ann', '', '', [20], { asked: { best: 2 } }), meetsTaken('bob', 'A2', [10, 20])],
    bad: [holds('ann', '', '', [20], { asked: { best: 2 } }), meetsTaken('bob', 'A2', [10, 19])],
    broken: 'I7',
  },
  {
    name: 'a released seat is said to be taken',
    good: [ann, releases('ann', 'h1', [20, 30]), meetsTaken('bob', 'A1', [25, 35])],
    bad: [ann, releases('ann', 'h1', [20, 30]), meetsTaken('bob', 'A1', [31, 35])],
    broken: 'I7',
  },
  {
    name: 'a seat that is not for sale is always taken',
    plan: { ...PLAN, blocked: ['A4'] },
    good: [meetsTaken('bob', 'A4', [0, 5]), reads('aaab', [0, 5])],
    bad: [meetsTaken('bob', 'A3', [0, 5])],
    broken: 'I7',
  },
  {
    name: 'where others buy too, taken seats need no explanation; seats sold twice do',
    plan: { ...PLAN, partial: true },
    good: [ann, meetsTaken('bob', 'A3', [5, 15]), reads('hhsa', [20, 30])],
    bad: [ann, holds('bob', 'h2', 'A1', [5, 15])],
    broken: 'I1',
  },
  {
    name: 'a seat map shows a held seat free',
    good: [ann, reads('aaaa', [9, 20])],
    bad: [ann, reads('haaa', [11, 20])],
    broken: 'I7',
  },
  {
    name: 'a seat map that says that it is old may be',
    good: [ann, { ...reads('aaaa', [11, 20]), stale: true } as HistoryLine],
    bad: [ann, reads('aaaa', [11, 20])],
    broken: 'I7',
  },
  {
    name: 'a seat map shows a seat taken that nobody has',
    good: [ann, reads('hhaa', [3, 20])],
    bad: [ann, reads('hhha', [3, 20])],
    broken: 'I7',
  },
  {
    name: 'a seat map has another number of seats',
    good: [reads('aaaa', [0, 1])],
    bad: [reads('aaa', [0, 1])],
    broken: 'I5',
  },
  {
    name: 'more places are held than an area has',
    good: [stands('ann', 'h1', 2, [0, 10]), stands('bob', 'h2', 1, [0, 10])],
    bad: [stands('ann', 'h1', 2, [0, 10]), stands('bob', 'h2', 2, [0, 10])],
    broken: 'I5',
  },
  {
    name: 'places of an area are held again after they may be free',
    good: [stands('ann', 'h1', 2, [0, 10]), releases('ann', 'h1', [20]), stands('bob', 'h2', 2, [15, 25])],
    bad: [stands('ann', 'h1', 2, [0, 10]), releases('ann', 'h1', [20]), stands('bob', 'h2', 2, [12, 15])],
    broken: 'I5',
  },
  {
    name: 'a seat map shows places of an area free that are held',
    good: [stands('ann', 'h1', 2, [0, 10]), reads('aaaa', [11, 20], undefined, 1)],
    bad: [stands('ann', 'h1', 2, [0, 10]), reads('aaaa', [11, 20], undefined, 2)],
    broken: 'I7',
  },
  {
    name: 'a seat map shows more places than there are',
    good: [reads('aaaa', [11, 20], undefined, 3)],
    bad: [reads('aaaa', [11, 20], undefined, 4)],
    broken: 'I5',
  },
  {
    name: 'one of two seats is held',
    good: [holds('ann', 'h1', 'A1 A2', [0, 10])],
    bad: [holds('ann', 'h1', 'A1', [0, 10], { asked: { seats: ['A1', 'A2'] } })],
    broken: 'I8',
  },
  {
    name: 'three of the best two',
    good: [holds('ann', 'h1', 'A1 A2', [0, 10], { asked: { best: 2 } })],
    bad: [holds('ann', 'h1', 'A1 A2 A3', [0, 10], { asked: { best: 2 } })],
    broken: 'I8',
  },
  {
    name: 'a hold lacks the places that were asked for as well',
    good: [
      holds('ann', 'h1', 'A1', [0, 10], {
        asked: { seats: ['A1'], areas: [{ id: 'floor', quantity: 1 }] },
        areas: [{ id: 'floor', quantity: 1 }],
      }),
    ],
    bad: [holds('ann', 'h1', 'A1', [0, 10], { asked: { seats: ['A1'], areas: [{ id: 'floor', quantity: 1 }] } })],
    broken: 'I8',
  },
  {
    name: 'an order has less than its hold',
    good: [ann, orders('ann', 'h1', 'o1', 'A2 A1', [20, 30])],
    bad: [ann, orders('ann', 'h1', 'o1', 'A1', [20, 30])],
    broken: 'I8',
  },
  {
    name: 'an order costs what its tickets cost',
    good: [ann, orders('ann', 'h1', 'o1', 'A1 A2', [20, 30])],
    bad: [ann, { ...orders('ann', 'h1', 'o1', 'A1 A2', [20, 30]), total: 150 } as HistoryLine],
    broken: 'I10',
  },
  {
    name: 'one key is answered in two ways',
    good: [keyed('k', ann), keyed('k', ann)],
    bad: [keyed('k', ann), keyed('k', holds('ann', 'h2', 'A3 A4', [0, 10]))],
    broken: 'I4',
  },
  {
    name: 'one key takes effect and is refused',
    good: [keyed('k', ann), keyed('k', refused(ann, 'OVERLOADED'))],
    bad: [keyed('k', ann), keyed('k', refused(ann, 'SEATS_TAKEN'))],
    broken: 'I4',
  },
  {
    name: 'a hold is ordered twice',
    good: [
      ann,
      keyed('k', orders('ann', 'h1', 'o1', 'A1 A2', [20, 30])),
      keyed('k', orders('ann', 'h1', 'o1', 'A1 A2', [40, 50])),
    ],
    bad: [
      ann,
      keyed('k', orders('ann', 'h1', 'o1', 'A1 A2', [20, 30])),
      keyed('l', orders('ann', 'h1', 'o2', 'A1 A2', [40, 50])),
    ],
    broken: 'I4',
  },
  {
    name: 'an acknowledged hold is not found',
    good: [ann, refused(orders('ann', 'h1', 'o1', 'A1 A2', [HOLD_LIFE, HOLD_LIFE + 10]), 'NOT_FOUND')],
    bad: [ann, refused(orders('ann', 'h1', 'o1', 'A1 A2', [20, 30]), 'NOT_FOUND')],
    broken: 'I3',
  },
  {
    name: 'a hold is said to have expired before its time',
    good: [ann, releases('ann', 'h1', [15]), refused(orders('ann', 'h1', 'o1', 'A1 A2', [20, 30]), 'HOLD_EXPIRED')],
    bad: [ann, refused(orders('ann', 'h1', 'o1', 'A1 A2', [20, 30]), 'HOLD_EXPIRED')],
    broken: 'I9',
  },
  {
    name: 'a hold that is past its end can be ordered in its grace, and is not extended any more',
    good: [ann, refused(extendsTo('ann', 'h1', 2_100, [HOLD_LIFE + 10, HOLD_LIFE + 20]), 'HOLD_EXPIRED'), lateOrder],
    bad: [
      ann,
      extendsTo('ann', 'h1', 1_500, [500, 510]),
      refused(extendsTo('ann', 'h1', 2_100, [HOLD_LIFE + 10, HOLD_LIFE + 20]), 'HOLD_EXPIRED'),
      lateOrder,
    ],
    broken: 'I9',
  },
  {
    name: 'a released hold is extended',
    good: [ann, releases('ann', 'h1', [20, 30]), extendsTo('ann', 'h1', 1_200, [25, 35])],
    bad: [ann, releases('ann', 'h1', [20, 30]), extendsTo('ann', 'h1', 1_200, [31, 35])],
    broken: 'I7',
  },
  {
    name: 'a hold that has ended is ordered, unless it is only told again',
    good: [
      ann,
      keyed('k', orders('ann', 'h1', 'o1', 'A1 A2', [20, 30])),
      cancels('ann', 'o1', [40, 50]),
      keyed('k', orders('ann', 'h1', 'o1', 'A1 A2', [60, 70])),
    ],
    bad: [ann, releases('ann', 'h1', [20, 30]), keyed('k', orders('ann', 'h1', 'o1', 'A1 A2', [40, 50]))],
    broken: 'I7',
  },
  {
    name: 'a paid order is paid no more',
    good: [...soldToAnn, sees('ann', 'o1', 'processing', [45, 60])],
    bad: [...soldToAnn, sees('ann', 'o1', 'processing', [51, 60])],
    broken: 'I3',
  },
  {
    name: 'a cancelled order is paid',
    good: [...soldToAnn.slice(0, 2), cancels('ann', 'o1', [40, 50]), sees('ann', 'o1', 'cancelled', [60, 70])],
    bad: [...soldToAnn.slice(0, 2), cancels('ann', 'o1', [40, 50]), pays('ann', 'o1', [60, 70])],
    broken: 'I3',
  },
  {
    name: 'an order is refunded that nobody refunded',
    good: [...soldToAnn, refunds('o1', [60]), sees('ann', 'o1', 'refunded', [70, 80])],
    bad: [...soldToAnn, sees('ann', 'o1', 'refunded', [70, 80])],
    broken: 'I7',
  },
  {
    name: 'a refund is forgotten',
    good: [...soldToAnn, refunds('o1', [60, 70]), sees('ann', 'o1', 'paid', [65, 80])],
    bad: [...soldToAnn, refunds('o1', [60, 70]), sees('ann', 'o1', 'paid', [75, 80])],
    broken: 'I3',
  },
  {
    name: 'an acknowledged order is not found',
    good: [
      ann,
      orders('ann', 'h1', 'o1', 'A1 A2', [20, 30]),
      refused(sees('ann', 'o1', 'paid', [25, 40]), 'NOT_FOUND'),
    ],
    bad: [ann, orders('ann', 'h1', 'o1', 'A1 A2', [20, 30]), refused(sees('ann', 'o1', 'paid', [35, 40]), 'NOT_FOUND')],
    broken: 'I3',
  },
  {
    name: 'paid tickets are missing',
    good: [...soldToAnn, hasTickets('ann', 'o1', 'A1 A2', [60, 70]), hasTickets('bob', 'o1', '', [60, 70])],
    bad: [...soldToAnn, hasTickets('ann', 'o1', 'A1', [60, 70])],
    broken: 'I3',
  },
  {
    name: 'a paid ticket is void',
    good: [...soldToAnn, refunds('o1', [55, 90]), hasTickets('ann', 'o1', 'A1 A2', [60, 70], 'refunded')],
    bad: [...soldToAnn, hasTickets('ann', 'o1', 'A1 A2', [60, 70], 'void')],
    broken: 'I3',
  },
  {
    name: 'a client is told of another’s hold',
    good: [ann, refused(extendsTo('bob', 'h1', 1_200, [20, 30]), 'NOT_FOUND')],
    bad: [ann, extendsTo('bob', 'h1', 1_200, [20, 30])],
    broken: 'I14',
  },
  {
    name: 'two clients are told of one hold',
    good: [ann, holds('bob', 'h2', 'A3', [0, 10])],
    bad: [ann, { ...ann, client: 'bob' }],
    broken: 'I14',
  },
  {
    name: 'a client reads another’s order',
    good: [...soldToAnn, { ...sees('organiser', 'o1', 'paid', [60, 70]), all: true } as HistoryLine],
    bad: [...soldToAnn, sees('bob', 'o1', 'paid', [60, 70])],
    broken: 'I14',
  },
  {
    name: 'a client sees another’s ticket',
    good: [...soldToAnn, { ...hasTickets('organiser', 'o1', 'A1', [60, 70]), all: true } as HistoryLine],
    bad: [...soldToAnn, hasTickets('bob', 'o1', 'A1', [60, 70])],
    broken: 'I14',
  },
];

describe('what clients were told', () => {
  test.each(STORIES)('$name: can be so', ({ good, plan }) => {
    expect(verdictOn(good, plan)).toEqual([]);
  });

  test.each(STORIES)('$name: cannot be so', ({ bad, plan, broken }) => {
    expect(invariantsOf(verdictOn(bad, plan))).toEqual([broken]);
  });
});

test('a violation says in words what is wrong, and by which lines it is seen', () => {
  expect(verdictOn([ann, holds('bob', 'h2', 'A2', [5, 15])])).toEqual([
    {
      invariant: 'I1',
      what: 'seat A2 belongs to hold h1 of ann and to hold h2 of bob at 15',
      lines: [2, 3],
    },
  ]);
});
