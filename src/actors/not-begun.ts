import type { Refusal } from '../errors.ts';
import type { Inbox } from './inbox.ts';
import type { Answer } from './shows.ts';

/** What is told to requests that no turn has begun. */
export type NotBegun = Extract<Answer, { ok: false }>;

function refused(code: Refusal['code'], detail: string): NotBegun {
  return { ok: false, refusal: { code, detail, retryAfter: 1 }, replayed: false };
}

/** Whoever owns the show may be asked instead; the words are for when nobody is found in time. */
function moved(detail: string): NotBegun {
  return { ...refused('UNAVAILABLE', detail), moved: true };
}

export const NOT_OURS = moved('This node does not own the show now; try again.');
export const MOVES = moved('The show is moving; this request was not begun. Try again.');
export const RESTARTS = moved('The show restarts; this request was not begun. Try again.');
/** Not for the cluster to ask again by itself: one of the requests may be what made the show fail. */
export const FAILED = refused('UNAVAILABLE', 'The show failed and restarts; this request was not begun. Try again.');
export const STOPPING = moved('This node is stopping; try again.');

export const NOT_RECOVERED = refused('UNAVAILABLE', 'The show cannot be recovered now; try again.');
export const NOT_WOKEN_IN_TIME = refused('OVERLOADED', 'The show did not wake in time; this request was not begun.');
export const TOO_LATE = refused('OVERLOADED', 'The show was too busy; this request was not begun in time.');
export const UPGRADING = refused(
  'UNAVAILABLE',
  'Not all nodes of the cluster know this yet: it is being upgraded. Try again when that is done.',
);
export const TOO_MANY_AWAKE = refused('OVERLOADED', 'Too many shows are awake; try again shortly.');
export const INBOX_FULL = refused('OVERLOADED', 'Too many requests wait for this show; try again shortly.');

export const TOO_MANY_PLANS = refused('OVERLOADED', 'Too many plans are replaced at once; try again shortly.');
export const NOT_COMPILED = refused('UNAVAILABLE', 'The plan cannot be read now; try again.');

export const NO_SUCH_PLAN: NotBegun = {
  ok: false,
  refusal: { code: 'NOT_FOUND', detail: 'There is no such plan.' },
  replayed: false,
};

export const NO_SUCH_SHOW: NotBegun = {
  ok: false,
  refusal: { code: 'NOT_FOUND', detail: 'There is no such show.' },
  replayed: false,
};

/** Sends all that wait elsewhere, except those for whom it is too late for that. */
export function sendAway(inbox: Inbox, now: number, answer: NotBegun): void {
  if (inbox.size === 0) return;
  inbox.refuseOverdue(now, TOO_LATE);
  inbox.answerAll(answer);
}
