import type { Pool } from 'pg';
import type { Snapshot } from './journal.ts';
import { RAW_TEXT } from './rows.ts';

/** The form of the stored snapshots (column `format`). */
const SNAPSHOT_ROW_FORMAT = 1;

/** Kept only under the fence, only of a row that is in the journal, and only if newer than the kept one. */
function keepStatement(fence: string): string {
  return `
    with held as materialized (${fence})
    insert into snapshot as kept (show_id, seq, epoch, format, row_hash, state_hash, state)
    select $3, $4::int4, $5::int8, ${SNAPSHOT_ROW_FORMAT}, $6::bytea, $7::bytea, $8::bytea
    from held
    where held.epoch = $5::int8
      and exists (select from journal j where j.show_id = $3 and j.seq = $4::int4 and j.hash = $6::bytea)
    on conflict (show_id) do update
      set seq = excluded.seq, epoch = excluded.epoch, format = excluded.format,
          row_hash = excluded.row_hash, state_hash = excluded.state_hash, state = excluded.state
      where kept.seq < excluded.seq`;
}

/** Keeps a snapshot; `false` if fenced, older than the kept one, or of no row of the journal. */
export async function keepSnapshot(
  pool: Pool,
  fence: string,
  owner: string,
  showId: string,
  shard: number,
  snapshot: Snapshot,
): Promise<boolean> {
  const { rowCount } = await pool.query({
    name: 'snapshot-keep',
    text: keepStatement(fence),
    values: [
      [shard],
      owner,
      showId,
      snapshot.seq,
      snapshot.epoch,
      Buffer.from(snapshot.rowHash, 'hex'),
      Buffer.from(snapshot.stateHash, 'hex'),
      Buffer.from(snapshot.state.buffer, snapshot.state.byteOffset, snapshot.state.byteLength),
    ],
  });
  return rowCount === 1;
}

type Fields = [seq: string, epoch: string, format: string, rowHash: string, stateHash: string, state: string];

/** The kept snapshot, or null; also null if another version of this software wrote it: the journal has it all. */
export async function readSnapshot(pool: Pool, showId: string): Promise<Snapshot | null> {
  const { rows } = await pool.query<Fields>({
    name: 'snapshot-read',
    text: 'select seq, epoch, format, row_hash, state_hash, state from snapshot where show_id = $1',
    values: [showId],
    rowMode: 'array',
    types: RAW_TEXT,
  });
  if (rows.length === 0) return null;
  const [seq, epoch, format, rowHash, stateHash, state] = rows[0];
  if (Number(format) !== SNAPSHOT_ROW_FORMAT) return null;
  return {
    seq: Number(seq),
    epoch: Number(epoch),
    rowHash: rowHash.slice(2),
    stateHash: stateHash.slice(2),
    state: Buffer.from(state.slice(2), 'hex'),
  };
}
