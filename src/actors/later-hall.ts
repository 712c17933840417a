import type { ShowEvent } from '../allocator/events.ts';
import { type Hall, laterPlanIds } from '../allocator/hall.ts';
import type { Show } from '../allocator/show.ts';
import type { MadeShow } from './shows.ts';

/** The hall once these plans have replaced the first. @throws Error when one of them is not in the catalogue */
export async function hallWith(made: MadeShow, planIds: readonly string[]): Promise<Hall> {
  if (planIds.length === 0) return made.hall;
  const hall = await made.laterHall(planIds);
  if (hall === null) throw new Error(`of the plans ${planIds.join(', ')} one is not in the catalogue`);
  return hall;
}

/** The plans of the show once these events of a row are applied, if they replace its plan, else null; one row does so once at most. */
export function plansAfter(show: Show, events: readonly ShowEvent[]): readonly string[] | null {
  for (const event of events) {
    if (event.type === 'plan-replaced') return [...laterPlanIds(show.hall), event.planId];
  }
  return null;
}

/** Puts the hall there that these events of a row need. @throws as {@link hallWith} */
export async function bringHall(show: Show, made: MadeShow, events: readonly ShowEvent[]): Promise<void> {
  const planIds = plansAfter(show, events);
  if (planIds !== null) show.comingHall = await hallWith(made, planIds);
}
