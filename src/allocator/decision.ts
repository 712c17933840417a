import type { Refusal } from '../errors.ts';
import { MAX_ANSWERS_WITH_REFUSALS } from './answered.ts';
import type { Once } from './commands.ts';
import type { ShowEvent } from './events.ts';
import type { Show } from './show.ts';

/**
 * - `done`: the command takes effect through its event, or has taken effect already (null).
 * - `refused`: it does not. With an event the refusal is journaled under its command id, and it never will under this
 *   id; without one (the command has no id, the id is another request's, or the show is overloaded) nothing is kept of
 *   it, and the same command may succeed later.
 * - `replay`: this command id was answered before, by the event at `ordinal` of row `seq`.
 */
export type Decision =
  | { readonly kind: 'done'; readonly event: ShowEvent | null }
  | { readonly kind: 'refused'; readonly refusal: Refusal; readonly event: ShowEvent | null }
  | { readonly kind: 'replay'; readonly seq: number; readonly ordinal: number };

export const OUTCOME_DONE: Decision = { kind: 'done', event: null };

export const NO_ORDER: Decision = {
  kind: 'refused',
  refusal: { code: 'NOT_FOUND', detail: 'There is no such order of yours.' },
  event: null,
};
export function done(event: ShowEvent): Decision {
  return { kind: 'done', event };
}

export function refused(code: Refusal['code'], detail: string, extra?: Record<string, unknown>): Decision {
  return { kind: 'refused', refusal: extra === undefined ? { code, detail } : { code, detail, extra }, event: null };
}

/** Seconds after which a show that keeps too many answers may be asked again. */
const OVERLOADED_RETRY_S = 60;
const TOO_MANY_ANSWERS: Decision = {
  kind: 'refused',
  refusal: {
    code: 'OVERLOADED',
    detail: 'This show has answered too many requests of late; this one was not decided.',
    retryAfter: OVERLOADED_RETRY_S,
  },
  event: null,
};

/**
 * First answers stay: a command id that was answered is told so again, and a refusal is journaled under its id too. A
 * refusal that there is no room to keep is not told at all: a retry must not hear otherwise.
 * @param most with so many kept answers the command is not decided.
 */
export function once(show: Show, key: Once, at: number, most: number, decideFirst: () => Decision): Decision {
  const { answered } = show;
  const place = answered.find(key.id);
  if (place >= 0) {
    if (answered.fingerprintAt(place) !== key.fingerprint) {
      return refused('IDEMPOTENCY_KEY_REUSED', 'This Idempotency-Key was used with another request; use a new key.');
    }
    return { kind: 'replay', seq: answered.seqAt(place), ordinal: answered.ordinalAt(place) };
  }
  if (answered.keepsAtLeast(most, at)) return TOO_MANY_ANSWERS;
  const decision = decideFirst();
  if (decision.kind !== 'refused') return decision;
  if (answered.keepsAtLeast(MAX_ANSWERS_WITH_REFUSALS, at)) return TOO_MANY_ANSWERS;
  return {
    kind: 'refused',
    refusal: decision.refusal,
    event: { type: 'refused', once: key, refusal: decision.refusal },
  };
}
