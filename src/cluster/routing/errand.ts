import type { Answer } from '../../actors/shows.ts';
import { isQuestion } from '../../actors/turns.ts';
import type { Refusal } from '../../errors.ts';
import type { Wanted } from '../messages/letter.ts';

/** What becomes of an errand; for `ask` its value is the show's answer, for the others what the owner told. */
export type Outcome =
  | { readonly ok: true; readonly value: unknown; readonly replayed: boolean }
  /** `unreachable`: nobody who could know was reached. */
  | { readonly ok: false; readonly refusal: Refusal; readonly replayed: boolean; readonly unreachable?: true };

/**
 * A request on its way to whoever owns its show:
 *
 *     parked ⇄ local ──► answered
 *        ⇅       ⇅          ▲
 *        └──► sent ─────────┘
 *
 * It is parked while nobody who owns the show can be reached, local while this node's own show has it, sent while
 * another node has. It comes back from either when it was not begun there, or may safely be begun twice.
 */
export interface Errand {
  readonly showId: string;
  readonly shard: number;
  readonly wanted: Wanted;
  /** By this node's clock, ms since the epoch. */
  readonly deadline: number;
  readonly resolve: (outcome: Outcome) => void;
  /** Under which it was last sent; 0 before. */
  number: number;
  /** The incarnation that has it; null while it is not sent. */
  sentTo: string | null;
  sentAt: number;
  /** Since when nobody could be reached, without an end in between; 0 when it is not so. */
  parkedAt: number;
  /** Not to be tried again before. */
  notBefore: number;
  /** Whether somebody may have begun it whose answer never came. */
  mayHaveBegun: boolean;
}

/**
 * Whether asking twice does no more than asking once: it only reads, or its id or its order makes the second a replay. A
 * hold extended twice would have used up two extensions.
 */
export function isRepeatable(wanted: Wanted): boolean {
  return wanted.kind !== 'ask' || wanted.message.type !== 'extend';
}

/** Whether it changes nothing, so that nobody has to ask what became of it. */
export function onlyReads(wanted: Wanted): boolean {
  return wanted.kind !== 'ask' || isQuestion(wanted.message);
}

/** An outcome as the show's answer. */
export function asAnswer<T>(outcome: Outcome): Answer<T> {
  if (outcome.ok) return outcome as Answer<T>;
  return { ok: false, refusal: outcome.refusal, replayed: outcome.replayed };
}
