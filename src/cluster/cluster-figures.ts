import type { HandOffPauses } from './ownership/hand-off-pauses.ts';
import type { NodeState } from './view.ts';

/** `lapsed`: alive, but its last acknowledged heartbeat is older than a lease; it answers nothing from memory. */
export type OwnState = NodeState | 'lapsed';

/** What a node knows of itself in the cluster. Counts are since the start of the process. */
export interface ClusterFigures {
  readonly state: OwnState;
  readonly shardsOwned: number;
  /** Since the last acknowledged heartbeat. */
  readonly leaseAgeMs: number;
  readonly heartbeatFailures: number;
  /** Age of the oldest turn that is not durable yet. */
  readonly oldestUndurableTurnMs: number;
  /** Requests sent to other nodes. */
  readonly forwarded: number;
  /** Requests of other nodes answered here. */
  readonly servedForPeers: number;
  /** Requests that wait for an owner now. */
  readonly parked: number;
  /** Requests that were refused instead, or waited too long. */
  readonly parkedRefused: number;
  /** Whether this node reaches the transport. */
  readonly isLinked: boolean;
  /** Messages that reached nobody. */
  readonly unreachable: number;
  readonly acquired: number;
  readonly released: number;
  /** Nodes that this one declared dead. */
  readonly takeovers: number;
  /** Times that this node was declared dead. */
  readonly fenced: number;
  /** This node's clock minus the database's. */
  readonly clockAheadMs: number;
  /** Messages and journal rows of a form that this node does not know. */
  readonly unknownFormats: number;
  readonly pauses: HandOffPauses;
}
