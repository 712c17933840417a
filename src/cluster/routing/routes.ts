import { SHARDS } from '../shards.ts';

/** Who owns a shard, as far as this node has heard. */
export interface Route {
  /** An incarnation, or null while nobody does. */
  readonly owner: string | null;
  readonly epoch: number;
}

const UNKNOWN: Route = { owner: null, epoch: -1 };

/**
 * The node's knowledge of who owns which shard. It follows epochs, so that news that come late or out of order never
 * undo newer ones; it may be behind, which costs a detour, never a wrong decision.
 */
export class Routes {
  readonly #routes: Route[] = new Array(SHARDS).fill(UNKNOWN);

  of(shard: number): Route {
    return this.#routes[shard];
  }

  /** Whether the owner of the shard is another one now, or nobody, or somebody at last. */
  learn(shard: number, owner: string | null, epoch: number): boolean {
    const known = this.#routes[shard];
    if (epoch < known.epoch || (epoch === known.epoch && owner === known.owner)) return false;
    // Within one epoch an owner can only turn out to be gone: nobody takes a shard without a new one.
    if (epoch === known.epoch && owner !== null) return false;
    this.#routes[shard] = { owner, epoch };
    return known.owner !== owner;
  }
}
