/**
 * The journal as the actors see it. The real one is Postgres (`postgres-journal.ts`); tests have one in memory.
 */

/** One turn of one show: all its events, appended whole or not at all. */
export interface Turn {
  readonly showId: string;
  readonly shard: number;
  /** The epoch under which the writer believes to own the shard. */
  readonly epoch: number;
  /** Gapless from 1. */
  readonly seq: number;
  /** ms since the epoch; never less than the turn before. */
  readonly at: number;
  /** A JSON array of events; this exact text is hashed and kept. */
  readonly events: string;
  /** The row's form, see `formats.ts`. */
  readonly format: number;
  /** The incarnation that writes it: the journal's own; null in format 1. */
  readonly writer: string | null;
  /** Hex; 64 zeros before the first row. */
  readonly prevHash: string;
  /** {@link rowHash} of this row. */
  readonly hash: string;
  /** When the show next needs to be awake (ms), or null: then nothing of it is pending. */
  readonly wakeAt: number | null;
  /** Users who got their first order, or a transferred ticket, in this turn: kept as an index from buyer to shows. */
  readonly newBuyers: readonly string[];
  /** Addresses (as digests) to which tickets of this show were offered in this turn: kept as an index from them to shows. */
  readonly offeredTo: readonly string[];
  /** What buyers are to be told of this turn by mail: kept with the row, to be sent later. */
  readonly notices: readonly Notice[];
}

/** Something that the buyer of an order is to hear of. */
export interface Notice {
  /** The same whenever the same thing is told again. */
  readonly id: string;
  readonly kind: NoticeKind;
  /** Of the order. */
  readonly orderId: string;
  /** Of the refund that it tells of. */
  readonly refundId: string | null;
}

/**
 * - `paid`: the tickets are valid.
 * - `expired`: the time to pay is over. `cancelled`: the order was given up, by its buyer or with the show.
 * - `failed`: the payment can never succeed. `late`: it came too late, and the money is let go.
 * - `refund`: the price of tickets is paid back.
 */
export type NoticeKind = 'paid' | 'expired' | 'cancelled' | 'failed' | 'late' | 'refund';

/**
 * - `durable`: committed.
 * - `fenced`: another epoch owns the shard; nothing was written.
 * - `unknown`: the connection or the deadline failed on the way; it may or may not have been written, and may yet be.
 * - `conflict`: a row with this seq exists (a second writer under the same epoch): a bug, nothing was written.
 */
export type AppendOutcome = 'durable' | 'fenced' | 'unknown' | 'conflict';

export interface JournalRow {
  readonly seq: number;
  readonly epoch: number;
  readonly at: number;
  readonly wakeAt: number | null;
  readonly events: string;
  readonly format: number;
  readonly writer: string | null;
  readonly prevHash: string;
  readonly hash: string;
}

export interface Snapshot {
  readonly seq: number;
  readonly epoch: number;
  /** Hash of the journal row `seq`. */
  readonly rowHash: string;
  /** SHA-256 (hex) of `state`. */
  readonly stateHash: string;
  readonly state: Uint8Array;
}

export interface Journal {
  /** At most one append a show may be under way. Never rejects. */
  append(turn: Turn): Promise<AppendOutcome>;
  /** Keeps a snapshot under the same fence; `false` if fenced or older than the kept one. May reject: it is only a shortcut. */
  keepSnapshot(showId: string, shard: number, snapshot: Snapshot): Promise<boolean>;
  readSnapshot(showId: string): Promise<Snapshot | null>;
  /** Rows with seq > `after`, in order, in pages of bounded size. Rejects with FormatUnknown at a row in an unknown form. */
  rowsAfter(showId: string, after: number): AsyncIterable<readonly JournalRow[]>;
  /** Rejects with FormatUnknown when the row is in an unknown form. */
  readRow(showId: string, seq: number): Promise<JournalRow | null>;
}

/** Who owns shards, and under which epoch. */
export interface ShardLeases {
  /**
   * The epoch under which this node may decide and answer for the shard now; null if the shard is not its own, is being
   * handed to another node, or its lease has lapsed (which may come back under the same epoch). Cheap.
   */
  epochOf(shard: number): number | null;
  /**
   * After an append of unknown outcome: moves the shard to a new epoch, so that the lost append can no longer land.
   * Returns the new epoch, or null if the shard is no longer this node's. Rejects when the database is out of reach.
   */
  advance(shard: number): Promise<number | null>;
}
