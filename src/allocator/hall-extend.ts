import { widened } from './columns.ts';
import type { Area, Hall, LaterPlan, RowName } from './hall.ts';

/**
 * The hall of a show whose plan is replaced: what `before` knew, and the plan that takes its place. Indices only grow, so
 * that whatever was journaled or kept by index means the same seat for ever:
 *
 * - a seat of both (same id, same category) keeps its index, and its name, which tickets tell; position, cost and features
 *   are those of the new plan
 * - a seat that the new plan has not, or has in another category, keeps its index as a former one: nobody finds it by its id
 * - all others of the new plan come after the last index, in the order of the new plan
 *
 * Areas likewise, by id and category; categories by name. A block is cut where two seats that stand side by side in the new
 * plan do not have indices side by side: a party is not seated over such a joint.
 */
export function extendHall(before: Hall, plan: Hall, { id, hash }: LaterPlan): Hall {
  const categories = union(before.categories, plan.categories);
  const categoryIn = plan.categories.map((name) => categories.indexOf(name));
  const indexOfPlanSeat = dealIndices(before, plan);
  const seatCount = indexOfPlanSeat.reduce((most, index) => Math.max(most, index + 1), before.seatCount);
  const planSeatOf = new Int32Array(seatCount).fill(-1);
  for (const [planSeat, index] of indexOfPlanSeat.entries()) planSeatOf[index] = planSeat;

  const seatIds = grown(before.seatIds, seatCount);
  const seatNumbers = grown(before.seatNumbers, seatCount);
  const rows: readonly RowName[] = [...before.rows, ...plan.rows];
  const rowOf = widened(before.rowOf, seatCount);
  const x = widened(before.x, seatCount);
  const y = widened(before.y, seatCount);
  const cost = widened(before.cost, seatCount);
  const features = widened(before.features, seatCount);
  const categoryOf = widened(before.categoryOf, seatCount);
  const documentOrder = new Uint32Array(seatCount);
  let afterPlan = plan.seatCount;
  for (let seat = 0; seat < seatCount; seat++) {
    const from = planSeatOf[seat];
    if (from < 0) {
      documentOrder[seat] = afterPlan++;
      continue;
    }
    if (seat >= before.seatCount) {
      seatIds[seat] = plan.seatIds[from];
      seatNumbers[seat] = plan.seatNumbers[from];
      rowOf[seat] = before.rows.length + plan.rowOf[from];
      categoryOf[seat] = categoryIn[plan.categoryOf[from]];
    }
    x[seat] = plan.x[from];
    y[seat] = plan.y[from];
    cost[seat] = plan.cost[from];
    features[seat] = plan.features[from];
    documentOrder[seat] = plan.documentOrder[from];
  }
  return {
    name: plan.name,
    seatCount,
    seatIds,
    seatIndex: (seatId) => {
      const planSeat = plan.seatIndex(seatId);
      return planSeat < 0 ? -1 : indexOfPlanSeat[planSeat];
    },
    categories,
    categoryOf,
    ...blocksOf(planSeatOf, plan),
    x,
    y,
    cost,
    features,
    documentOrder,
    planSeats: plan.seatCount,
    rowOf,
    rows,
    seatNumbers,
    ...areasOf(before, plan, categoryIn),
    laterPlans: [...before.laterPlans, { id, hash }],
    formerCategories: new Set([...categories.keys()].filter((index) => !categoryIn.includes(index))),
  };
}

/** Whether `hall` is `before` with one more plan. */
export function replaces(hall: Hall, before: Hall): boolean {
  const known = before.laterPlans;
  return hall.laterPlans.length === known.length + 1 && known.every(({ hash }, i) => hall.laterPlans[i].hash === hash);
}

/** The index of each seat of the plan. */
function dealIndices(before: Hall, plan: Hall): Uint32Array {
  const indices = new Uint32Array(plan.seatCount);
  let next = before.seatCount;
  for (let seat = 0; seat < plan.seatCount; seat++) {
    const known = before.seatIndex(plan.seatIds[seat]);
    const isSame = known >= 0 && before.categories[before.categoryOf[known]] === plan.categories[plan.categoryOf[seat]];
    indices[seat] = isSame ? known : next++;
  }
  return indices;
}

function blocksOf(planSeatOf: Int32Array, plan: Hall): Pick<Hall, 'blockOf' | 'blockStart'> {
  const blockOf = new Uint32Array(planSeatOf.length);
  const starts: number[] = [];
  for (let seat = 0; seat < planSeatOf.length; seat++) {
    const here = planSeatOf[seat];
    const last = seat === 0 ? -1 : planSeatOf[seat - 1];
    const isBeside = here >= 0 && last >= 0 && Math.abs(here - last) === 1 && plan.blockOf[here] === plan.blockOf[last];
    if (!isBeside) starts.push(seat);
    blockOf[seat] = starts.length - 1;
  }
  return { blockOf, blockStart: Uint32Array.from([...starts, planSeatOf.length]) };
}

function areasOf(before: Hall, plan: Hall, categoryIn: readonly number[]): Pick<Hall, 'areas' | 'formerAreas'> {
  const areas: Area[] = before.areas.map((area) => ({ ...area, capacity: 0 }));
  const inPlan = new Set<number>();
  for (const area of plan.areas) {
    const category = categoryIn[area.category];
    const known = before.areas.findIndex(
      (one, index) => one.id === area.id && one.category === category && !before.formerAreas.has(index),
    );
    if (known < 0) {
      inPlan.add(areas.length);
      areas.push({ ...area, category });
    } else {
      inPlan.add(known);
      areas[known] = { ...areas[known], capacity: area.capacity };
    }
  }
  return { areas, formerAreas: new Set([...areas.keys()].filter((index) => !inPlan.has(index))) };
}

function union(before: readonly string[], added: readonly string[]): readonly string[] {
  return [...new Set([...before, ...added])];
}

function grown(texts: readonly string[], length: number): string[] {
  const all: string[] = new Array(length);
  for (const [i, text] of texts.entries()) all[i] = text;
  return all;
}
