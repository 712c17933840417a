import type { NodeShows } from '../../actors/node-shows.ts';
import type { Answer } from '../../actors/shows.ts';
import type { Refusal } from '../../errors.ts';
import type { LetterAnswer, LetterRequest, Wanted } from '../messages/letter.ts';
import type { Leases } from '../ownership/leases.ts';
import { seatsAnswer } from './seat-wire.ts';

/** This node's own part of the cluster, for as long as its incarnation lives. */
export interface LocalNode {
  readonly incarnation: string;
  readonly leases: Leases;
  readonly shows: NodeShows;
}

const NOT_HERE: Refusal = { code: 'UNAVAILABLE', detail: 'The show moves; try again.', retryAfter: 1 };

/** Does what is wanted of a show of this node; `moved` when the show is not, or no longer, here. Never rejects. */
export async function serve(
  local: LocalNode,
  shard: number,
  showId: string,
  wanted: Wanted,
  deadline: number,
): Promise<Answer> {
  if (wanted.kind === 'ask') return local.shows.ask(showId, wanted.message, deadline);
  const { shows, incarnation } = local;
  if (wanted.kind === 'counts') {
    const counts = await shows.seatCounts(showId, deadline);
    return 'code' in counts ? notRead(local, shard, counts) : { ok: true, value: counts, replayed: false };
  }
  const map = await shows.seatMap(showId, deadline);
  if ('code' in map) return notRead(local, shard, map);
  return { ok: true, value: seatsAnswer(map, wanted.since, incarnation), replayed: false };
}

function notRead({ leases }: LocalNode, shard: number, refusal: Refusal): Answer {
  if (leases.epochOf(shard) === null) return { ok: false, refusal: NOT_HERE, replayed: false, moved: true };
  return { ok: false, refusal, replayed: false };
}

/**
 * Answers a request of another node. `moved` when this node does not own the shard, or the sender knows of a newer epoch
 * than this node: then somebody else has it, and this node is behind.
 */
export async function serveRequest(
  local: LocalNode,
  request: LetterRequest,
  /** By this node's clock. */
  deadline: number,
  newestEpoch: (shard: number) => number,
): Promise<LetterAnswer> {
  const { number, shard } = request;
  const epoch = local.leases.epochOf(shard);
  // An epoch that nobody has heard of yet counts as the first.
  const moved = (): LetterAnswer => ({ number, moved: true, epoch: Math.max(0, newestEpoch(shard)) });
  if (epoch === null || epoch < request.epoch) return moved();
  const answer = await serve(local, shard, request.showId, request.wanted, deadline);
  if (answer.ok) return { number, value: answer.value, replayed: answer.replayed };
  if (answer.moved !== undefined) return moved();
  return { number, refusal: answer.refusal, replayed: answer.replayed };
}
