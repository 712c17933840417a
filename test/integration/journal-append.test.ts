import pg from 'pg';
import { describe, expect, onTestFinished, test } from 'vitest';
import { FORMAT, FormatUnknown } from '../../src/formats.ts';
import type { JournalRow, Notice, Turn } from '../../src/journal/journal.ts';
import { createJournalReader } from '../../src/journal/postgres-journal.ts';
import { type JournalDatabase, journalServer, nodeOn } from '../support/journal-database.ts';
import { ShowHistory, showsOfOtherShards } from '../support/show-history.ts';

const newDatabase = journalServer();

async function collect<T>(pages: AsyncIterable<readonly T[]>): Promise<T[]> {
  const all: T[] = [];
  for await (const page of pages) all.push(...page);
  return all;
}

function rowOf(turn: Turn): JournalRow {
  const { seq, epoch, at, events, format, writer, prevHash, hash, wakeAt } = turn;
  return { seq, epoch, at, events, format, writer, prevHash, hash, wakeAt };
}

function paidNotice(order: string): Notice {
  return { id: `paid:ord_${order}`, kind: 'paid', orderId: `ord_${order}`, refundId: null };
}

async function mailIn({ pool }: JournalDatabase): Promise<{ readonly id: string }[]> {
  const { rows } = await pool.query(
    `select id, kind, order_id, refund_id, created_at::text, attempts, next_at::text, sent_at::text from mail order by id`,
  );
  return rows;
}

