import type { Fault } from '../errors.ts';
import {
  PLAN_LIMITS,
  type PlanArea,
  type PlanCategory,
  type PlanDrawing,
  type PlanExtension,
  type PlanPoint,
  type PlanRow,
  type PlanSeat,
  type PlanSize,
  type PlanZone,
  type SeatExtension,
  type SeatingPlan,
} from './plan.ts';
import { copyDrawing, type DrawingBudget } from './plan-drawing.ts';
import { FaultList, hasInvisible, kindOf, quote } from './plan-faults.ts';

export type ImportedPlan =
  | { readonly ok: true; readonly plan: SeatingPlan; readonly warnings: readonly Fault[] }
  | { readonly ok: false; readonly faults: readonly Fault[] };

/**
 * Reads a seating plan in pretix form from any JSON value. Either everything is right, and the answer is a fresh plan
 * of only the members that {@link SeatingPlan} knows (importing it again gives the same), or every fault is named
 * with a JSON pointer to the place: the value that is wrong, or the object in which one is missing.
 *
 * Never throws; takes time proportional to the document; reads nothing that it does not know.
 * `warnings` tell of what was accepted but is probably not meant.
 */
export function importPlan(document: unknown): ImportedPlan {
  const root = asRecord(document);
  if (root === null || (!Array.isArray(root.zones) && !Array.isArray(root.categories))) {
    return { ok: false, faults: [{ pointer: '', detail: foreignForm(document) }] };
  }
  return new PlanReader().read(root);
}

type Json = Readonly<Record<string, unknown>>;

function asRecord(value: unknown): Json | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Json) : null;
}

function foreignForm(document: unknown): string {
  const root = asRecord(document);
  let found = kindOf(document);
  if (root !== null) {
    const members = Object.keys(root).slice(0, 5).map(quote);
    found = members.length === 0 ? 'an empty object' : `an object with ${members.join(', ')}`;
  }
  return (
    'This is not a seating plan in pretix form, which is an object with "name", "categories": [{"name"}] and ' +
    '"zones": [{"position", "rows": [{"row_number", "seats": [{"seat_guid", "seat_number", "position", "category"}]}]}]. ' +
    `Found ${found}. Export or convert the plan to that form.`
  );
}

interface TextRule {
  readonly max: number;
  readonly blank?: boolean;
}

const ID: TextRule = { max: PLAN_LIMITS.idLength };
const NAME: TextRule = { max: PLAN_LIMITS.nameLength };
const LABEL: TextRule = { max: PLAN_LIMITS.labelLength };
const OPTIONAL_LABEL: TextRule = { max: PLAN_LIMITS.labelLength, blank: true };
const OPTIONAL_NAME: TextRule = { max: PLAN_LIMITS.nameLength, blank: true };

const COLOUR = /^#(?:[0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})$/i;
const ORIGIN: PlanPoint = { x: 0, y: 0 };
/** Rounding in the plan's editor may push a seat over the edge by this share of the plan. */
const EDGE_TOLERANCE = 1e-6;
const SEAT_FLAGS = ['accessible', 'companion', 'restrictedView'] as const;

/** Where a seat or row stands in the document. */
type Place = readonly [zone: number, row: number, seat: number];

function seatPointer([zone, row, seat]: Place): string {
  return `/zones/${zone}/rows/${row}/seats/${seat}`;
}

class PlanReader {
  readonly #faults = new FaultList(PLAN_LIMITS.faults);
  readonly #warnings = new FaultList(PLAN_LIMITS.warnings);
  readonly #drawings: DrawingBudget = { nodes: PLAN_LIMITS.drawingNodes };
  /** Categories by name, and whether anything is in them. */
  readonly #categories = new Map<string, boolean>();
  readonly #zoneNames = new Set<string>();
  /** The first seat with a guid, or with a number in a row of a zone, as its place in `#places` (three entries a seat). */
  readonly #guids = new Map<string, number>();
  readonly #labels = new Map<string, Map<string, number>>();
  readonly #places: number[] = [];
  #size: PlanSize | undefined;
  #seats = 0;

