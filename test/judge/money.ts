import { knownPaid } from './claims.ts';
import type { Findings } from './findings.ts';
import type { BookLine } from './history.ts';
import { type JournalOrder, type JournalState, OWNED } from './journal-state.ts';
import type { Cases, Entry, OrderFile } from './show-file.ts';

/*
 * The provider's books against what was sold: money was taken only for a sale, once, and never more given back than was
 * taken (I10). At rest every order is final (I12), and what is kept of its money is the price of its valid tickets (I11).
 */

/** What is known of one order: from the journal, and from its clients. */
export interface Account {
  readonly kept: JournalOrder | undefined;
  readonly file: OrderFile | undefined;
}

/** @param account null if nothing is known of the order: then only the book itself is judged. */
export function judgeBook(
  { n, line: book }: Entry<BookLine>,
  account: Account | null,
  isAtRest: boolean,
  findings: Findings,
): void {
  const { captured, refunded, captures, withdrawn = 0 } = book;
  if (captures > 1) findings.add('I10', `the money of order ${book.book} was captured ${captures} times`, n);
  if (refunded > captured) findings.add('I10', `order ${book.book} was given back ${refunded} of ${captured}`, n);
  if (isAtRest && (book.authorised ?? 0) > 0)
    findings.add('I10', `order ${book.book} has ${book.authorised} reserved still`, n);
  if (account === null) {
    findings.add('I10', `money is booked for order ${book.book}, which nobody made`, n);
    return;
  }
  const { kept, file } = account;
  const total = kept?.total ?? file?.made?.line.total;
  if (total !== undefined && captured > total)
    findings.add(
      'I10',
      `${captured} were captured for order ${book.book}, which costs ${total}`,
      n,
      kept?.n ?? file?.made?.n ?? 0,
    );
  if (kept === undefined) {
    if (isAtRest && file !== undefined) judgeBalanceTold(book, n, file, findings);
    return;
  }
  if (captured > 0 && !kept.wasSold && book.unasked !== true)
    findings.add('I10', `money was captured for order ${book.book}, which was never sold`, n, kept.n);
  const worth = worthOf(kept);
  if (isAtRest && captured - refunded - withdrawn !== worth)
    findings.add(
      'I11',
      `order ${book.book}: ${captured} captured, ${refunded} given back, ${withdrawn} withdrawn; its valid tickets cost ${worth}`,
      n,
      kept.n,
    );
}

function worthOf({ tickets, isWithdrawn }: JournalOrder): number {
  return tickets.reduce((sum, { state, price, resoldFor = 0 }) => {
    // What its seller had paid above what it was resold for is kept.
    if (state === 'resold') return isWithdrawn ? sum : sum + price - resoldFor;
    return sum + (OWNED.includes(state) ? price : 0);
  }, 0);
}

/** Without a journal: as far as the order's clients know what became of it. */
function judgeBalanceTold(book: BookLine, n: number, file: OrderFile, findings: Findings): void {
  const made = file.made?.line;
  if (made?.tickets === undefined || file.disputes.length > 0) return;
  const { captured, refunded, withdrawn = 0 } = book;
  const balance = captured - refunded - withdrawn;
  const isEnded = file.cancels.some(({ line }) => line.outcome === 'ok');
  if (isEnded && balance !== 0) {
    findings.add('I11', `order ${book.book} was cancelled, and ${balance} of its money are kept`, n, file.made?.n ?? 0);
    return;
  }
  if (knownPaid(file) === Number.POSITIVE_INFINITY) return;
  // What may have been given back, and what surely was.
  let least = 0;
  let most = 0;
  for (const { id, price } of made.tickets) {
    const about = file.refunds.filter(({ line }) => line.tickets === undefined || line.tickets.includes(id));
    if (about.some(({ line }) => line.outcome === 'ok')) continue;
    most += price;
    if (!about.some(({ line }) => line.outcome === 'unknown')) least += price;
  }
  if (balance < least || balance > most)
    findings.add(
      'I11',
      `order ${book.book}: ${balance} of its money are kept; its valid tickets cost ${most}`,
      n,
      file.made?.n ?? 0,
    );
}

/** At rest no order of the journal waits for anything, and none has valid tickets without a book. */
export function judgeRest(state: JournalState, booked: ReadonlySet<string>, n: number, findings: Findings): void {
  for (const order of state.orders) {
    if (order === undefined) continue;
    if (order.state === 'awaiting' || order.state === 'pending' || order.state === 'committed')
      findings.add('I12', `all is at rest, and order ${order.id} is ${order.state}`, order.n, n);
    else if (booked.size > 0 && !booked.has(order.id) && worthOf(order) > 0)
      findings.add('I11', `order ${order.id} has valid tickets, and no money is booked for it`, order.n, n);
  }
}

/** Whether anything is told of an order; a book alone does not make one. */
export function accountOf(id: string, state: JournalState | null, cases: Cases): Account | null {
  const kept = state?.order(id);
  const file = cases.orders.find(id);
  return kept === undefined && (file === undefined || state !== null) ? null : { kept, file };
}