describe('an append', () => {
  test('is read back as it was written, to the byte', async () => {
    const { journal, leases, takeAll, incarnation } = nodeOn(await newDatabase(), 'a');
    await takeAll();
    const [showId] = showsOfOtherShards(1);
    const history = new ShowHistory(showId);
    const epoch = leases.epochOf(history.shard);
    const turns = [
      history.next(epoch, {
        wakeAt: 1_800_000_000_123,
        events: '[ {"type":"x", "text":"é 🎭 \\u0000 \\" \\\\ {} ,null"} ]',
      }),
      history.next(epoch, { wakeAt: null, events: `[{"type":"${'long '.repeat(50_000)}"}]`, writer: incarnation }),
      history.next(epoch, { at: 2 ** 45 + 1 }),
    ];
    for (const turn of turns) expect(await journal.append(turn)).toBe('durable');
    expect(await collect(journal.rowsAfter(showId, 0))).toEqual(turns.map(rowOf));
    expect(await collect(journal.rowsAfter(showId, 2))).toEqual([rowOf(turns[2])]);
    expect(await journal.readRow(showId, 2)).toEqual(rowOf(turns[1]));
    expect(await journal.readRow(showId, 4)).toBeNull();
    expect(await collect(journal.rowsAfter('shw_none', 0))).toEqual([]);
  });

  test('goes in one statement with those of other shows that arrive together', async () => {
    const { journal, leases, takeAll } = nodeOn(await newDatabase(), 'a', { lanes: 1 });
    await takeAll();
    const shows = showsOfOtherShards(300).map((id) => new ShowHistory(id));
    await journal.append(shows[0].next(leases.epochOf(shows[0].shard)));
    const before = journal.figures()[0].statements;
    const outcomes = await Promise.all(
      shows.slice(1).map((show) => journal.append(show.next(leases.epochOf(show.shard)))),
    );
    expect(new Set(outcomes)).toEqual(new Set(['durable']));
    expect(journal.figures()[0].statements - before).toBe(2);
    expect(journal.figures()[0].outcomes.durable).toBe(300);
  });

  test('notes new buyers, once', async () => {
    const database = await newDatabase();
    const { journal, leases, takeAll } = nodeOn(database, 'a');
    await takeAll();
    const shows = showsOfOtherShards(2).map((id) => new ShowHistory(id));
    for (const show of shows) {
      for (const newBuyers of [['usr_1', 'usr_2'], ['usr_2']]) {
        expect(await journal.append(show.next(leases.epochOf(show.shard), { newBuyers }))).toBe('durable');
      }
    }
    const { rows } = await database.pool.query('select buyer_id, show_id from buyer_show order by 1, 2');
    expect(rows).toEqual(
      ['usr_1', 'usr_2'].flatMap((buyer_id) => shows.map(({ showId }) => ({ buyer_id, show_id: showId }))),
    );
  });

  test('puts what buyers are to be told beside the row, once', async () => {
    const database = await newDatabase();
    const { journal, leases, takeAll } = nodeOn(database, 'a', { lanes: 1 });
    await takeAll();
    const shows = showsOfOtherShards(3).map((id) => new ShowHistory(id));
    const [first, , last] = shows;
    const notices = [
      paidNotice('1'),
      { id: 'refund:rfd_1', kind: 'refund', orderId: 'ord_1', refundId: 'rfd_1' },
    ] as const;
    const told = [notices, [], [paidNotice('2')]];
    const turns = shows.map((show, i) => show.next(leases.epochOf(show.shard), { at: 7_000 + i, notices: told[i] }));
    expect(await Promise.all(turns.map((turn) => journal.append(turn)))).toEqual(['durable', 'durable', 'durable']);
    const mail = (id: string, parts: object) => ({ id, refund_id: null, attempts: 0, sent_at: null, ...parts });
    const kept = [
      mail('paid:ord_1', { kind: 'paid', order_id: 'ord_1', created_at: '7000', next_at: '7000' }),
      mail('paid:ord_2', { kind: 'paid', order_id: 'ord_2', created_at: '7002', next_at: '7002' }),
      mail('refund:rfd_1', {
        ...{ kind: 'refund', order_id: 'ord_1', refund_id: 'rfd_1', created_at: '7000', next_at: '7000' },
      }),
    ];
    expect(await mailIn(database)).toEqual(kept);
    await database.pool.query(`update mail set sent_at = 8000 where id = 'paid:ord_2'`);
    const again = [last, first].map((show, i) =>
      show.next(leases.epochOf(show.shard), { at: 9_000, notices: [paidNotice(`${2 + i}`)] }),
    );
    for (const turn of again) expect(await journal.append(turn)).toBe('durable');
    kept[1] = { ...kept[1], sent_at: '8000' } as never;
    kept.splice(2, 0, mail('paid:ord_3', { kind: 'paid', order_id: 'ord_3', created_at: '9000', next_at: '9000' }));
    expect(await mailIn(database)).toEqual(kept);
  });

  test('that is fenced or a conflict tells nobody anything, while its neighbours do', async () => {
    const database = await newDatabase();
    const { journal, leases, takeAll } = nodeOn(database, 'a', { lanes: 1 });
    await takeAll();
    const [sold, fenced, there] = showsOfOtherShards(3).map((id) => new ShowHistory(id));
    expect(await journal.append(there.next(leases.epochOf(there.shard)))).toBe('durable');
    const turns = [sold, fenced, there].map((show, i) =>
      show.next((leases.epochOf(show.shard) ?? 0) + (show === fenced ? 1 : 0), {
        ...(show === there ? { seq: 1 } : {}),
        notices: [paidNotice(`${i}`)],
      }),
    );
    const outcomes = await Promise.all(turns.map((turn) => journal.append(turn)));
    expect(outcomes).toEqual(['durable', 'fenced', 'conflict']);
    expect((await mailIn(database)).map(({ id }) => id)).toEqual(['paid:ord_0']);
  });

  test('of a row that exists is a conflict and writes nothing, while its neighbours commit', async () => {
    const database = await newDatabase();
    const { journal, leases, takeAll } = nodeOn(database, 'a', { lanes: 1 });
    await takeAll();
    const shows = showsOfOtherShards(40).map((id) => new ShowHistory(id));
    const first = shows[17].next(leases.epochOf(shows[17].shard));
    expect(await journal.append(first)).toBe('durable');
    const outcomes = await Promise.all(
      shows.map((show) =>
        journal.append(
          show.next(leases.epochOf(show.shard), show === shows[17] ? { seq: 1, newBuyers: ['usr_1'], at: 5 } : {}),
        ),
      ),
    );
    expect(outcomes).toEqual(shows.map((show) => (show === shows[17] ? 'conflict' : 'durable')));
    expect(await collect(journal.rowsAfter(shows[17].showId, 0))).toEqual([rowOf(first)]);
    expect((await database.pool.query('select from buyer_show')).rowCount).toBe(0);
    expect(await journal.append(shows[17].next(leases.epochOf(shows[17].shard)))).toBe('durable');
  });

  test('together with those of the other form is written as it is', async () => {
    const { journal, leases, takeAll, incarnation } = nodeOn(await newDatabase(), 'a', { lanes: 1 });
    await takeAll();
    const shows = showsOfOtherShards(6).map((id) => new ShowHistory(id));
    const turns = shows.map((show, i) =>
      show.next(leases.epochOf(show.shard), i % 2 === 0 ? {} : { writer: incarnation }),
    );
    expect(new Set(await Promise.all(turns.map((turn) => journal.append(turn))))).toEqual(new Set(['durable']));
    const rows = await Promise.all(shows.map(({ showId }) => journal.readRow(showId, 1)));
    expect(rows).toEqual(turns.map(rowOf));
    expect(rows.map((row) => row?.format)).toEqual([1, 2, 1, 2, 1, 2]);
  });

  test.each([
    ['events that are not JSON', { events: '[{' }],
    ['a seq that is no number', { seq: Number.NaN }],
    ['another writer than the owner', { writer: 'nod_another' }],
  ])('with %s is refused alone', async (_, parts) => {
    const { journal, leases, logged, takeAll } = nodeOn(await newDatabase(), 'a', { lanes: 1 });
    await takeAll();
    const shows = showsOfOtherShards(5).map((id) => new ShowHistory(id));
    const outcomes = await Promise.all(
      shows.map((show, index) => journal.append(show.next(leases.epochOf(show.shard), index === 2 ? parts : {}))),
    );
    expect(outcomes).toEqual(['durable', 'durable', 'unknown', 'durable', 'durable']);
    expect(logged.map((line) => line.msg)).toContain('journal: a turn was refused by the database');
    expect(journal.figures()[0].connections).toBe(1);
  });

  test('under way when the journal closes is answered; a later one is not sent', async () => {
    const database = await newDatabase();
    const { journal, leases, takeAll } = nodeOn(database, 'a', { lanes: 1 });
    await takeAll();
    const shows = showsOfOtherShards(600).map((id) => new ShowHistory(id));
    await journal.append(shows[0].next(leases.epochOf(shows[0].shard)));
    const appended = Promise.all(shows.slice(1).map((show) => journal.append(show.next(leases.epochOf(show.shard)))));
    const closed = journal.close();
    expect(await journal.append(shows[0].next(leases.epochOf(shows[0].shard)))).toBe('unknown');
    expect(new Set(await appended)).toEqual(new Set(['durable']));
    await closed;
    expect((await database.pool.query('select from journal')).rowCount).toBe(600);
  });
});

