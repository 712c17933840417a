import { shardOf } from '../../src/cluster/shards.ts';
import type { Turn } from '../../src/journal/journal.ts';
import { FIRST_PREV_HASH, rowHash } from '../../src/journal/row-hash.ts';

export type TurnParts = Partial<
  Pick<Turn, 'at' | 'events' | 'wakeAt' | 'newBuyers' | 'offeredTo' | 'notices' | 'seq' | 'writer'>
>;

/** Makes the turns of one show, each chained to the one before, as its actor would. */
export class ShowHistory {
  readonly showId: string;
  readonly shard: number;
  #seq = 0;
  #hash = FIRST_PREV_HASH;

  constructor(showId: string) {
    this.showId = showId;
    this.shard = shardOf(showId);
  }

  /** A turn in the first form, or, if a writer is given, in the one that names it. */
  next(epoch: number | null, parts: TurnParts = {}): Turn {
    if (epoch === null) throw new Error('the shard has no owner here');
    const writer = parts.writer ?? null;
    const seq = parts.seq ?? this.#seq + 1;
    const body = {
      showId: this.showId,
      seq,
      epoch,
      at: parts.at ?? 1_790_000_000_000 + seq,
      wakeAt: parts.wakeAt ?? null,
      events: parts.events ?? `[{"type":"released","hold":${seq}}]`,
      format: writer === null ? 1 : 2,
      writer,
      prevHash: this.#hash,
    };
    const turn = {
      ...body,
      shard: this.shard,
      hash: rowHash(body),
      newBuyers: parts.newBuyers ?? [],
      offeredTo: parts.offeredTo ?? [],
      notices: parts.notices ?? [],
    };
    this.#seq = seq;
    this.#hash = turn.hash;
    return turn;
  }
}

/** `count` show ids, each of another shard. */
export function showsOfOtherShards(count: number): string[] {
  const ids: string[] = [];
  const shards = new Set<number>();
  for (let n = 0; ids.length < count; n++) {
    const id = `shw_${String(n).padStart(26, '0')}`;
    if (shards.has(shardOf(id))) continue;
    shards.add(shardOf(id));
    ids.push(id);
  }
  return ids;
}
