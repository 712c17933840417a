import { describe, expect, test } from 'vitest';
import { PreparedShows } from '../../src/actors/prepared-shows.ts';
import type { Recovered } from '../../src/actors/recovery.ts';
import { Show } from '../../src/allocator/show.ts';
import type { JournalRow } from '../../src/journal/journal.ts';
import { manualTime } from '../support/manual-time.ts';
import { MemoryJournal } from '../support/memory-journal.ts';
import { eventsIn, heldIn, holdOf, SHARD, ShowNode, toldBy } from '../support/show-node.ts';
import { rowsOfTen, SHOW_ID, termsOf } from '../support/small-show.ts';

const SHARDS = new Set([SHARD]);

/** Counts what is read of a journal. */
class ReadJournal extends MemoryJournal {
  readonly readAfter: number[] = [];
  override rowsAfter(showId: string, after: number): ReturnType<MemoryJournal['rowsAfter']> {
    this.readAfter.push(after);
    return super.rowsAfter(showId, after);
  }
}

function recovered(seats = 10): Recovered {
  const show = new Show(SHOW_ID, rowsOfTen(seats / 10), termsOf());
  return { show, lastHash: '', eventsSinceSnapshot: 0 };
}

describe('a show that was prepared where it goes', () => {
  test('goes on there from what happened since, and only that is read', async () => {
    const journal = new ReadJournal();
    const owner = new ShowNode({ journal });
    const next = new ShowNode({ journal, time: owner.time, leases: journal.leases.ofAnotherNode() });
    for (let n = 1; n <= 3; n++) await owner.ask(SHOW_ID, holdOf(n));
    await next.actors.prepare(owner.actors.wanted(SHARDS));
    expect(next.actors.awake).toBe(0);
    await owner.ask(SHOW_ID, holdOf(4));
    owner.leases.close(SHARD);
    const wanted = await owner.actors.leave(SHARDS);
    owner.leases.giveUp(SHARD);
    next.leases.acquire(SHARD);
    journal.readAfter.length = 0;
    await next.actors.wake(wanted);
    expect(journal.readAfter).toEqual([3]);
    expect(await next.ask(SHOW_ID, { type: 'get-summary' })).toMatchObject({ ok: true, value: { held: 4 } });
    expect(toldBy(await next.ask(SHOW_ID, holdOf(5)))).toBe('ok');
    expect(await next.ask(SHOW_ID, holdOf(2))).toMatchObject({ ok: true, replayed: true });
    expect(heldIn(journal, SHOW_ID)).toHaveLength(5);
    await next.stop();
    await owner.stop();
  });

  test('is not trusted when the journal does not go on from it', async () => {
    const journal = new ReadJournal();
    const owner = new ShowNode({ journal });
    const next = new ShowNode({ journal, time: owner.time, leases: journal.leases.ofAnotherNode() });
    await owner.ask(SHOW_ID, holdOf(1));
    await next.actors.prepare([SHOW_ID]);
    await owner.ask(SHOW_ID, holdOf(2));
    const rows = journal.rows(SHOW_ID) as JournalRow[];
    rows[1] = { ...rows[1], prevHash: '0'.repeat(64) };
    owner.leases.giveUp(SHARD);
    next.leases.acquire(SHARD);
    expect(toldBy(await next.ask(SHOW_ID, holdOf(3)))).toBe('UNAVAILABLE');
    expect(next.errors.join()).toContain('row 2: does not chain to the row before');
    expect(eventsIn(journal, SHOW_ID).filter(({ type }) => type === 'held')).toHaveLength(2);
    await next.stop();
    await owner.stop();
  });

  test('changes nothing for a show that cannot be prepared', async () => {
    const node = new ShowNode();
    node.known = new Set();
    await node.actors.prepare([SHOW_ID]);
    expect([node.actors.awake, node.logged]).toEqual([0, []]);
    await node.stop();
  });
});

describe('what is kept ready', () => {
  test('is given once', () => {
    const shows = new PreparedShows(manualTime().clock);
    const one = recovered();
    shows.put(SHOW_ID, one);
    expect([shows.take(SHOW_ID), shows.take(SHOW_ID)]).toEqual([one, null]);
  });

  test('is forgotten when the show does not come', async () => {
    const time = manualTime();
    const shows = new PreparedShows(time.clock);
    shows.put(SHOW_ID, recovered());
    await time.advance(10_000);
    expect([shows.take(SHOW_ID), shows.size]).toEqual([null, 0]);
  });

  test('is limited: the oldest go first', () => {
    const shows = new PreparedShows(manualTime().clock);
    for (let n = 0; n < 600; n++) shows.put(`shw_${n}`, recovered());
    expect([shows.size, shows.take('shw_0'), shows.take('shw_599') === null]).toEqual([512, null, false]);
  });
});
