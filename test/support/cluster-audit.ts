import { expect, onTestFinished } from 'vitest';
import { shardOf } from '../../src/cluster/shards.ts';
import { buyerToken, type ShowOnSale } from './box-office.ts';
import type { TestCluster, TestNode } from './cluster-processes.ts';
import type { ClusterSale } from './cluster-sale.ts';
import {
  askAgain,
  changedAnswers,
  knowledgeOf,
  lostThings,
  Outside,
  seatsSoldTwice,
  unexpectedAnswers,
  wrongCounts,
} from './sale-audit.ts';
import { type History, outcomeOf } from './sale-history.ts';
import { runUsher } from './usher-process.ts';

/** A request is answered by then… */
const DEADLINE_MS = 10_000;
/** …and a little later on a busy machine, of which these clients take their part. */
const DEADLINE_SLACK_MS = 2_000;
const AUDITORS = 16;
const FAULTS_SHOWN = 10;

/** A time (ms, monotonic) in which a node's process was not there, or stood still. */
export interface Absence {
  readonly port: number;
  readonly from: number;
  readonly to: number;
  /** `gone`: requests that met it are lost. `still`: they wait for its end, from when on they have their whole time. */
  readonly kind: 'gone' | 'still';
}

/** Every row of the journal stands on the one before it, under the same epoch or a newer one. */
const BROKEN_ROWS = `
  select show_id, seq::int, epoch::int, seq_before::int, epoch_before::int
  from (
    select show_id, seq, epoch, lag(seq) over w as seq_before, lag(epoch) over w as epoch_before
    from journal window w as (partition by show_id order by seq)
  ) as r
  where seq <> coalesce(seq_before, 0) + 1 or epoch < epoch_before`;

const OLD_ROWS = `
  select count(*)::int as rows from journal j
  join unnest($1::text[], $2::int8[]) as e (show_id, epoch) on e.show_id = j.show_id and j.epoch < e.epoch`;

const EPOCHS = 'select id, epoch::int from shard where id = any($1::int2[])';

/**
 * Judges, from outside, all that buyers were told: nothing acknowledged is lost, no seat is sold twice, every request had
 * its answer in time, and the journal says the same.
 * @param at the node that is asked.
 */
export async function expectSound(
  sale: ClusterSale,
  at: TestNode,
  { absences = [] }: { readonly absences?: readonly Absence[] } = {},
): Promise<void> {
  const { history, shows, organiser, cluster } = sale;
  const attempts = history.flatMap((operation) => operation.attempts);
  const slowest = Math.max(...attempts.map(({ sentAt, endedAt }) => Math.round(endedAt - sentAt)));
  process.stdout.write(`sale: ${attempts.length} requests, the slowest took ${slowest} ms\n`);
  expect(withoutAnswer(history, absences), 'requests without an answer').toEqual([]);
  expect(refusedLooks(history), 'seat maps that were refused').toEqual([]);
  const outside = new Outside(at.port, AUDITORS, (user) =>
    user === organiser.id ? Promise.resolve(organiser.token) : buyerToken(user),
  );
  onTestFinished(() => outside.close());
  const knowledge = knowledgeOf(history);
  await askAgain(
    history.filter(({ key }) => key !== null),
    outside,
  );
  const checks = {
    unexpectedAnswers: unexpectedAnswers(history),
    changedAnswers: changedAnswers(history, 'several'),
    seatsSoldTwice: seatsSoldTwice(knowledge),
    lostThings: await lostThings(knowledge, outside),
    wrongCounts: await wrongCounts(shows, knowledge, organiser, outside),
    brokenRows: (await cluster.query(BROKEN_ROWS)).map((row) => JSON.stringify(row)),
  };
  for (const [check, found] of Object.entries(checks)) {
    expect(found.slice(0, FAULTS_SHOWN), `${check}: ${found.length} faults`).toEqual([]);
  }
  const verified = await runUsher(['verify', '--json'], cluster.settings);
  expect(verified).toMatchObject({ code: 0, stderr: '' });
  expect(JSON.parse(verified.stdout)).toMatchObject({ soldTwice: 0, faults: [] });
}

/** Requests that a node which was there answered late or not at all, as sentences. */
function withoutAnswer(history: History, absences: readonly Absence[]): string[] {
  const faults: string[] = [];
  for (const { method, path, attempts } of history) {
    for (const { sentAt, endedAt, answer, port } of attempts) {
      const met = absences.filter((each) => each.port === port && sentAt <= each.to && endedAt >= each.from);
      if (met.some(({ kind }) => kind === 'gone')) continue;
      const stoodStill = Math.max(0, ...met.map(({ to }) => to - sentAt));
      const took = Math.round(endedAt - sentAt - stoodStill);
      const name = `${method} ${path} at port ${port}, ${took} ms`;
      if (answer === null) faults.push(`${name}: lost`);
      else if (took > DEADLINE_MS + DEADLINE_SLACK_MS) faults.push(`${name}: late (${answer.status})`);
    }
  }
  return faults;
}

/** A seat map is always to be had, if only an old one. */
function refusedLooks(history: History): string[] {
  const looks = history.filter(({ kind }) => kind === 'seats');
  return looks.flatMap(({ path, attempts }) =>
    attempts.flatMap(({ answer, port }) => {
      if (answer === null || answer.status === 200) return [];
      // Several limits are told by the same code.
      const { detail } = answer.body as { readonly detail?: string };
      return [`${path} at port ${port}: ${outcomeOf(answer)} ${detail}`];
    }),
  );
}

/** Requests that failed, although no node that was asked was `gone`. */
export function failures(history: History, absences: readonly Absence[] = []): string[] {
  const failed: string[] = [];
  for (const { method, path, attempts } of history) {
    for (const { sentAt, endedAt, answer, port } of attempts) {
      if (answer !== null && answer.status < 500) continue;
      const isExcused = absences.some((each) => each.port === port && sentAt <= each.to && endedAt >= each.from);
      if (answer === null && isExcused) continue;
      failed.push(`${method} ${path} at port ${port}: ${answer === null ? 'lost' : JSON.stringify(answer.body)}`);
    }
  }
  return failed;
}

/** The rows of a journal that were written under epochs which are over. */
export class OldRows {
  readonly #cluster: TestCluster;
  readonly #shows: readonly string[];
  readonly #epochs: readonly number[];
  readonly #count: number;

  private constructor(cluster: TestCluster, shows: readonly string[], epochs: readonly number[], count: number) {
    this.#cluster = cluster;
    this.#shows = shows;
    this.#epochs = epochs;
    this.#count = count;
  }

  /** Those of these shows that are older than their shards' present epochs. */
  static async of(cluster: TestCluster, shows: readonly ShowOnSale[]): Promise<OldRows> {
    const ids = shows.map(({ id }) => id);
    const rows = await cluster.query<{ id: number; epoch: number }>(EPOCHS, [ids.map(shardOf)]);
    const byShard = new Map(rows.map(({ id, epoch }) => [id, epoch]));
    const epochs = ids.map((id) => byShard.get(shardOf(id)) ?? 0);
    return new OldRows(cluster, ids, epochs, await countOf(cluster, ids, epochs));
  }

  /** Nobody has added to them. */
  async expectNoMore(): Promise<void> {
    expect(await countOf(this.#cluster, this.#shows, this.#epochs), 'rows under old epochs').toBe(this.#count);
  }
}

async function countOf(cluster: TestCluster, shows: readonly string[], epochs: readonly number[]): Promise<number> {
  const [{ rows }] = await cluster.query<{ rows: number }>(OLD_ROWS, [shows, epochs]);
  return rows;
}
