import { hashArray, int2Array, int4Array, int8Array, jsonArray, textArray } from './binary-arrays.ts';
import type { Notice, Turn } from './journal.ts';
import { WRITER_SINCE } from './row-hash.ts';

/**
 * The fence: reads the epochs of the shards `$1` that `$2` owns AND keeps them from changing until the statement's
 * transaction ends. A takeover's UPDATE waits for it; a writer behind the takeover finds the new epoch or no row.
 * FOR SHARE is the weakest lock that does this: with a plain SELECT or FOR KEY SHARE a row can still land after the
 * new owner has read the journal. Ordered, as the takeover is, so that the two never deadlock.
 */
export const FENCE = 'select id, epoch from shard where id = any($1::int2[]) and owner = $2 order by id for share';

/**
 * One statement for many turns: those whose fence holds are written, their new buyers, to whom they offer tickets and the
 * mail to be sent noted, the others left out. A notice that is there already stays as it is: it may have been sent since.
 * One row comes back: how many were written, and the places (from 1) of the fenced ones.
 * Parameters: see {@link appendValues}.
 */
export function appendStatement(fence: string): string {
  return `
    with held as materialized (${fence}),
    written as (
      insert into journal (show_id, seq, epoch, at, events, prev_hash, hash, wake_at, format, writer)
      select t.show_id, t.seq, t.epoch, t.at, t.events, t.prev_hash, t.hash, t.wake_at, t.format,
        case when t.format >= ${WRITER_SINCE} then $2::text end
      from unnest(
        $1::int2[], $3::int8[], $4::text[], $5::int4[], $6::int8[], $7::json[], $8::bytea[], $9::bytea[], $10::int8[],
        $13::int2[]
      ) as t (shard, epoch, show_id, seq, at, events, prev_hash, hash, wake_at, format)
      join held on held.id = t.shard and held.epoch = t.epoch
      returning show_id
    ),
    noted as (
      insert into buyer_show (buyer_id, show_id)
      select b.buyer_id, b.show_id
      from unnest($11::text[], $12::text[]) as b (buyer_id, show_id) join written using (show_id)
      on conflict do nothing
    ),
    offered as (
      insert into offered_show (address, show_id)
      select o.address, o.show_id
      from unnest($20::text[], $21::text[]) as o (address, show_id) join written using (show_id)
      on conflict do nothing
    ),
    told as (
      insert into mail (id, kind, order_id, refund_id, created_at, next_at)
      select n.id, n.kind, n.order_id, nullif(n.refund_id, ''), n.at, n.at
      from unnest($14::text[], $15::text[], $16::text[], $17::text[], $18::text[], $19::int8[])
        as n (show_id, id, kind, order_id, refund_id, at) join written using (show_id)
      on conflict do nothing
    )
    select
      (select count(*)::int4 from written),
      array(
        select t.place::int4
        from unnest($1::int2[], $3::int8[]) with ordinality as t (shard, epoch, place)
        where not exists (select from held where held.id = t.shard and held.epoch = t.epoch)
      )`;
}

/**
 * What an idle lane writes to show that its appends would become durable: through the same fence (which locks no shard
 * here, so that it is in nobody's way) into the lane's own record, and committed as an append is. No row comes back if the
 * record is gone. Parameters: see {@link canaryValues}.
 */
export function canaryStatement(fence: string): string {
  return `
    with held as materialized (${fence})
    update lane_backend set lane = $3::int2
    where pid = pg_backend_pid() and owner = $2 and not exists (select from held)
    returning lane`;
}

/** The parameters of {@link canaryStatement}. */
export function canaryValues(owner: string, lane: number): (string | Buffer)[] {
  return [int2Array([], Number), owner, String(lane)];
}

/**
 * The parameters of {@link appendStatement}. Throws a RangeError on a number or hash that is not one, and on a turn that
 * names another writer than the owner, or none where its form has one.
 */
export function appendValues(owner: string, turns: readonly Turn[]): (string | Buffer)[] {
  const buyers: { buyer: string; showId: string }[] = [];
  const offered: { address: string; showId: string }[] = [];
  const told: { notice: Notice; showId: string; at: number }[] = [];
  for (const { format, writer, newBuyers, offeredTo, notices, showId, at } of turns) {
    if (writer !== (format >= WRITER_SINCE ? owner : null)) throw new RangeError(`${writer} is not the writer here`);
    for (const buyer of newBuyers) buyers.push({ buyer, showId });
    for (const address of offeredTo) offered.push({ address, showId });
    for (const notice of notices) told.push({ notice, showId, at });
  }
  return [
    int2Array(turns, (turn) => turn.shard),
    owner,
    int8Array(turns, (turn) => turn.epoch),
    textArray(turns, (turn) => turn.showId),
    int4Array(turns, (turn) => turn.seq),
    int8Array(turns, (turn) => turn.at),
    jsonArray(turns, (turn) => turn.events),
    hashArray(turns, (turn) => turn.prevHash),
    hashArray(turns, (turn) => turn.hash),
    int8Array(turns, (turn) => turn.wakeAt),
    textArray(buyers, (note) => note.buyer),
    textArray(buyers, (note) => note.showId),
    int2Array(turns, (turn) => turn.format),
    textArray(told, ({ showId }) => showId),
    textArray(told, ({ notice }) => notice.id),
    textArray(told, ({ notice }) => notice.kind),
    textArray(told, ({ notice }) => notice.orderId),
    textArray(told, ({ notice }) => notice.refundId ?? ''),
    int8Array(told, ({ at }) => at),
    textArray(offered, ({ address }) => address),
    textArray(offered, ({ showId }) => showId),
  ];
}