  read(root: Json): ImportedPlan {
    const name = this.#text(root, 'name', '', NAME);
    this.#size = this.#readSize(root);
    const categories = this.#readCategories(root);
    const zones = this.#readZones(root);
    const usher = this.#readExtension(root);
    if (this.#seats === 0 && (usher?.areas ?? []).length === 0 && this.#faults.empty) {
      this.#faults.add('/zones', 'The plan has no seats and no general-admission areas: there is nothing to sell.');
    }
    if (!this.#faults.empty || name === null) return { ok: false, faults: this.#faults.list() };
    this.#warnUnused(categories);
    const plan: SeatingPlan = {
      name,
      ...(this.#size && { size: this.#size }),
      categories,
      zones,
      ...(usher && { usher }),
    };
    return { ok: true, plan, warnings: this.#warnings.list() };
  }

  // ---- The parts, from the outside in ----

  #readSize(root: Json): PlanSize | undefined {
    if (root.size === undefined) {
      this.#warnings.add('', 'The plan has no "size", so that seats off the plan cannot be told.');
      return undefined;
    }
    const size = asRecord(root.size);
    if (size === null) {
      this.#faults.add('/size', `"size" must be an object with "width" and "height"; it is ${kindOf(root.size)}.`);
      return undefined;
    }
    const width = this.#extent(size, 'width');
    const height = this.#extent(size, 'height');
    return width === null || height === null ? undefined : { width, height };
  }

  #extent(size: Json, member: 'width' | 'height'): number | null {
    const value = size[member];
    if (typeof value === 'number' && value > 0 && value <= PLAN_LIMITS.coordinate) return value;
    this.#wrong(size, member, '/size', `a number above 0 and at most ${PLAN_LIMITS.coordinate}`);
    return null;
  }

  #readCategories(root: Json): PlanCategory[] {
    const categories: PlanCategory[] = [];
    const list = this.#list(root, 'categories', '', PLAN_LIMITS.categories);
    const first = new Map<string, number>();
    for (let i = 0; i < list.length; i++) {
      const pointer = `/categories/${i}`;
      const item = this.#record(list[i], pointer, 'A category');
      const name = item && this.#text(item, 'name', pointer, NAME);
      if (item === null || name === null) continue;
      const earlier = first.get(name);
      if (earlier !== undefined) {
        this.#faults.add(
          `${pointer}/name`,
          `The category ${quote(name)} is already at /categories/${earlier}: merge the two or rename one.`,
        );
        continue;
      }
      first.set(name, i);
      this.#categories.set(name, false);
      categories.push({ name, ...this.#colour(item, pointer) });
    }
    return categories;
  }

  #colour(item: Json, pointer: string): { readonly color?: string } {
    if (item.color === undefined) return {};
    if (typeof item.color === 'string' && COLOUR.test(item.color)) return { color: item.color };
    this.#warnings.add(`${pointer}/color`, 'The colour is not of the form "#rrggbb" and was dropped.');
    return {};
  }

  #readZones(root: Json): PlanZone[] {
    const list = this.#list(root, 'zones', '', PLAN_LIMITS.zones);
    if (!this.#withinLimits(list)) return [];
    const zones: PlanZone[] = [];
    for (let z = 0; z < list.length; z++) {
      const zone = this.#readZone(list[z], z);
      if (zone) zones.push(zone);
    }
    return zones;
  }

