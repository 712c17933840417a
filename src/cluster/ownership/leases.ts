import type { ShardLeases } from '../../journal/journal.ts';
import type { Clock } from '../../ports.ts';
import { LEASE_MS, type Registry, type ShardEpoch } from '../registry/registry.ts';
import { SHARDS } from '../shards.ts';

/** A node stops trusting its leases so long before others may: clocks of two machines do not run quite alike. */
const LEASE_MARGIN_MS = 200;

/**
 * What one incarnation knows of its own leases. A shard here:
 *
 *     not ours ──take──► open ──close──► closed ──drop──► not ours
 *                          └──────────────drop──────────────┘
 *
 * All of them lapse together when no heartbeat was acknowledged in time, and hold again with the next that is.
 */
export class Leases implements ShardLeases {
  readonly #registry: Registry;
  readonly #incarnation: string;
  readonly #clock: Clock;
  readonly #epochs: (number | null)[] = new Array(SHARDS).fill(null);
  readonly #closed = new Uint8Array(SHARDS);
  #owned = 0;
  #validUntil = Number.NEGATIVE_INFINITY;
  /** Called when a shard turned out not to be ours after all. */
  onLost: (shard: number) => void = () => {};

  constructor(registry: Registry, incarnation: string, clock: Clock) {
    this.#registry = registry;
    this.#incarnation = incarnation;
    this.#clock = clock;
  }

  /** The epoch under which requests to the shard may be decided and answered now, else null. */
  epochOf(shard: number): number | null {
    const epoch = this.#epochs[shard];
    return epoch === null || this.#closed[shard] === 1 || this.#clock.now() >= this.#validUntil ? null : epoch;
  }

  /** The epoch under which the shard was taken and not dropped since, open or not, lapsed or not. */
  takenAs(shard: number): number | null {
    return this.#epochs[shard];
  }

  isClosed(shard: number): boolean {
    return this.#closed[shard] === 1;
  }

  /** Whether the last acknowledged heartbeat is recent enough. */
  get isCurrent(): boolean {
    return this.#clock.now() < this.#validUntil;
  }

  /** How many shards are taken. */
  get owned(): number {
    return this.#owned;
  }

  /** A heartbeat that was sent at `sentAt` (this node's clock) has been acknowledged. */
  renew(sentAt: number): void {
    this.#validUntil = Math.max(this.#validUntil, sentAt + LEASE_MS - LEASE_MARGIN_MS);
  }

  take(shards: readonly ShardEpoch[]): void {
    for (const { shard, epoch } of shards) {
      if (this.#epochs[shard] === null) this.#owned++;
      this.#epochs[shard] = epoch;
      this.#closed[shard] = 0;
    }
  }

  close(shards: Iterable<number>): void {
    for (const shard of shards) this.#closed[shard] = 1;
  }

  drop(shards: Iterable<number>): void {
    for (const shard of shards) {
      if (this.#epochs[shard] !== null) this.#owned--;
      this.#epochs[shard] = null;
      this.#closed[shard] = 0;
    }
  }

  /** Never trusted again. */
  dropAll(): void {
    this.#epochs.fill(null);
    this.#closed.fill(0);
    this.#owned = 0;
    this.#validUntil = Number.NEGATIVE_INFINITY;
  }

  async advance(shard: number): Promise<number | null> {
    const known = this.#epochs[shard];
    if (known === null || this.#closed[shard] === 1) return null;
    const epoch = await this.#registry.advance(this.#incarnation, shard, known);
    // Dropped, or closed for a hand-off, while the answer was on its way: then the table decides anew.
    if (this.#epochs[shard] !== known) return null;
    if (epoch === null) {
      // Another's, or ours under an epoch whose answer was lost: the next look at the table tells.
      this.drop([shard]);
      this.onLost(shard);
      return null;
    }
    this.#epochs[shard] = epoch;
    return this.#closed[shard] === 1 ? null : epoch;
  }
}
