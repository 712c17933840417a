import {
  PLAN_LIMITS,
  type PlanArea,
  type PlanCategory,
  type PlanDrawing,
  type PlanPoint,
  type PlanSeat,
  type PlanZone,
  type SeatingPlan,
} from './plan.ts';
import { bowl, fan, type Layout, placesIn, rowDepth, type Stretch, seatsIn } from './plan-geometry.ts';

export const HALL_KINDS = ['theatre', 'arena', 'stadium'] as const;
export type HallKind = (typeof HALL_KINDS)[number];

/** What hall to draw; whatever is left out is as in `DEFAULTS`. */
export interface HallRequest {
  readonly kind: HallKind;
  readonly name?: string;
  /** Numbered seats, exactly. */
  readonly seats?: number;
  readonly tiers?: number;
  /** From the dearest to the cheapest; one that gets no seat is left out. */
  readonly categories?: readonly string[];
  /** About how many seats stand between two aisles. */
  readonly betweenAisles?: number;
  /** Standing places on the floor, sold by count. In a bowl the floor then has a stage at one end. */
  readonly standing?: number;
  /** Pairs of an accessible seat and a companion's beside it, in the first rows. */
  readonly accessiblePairs?: number;
}

type HallDefaults = Required<Omit<HallRequest, 'kind' | 'accessiblePairs'>>;

const DEFAULTS: Readonly<Record<HallKind, HallDefaults>> = {
  theatre: {
    name: 'Theatre',
    seats: 1_200,
    tiers: 2,
    categories: ['Premium', 'Standard', 'Economy'],
    betweenAisles: 14,
    standing: 0,
  },
  arena: {
    name: 'Arena',
    seats: 15_000,
    tiers: 2,
    categories: ['Category 1', 'Category 2', 'Category 3', 'Category 4'],
    betweenAisles: 20,
    standing: 2_000,
  },
  stadium: {
    name: 'Stadium',
    seats: 80_000,
    tiers: 3,
    categories: ['Category 1', 'Category 2', 'Category 3', 'Category 4', 'Category 5'],
    betweenAisles: 28,
    standing: 0,
  },
};

const STANDING = 'Standing';
const FLOOR = 'Floor';
const COLOURS = ['#a5232f', '#d9822b', '#c9b037', '#4b8b3b', '#2f6f9f', '#6b4c9a', '#7a6a58'];
const TIER_NAMES = ['Stalls', 'Circle', 'Balcony', 'Gallery', 'Upper Gallery'];
const MARGIN = 60;
/** One pair in so many seats. */
const SEATS_PER_PAIR = 200;
/** How far the stage of a theatre comes towards the first row. */
const STAGE_DEPTH = 0.5;
const FAN_SPREAD = (110 / 180) * Math.PI;
const HARD_LIMITS = {
  seats: [20, PLAN_LIMITS.seats],
  tiers: [1, 5],
  betweenAisles: [4, 60],
  standing: [0, PLAN_LIMITS.areaCapacity],
} as const;

/**
 * Draws a hall as a seating plan that `importPlan` accepts without a warning; the same request always gives the same
 * plan. Theatres have a zone for each tier, rows in arcs named by letters, aisles through the rows. Arenas and
 * stadiums are bowls whose sections are zones ("101" is the first of the lower tier), rows named by numbers.
 * Rows are added at the back until the seats are there; the last one is shortened to the exact number.
 *
 * @throws RangeError that says which member cannot be met, for a person to read.
 */
export function generatePlan(request: HallRequest): SeatingPlan {
  const hall = { ...DEFAULTS[request.kind], ...request };
  const pairs = request.accessiblePairs ?? Math.ceil(hall.seats / SEATS_PER_PAIR);
  checkRequest(hall, pairs);
  const shape = shapeOf(hall);
  const rows = fitRows(shape.layout, hall);
  markAccessible(rows, pairs);
  const sections = hall.kind === 'theatre' ? tierSections(rows) : wedgeSections(rows);
  assignCategories(sections, shape.focal, hall.categories);
  return assemble(hall, shape, sections);
}

