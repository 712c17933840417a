import { expect, onTestFinished, test, vi } from 'vitest';
import { ShowActors } from '../../src/actors/show-actors.ts';
import type { HoldView, OrderView, RefundView } from '../../src/actors/shows.ts';
import { RULES } from '../../src/actors/turns.ts';
import type { Command, Question } from '../../src/allocator/commands.ts';
import { shardOf } from '../../src/cluster/shards.ts';
import { FORMAT } from '../../src/formats.ts';
import { parseScopedId } from '../../src/ids.ts';
import { createComposer } from '../../src/mail/compose.ts';
import { MAIL_LIMITS, Mailer } from '../../src/mail/mailer.ts';
import { MailOutbox } from '../../src/mail/outbox.ts';
import { smtpTransport } from '../../src/mail/transports.ts';
import { systemTimers } from '../../src/system/timers.ts';
import { verifyCode } from '../../src/tickets/codes.ts';
import { capturedLog } from '../support/captured-log.ts';
import { journalServer, nodeOn } from '../support/journal-database.ts';
import { madeOf } from '../support/made-show.ts';
import { manualTime } from '../support/manual-time.ts';
import { pngPicture, scanned } from '../support/scanned-code.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { onceOf, rowsOfTen, SHOW_ID, termsOf, userOf } from '../support/small-show.ts';
import { headerOf, partsOf, smtpServer } from '../support/smtp-server.ts';
import { ticketKeysInMemory } from '../support/ticket-keys.ts';

const newDatabase = journalServer();
const HOUR_MS = 3_600_000;
const SHOW = {
  title: 'The Barber of Seville',
  venue: { name: 'Teatro Leal', address: { street: 'Calle Obispo 2', city: 'La Laguna', country: 'ES' } },
  startsAt: Date.UTC(2100, 0, 1, 20),
  cancelledAt: null,
};
const buyerNumber = (user: string): number => Number(user.slice(4));

/** A show on a real journal whose time stands still until told, and a node that sends its mail once started. */
async function boxOffice() {
  const database = await newDatabase();
  const server = await smtpServer();
  const { journal, leases, takeAll, incarnation } = nodeOn(database, 'a');
  await takeAll();
  // So far back that what is told after some time has passed is due by the database's clock too.
  const time = manualTime(Date.now() - 2 * HOUR_MS);
  const { log } = capturedLog();
  const now = time.clock.now();
  const terms = termsOf({ onSaleAt: now - 1, offSaleAt: now + 24 * HOUR_MS });
  const hall = rowsOfTen(2);
  const shows = new ShowActors({
    source: { exists: async () => true, load: async () => madeOf(hall, terms) },
    journal,
    format: () => FORMAT.newest,
    writer: incarnation,
    leases,
    shardOf,
    clock: time.clock,
    timers: time.timers,
    rules: RULES,
    log,
    onUnsettled: () => {},
  });
  const keys = ticketKeysInMemory();
  const mailer = new Mailer({
    outbox: new MailOutbox(database.pool),
    transport: smtpTransport(server.url, { name: '', address: 'tickets@usher.example' }),
    compose: createComposer({
      shows,
      clock: time.clock,
      keys,
      emailOf: async (user) => (buyerNumber(user) === 99 ? null : `buyer${buyerNumber(user)}@example.org`),
      resetToken: async () => 'nobody asks',
      showOf: async (showId) => (showId === SHOW_ID ? SHOW : null),
    }),
    clock: time.clock,
    timers: systemTimers,
    random: seededRandom(),
    log,
    limits: { ...MAIL_LIMITS, pollMs: 20 },
  });
  onTestFinished(() => mailer.close());

  const ask = async <T>(message: Command | Question): Promise<T> => {
    const answer = await shows.ask<T>(SHOW_ID, message, time.clock.now() + 10_000);
    if (!answer.ok) throw new Error(`${message.type}: ${answer.refusal.code}`);
    return answer.value;
  };
  let keysUsed = 0;
  /** Buyer `n` orders these seats; the order, and its number. */
  const order = async (n: number, ...seats: string[]): Promise<{ view: OrderView; number: number }> => {
    const buyer = userOf(n);
    const hold = await ask<HoldView>({ type: 'hold', once: onceOf(++keysUsed), buyer, seats });
    const { number, at } = parseScopedId('hld', hold.id) ?? { number: 0, at: 0 };
    const view = await ask<OrderView>({ type: 'order', once: onceOf(++keysUsed), buyer, hold: number, at });
    return { view, number: parseScopedId('ord', view.id)?.number ?? 0 };
  };
  const pay = async ({ view, number }: { view: OrderView; number: number }, late?: true): Promise<OrderView> => {
    const { amount, currency } = view.total;
    const committed = await ask<OrderView>({
      ...{ type: 'commit', order: number, amount, currency },
      ...(late === undefined ? {} : { late }),
    });
    return committed.status === 'processing' ? ask<OrderView>({ type: 'captured', order: number }) : committed;
  };
  const refund = ({ view, number }: { view: OrderView; number: number }, tickets: readonly string[]) =>
    ask<RefundView>({
      ...{ type: 'refund', once: onceOf(++keysUsed), order: number, reason: 'The seat is broken.' },
      at: parseScopedId('ord', view.id)?.at ?? 0,
      tickets: tickets.map((id) => parseScopedId('tkt', id)?.number ?? 0),
    });
  return {
    ...{ database, server, shows, mailer, keys, ask, order, pay, refund, time },
    /** Lets mail be sent, all that is due: what came, by buyer and subject. */
    async mailed(): Promise<Map<string, string>> {
      mailer.start();
      await vi.waitFor(
        async () => {
          const { rowCount } = await database.pool.query(
            'select from mail where sent_at is null and given_up_at is null',
          );
          expect(rowCount).toBe(0);
        },
        { timeout: 30_000 },
      );
      return new Map(server.received.map(({ to, raw }) => [`${to[0]} ${headerOf(raw, 'Subject')}`, raw]));
    },
    /** How many rows of this kind there are in the table of mail. */
    async told(kind: string): Promise<number> {
      return (await database.pool.query('select from mail where kind = $1', [kind])).rowCount ?? 0;
    },
  };
}

