import type { StockFigures } from '../allocator/stock.ts';
import type { Folds } from './fold.ts';
import type { CategoryRow } from './rows.ts';
import type { ShowModel } from './show-model.ts';

/** What is for sale, and when. */
export const STOCK: Pick<Folds, 'stock-changed' | 'plan-replaced' | 'rescheduled'> = {
  'stock-changed'(model, { stock }) {
    model.setCategories(categoriesOf(model, stock));
  },
  'plan-replaced'(model, { planId, stock }) {
    model.replacePlan(planId);
    model.setCategories(categoriesOf(model, stock));
  },
  rescheduled() {},
};

/** By categories of the hall, with the places of their areas. */
function categoriesOf({ hall }: ShowModel, stock: StockFigures): CategoryRow[] {
  const rows = hall.categories.map(
    (category, i): CategoryRow => ({
      ...{ category, capacity: 0, blocked: 0, removed: 0 },
      price: stock.prices[i] < 0 ? null : stock.prices[i],
    }),
  );
  const add = (row: CategoryRow, figures: StockFigures['areas'][number]): void => {
    const { free, held, inPayment, sold, blocked, removed } = figures;
    row.capacity += free + held + inPayment + sold + blocked + removed;
    row.blocked += blocked;
    row.removed += removed;
  };
  for (const [i, figures] of stock.categories.entries()) add(rows[i], figures);
  for (const [i, figures] of stock.areas.entries()) add(rows[hall.areas[i].category], figures);
  return rows;
}