// ---- What was asked ----

type Hall = HallDefaults & { readonly kind: HallKind };

function checkRequest(hall: Hall, pairs: number): void {
  for (const [member, [least, most]] of Object.entries(HARD_LIMITS)) {
    const value = hall[member as keyof typeof HARD_LIMITS];
    if (!Number.isInteger(value) || value < least || value > most) {
      throw new RangeError(`${member} must be a whole number from ${least} to ${most}; it is ${value}`);
    }
  }
  if (!Number.isInteger(pairs) || pairs < 0 || pairs > hall.seats / 10) {
    throw new RangeError(`accessiblePairs must be a whole number from 0 to a tenth of the seats; it is ${pairs}`);
  }
  const { categories } = hall;
  if (categories.length === 0 || categories.length > 20 || new Set(categories).size !== categories.length) {
    throw new RangeError('categories must be 1 to 20 different names');
  }
}

interface Shape {
  readonly layout: Layout;
  /** What the audience looks at. */
  readonly focal: PlanPoint;
  /** Whether a seat here sees the stage from behind. */
  readonly restricted: (at: PlanPoint) => boolean;
  readonly floor: { readonly from: PlanPoint; readonly width: number; readonly height: number; readonly text: string };
}

function shapeOf(hall: Hall): Shape {
  if (hall.kind === 'theatre') {
    const radius = 200 + 6 * Math.sqrt(hall.seats);
    const floor = { from: { x: -radius / 2, y: 0 }, width: radius, height: radius * STAGE_DEPTH, text: 'Stage' };
    return {
      layout: fan(radius, FAN_SPREAD),
      focal: { x: 0, y: radius * STAGE_DEPTH },
      restricted: () => false,
      floor,
    };
  }
  const base =
    hall.kind === 'arena' ? { length: 1100, width: 450, corner: 400 } : { length: 2200, width: 1300, corner: 700 };
  const scale = Math.min(1.6, Math.max(0.3, Math.sqrt(hall.seats / DEFAULTS[hall.kind].seats)));
  const length = base.length * scale;
  const width = base.width * scale;
  const corner = base.corner * scale;
  const edge = { x: -length - corner / 2, y: -width - corner / 2 };
  const concert = hall.standing > 0;
  return {
    layout: bowl(length, width, corner),
    // A stage stands at the left end of the floor and plays to the right.
    focal: { x: concert ? -length / 2 : 0, y: 0 },
    restricted: ({ x, y }) => concert && x < edge.x && Math.abs(y) <= width,
    floor: { from: edge, width: -2 * edge.x, height: -2 * edge.y, text: concert ? STANDING : 'Pitch' },
  };
}

// ---- Rows ----

interface DrawnSeat {
  readonly at: PlanPoint;
  flag: 'accessible' | 'companion' | null;
}

/** One row of one tier: the seats of each stretch. */
interface DrawnRow {
  readonly tier: number;
  /** Counted from 0 in its tier. */
  readonly index: number;
  readonly stretches: readonly DrawnSeat[][];
}

interface PlannedRow {
  readonly tier: number;
  readonly index: number;
  readonly depth: number;
  readonly stretches: readonly Stretch[];
  counts: number[];
}

/** As many rows as the seats need, shared out among the tiers, the last one shortened. */
function fitRows(layout: Layout, hall: Hall): DrawnRow[] {
  let rows: PlannedRow[] = [];
  let capacity = 0;
  for (let count = hall.tiers; capacity < hall.seats; count++) {
    rows = planRows(layout, hall, count);
    capacity = total(rows.flatMap((row) => row.counts));
  }
  for (let surplus = capacity - hall.seats; surplus > 0; ) {
    const last = rows[rows.length - 1];
    const size = total(last.counts);
    const remove = Math.min(size, surplus);
    last.counts = spread(size - remove, last.counts);
    if (remove === size) rows.pop();
    surplus -= remove;
  }
  return rows.map(({ tier, index, depth, stretches, counts }) => ({
    tier,
    index,
    stretches: stretches.map((stretch, i) => placesIn(stretch, depth, counts[i]).map((at) => ({ at, flag: null }))),
  }));
}

