import pg from 'pg';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { FENCE } from '../../src/journal/append-statement.ts';
import type { AppendOutcome, Journal } from '../../src/journal/journal.ts';
import { type JournalDatabase, journalServer, nodeOn } from '../support/journal-database.ts';
import { ShowHistory, showsOfOtherShards } from '../support/show-history.ts';

const newDatabase = journalServer();

async function seqsOf(journal: Journal, showId: string): Promise<number[]> {
  const seqs: number[] = [];
  for await (const page of journal.rowsAfter(showId, 0)) seqs.push(...page.map((row) => row.seq));
  return seqs;
}

/** Stops every insert into the journal between its fence and its commit, until the gate opens. */
async function gateInserts(database: JournalDatabase): Promise<{ open(): Promise<void> }> {
  await database.pool.query(`
    create function wait_at_gate() returns trigger language plpgsql as
      $$ begin perform pg_advisory_xact_lock_shared(1); return new; end $$;
    create trigger gate before insert on journal for each row execute function wait_at_gate()`);
  const keeper = new pg.Client(database.connection);
  await keeper.connect();
  onTestFinished(() => keeper.end());
  await keeper.query('select pg_advisory_lock(1)');
  return {
    open: async () => {
      await keeper.query('select pg_advisory_unlock(1)');
    },
  };
}

/** Waits until a session of this name waits for a lock of this kind. */
function waitingFor(database: JournalDatabase, session: string, kind: string): Promise<void> {
  return vi.waitFor(async () => {
    const { rowCount } = await database.pool.query(
      `select from pg_stat_activity
       where datname = current_database() and application_name like $1 and wait_event_type = 'Lock' and wait_event like $2`,
      [session, kind],
    );
    expect(rowCount).toBeGreaterThan(0);
  }, 10_000);
}

interface Race {
  /** What the old owner was told of row 2. */
  readonly outcome: AppendOutcome;
  /** The rows that the new owner recovered from. */
  readonly recovered: readonly number[];
}

/** An append whose fence was read before its shard moves to another node, and which commits after that began. */
async function raceAppendAgainstTakeover(fence: string): Promise<Race> {
  const database = await newDatabase();
  const old = nodeOn(database, 'old', { fence });
  const successor = nodeOn(database, 'successor');
  await old.takeAll();
  await successor.join();
  const history = new ShowHistory(showsOfOtherShards(1)[0]);
  const epoch = old.leases.epochOf(history.shard) as number;
  expect(await old.journal.append(history.next(epoch))).toBe('durable');

  const gate = await gateInserts(database);
  const appended = old.journal.append(history.next(epoch));
  await waitingFor(database, 'usher lane %', 'advisory');
  const recovered = old.registry
    .release(old.incarnation, [{ shard: history.shard, epoch, closedMsAgo: 0 }])
    .then((released) => successor.registry.acquire(successor.incarnation, released))
    .then(() => seqsOf(successor.journal, history.showId));
  await Promise.race([recovered, waitingFor(database, 'usher leases', '%')]);
  await gate.open();
  return { outcome: await appended, recovered: await recovered };
}

/** Whoever was told `durable` is in what the new owner knows. */
function expectNothingLost({ outcome, recovered }: Race): void {
  expect(recovered).toEqual(outcome === 'durable' ? [1, 2] : [1]);
}

describe('a takeover racing an append', () => {
  test('loses nothing', async () => {
    const race = await raceAppendAgainstTakeover(FENCE);
    expectNothingLost(race);
    expect(race.outcome).toBe('durable');
  });

  test.each([
    ['a plain SELECT', ''],
    ['FOR KEY SHARE', 'for key share'],
  ])('would lose a durable row with %s as the guard', async (_, lock) => {
    const weaker = FENCE.replace('for share', lock);
    expect(weaker).not.toBe(FENCE);
    const race = await raceAppendAgainstTakeover(weaker);
    expect(() => expectNothingLost(race)).toThrow();
    expect(race).toEqual({ outcome: 'durable', recovered: [1] });
  });
});

describe('a fenced writer', () => {
  test('writes nothing, neither rows nor buyers', async () => {
    const database = await newDatabase();
    const zombie = nodeOn(database, 'zombie');
    const owner = nodeOn(database, 'owner');
    await zombie.takeAll();
    await owner.takeAll();
    const history = new ShowHistory(showsOfOtherShards(1)[0]);
    const turn = history.next(zombie.leases.epochOf(history.shard), { newBuyers: ['usr_1'] });
    expect(await zombie.journal.append(turn)).toBe('fenced');
    expect((await database.pool.query('select from journal')).rowCount).toBe(0);
    expect((await database.pool.query('select from buyer_show')).rowCount).toBe(0);
    expect(await zombie.leases.advance(history.shard)).toBeNull();
    expect(zombie.leases.epochOf(history.shard)).toBeNull();
  });

  test('writes nothing under a later epoch that it does not own either', async () => {
    const database = await newDatabase();
    const zombie = nodeOn(database, 'zombie');
    const owner = nodeOn(database, 'owner');
    await zombie.takeAll();
    await owner.takeAll();
    const history = new ShowHistory(showsOfOtherShards(1)[0]);
    expect(await zombie.journal.append(history.next(owner.leases.epochOf(history.shard)))).toBe('fenced');
  });

  test('that waited behind the takeover finds the new epoch', async () => {
    const database = await newDatabase();
    const old = nodeOn(database, 'old');
    await old.takeAll();
    const history = new ShowHistory(showsOfOtherShards(1)[0]);
    const takeover = new pg.Client(database.connection);
    await takeover.connect();
    onTestFinished(() => takeover.end());
    await takeover.query('begin');
    await takeover.query(`update shard set epoch = epoch + 1, owner = 'successor' where id = ${history.shard}`);
    const appended = old.journal.append(history.next(old.leases.epochOf(history.shard)));
    await waitingFor(database, 'usher lane %', '%');
    await takeover.query('commit');
    expect(await appended).toBe('fenced');
    expect(await seqsOf(old.journal, history.showId)).toEqual([]);
  });

  test('drops out of its batch while the others commit', async () => {
    const database = await newDatabase();
    const node = nodeOn(database, 'a', { lanes: 1 });
    await node.takeAll();
    const shows = showsOfOtherShards(20).map((id) => new ShowHistory(id));
    const lost = new Set([shows[3], shows[19]]);
    for (const show of lost)
      await database.pool.query(`update shard set epoch = epoch + 1, owner = 'b' where id = ${show.shard}`);
    const outcomes = await Promise.all(
      shows.map((show) => node.journal.append(show.next(node.leases.epochOf(show.shard), { newBuyers: ['usr_1'] }))),
    );
    expect(outcomes).toEqual(shows.map((show) => (lost.has(show) ? 'fenced' : 'durable')));
    const { rows } = await database.pool.query('select show_id from journal order by 1');
    expect(rows.map((row) => row.show_id)).toEqual(shows.filter((show) => !lost.has(show)).map((show) => show.showId));
    expect((await database.pool.query('select from buyer_show')).rowCount).toBe(18);
    expect(node.journal.figures()[0].outcomes).toEqual({ durable: 18, fenced: 2, unknown: 0, conflict: 0 });
  });
});
