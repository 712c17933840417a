import type { NodeLoad } from '../actors/node-shows.ts';

export type { NodeLoad };

/**
 * - `up`: takes shards.
 * - `draining`: alive, gives its shards away and takes none.
 * - `leaving`: as `draining`, on its way to end.
 * - `left`: ended in order. `dead`: declared so; such an incarnation never comes back.
 *
 *     up ⇄ draining ──► leaving ──► left
 *      └──────┴────────────┴──────► dead
 */
export type NodeState = 'up' | 'draining' | 'leaving' | 'left' | 'dead';

/** One start of one node, as the table of nodes has it. */
export interface NodeRow {
  /** The node's name: the same after a restart. */
  readonly id: string;
  /** Names this start; never used again. */
  readonly incarnation: string;
  readonly state: NodeState;
  /** Why it is draining or dead, in words. */
  readonly reason: string | null;
  readonly pid: number;
  readonly url: string | null;
  readonly adminUrl: string | null;
  readonly transport: 'nats' | 'local';
  /** The newest form of messages and journal rows that it reads. */
  readonly format: number;
  readonly weight: number;
  /** Since its last heartbeat, by the database's clock. */
  readonly ageMs: number;
  /** Whether it reaches the transport, as it last said. */
  readonly isLinked: boolean;
  /** How long its oldest turn has waited to be durable, as it last said. */
  readonly stalledMs: number;
  /** What it last said of its work. */
  readonly load: NodeLoad;
}

/** Where one shard is to be, against the placement. */
export interface Pin {
  readonly shard: number;
  /** The node's id. */
  readonly node: string;
  /** The node is for pinned shards only. */
  readonly exclusive: boolean;
}

/** The cluster as the database had it at one moment. Never changed once made. */
export interface ClusterView {
  /** The database's clock, ms since the epoch. */
  readonly at: number;
  /**
   * The form in which rows of the journal are written, see `formats.ts`. Every node that is alive reads it; it is raised
   * once all of them read a newer one, and never lowered.
   */
  readonly format: number;
  /** Nodes that are up, draining or leaving. */
  readonly nodes: readonly NodeRow[];
  /** By shard. */
  readonly epochs: readonly number[];
  /** By shard: an incarnation (perhaps of a node that is gone), or null. */
  readonly owners: readonly (string | null)[];
  readonly pins: readonly Pin[];
}
