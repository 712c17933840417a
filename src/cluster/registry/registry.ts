import type { ClusterView, NodeLoad, NodeState, Pin } from '../view.ts';

/** A node that is not heard of for so long, by the registry's clock, has lost its leases. */
export const LEASE_MS = 3_000;
/** How often a node says that it lives. */
export const HEARTBEAT_MS = 1_000;

/** Who a node is, at its start. */
export interface NodeSelf {
  readonly id: string;
  readonly incarnation: string;
  readonly pid: number;
  readonly url: string | null;
  readonly adminUrl: string | null;
  readonly transport: 'nats' | 'local';
  readonly format: number;
  readonly weight: number;
}

/** What a node says with each heartbeat. */
export interface NodeReport {
  readonly isLinked: boolean;
  readonly stalledMs: number;
  readonly load: NodeLoad;
}

export interface ShardEpoch {
  readonly shard: number;
  readonly epoch: number;
}

/** Why a node may be declared dead: not heard of for {@link LEASE_MS}, or its session is gone, while its server stayed. */
export type DeathCause = 'expired' | 'gone';

/**
 * The tables of nodes and shards: the one authority of who is alive and who owns what. The real one is Postgres
 * (`postgres-registry.ts`). Only its own clock is ever compared. Every method rejects within a bounded time when the
 * database is out of reach; what was asked may then have been done.
 */
export interface Registry {
  /**
   * Enters the node as `up`. An earlier start of the same node that is dead or whose lease has lapsed is declared dead;
   * one that lives is waited for, a little longer than a lease lasts.
   * Throws StartError when it still lives then, or when nodes without a transport would share the database; at once when
   * the node does not read the cluster's format.
   */
  join(self: NodeSelf): Promise<void>;
  /**
   * Renews the lease and reads the cluster.
   * @returns `state`: of the own row; with `dead`, `left` or null (no row) the lease was not renewed, and never will be.
   */
  beat(
    incarnation: string,
    report: NodeReport,
  ): Promise<{ readonly state: NodeState | null; readonly view: ClusterView }>;
  /** Reads the cluster without renewing anything. */
  read(): Promise<ClusterView>;
  /**
   * Declares those nodes dead of which the cause is true now, and ends their sessions at the database.
   * @returns the incarnations that were.
   */
  declareDead(nodes: readonly { readonly incarnation: string; readonly cause: DeathCause }[]): Promise<string[]>;
  /** Moves a node (by incarnation) to another state, if it is in one of `from`. @returns whether it was. */
  setState(incarnation: string, from: readonly NodeState[], to: NodeState, reason: string | null): Promise<boolean>;
  /**
   * Takes those of the shards that are still under these epochs and whose owner is nobody, the caller, or not alive; but
   * for those that somebody at the database keeps from being changed, which may be asked for again. Once it resolves,
   * nothing under an older epoch of those taken can land in the journal.
   * @returns the new epochs of those taken. None if the caller is not alive itself.
   */
  acquire(incarnation: string, shards: readonly ShardEpoch[]): Promise<ShardEpoch[]>;
  /** Moves an own shard to a new epoch; null if it is not the caller's under `epoch` any more. */
  advance(incarnation: string, shard: number, epoch: number): Promise<number | null>;
  /**
   * Gives own shards up. `closedMsAgo`: since no request was admitted any more.
   * @returns the epochs that their rows now have.
   */
  release(
    incarnation: string,
    shards: readonly (ShardEpoch & { readonly closedMsAgo: number })[],
  ): Promise<ShardEpoch[]>;
  /**
   * Notes that these own shards answer requests again after a hand-off.
   * @returns how long each hand-off paused its shard that is over by this, ms, in no order: none for a shard of which it
   *   was noted before, or that nobody handed over.
   */
  ready(incarnation: string, shards: readonly ShardEpoch[]): Promise<number[]>;
  /** Since when to when the last hand-off of each of these shards lasted, ms; null while it is not over, or there was none. */
  pauses(shards: readonly number[]): Promise<(number | null)[]>;
  /**
   * Raises the cluster's format to this one, if it is lower and every node that is alive reads this one.
   * @returns the cluster's format as it is now.
   */
  raiseFormat(format: number): Promise<number>;
  setPins(pins: readonly (Pin | { readonly shard: number; readonly node: null })[]): Promise<void>;
  close(): Promise<void>;
}