describe('a row in a form that is not known', () => {
  const UNKNOWN = FORMAT.newest + 1;

  /** A row in the first form, one in a later one, and one in a form that is still to come. */
  async function threeForms() {
    const database = await newDatabase();
    const { journal, leases, takeAll, incarnation } = nodeOn(database, 'a');
    await takeAll();
    const [showId] = showsOfOtherShards(1);
    const history = new ShowHistory(showId);
    const epoch = leases.epochOf(history.shard);
    for (const writer of [null, incarnation, incarnation]) {
      expect(await journal.append(history.next(epoch, { writer }))).toBe('durable');
    }
    await database.pool.query(`update journal set format = ${UNKNOWN} where seq = 3`);
    let refused = 0;
    const readerOf = (newest: number) => {
      const forms = { newest, onUnknown: () => void refused++ };
      const reader = createJournalReader(new pg.Pool(database.connection), forms);
      onTestFinished(() => reader.close());
      return reader;
    };
    return { journal, readerOf, showId, refusals: () => refused };
  }

  test('is refused by name, however it is read', async () => {
    const { journal, showId } = await threeForms();
    const refusal = `row 3 of the journal of ${showId} has format ${UNKNOWN}; this version knows formats 1 to ${FORMAT.newest}`;
    for (const read of [() => collect(journal.rowsAfter(showId, 0)), () => journal.readRow(showId, 3)]) {
      await expect(read()).rejects.toThrow(FormatUnknown);
      await expect(read()).rejects.toThrow(refusal);
    }
    expect(await journal.readRow(showId, 2)).toMatchObject({ seq: 2, format: 2 });
  });

  test('depends on who reads: one that acts as an older version refuses what that would', async () => {
    const { readerOf, showId, refusals } = await threeForms();
    const [older, newer] = [readerOf(1), readerOf(UNKNOWN)];
    const refusal = `row 2 of the journal of ${showId} has format 2; this version knows formats 1 to 1`;
    await expect(collect(older.rowsAfter(showId, 0))).rejects.toThrow(refusal);
    await expect(older.readRow(showId, 2)).rejects.toThrow(refusal);
    expect(await older.readRow(showId, 1)).toMatchObject({ format: 1, writer: null });
    expect(refusals()).toBe(2);
    expect((await collect(newer.rowsAfter(showId, 0))).map((row) => row.format)).toEqual([1, 2, UNKNOWN]);
    expect(refusals()).toBe(2);
  });
});

