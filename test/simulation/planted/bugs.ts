import { CLUSTER_BUGS } from './cluster-bugs.ts';
import { DOOR_BUGS } from './door-bugs.ts';
import { JOURNAL_BUGS } from './journal-bugs.ts';
import { MONEY_BUGS } from './money-bugs.ts';
import type { PlantedBug } from './planted-bug.ts';
import { SALE_BUGS } from './sale-bugs.ts';
import { STOCK_BUGS } from './stock-bugs.ts';

/** All that the simulator must find out. */
export const PLANTED_BUGS: readonly PlantedBug[] = [
  ...JOURNAL_BUGS,
  ...SALE_BUGS,
  ...STOCK_BUGS,
  ...MONEY_BUGS,
  ...CLUSTER_BUGS,
  ...DOOR_BUGS,
];

/** Throws for a name that no bug has. */
export function bugNamed(name: string): PlantedBug {
  const bug = PLANTED_BUGS.find((each) => each.name === name);
  if (bug === undefined) throw new Error(`no planted bug is named "${name}"`);
  return bug;
}
