import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { MAIL_LIMITS, Mailer, type MailerDeps, type MailLimits } from '../../src/mail/mailer.ts';
import { MailOutbox } from '../../src/mail/outbox.ts';
import { type MailTransport, SMTP_LIMITS, type SmtpLimits, smtpTransport } from '../../src/mail/transports.ts';
import { systemClock } from '../../src/system/clock.ts';
import { systemTimers } from '../../src/system/timers.ts';
import { capturedLog } from '../support/captured-log.ts';
import { type JournalDatabase, journalServer, nodeOn } from '../support/journal-database.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { ShowHistory, showsOfOtherShards } from '../support/show-history.ts';
import { headerOf, type SmtpServer, smtpServer } from '../support/smtp-server.ts';

const newDatabase = journalServer();
const FROM = { name: 'Box Office', address: 'tickets@usher.example' };
const LETTER = { subject: 'Hello', text: 'Hello\n', html: '<p>Hello</p>\n' };

/** What takes seconds and minutes takes milliseconds here. */
const QUICK: MailLimits = {
  ...MAIL_LIMITS,
  pollMs: 15,
  sendMs: 2_000,
  leaseMs: 5_000,
  retryBaseMs: 30,
  retryMaxMs: 200,
  serverBaseMs: 30,
  serverMaxMs: 200,
  closeMs: 300,
};
const QUICK_SMTP: SmtpLimits = { ...SMTP_LIMITS, connectMs: 150, greetingMs: 150, silenceMs: 150 };

const noticeId = (n: number): string => `paid:ord_${n}`;
const addressOf = (id: string): string => `${id.slice(5)}@example.org`;
const messageId = (n: number): string => `<paid.ord_${n}@usher.example>`;

/** Puts notices into the table, made now. */
async function addNotices({ pool }: JournalDatabase, count: number, from = 0): Promise<void> {
  const now = Date.now();
  for (let n = from; n < from + count; n++) {
    await pool.query(`insert into mail (id, kind, order_id, created_at, next_at) values ($1, 'paid', $2, $3, $3)`, [
      noticeId(n),
      `ord_${n}`,
      now,
    ]);
  }
}

interface MailNode {
  readonly mailer: Mailer;
  readonly logged: Record<string, unknown>[];
}

interface NodeParts {
  readonly limits?: Partial<MailLimits>;
  readonly transport?: MailTransport;
  readonly smtpLimits?: SmtpLimits;
  readonly outbox?: Partial<MailerDeps['outbox']>;
  readonly compose?: MailerDeps['compose'];
  readonly clock?: MailerDeps['clock'];
}

/** A node's worker, started, that writes every notice's letter to an address of its own. */
function startMailer(database: JournalDatabase, server: SmtpServer, parts: NodeParts = {}): MailNode {
  const { log, lines } = capturedLog();
  const outbox = new MailOutbox(database.pool);
  const mailer = new Mailer({
    outbox: {
      claim: (count, leaseMs) => outbox.claim(count, leaseMs),
      sent: (id) => outbox.sent(id),
      failed: (...args) => outbox.failed(...args),
      giveUp: (...args) => outbox.giveUp(...args),
      forget: (...args) => outbox.forget(...args),
      ...parts.outbox,
    },
    transport: parts.transport ?? smtpTransport(server.url, FROM, parts.smtpLimits ?? QUICK_SMTP),
    compose:
      parts.compose ??
      (async ({ id, createdAt }) => ({ id, to: addressOf(id), at: createdAt, letter: LETTER, images: [] })),
    clock: parts.clock ?? systemClock(),
    timers: systemTimers,
    random: seededRandom(),
    log,
    limits: { ...QUICK, ...parts.limits },
  });
  mailer.start();
  onTestFinished(() => mailer.close());
  return { mailer, logged: lines };
}

const eventually = (check: () => unknown): Promise<unknown> => vi.waitFor(check, { timeout: 30_000, interval: 20 });

const open = async ({ pool }: JournalDatabase): Promise<number> =>
  Number(
    (await pool.query('select count(*)::int as n from mail where sent_at is null and given_up_at is null')).rows[0].n,
  );

const allSent = (database: JournalDatabase): Promise<unknown> =>
  eventually(async () => expect(await open(database)).toBe(0));

const idsAt = (server: SmtpServer): string[] => server.received.map(({ raw }) => headerOf(raw, 'Message-ID')).sort();