  /** Counts before reading, so that a plan far too large costs no more than its count. */
  #withinLimits(zones: readonly unknown[]): boolean {
    let rows = 0;
    let seats = 0;
    for (const zone of zones) {
      const list = asRecord(zone)?.rows;
      if (!Array.isArray(list)) continue;
      rows += list.length;
      for (const row of list) {
        const members = asRecord(row)?.seats;
        if (Array.isArray(members)) seats += members.length;
      }
    }
    if (rows > PLAN_LIMITS.rows)
      this.#faults.add('/zones', `The plan has ${rows} rows; at most ${PLAN_LIMITS.rows} are possible.`);
    if (seats > PLAN_LIMITS.seats)
      this.#faults.add(
        '/zones',
        `The plan has ${seats} seats; at most ${PLAN_LIMITS.seats} are possible. Make standing places a general-admission area ("usher.areas").`,
      );
    return rows <= PLAN_LIMITS.rows && seats <= PLAN_LIMITS.seats;
  }

  #readZone(value: unknown, z: number): PlanZone | null {
    const pointer = `/zones/${z}`;
    const item = this.#record(value, pointer, 'A zone');
    if (item === null) return null;
    const name = this.#optionalText(item, 'name', pointer, OPTIONAL_NAME);
    const zoneId = this.#optionalText(item, 'zone_id', pointer, OPTIONAL_NAME);
    const position = this.#point(item, 'position', () => pointer);
    if (name !== undefined) this.#zoneNames.add(name);
    const rows: PlanRow[] = [];
    const list = this.#list(item, 'rows', pointer, PLAN_LIMITS.rows);
    for (let r = 0; r < list.length; r++) {
      const row = this.#readRow(list[r], [z, r, 0], name ?? '', position);
      if (row) rows.push(row);
    }
    const areas = this.#readDrawings(item, pointer);
    return {
      ...(name !== undefined && { name }),
      ...(zoneId !== undefined && { zone_id: zoneId }),
      position: position ?? ORIGIN,
      rows,
      ...(areas && { areas }),
    };
  }

  #readDrawings(zone: Json, pointer: string): PlanDrawing[] | undefined {
    if (zone.areas === undefined) return undefined;
    const drawings: PlanDrawing[] = [];
    const list = this.#list(zone, 'areas', pointer, PLAN_LIMITS.drawingNodes);
    for (let i = 0; i < list.length; i++) {
      const copy = asRecord(list[i]) && copyDrawing(list[i], this.#drawings);
      if (copy) drawings.push(copy as PlanDrawing);
      else
        this.#warnings.add(
          `${pointer}/areas/${i}`,
          'The drawing is not an object, or is too deep or too large, and was dropped.',
        );
    }
    return drawings;
  }

  #readRow(value: unknown, place: Place, zoneName: string, zone: PlanPoint | null): PlanRow | null {
    const [z, r] = place;
    const pointer = `/zones/${z}/rows/${r}`;
    const item = this.#record(value, pointer, 'A row');
    if (item === null) return null;
    const number = this.#text(item, 'row_number', pointer, OPTIONAL_LABEL);
    const label = this.#optionalText(item, 'row_label', pointer, OPTIONAL_NAME);
    const side = this.#optionalText(item, 'row_number_position', pointer, OPTIONAL_LABEL);
    const position = item.position === undefined ? ORIGIN : this.#point(item, 'position', () => pointer);
    const origin = zone && position && { x: zone.x + position.x, y: zone.y + position.y };
    const seats: PlanSeat[] = [];
    const numbers = this.#numbersIn(zoneName, number ?? '');
    const spots = new Map<number, number>();
    const list = this.#list(item, 'seats', pointer, PLAN_LIMITS.seats);
    for (let s = 0; s < list.length; s++) {
      const seat = this.#readSeat(list[s], [z, r, s], origin);
      if (seat === null) continue;
      seats.push(seat);
      if (number !== null) this.#claimLabel(numbers, zoneName, number, seat.seat_number);
      this.#warnSameSpot(seats, s, pointer, spots);
    }
    if (number === null || position === null) return null;
    return {
      row_number: number,
      ...(label !== undefined && { row_label: label }),
      ...(side !== undefined && { row_number_position: side }),
      ...(item.position !== undefined && { position }),
      seats,
    };
  }

  #readSeat(value: unknown, place: Place, origin: PlanPoint | null): PlanSeat | null {
    this.#seats++;
    this.#places.push(place[0], place[1], place[2]);
    const pointer = () => seatPointer(place);
    const item = this.#record(value, pointer, 'A seat');
    if (item === null) return null;
    const guid = this.#text(item, 'seat_guid', pointer, ID);
    const number = this.#text(item, 'seat_number', pointer, LABEL);
    const position = this.#point(item, 'position', pointer);
    const category = this.#category(item, pointer, 'seat');
    const usher = item.usher === undefined ? undefined : this.#seatExtension(item.usher, pointer);
    const radius = this.#radius(item, pointer);
    if (guid !== null) this.#claimGuid(guid);
    if (position && origin) this.#checkOnPlan(origin.x + position.x, origin.y + position.y, pointer);
    if (guid === null || number === null || position === null || category === null) return null;
    return {
      seat_guid: guid,
      seat_number: number,
      position,
      category,
      ...(radius !== undefined && { radius }),
      ...(usher && { usher }),
    };
  }

  #radius(seat: Json, pointer: () => string): number | undefined {
    if (seat.radius === undefined) return undefined;
    if (typeof seat.radius === 'number' && seat.radius > 0 && seat.radius <= PLAN_LIMITS.coordinate) return seat.radius;
    this.#wrong(seat, 'radius', pointer, 'a number above 0');
    return undefined;
  }

  #seatExtension(value: unknown, pointer: () => string): SeatExtension | undefined {
    const at = () => `${pointer()}/usher`;
    const item = this.#record(value, at, '"usher" of a seat');
    if (item === null) return undefined;
    const flags: { -readonly [K in keyof SeatExtension]: SeatExtension[K] } = {};
    for (const flag of SEAT_FLAGS) {
      const set = item[flag];
      if (typeof set === 'boolean') flags[flag] = set;
      else if (set !== undefined) this.#wrong(item, flag, at, 'true or false');
    }
    this.#warnUnknown(item, SEAT_FLAGS, at);
    return flags;
  }

  #readExtension(root: Json): PlanExtension | undefined {
    if (root.usher === undefined) return undefined;
    const item = this.#record(root.usher, '/usher', '"usher" of the plan');
    if (item === null) return undefined;
    const focal = item.focal === undefined ? null : this.#point(item, 'focal', () => '/usher');
    const areas = item.areas === undefined ? undefined : this.#readAreas(item);
    this.#warnUnknown(item, ['areas', 'focal'], () => '/usher');
    return { ...(areas && { areas }), ...(focal && { focal }) };
  }

  #readAreas(usher: Json): PlanArea[] {
    const areas: PlanArea[] = [];
    const ids = new Map<string, number>();
    const list = this.#list(usher, 'areas', '/usher', PLAN_LIMITS.areas);
    for (let i = 0; i < list.length; i++) {
      const pointer = `/usher/areas/${i}`;
      const item = this.#record(list[i], pointer, 'An area');
      if (item === null) continue;
      const id = this.#text(item, 'id', pointer, ID);
      const name = this.#text(item, 'name', pointer, NAME);
      const category = this.#category(item, () => pointer, 'area');
      const zone = this.#areaZone(item, pointer);
      const capacity = this.#capacity(item, pointer);
      this.#warnUnknown(item, ['id', 'name', 'category', 'capacity', 'zone'], () => pointer);
      if (id !== null) this.#claimAreaId(id, i, ids);
      if (id === null || name === null || category === null || capacity === null) continue;
      areas.push({ id, name, category, capacity, ...(zone !== undefined && { zone }) });
    }
    return areas;
  }

  #capacity(area: Json, pointer: string): number | null {
    const value = area.capacity;
    if (Number.isInteger(value) && (value as number) >= 1 && (value as number) <= PLAN_LIMITS.areaCapacity)
      return value as number;
    this.#wrong(area, 'capacity', pointer, `a whole number from 1 to ${PLAN_LIMITS.areaCapacity}`);
    return null;
  }

  #areaZone(area: Json, pointer: string): string | undefined {
    const zone = this.#optionalText(area, 'zone', pointer, NAME);
    if (zone !== undefined && !this.#zoneNames.has(zone)) {
      this.#faults.add(
        `${pointer}/zone`,
        `The plan has no zone named ${quote(zone)}: name one of "zones", or leave "zone" out.`,
      );
    }
    return zone;
  }

  // ---- Rules across the plan ----

  #category(item: Json, pointer: () => string, what: 'seat' | 'area'): string | null {
    const name = item.category;
    if (typeof name !== 'string') {
      this.#wrong(item, 'category', pointer, "the name of one of the plan's categories");
      return null;
    }
    if (!this.#categories.has(name)) {
      this.#faults.add(
        () => `${pointer()}/category`,
        `The ${what}'s category ${quote(name)} is not in "categories": add it there, or name one that is.`,
      );
      return null;
    }
    this.#categories.set(name, true);
    return name;
  }

  #placeOf(seat: number): Place {
    return [this.#places[seat * 3], this.#places[seat * 3 + 1], this.#places[seat * 3 + 2]];
  }

  #claimGuid(guid: string): void {
    const seat = this.#seats - 1;
    const first = this.#guids.get(guid);
    if (first === undefined) this.#guids.set(guid, seat);
    else
      this.#faults.add(
        () => `${seatPointer(this.#placeOf(seat))}/seat_guid`,
        `The seat_guid ${quote(guid)} is already that of ${seatPointer(this.#placeOf(first))}: give each seat its own.`,
      );
  }

  /** The seat numbers that are taken in all rows of this name in all zones of this name. */
  #numbersIn(zone: string, row: string): Map<string, number> {
    // Neither can hold a NUL, so that the key says which is which.
    const key = `${zone}\0${row}`;
    let numbers = this.#labels.get(key);
    if (numbers === undefined) {
      numbers = new Map();
      this.#labels.set(key, numbers);
    }
    return numbers;
  }

  #claimLabel(numbers: Map<string, number>, zone: string, row: string, number: string): void {
    const seat = this.#seats - 1;
    const first = numbers.get(number);
    if (first === undefined) numbers.set(number, seat);
    else
      this.#faults.add(
        () => `${seatPointer(this.#placeOf(seat))}/seat_number`,
        `Zone ${quote(zone)}, row ${quote(row)}, seat ${quote(number)} is already the label of ${seatPointer(this.#placeOf(first))}: a ticket must name one seat only. Change the number, row or zone of one of them.`,
      );
  }

  #claimAreaId(id: string, index: number, ids: Map<string, number>): void {
    const pointer = `/usher/areas/${index}/id`;
    const seat = this.#guids.get(id);
    const area = ids.get(id);
    if (seat !== undefined)
      this.#faults.add(
        pointer,
        `The id ${quote(id)} is already that of the seat ${seatPointer(this.#placeOf(seat))}: give the area another.`,
      );
    else if (area !== undefined)
      this.#faults.add(pointer, `The id ${quote(id)} is already that of /usher/areas/${area}: give each area its own.`);
    else ids.set(id, index);
  }

  #checkOnPlan(x: number, y: number, pointer: () => string): void {
    if (this.#size === undefined) return;
    const { width, height } = this.#size;
    const slack = Math.max(width, height) * EDGE_TOLERANCE;
    if (x >= -slack && y >= -slack && x <= width + slack && y <= height + slack) return;
    this.#faults.add(
      () => `${pointer()}/position`,
      `The seat is off the plan: zone, row and seat add up to (${x}, ${y}), outside (0, 0) to (${width}, ${height}). Move it, or enlarge "size".`,
    );
  }

  #warnSameSpot(seats: readonly PlanSeat[], index: number, row: string, spots: Map<number, number>): void {
    const last = seats.length - 1;
    const { x, y } = seats[last].position;
    // Numbers compare much faster than texts; two spots that share this one by chance are told apart below.
    const spot = x + y * Math.SQRT2;
    const other = spots.get(spot);
    if (other === undefined) spots.set(spot, last);
    else if (seats[other].position.x === x && seats[other].position.y === y) {
      this.#warnings.add(
        `${row}/seats/${index}/position`,
        `The seat stands on the very spot of seat ${quote(seats[other].seat_number)}, so that who sits beside whom is uncertain.`,
      );
    }
  }

  #warnUnused(categories: readonly PlanCategory[]): void {
    for (const [i, { name }] of categories.entries()) {
      if (!this.#categories.get(name))
        this.#warnings.add(`/categories/${i}`, `No seat or area is in the category ${quote(name)}.`);
    }
  }

  #warnUnknown(item: Json, known: readonly string[], pointer: () => string): void {
    for (const member of Object.keys(item)) {
      if (!known.includes(member))
        this.#warnings.add(
          pointer,
          `"usher" knows no ${quote(member)} here, so it was ignored; it knows ${known.join(', ')}.`,
        );
    }
  }

  // ---- Values ----

  #record(value: unknown, pointer: string | (() => string), what: string): Json | null {
    const record = asRecord(value);
    if (record === null) this.#faults.add(pointer, `${what} must be an object; this is ${kindOf(value)}.`);
    return record;
  }

  #list(item: Json, member: string, pointer: string, limit: number): readonly unknown[] {
    const value = item[member];
    if (!Array.isArray(value)) {
      this.#wrong(item, member, pointer, 'an array');
      return [];
    }
    if (value.length <= limit) return value;
    this.#faults.add(`${pointer}/${member}`, `There are ${value.length} ${member}; at most ${limit} are possible.`);
    return [];
  }

  #optionalText(item: Json, member: string, pointer: string, rule: TextRule): string | undefined {
    return item[member] === undefined ? undefined : (this.#text(item, member, pointer, rule) ?? undefined);
  }

  #text(item: Json, member: string, pointer: string | (() => string), rule: TextRule): string | null {
    const value = item[member];
    const least = rule.blank ? 0 : 1;
    if (typeof value !== 'string') {
      this.#wrong(item, member, pointer, `a string of ${least} to ${rule.max} characters`);
      return null;
    }
    let fault: string | null = null;
    if (value.length > rule.max) fault = `has ${value.length} characters; at most ${rule.max} are possible`;
    else if (!rule.blank && value.trim() === '') fault = 'is blank; give it a name that people can read';
    else if (hasInvisible(value) || !value.isWellFormed())
      fault = `has characters that cannot be shown (${quote(value)}); remove them`;
    if (fault === null) return value;
    this.#faults.add(() => `${typeof pointer === 'string' ? pointer : pointer()}/${member}`, `"${member}" ${fault}.`);
    return null;
  }

  #point(item: Json, member: string, pointer: () => string): PlanPoint | null {
    const point = asRecord(item[member]);
    if (point === null) {
      this.#wrong(item, member, pointer, 'an object with the numbers "x" and "y"');
      return null;
    }
    const at = () => `${pointer()}/${member}`;
    const x = this.#coordinate(point, 'x', at);
    const y = this.#coordinate(point, 'y', at);
    return x === null || y === null ? null : { x, y };
  }

  #coordinate(point: Json, member: 'x' | 'y', pointer: () => string): number | null {
    const value = point[member];
    if (typeof value === 'number' && Math.abs(value) <= PLAN_LIMITS.coordinate) return value;
    this.#wrong(point, member, pointer, `a number from -${PLAN_LIMITS.coordinate} to ${PLAN_LIMITS.coordinate}`);
    return null;
  }

  /** A member that is missing (the pointer is then that of its object) or not what it must be. */
  #wrong(item: Json, member: string, pointer: string | (() => string), must: string): void {
    const owner = () => (typeof pointer === 'string' ? pointer : pointer());
    const value = item[member];
    if (value === undefined) this.#faults.add(owner, `"${member}" is missing; it must be ${must}.`);
    else if (typeof value === 'number')
      this.#faults.add(() => `${owner()}/${member}`, `"${member}" is ${value}; it must be ${must}.`);
    else this.#faults.add(() => `${owner()}/${member}`, `"${member}" is ${kindOf(value)}; it must be ${must}.`);
  }
}
