import { describe, expect, test } from 'vitest';
import type { HistoryLine, Invariant } from '../judge/history.ts';
import {
  atRest,
  became,
  book,
  cancels,
  holds,
  invariantsOf,
  journal,
  orders,
  PLAN,
  PRICE,
  pays,
  refunds,
  verdictOn,
  wasHeld,
  wasOrdered,
} from '../support/told-stories.ts';

/** The provider's books beside what is known of the sales. */
interface Story {
  readonly name: string;
  readonly good: readonly HistoryLine[];
  readonly bad: readonly HistoryLine[];
  readonly broken: Invariant;
}

const TWO = 2 * PRICE;
const toldOf = [holds('ann', 'h1', 'A1 A2', [0, 10]), orders('ann', 'h1', 'o1', 'A1 A2', [20, 30])];
const toldSold = [...toldOf, pays('ann', 'o1', [40, 50])];
const ordered = [wasHeld('ann', 'h1', 'A1 A2'), wasOrdered('h1', 'o1', 'A1 A2')];
const sold = [...ordered, became('committed', 'o1'), became('captured', 'o1')];
const refunding = { event: 'refunding', refund: 'r1', order: 'o1', tickets: ['o1-A1'] } as const;
const open = { event: 'disputed', order: 'o1', dispute: 'd', status: 'open' } as const;

const STORIES: readonly Story[] = [
  {
    name: 'money for an order that nobody made',
    good: [...toldSold, book('o1', TWO)],
    bad: [...toldSold, book('o2', TWO)],
    broken: 'I10',
  },
  {
    name: 'money is captured twice',
    good: [...toldSold, book('o1', TWO)],
    bad: [...toldSold, book('o1', TWO, 0, { captures: 2 })],
    broken: 'I10',
  },
  {
    name: 'more is captured than the order costs',
    good: [...toldSold, book('o1', TWO)],
    bad: [...toldSold, book('o1', TWO + 1)],
    broken: 'I10',
  },
  {
    name: 'more is given back than was taken',
    good: [...toldSold, refunds('o1', [60]), book('o1', TWO, TWO)],
    bad: [...toldSold, refunds('o1', [60]), book('o1', TWO, TWO + 1)],
    broken: 'I10',
  },
  {
    name: 'money is taken without a sale',
    good: [...journal(...sold), book('o1', TWO)],
    bad: [...journal(...ordered), book('o1', TWO)],
    broken: 'I10',
  },
  {
    name: 'money that came without a sale is given back',
    good: [...journal(...ordered, became('cancelled', 'o1')), book('o1', TWO, TWO, { unasked: true }), atRest],
    bad: [...journal(...ordered, became('cancelled', 'o1')), book('o1', TWO, 0, { unasked: true }), atRest],
    broken: 'I11',
  },
  {
    name: 'valid tickets are worth what is kept',
    good: [...journal(...sold), book('o1', TWO), atRest],
    bad: [...journal(...sold), book('o1', TWO, PRICE), atRest],
    broken: 'I11',
  },
  {
    name: 'a refunded ticket is paid back in the end',
    good: [...journal(...sold, refunding), book('o1', TWO, PRICE), atRest],
    bad: [...journal(...sold, refunding), book('o1', TWO), atRest],
    broken: 'I11',
  },
  {
    name: 'before all is at rest money may be on its way',
    good: [...journal(...sold, refunding), book('o1', TWO), { end: true, rest: false }],
    bad: [...journal(...sold, refunding), book('o1', TWO), { end: true, rest: true }],
    broken: 'I11',
  },
  {
    name: 'a disputed order’s money is with the bank',
    good: [...journal(...sold, open), book('o1', TWO, 0, { withdrawn: TWO }), atRest],
    bad: [...journal(...sold), book('o1', TWO, 0, { withdrawn: TWO }), atRest],
    broken: 'I11',
  },
  {
    name: 'valid tickets without money',
    good: [...journal(...sold), book('o1', TWO), atRest],
    bad: [
      ...journal(
        ...sold,
        wasHeld('bob', 'h2', 'A3'),
        wasOrdered('h2', 'o2', 'A3'),
        became('committed', 'o2'),
        became('captured', 'o2'),
      ),
      book('o1', TWO),
      atRest,
    ],
    broken: 'I11',
  },
  {
    name: 'at rest nothing is reserved',
    good: [...journal(...ordered, became('cancelled', 'o1')), book('o1', 0), atRest],
    bad: [...journal(...ordered, became('cancelled', 'o1')), book('o1', 0, 0, { authorised: TWO }), atRest],
    broken: 'I10',
  },
  {
    name: 'at rest every order is final',
    good: [...journal(...ordered, became('cancelled', 'o1')), atRest],
    bad: [...journal(...ordered), atRest],
    broken: 'I12',
  },
  {
    name: 'at rest no sale waits for its money',
    good: [...journal(...sold.slice(0, 3), became('voided', 'o1')), book('o1', 0), atRest],
    bad: [...journal(...sold.slice(0, 3)), atRest],
    broken: 'I12',
  },
  {
    name: 'without a journal, a paid order’s money is kept',
    good: [...toldSold, book('o1', TWO), atRest],
    bad: [...toldSold, book('o1', TWO, TWO), atRest],
    broken: 'I11',
  },
  {
    name: 'without a journal, a refund that may have been is allowed for',
    good: [...toldSold, refunds('o1', [60], ['o1-A1']), book('o1', TWO, PRICE), atRest],
    bad: [...toldSold, refunds('o1', [60], ['o1-A1']), book('o1', TWO, TWO), atRest],
    broken: 'I11',
  },
  {
    name: 'without a journal, an acknowledged refund is paid back',
    good: [...toldSold, refunds('o1', [60, 70], ['o1-A1']), book('o1', TWO, PRICE), atRest],
    bad: [...toldSold, refunds('o1', [60, 70], ['o1-A1']), book('o1', TWO), atRest],
    broken: 'I11',
  },
  {
    name: 'without a journal, nothing is kept of a cancelled order',
    good: [...toldOf, cancels('ann', 'o1', [40, 50]), book('o1', 0), atRest],
    bad: [...toldOf, cancels('ann', 'o1', [40, 50]), book('o1', TWO), atRest],
    broken: 'I11',
  },
];

/** Others did what the journal tells of. */
const partial = { ...PLAN, partial: true };

describe('the provider’s books', () => {
  test.each(STORIES)('$name: can be so', ({ good }) => {
    expect(verdictOn(good, partial)).toEqual([]);
  });

  test.each(STORIES)('$name: cannot be so', ({ bad, broken }) => {
    expect(invariantsOf(verdictOn(bad, partial))).toEqual([broken]);
  });
});