describe('reading a long journal', () => {
  test('goes in pages bounded in rows and bytes, without a gap', async () => {
    const database = await newDatabase();
    const { journal } = nodeOn(database, 'a');
    await database.pool.query(
      `insert into journal (show_id, seq, epoch, at, events, prev_hash, hash)
       select 'shw_small', n, 1, n, '[]', sha256(''), sha256('') from generate_series(1, 4500) n`,
    );
    await database.pool.query(
      `insert into journal (show_id, seq, epoch, at, events, prev_hash, hash)
       select 'shw_large', n, 1, n, to_json(repeat('x', case when n = 3 then 9000000 else 1500000 end)), sha256(''), sha256('')
       from generate_series(1, 8) n`,
    );
    const pagesOf = async (showId: string): Promise<number[][]> => {
      const pages: number[][] = [];
      for await (const page of journal.rowsAfter(showId, 0)) pages.push(page.map((row) => row.seq));
      return pages;
    };
    const small = await pagesOf('shw_small');
    expect(small.map((page) => page.length)).toEqual([2000, 2000, 500]);
    expect(small.flat()).toEqual(Array.from({ length: 4500 }, (_, index) => index + 1));
    expect(await pagesOf('shw_large')).toEqual([
      [1, 2, 3],
      [4, 5, 6],
      [7, 8],
    ]);
  });
});

describe('wake-ups', () => {
  test('are the shows of the asked shards whose last row wants one', async () => {
    const database = await newDatabase();
    const { journal, leases, takeAll } = nodeOn(database, 'a');
    await takeAll();
    await database.pool.query('create table show (id text primary key, shard smallint not null)');
    const [pending, done, elsewhere, silent] = showsOfOtherShards(4).map((id) => new ShowHistory(id));
    for (const { showId, shard } of [pending, done, elsewhere, silent]) {
      await database.pool.query('insert into show values ($1, $2)', [showId, shard]);
    }
    for (const show of [pending, done, elsewhere]) {
      await journal.append(show.next(leases.epochOf(show.shard), { wakeAt: 7_000 }));
      await journal.append(show.next(leases.epochOf(show.shard), { wakeAt: show === done ? null : 9_000 }));
    }
    expect(await collect(journal.wakeable([pending.shard, done.shard, silent.shard]))).toEqual([
      { showId: pending.showId, shard: pending.shard, wakeAt: 9_000 },
    ]);
  });
});
