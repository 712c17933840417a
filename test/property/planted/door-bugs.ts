import { RULES } from '../../../src/actors/turns.ts';
import type { Show } from '../../../src/allocator/show.ts';
import { type Apply, Forgets, type PlantedBugs, STRESS, withRules, withShow } from './bug.ts';

/** What gates let in while they were offline admits nobody: so they get in again. */
const applyUploadAdmitsNobody: Apply = (show, event, ...place) => {
  if (event.type !== 'scanned') return RULES.apply(show, event, ...place);
  const scans = event.scans.map(([ticket, at]) => [ticket, at, 1] as const);
  RULES.apply(show, { ...event, scans }, ...place);
};

const forgetUndos = (show: Show): void => show.doors.undoneUntil.clear();

/** Doors that let somebody in twice. */
export const DOOR_BUGS: PlantedBugs = {
  stress: STRESS,
  bugs: [
    ['a double admission after an offline merge', 'I15', withRules(RULES.decide, applyUploadAdmitsNobody)],
    ['an undo forgotten in the snapshot', 'I6', withShow((show) => new Forgets(show, forgetUndos))],
  ],
};