function planRows(layout: Layout, hall: Hall, count: number): PlannedRow[] {
  const rows: PlannedRow[] = [];
  for (let tier = 0; tier < hall.tiers; tier++) {
    const first = rows.length;
    const size = Math.floor(count / hall.tiers) + (tier < count % hall.tiers ? 1 : 0);
    const stretches = layout(rowDepth(first, tier), rowDepth(first + size - 1, tier), hall.betweenAisles);
    for (let index = 0; index < size; index++) {
      const depth = rowDepth(first + index, tier);
      rows.push({ tier, index, depth, stretches, counts: stretches.map((stretch) => seatsIn(stretch, depth)) });
    }
  }
  return rows;
}

function total(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0);
}

/** Shares `amount` out in proportion to the weights, in whole numbers, nowhere more than the weight. */
function spread(amount: number, weights: readonly number[]): number[] {
  const sum = total(weights);
  let passed = 0;
  return weights.map((weight) => {
    const before = Math.floor((amount * passed) / sum);
    passed += weight;
    return Math.floor((amount * passed) / sum) - before;
  });
}

/** Pairs at the far end of the stretches, evenly around the first rows. */
function markAccessible(rows: readonly DrawnRow[], pairs: number): void {
  let left = pairs;
  for (const row of rows) {
    const room = row.stretches.map((seats) => Math.floor(seats.length / 2));
    const here = Math.min(left, total(room));
    if (here === 0) continue;
    for (const [s, count] of spread(here, room).entries()) {
      const seats = row.stretches[s];
      for (let i = 0; i < count; i++) {
        seats[seats.length - 1 - 2 * i].flag = 'accessible';
        seats[seats.length - 2 - 2 * i].flag = 'companion';
      }
    }
    left -= here;
  }
}

// ---- Sections, categories, document ----

interface Section {
  readonly name: string;
  readonly rows: { readonly name: string; readonly seats: readonly DrawnSeat[]; category: string }[];
  /** Whether each row has its own category, or the whole section one. */
  readonly byRow: boolean;
}

/** A zone for each tier: its rows run through all stretches. */
function tierSections(rows: readonly DrawnRow[]): Section[] {
  const sections: Section[] = [];
  for (const { tier, index, stretches } of rows) {
    sections[tier] ??= { name: TIER_NAMES[tier], rows: [], byRow: true };
    sections[tier].rows.push({ name: letters(index), seats: stretches.flat(), category: '' });
  }
  return sections;
}

/** A zone for each stretch of each tier. */
function wedgeSections(rows: readonly DrawnRow[]): Section[] {
  const most = Math.max(...rows.map((row) => row.stretches.length));
  const hundred = 10 ** Math.max(2, String(most).length);
  const sections = new Map<number, Section>();
  for (const { tier, index, stretches } of rows) {
    for (const [s, seats] of stretches.entries()) {
      if (seats.length === 0) continue;
      const number = (tier + 1) * hundred + s + 1;
      let section = sections.get(number);
      if (section === undefined) {
        section = { name: String(number), rows: [], byRow: false };
        sections.set(number, section);
      }
      section.rows.push({ name: String(index + 1), seats, category: '' });
    }
  }
  return [...sections.entries()].sort(([a], [b]) => a - b).map(([, section]) => section);
}

/** A … Z, AA, AB … */
function letters(index: number): string {
  const last = String.fromCharCode(65 + (index % 26));
  return index < 26 ? last : letters(Math.floor(index / 26) - 1) + last;
}

/** The nearest seats get the first category, and so on in equal parts; a section or row is never divided. */
function assignCategories(sections: readonly Section[], focal: PlanPoint, categories: readonly string[]): void {
  const units = sections.flatMap(({ rows, byRow }) => (byRow ? rows.map((row) => [row]) : [rows]));
  const ranked = units.map((rows) => {
    const seats = rows.flatMap((row) => row.seats);
    const distance = seats.reduce((sum, { at }) => sum + Math.hypot(at.x - focal.x, at.y - focal.y), 0);
    return { rows, size: seats.length, distance: distance / seats.length };
  });
  ranked.sort((a, b) => a.distance - b.distance);
  const all = total(ranked.map((unit) => unit.size));
  let passed = 0;
  for (const { rows, size } of ranked) {
    const category = categories[Math.floor(((passed + size / 2) / all) * categories.length)];
    for (const row of rows) row.category = category;
    passed += size;
  }
}

