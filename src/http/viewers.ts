import type { Principal } from '../accounts/tokens.ts';
import type { Answer } from '../actors/shows.ts';
import type { Question, Viewer } from '../allocator/commands.ts';
import type { SalesDeps } from './sales-deps.ts';
import { askDeadline } from './show-answers.ts';

/** Whether this user sees everybody's orders and tickets of a show: its organiser and admins do. */
export async function seesAll(deps: Pick<SalesDeps, 'organiserOf'>, user: Principal, showId: string): Promise<boolean> {
  if (user.role === 'buyer') return false;
  const organiser = await deps.organiserOf(showId);
  return organiser !== null && (user.role === 'admin' || organiser === user.id);
}

/** Asks as the owner of the thing first, as most do, and only if it is not theirs as the show's organiser or an admin. */
export async function askAsViewer<T>(
  deps: Pick<SalesDeps, 'shows' | 'clock' | 'organiserOf'>,
  user: Principal,
  showId: string,
  question: (viewer: Viewer) => Question,
): Promise<Answer<T>> {
  const own = await deps.shows.ask<T>(showId, question({ user: user.id, all: false }), askDeadline(deps.clock));
  if (own.ok || own.refusal.code !== 'NOT_FOUND' || !(await seesAll(deps, user, showId))) return own;
  return deps.shows.ask<T>(showId, question({ user: user.id, all: true }), askDeadline(deps.clock));
}