describe('what buyers are to be told', () => {
  test('is sent, once, to its buyer alone, and marked', async () => {
    const [database, server] = [await newDatabase(), await smtpServer()];
    await addNotices(database, 30);
    const { mailer } = startMailer(database, server);
    await allSent(database);
    // Later polls find nothing more to send.
    await new Promise((resolve) => setTimeout(resolve, 10 * QUICK.pollMs));
    expect(idsAt(server)).toEqual(Array.from({ length: 30 }, (_, n) => messageId(n)).sort());
    for (const { from, to, raw } of server.received) {
      expect(from).toBe(FROM.address);
      expect(messageId(Number(to[0].match(/\d+/)))).toBe(headerOf(raw, 'Message-ID'));
      expect(to).toHaveLength(1);
    }
    expect(mailer.figures()).toEqual({ sent: 30, failed: 0, givenUp: 0, oldestMs: 0 });
    const { rows } = await database.pool.query('select distinct attempts, claimed_until, last_error from mail');
    expect(rows).toEqual([{ attempts: 1, claimed_until: null, last_error: null }]);
  });

  test('is sent again, as the same mail, when the node died before it could note it', async () => {
    const [database, server] = [await newDatabase(), await smtpServer()];
    await addNotices(database, 3);
    const limits = { leaseMs: 300 };
    // It claims once, and what it has done is never written down.
    const outbox = new MailOutbox(database.pool);
    const claim = vi
      .fn(() => new Promise<never>(() => {}))
      .mockImplementationOnce(() => outbox.claim(8, limits.leaseMs) as Promise<never>);
    startMailer(database, server, { limits, outbox: { claim, sent: () => new Promise(() => {}) } });
    await eventually(() => expect(server.received).toHaveLength(3));
    expect(await open(database)).toBe(3);
    startMailer(database, server, { limits: { leaseMs: 5_000 } });
    await allSent(database);
    expect(idsAt(server)).toEqual([0, 0, 1, 1, 2, 2].map(messageId));
    const [first, again] = server.received.filter(({ raw }) => headerOf(raw, 'Message-ID') === messageId(1));
    expect(headerOf(again.raw, 'Date')).toBe(headerOf(first.raw, 'Date'));
  });

  test('is sent by one of several nodes, never by two at once', async () => {
    const [database, server] = [await newDatabase(), await smtpServer()];
    server.delayMs = 4;
    await addNotices(database, 300);
    const nodes = [1, 2, 3].map(() => startMailer(database, server));
    await allSent(database);
    expect(server.crossed).toEqual([]);
    expect(idsAt(server)).toEqual(Array.from({ length: 300 }, (_, n) => messageId(n)).sort());
    const sent = nodes.map(({ mailer }) => mailer.figures().sent);
    expect(sent.reduce((sum, n) => sum + n)).toBe(300);
    expect(Math.min(...sent)).toBeGreaterThan(0);
  });

  test('is read and written by one short query a poll while there is nothing to do', async () => {
    const [database, server] = [await newDatabase(), await smtpServer()];
    const claim = vi.fn(new MailOutbox(database.pool).claim.bind(new MailOutbox(database.pool)));
    const others = { sent: vi.fn(), failed: vi.fn(), giveUp: vi.fn() };
    startMailer(database, server, { outbox: { claim, ...others } });
    await eventually(() => expect(claim.mock.calls.length).toBeGreaterThan(3));
    for (const call of Object.values(others)) expect(call).not.toHaveBeenCalled();
    expect(server.connections).toBe(0);
  });
});

