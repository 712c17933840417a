import type { ShardLeases } from '../journal/journal.ts';

/**
 * Under which epoch the shows of a shard may recover. Guarantee: an append that was lost under an epoch can no longer land
 * once a show has recovered under the epoch told here.
 */
export class ShardEpochs {
  readonly #leases: ShardLeases;
  /** The newest epoch of each shard under which an append was lost. A doubt ends when the shard has another epoch. */
  readonly #doubts = new Map<number, number>();
  readonly #advancing = new Map<number, Promise<number | null>>();

  constructor(leases: ShardLeases) {
    this.#leases = leases;
  }

  /** An append under this epoch was lost: it may yet land, as long as the shard is under that epoch. */
  doubt(shard: number, epoch: number): void {
    this.#doubts.set(shard, Math.max(epoch, this.#doubts.get(shard) ?? 0));
  }

  /**
   * The epoch, or null if the shard is not this node's now. A shard in doubt is moved to a new epoch first; rejects while
   * that is not possible.
   */
  async epochFor(shard: number): Promise<number | null> {
    const epoch = this.#leases.epochOf(shard);
    if (epoch === null || this.#doubts.get(shard) !== epoch) return epoch;
    let advancing = this.#advancing.get(shard);
    if (advancing === undefined) {
      advancing = this.#leases.advance(shard).finally(() => this.#advancing.delete(shard));
      this.#advancing.set(shard, advancing);
    }
    return advancing;
  }
}