const textOf = (raw = ''): string =>
  partsOf(raw)
    .find(({ type }) => type === 'text/plain')
    ?.body.toString() ?? '';

test('who has paid gets the tickets, whose codes a gate can read and prove', async () => {
  const { order, pay, mailed, keys } = await boxOffice();
  const paid = await order(1, 'S-A-1', 'S-A-2');
  const { lines } = await pay(paid);
  const mails = await mailed();
  expect([...mails.keys()]).toEqual(['buyer1@example.org Your tickets for The Barber of Seville']);
  const [raw] = mails.values();
  expect(textOf(raw)).toContain('Total of the order, all taxes and fees included: €91.00');
  const codes = partsOf(raw)
    .filter(({ type }) => type === 'image/png')
    .map(({ body }) => scanned(pngPicture(body)) ?? '');
  const read = codes.map((code) => verifyCode(code, keys.publicKeyOf)?.ticketId);
  expect(read).toEqual(lines.map(({ ticketId }) => ticketId));
});

test('whose order ended otherwise hears how, and who was paid back hears of that', async () => {
  const { ask, order, pay, refund, mailed, time, told } = await boxOffice();
  const paid = await order(1, 'S-B-1', 'S-B-2');
  const { lines } = await pay(paid);
  await refund(paid, [lines[1].ticketId]);
  const cancelled = await order(2, 'S-A-1');
  const at = parseScopedId('ord', cancelled.view.id)?.at ?? 0;
  await ask({ type: 'cancel', buyer: userOf(2), order: cancelled.number, at });
  const failed = await order(3, 'S-A-1');
  await ask({ type: 'reject', order: failed.number, reason: 'payment failed' });
  const late = await order(4, 'S-A-1');
  await time.advance(HOUR_MS);
  await vi.waitFor(async () => expect(await told('expired')).toBe(1), { timeout: 30_000 });
  await order(5, 'S-A-1');
  expect(await pay(late, true)).toMatchObject({ status: 'expired' });
  await ask({ type: 'settled', order: late.number, reason: 'Nothing was charged.' });

  const mails = await mailed();
  expect([...mails.keys()].sort()).toEqual([
    'buyer1@example.org Refund for The Barber of Seville',
    'buyer1@example.org Your tickets for The Barber of Seville',
    'buyer2@example.org Your order for The Barber of Seville was cancelled',
    'buyer3@example.org The payment for The Barber of Seville failed',
    'buyer4@example.org Your order for The Barber of Seville has expired',
    'buyer4@example.org Your payment for The Barber of Seville came too late',
  ]);
  const textTo = (start: string) => textOf([...mails].find(([name]) => name.startsWith(start))?.[1]);
  expect(textTo('buyer1@example.org Refund')).toContain('Reason: The seat is broken.');
  expect(textTo('buyer1@example.org Refund')).toContain('Refund, all taxes and fees included: €45.50');
  // The ticket that was given back before the mail went out is not in it.
  expect(textTo('buyer1@example.org Your tickets')).toContain('no longer valid are left out');
  expect(textTo('buyer3')).toContain('Reason: payment failed');
  expect(textTo('buyer4@example.org Your payment')).toContain('Reason: Nothing was charged.');
});

test('who paid late and still got the seats is not told that the order has expired', async () => {
  const { order, pay, mailed, time, told } = await boxOffice();
  const late = await order(1, 'S-A-1');
  await time.advance(HOUR_MS);
  await vi.waitFor(async () => expect(await told('expired')).toBe(1), { timeout: 30_000 });
  expect(await pay(late, true)).toMatchObject({ status: 'paid' });
  expect([...(await mailed()).keys()]).toEqual(['buyer1@example.org Your tickets for The Barber of Seville']);
});

test('who was paid back in full before the tickets went out gets no letter with nothing in it', async () => {
  const { order, pay, refund, mailed } = await boxOffice();
  const paid = await order(1, 'S-A-1');
  const { lines } = await pay(paid);
  await refund(paid, [lines[0].ticketId]);
  expect([...(await mailed()).keys()]).toEqual(['buyer1@example.org Refund for The Barber of Seville']);
});

test('a buyer without an account is not written to', async () => {
  const { order, pay, mailed, mailer } = await boxOffice();
  await pay(await order(99, 'S-A-1'));
  expect((await mailed()).size).toBe(0);
  expect(mailer.figures()).toMatchObject({ sent: 0, failed: 0, givenUp: 1 });
});