describe('a mail server that is down', () => {
  test('delays nothing, is left alone for the most part, and gets everything when it is back', async () => {
    const [database, server] = [await newDatabase(), await smtpServer()];
    await server.close();
    const { journal, leases, takeAll } = nodeOn(database, 'a');
    await takeAll();
    const { mailer, logged } = startMailer(database, server);
    const histories = showsOfOtherShards(200).map((id) => new ShowHistory(id));
    const began = Date.now();
    for (let from = 0; from < 200; from += 20) {
      const turns = histories.slice(from, from + 20).map((history, i) => {
        const order = `ord_${from + i}`;
        const notices = [{ id: `paid:${order}`, kind: 'paid', orderId: order, refundId: null }] as const;
        return history.next(leases.epochOf(history.shard), { at: began, notices });
      });
      const outcomes = await Promise.all(turns.map((turn) => journal.append(turn)));
      expect(new Set(outcomes)).toEqual(new Set(['durable']));
    }
    expect(Date.now() - began).toBeLessThan(3_000);
    await eventually(() => expect(mailer.figures().failed).toBeGreaterThan(4));
    expect(await open(database)).toBe(200);
    await eventually(() => expect(mailer.figures().oldestMs).toBeGreaterThan(300));
    const { rows } = await database.pool.query('select count(*)::int as n from mail where attempts > 0');
    expect(rows[0].n).toBeLessThan(100);
    // Said once, not for each.
    expect(logged.filter(({ msg }) => msg === 'mail: the mail server takes nothing')).toHaveLength(1);
    await server.open();
    await allSent(database);
    expect(idsAt(server)).toEqual(Array.from({ length: 200 }, (_, n) => messageId(n)).sort());
    await eventually(() => expect(mailer.figures().oldestMs).toBe(0));
  });

  test.each([
    ['silent', 'that takes connections and says nothing'],
    ['mute', 'that takes mails and never says so'],
  ] as const)('(%s) %s is given up on in time', async (manner, _) => {
    const [database, server] = [await newDatabase(), await smtpServer()];
    server.manner = manner;
    await addNotices(database, 3);
    const { mailer } = startMailer(database, server);
    await eventually(() => expect(mailer.figures().failed).toBeGreaterThan(1));
    // Counted when it fails, and written down after that.
    await eventually(async () => {
      const { rows } = await database.pool.query('select distinct last_error from mail where last_error is not null');
      expect(rows).toEqual([{ last_error: expect.stringMatching(/timeout|Greeting never received/i) }]);
    });
    server.manner = 'well';
    await allSent(database);
    expect(idsAt(server)).toEqual([0, 1, 2].map(messageId));
  });

  test('that greets without end is given up on all the same', async () => {
    const [database, server] = [await newDatabase(), await smtpServer()];
    server.manner = 'trickle';
    await addNotices(database, 1);
    const patient = { ...SMTP_LIMITS };
    const { mailer } = startMailer(database, server, { smtpLimits: patient, limits: { sendMs: 200 } });
    await eventually(async () => {
      const { rows } = await database.pool.query('select last_error from mail');
      expect(rows).toEqual([{ last_error: 'it was not sent within 200 ms' }]);
    });
    expect(mailer.figures().failed).toBeGreaterThan(0);
    server.manner = 'well';
    await allSent(database);
    expect(idsAt(server)).toEqual([messageId(0)]);
  });

  test('keeps no node from stopping, and the next node sends what was at work', async () => {
    const [database, server] = [await newDatabase(), await smtpServer()];
    server.manner = 'silent';
    await addNotices(database, 2);
    const { mailer } = startMailer(database, server, { smtpLimits: SMTP_LIMITS });
    await eventually(() => expect(server.connections).toBe(2));
    const began = Date.now();
    await mailer.close();
    expect(Date.now() - began).toBeLessThan(2 * QUICK.closeMs + 500);
    server.manner = 'well';
    startMailer(database, server);
    await allSent(database);
    expect(idsAt(server)).toEqual([0, 1].map(messageId));
  });
});

describe('a mail that the server refuses', () => {
  test('holds no other up, is tried again, and is no backlog', async () => {
    const [database, server] = [await newDatabase(), await smtpServer()];
    server.refused.add(addressOf(noticeId(1)));
    await addNotices(database, 20);
    const { mailer } = startMailer(database, server);
    await eventually(() => expect(server.received).toHaveLength(19));
    await eventually(() => expect(mailer.figures().failed).toBeGreaterThan(2));
    await eventually(() => expect(mailer.figures()).toMatchObject({ sent: 19, oldestMs: 0 }));
    const { rows } = await database.pool.query('select id, last_error from mail where sent_at is null');
    expect(rows).toEqual([{ id: noticeId(1), last_error: expect.stringContaining('550') }]);
    server.refused.clear();
    await allSent(database);
    expect(server.received).toHaveLength(20);
  });

  test('is tried for days, and then given up', async () => {
    const [database, server] = [await newDatabase(), await smtpServer()];
    server.refused.add(addressOf(noticeId(0)));
    await addNotices(database, 1);
    let days = 6.9;
    const clock = { now: () => Date.now() + days * 86_400_000 };
    const { mailer, logged } = startMailer(database, server, { clock });
    await eventually(() => expect(mailer.figures().failed).toBeGreaterThan(3));
    expect(await open(database)).toBe(1);
    days = 7;
    await allSent(database);
    expect(mailer.figures()).toMatchObject({ sent: 0, givenUp: 1 });
    expect(logged.map(({ msg }) => msg)).toContain('mail: a notice is given up');
    expect(server.received).toEqual([]);
  });
});