function assemble(hall: Hall, shape: Shape, sections: readonly Section[]): SeatingPlan {
  const { floor } = shape;
  const corners = [floor.from, { x: floor.from.x + floor.width, y: floor.from.y + floor.height }];
  const box = boxAround([
    ...sections.flatMap(({ rows }) => rows.flatMap(({ seats }) => seats.map(({ at }) => at))),
    ...corners,
  ]);
  const move = ({ x, y }: PlanPoint): PlanPoint => ({
    x: tenth(x - box.left + MARGIN),
    y: tenth(y - box.top + MARGIN),
  });
  const used = new Set(sections.flatMap(({ rows }) => rows.map(({ category }) => category)));
  const categories = hall.categories.filter((name) => used.has(name));
  if (hall.standing > 0 && !used.has(STANDING)) categories.push(STANDING);
  const standing: PlanArea = {
    id: 'standing',
    name: STANDING,
    category: STANDING,
    capacity: hall.standing,
    zone: FLOOR,
  };
  return {
    name: hall.name,
    size: { width: Math.ceil(box.right - box.left + 2 * MARGIN), height: Math.ceil(box.bottom - box.top + 2 * MARGIN) },
    categories: categories.map((name, i): PlanCategory => ({ name, color: COLOURS[i % COLOURS.length] })),
    zones: [floorZone(floor, move), ...sections.map((section) => zoneOf(section, shape, move))],
    usher: { ...(hall.standing > 0 && { areas: [standing] }), focal: move(shape.focal) },
  };
}

function floorZone(floor: Shape['floor'], move: (point: PlanPoint) => PlanPoint): PlanZone {
  const drawing: PlanDrawing = {
    shape: 'rectangle',
    color: '#e8e4da',
    border_color: '#8a8577',
    rotation: 0,
    position: move(floor.from),
    rectangle: { width: tenth(floor.width), height: tenth(floor.height) },
    text: { position: { x: tenth(floor.width / 2), y: tenth(floor.height / 2) }, color: '#333333', text: floor.text },
  };
  return { name: FLOOR, position: { x: 0, y: 0 }, rows: [], areas: [drawing] };
}

function zoneOf(section: Section, shape: Shape, move: (point: PlanPoint) => PlanPoint): PlanZone {
  const origin = move(section.rows[0].seats[0].at);
  const id = section.name.toLowerCase().replaceAll(' ', '-');
  return {
    name: section.name,
    position: origin,
    rows: section.rows.map((row) => ({
      row_number: row.name,
      seats: row.seats.map(({ at, flag }, i): PlanSeat => {
        const { x, y } = move(at);
        const usher = { ...(flag && { [flag]: true }), ...(shape.restricted(at) && { restrictedView: true }) };
        return {
          seat_guid: `${id}-${row.name}-${i + 1}`,
          seat_number: String(i + 1),
          position: { x: tenth(x - origin.x), y: tenth(y - origin.y) },
          category: row.category,
          ...(Object.keys(usher).length > 0 && { usher }),
        };
      }),
    })),
  };
}

function tenth(value: number): number {
  // Adding 0 turns -0, which JSON cannot tell, into 0.
  return Math.round(value * 10) / 10 + 0;
}

function boxAround(points: readonly PlanPoint[]): { left: number; right: number; top: number; bottom: number } {
  const box = { left: 0, right: 0, top: 0, bottom: 0 };
  for (const { x, y } of points) {
    box.left = Math.min(box.left, x);
    box.right = Math.max(box.right, x);
    box.top = Math.min(box.top, y);
    box.bottom = Math.max(box.bottom, y);
  }
  return box;
}
