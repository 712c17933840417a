import type { Principal } from '../accounts/tokens.ts';
import type { Answer } from '../actors/shows.ts';
import type { Question, Viewer } from '../allocator/commands.ts';
import type { SalesDeps } from './sales-deps.ts';
import { askDeadline } from './show-answers.ts';

/** Whether this show is this user's to see as a draft and to change. */
export function ownsShow(user: Principal | null, show: { readonly organiserId: string }): boolean {
  return user !== null && (user.role === 'admin' || (user.role === 'organiser' && user.id === show.organiserId));
}

/** Whether this show is to be told of to this user, or to somebody without a token: not of a draft, except to its organiser. */
export async function seesShow(
  deps: Pick<SalesDeps, 'listing' | 'clock' | 'organiserOf'>,
  user: Principal | null,
  showId: string,
): Promise<boolean> {
  if (deps.listing.isPublic(showId, deps.clock.now()) !== false) return true;
  return user !== null && (await seesAll(deps, user, showId));
}

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
