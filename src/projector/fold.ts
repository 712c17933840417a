import { hallWith } from '../actors/later-hall.ts';
import type { MadeShow } from '../actors/shows.ts';
import type { ShowEvent } from '../allocator/events.ts';
import type { Hall } from '../allocator/hall.ts';
import type { JournalRow } from '../journal/journal.ts';
import { DOORS } from './fold-doors.ts';
import { MOVES } from './fold-moves.ts';
import { REFUNDS } from './fold-refunds.ts';
import { SALES, sellersOf } from './fold-sales.ts';
import { STOCK } from './fold-stock.ts';
import { tellSoldOut } from './news.ts';
import {
  type Changes,
  type Keys,
  type LoadedRows,
  NotLoaded,
  noKeys,
  ProjectionFault,
  ShowModel,
} from './show-model.ts';

/**
 * What each event does to the read model, one function for each: out of what the event says and what the model knows,
 * without the state of the show. A new sort of event does not compile until it has one.
 */
export type Folds = {
  readonly [Type in ShowEvent['type']]: (model: ShowModel, event: Extract<ShowEvent, { type: Type }>) => void;
};

const FOLDS: Folds = { ...SALES, ...REFUNDS, ...STOCK, ...MOVES, ...DOORS };

/** A row of the journal with its events read. */
export interface ParsedRow {
  readonly seq: number;
  readonly at: number;
  readonly events: readonly ShowEvent[];
}

export function parsed({ seq, at, events }: Pick<JournalRow, 'seq' | 'at' | 'events'>): ParsedRow {
  try {
    return { seq, at, events: JSON.parse(events) as ShowEvent[] };
  } catch (error) {
    throw new ProjectionFault(`row ${seq} is not JSON`, { cause: error });
  }
}

/** More than any batch needs: most need none, and each brings what was not there. */
const RELOADS_MAX = 100;

/**
 * What these rows change. `load` gets what they are about, as far as their events name it; whatever else they need is met
 * on the way, loaded too, and all begins again.
 * @throws ProjectionFault for a row that is not the next, and for an event that is not known: none is passed over.
 */
export async function fold(
  showId: string,
  made: MadeShow,
  rows: readonly ParsedRow[],
  load: (keys: Keys) => Promise<LoadedRows>,
): Promise<Changes> {
  const keys = keysOf(rows);
  for (let reloads = 0; reloads < RELOADS_MAX; reloads++) {
    const rowsOfKeys = await load(keys);
    if (leadFurther(rowsOfKeys, keys)) continue;
    const model = new ShowModel(showId, await hallsOf(made, rowsOfKeys.projection.plans, rows), rowsOfKeys);
    try {
      for (const row of rows) foldRow(model, row);
      return model.changes();
    } catch (error) {
      if (!(error instanceof NotLoaded)) throw error;
      for (const number of error.numbers) keys[error.kind].add(number);
    }
  }
  throw new ProjectionFault(`rows ${rows[0].seq} to ${rows.at(-1)?.seq} need ever more`);
}

/** The hall as these rows find it, and after each replacement of the plan in them. */
async function hallsOf(made: MadeShow, plans: readonly string[], rows: readonly ParsedRow[]): Promise<Hall[]> {
  const planIds = [...plans];
  const halls = [await hallWith(made, planIds)];
  for (const { events } of rows) {
    for (const event of events) {
      if (event.type !== 'plan-replaced') continue;
      planIds.push(event.planId);
      halls.push(await hallWith(made, planIds));
    }
  }
  return halls;
}

/**
 * Whether what was found leads to more, as `keys` then says: from buyers to the tickets that they buy, and from those to the
 * holds of their buyers. Found out one by one it would take a load for each.
 */
function leadFurther({ holds, orders, tickets }: LoadedRows, keys: Keys): boolean {
  const before = keys.tickets.size + keys.holds.size;
  for (const { listed } of holds) for (const ticket of listed) keys.tickets.add(ticket);
  const paid = new Set(orders.flatMap(({ state, number }) => (state === 'paid' ? number : [])));
  for (const ticket of tickets) {
    if (ticket.from_number !== null && !paid.has(ticket.order_number)) keys.tickets.add(ticket.from_number);
    if (ticket.taken_by !== null) keys.holds.add(ticket.taken_by);
  }
  return keys.tickets.size + keys.holds.size > before;
}

function foldRow(model: ShowModel, { seq, at, events }: ParsedRow): void {
  const last = model.projection.seq;
  if (seq !== last + 1) throw new ProjectionFault(`row ${seq} follows row ${last}`);
  for (const [ordinal, event] of events.entries()) {
    model.beginEvent(seq, ordinal, at);
    const foldEvent = FOLDS[event.type] as ((model: ShowModel, event: ShowEvent) => void) | undefined;
    if (foldEvent === undefined) throw new ProjectionFault(`row ${seq} has an unknown event, ${event.type}`);
    foldEvent(model, event);
    tellSoldOut(model);
  }
}

/** The fields by which events name holds, orders, refunds and tickets. */
const NAMING: readonly (readonly [field: string, kind: keyof Keys])[] = [
  ['hold', 'holds'],
  ['holds', 'holds'],
  ['order', 'orders'],
  ['orders', 'orders'],
  ['refund', 'refunds'],
  ['refunds', 'refunds'],
  ['ticket', 'tickets'],
  ['tickets', 'tickets'],
];

function keysOf(rows: readonly ParsedRow[]): Keys {
  const keys = noKeys();
  for (const { events } of rows) {
    for (const event of events) {
      for (const ticket of ticketsWithin(event)) keys.tickets.add(ticket);
      for (const [field, kind] of NAMING) {
        const value = (event as unknown as Record<string, unknown>)[field];
        for (const number of Array.isArray(value) ? value : [value]) {
          if (Number.isSafeInteger(number)) keys[kind].add(number as number);
        }
      }
    }
  }
  return keys;
}

/** Tickets that stand deeper in an event than in a field of their own. */
function ticketsWithin(event: ShowEvent): readonly number[] {
  if (event.type === 'scanned') return event.scans.map(([ticket]) => ticket);
  if (event.type === 'held') return sellersOf(event);
  if (event.type === 'ordered' || event.type === 'captured') return (event.resold ?? []).map(({ ticket }) => ticket);
  return [];
}