describe('a notice', () => {
  test('of which nothing can be read yet is tried again, without holding the server to blame', async () => {
    const [database, server] = [await newDatabase(), await smtpServer()];
    await addNotices(database, 12);
    let refusals = 0;
    const { mailer, logged } = startMailer(database, server, {
      compose: async ({ id, createdAt }) => {
        if (id === noticeId(3) && refusals++ < 3) throw new Error('get-order was refused: UNAVAILABLE');
        return { id, to: addressOf(id), at: createdAt, letter: LETTER, images: [] };
      },
    });
    await allSent(database);
    expect(mailer.figures()).toMatchObject({ sent: 12, failed: 3 });
    expect(logged.map(({ msg }) => msg)).not.toContain('mail: the mail server takes nothing');
  });

  test('that leads to no mail is closed', async () => {
    const [database, server] = [await newDatabase(), await smtpServer()];
    await addNotices(database, 2);
    const { mailer } = startMailer(database, server, { compose: async () => 'the buyer has no account' });
    await allSent(database);
    expect(mailer.figures()).toMatchObject({ sent: 0, failed: 0, givenUp: 2 });
    const { rows } = await database.pool.query('select distinct last_error from mail');
    expect(rows).toEqual([{ last_error: 'the buyer has no account' }]);
  });

  test('that waits behind a failure waits longer each time, up to a limit', async () => {
    const [database, server] = [await newDatabase(), await smtpServer()];
    await addNotices(database, 1);
    const delays: number[] = [];
    const outbox = new MailOutbox(database.pool);
    const { mailer } = startMailer(database, server, {
      limits: { retryBaseMs: 20, retryMaxMs: 100 },
      compose: async () => Promise.reject(new Error('not now')),
      outbox: {
        failed: (claim, reason, delayMs, isRefused) => {
          delays.push(delayMs);
          return outbox.failed(claim, reason, delayMs, isRefused);
        },
      },
    });
    await eventually(() => expect(delays.length).toBeGreaterThan(5));
    await mailer.close();
    for (const [i, delay] of delays.entries()) {
      const full = Math.min(100, 20 * 2 ** i);
      expect(delay).toBeGreaterThanOrEqual(full / 2);
      expect(delay).toBeLessThanOrEqual(full);
    }
    expect(new Set(delays.slice(4)).size).toBeGreaterThan(1);
  });

  test('is forgotten a named time after it was sent or given up, not before and not while it is open', async () => {
    const [database, server] = [await newDatabase(), await smtpServer()];
    await database.pool.query(
      `insert into mail (id, kind, order_id, created_at, next_at, sent_at, given_up_at)
       select k || ':ord_' || n, 'paid', 'ord', 0, case k when 'open' then 9e15 else 0 end,
         case k when 'sent' then at end, case k when 'gone' then at end
       from (values ('sent'), ('gone'), ('open')) as kinds (k),
         (select n, ((extract(epoch from now()) - (case when n < 8 then 31 else 29 end) * 86400) * 1000)::bigint as at
          from generate_series(0, 9) n) as ages`,
    );
    startMailer(database, server, { limits: { forgetEveryMs: 20, forgetRows: 3 } });
    const left = async () => (await database.pool.query('select id from mail order by id')).rows.map(({ id }) => id);
    const kept = [
      ...['gone:ord_8', 'gone:ord_9'],
      ...Array.from({ length: 10 }, (_, n) => `open:ord_${n}`),
      ...['sent:ord_8', 'sent:ord_9'],
    ];
    await eventually(async () => expect(await left()).toEqual(kept));
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(await left()).toEqual(kept);
  });

  test('whose claim has lapsed is not marked by who held it', async () => {
    const database = await newDatabase();
    await addNotices(database, 1);
    const outbox = new MailOutbox(database.pool);
    const [late] = (await outbox.claim(1, 0)).claims;
    const [present] = (await outbox.claim(1, 60_000)).claims;
    expect(present).toMatchObject({ id: late.id, attempts: 2 });
    await outbox.failed(late, 'too late', 0, false);
    expect((await outbox.claim(1, 60_000)).claims).toEqual([]);
    await outbox.giveUp(late, 'too late');
    expect(await open(database)).toBe(1);
    // But that it was sent is true whoever says it.
    await outbox.sent(late.id);
    await outbox.failed(present, 'no answer', 0, false);
    expect(await open(database)).toBe(0);
  });
});

test('a database that is away is reported once, and mail goes on when it is back', async () => {
  const [database, server] = [await newDatabase(), await smtpServer()];
  await addNotices(database, 2);
  const outbox = new MailOutbox(database.pool);
  let isAway = true;
  let asked = 0;
  const { logged } = startMailer(database, server, {
    outbox: {
      claim: async (count, leaseMs) => {
        asked++;
        if (isAway) throw new Error('the database is out of reach');
        return outbox.claim(count, leaseMs);
      },
    },
  });
  await eventually(() => expect(asked).toBeGreaterThan(4));
  isAway = false;
  await allSent(database);
  expect(logged.filter(({ msg }) => msg === 'mail: what is due cannot be read')).toHaveLength(1);
});
