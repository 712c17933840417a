/** Bits of {@link Hall.features}. */
export const ACCESSIBLE = 1;
export const COMPANION = 2;
export const RESTRICTED_VIEW = 4;

/** A general-admission area: no seats, a count. */
export interface Area {
  readonly id: string;
  readonly name: string;
  /** Index into {@link Hall.categories}. */
  readonly category: number;
  readonly capacity: number;
}

export interface RowName {
  readonly zone: string;
  readonly row: string;
}

/** A plan that took the place of the one before it. */
export interface LaterPlan {
  readonly id: string;
  /** SHA-256 (hex) of the plan document. */
  readonly hash: string;
}

/**
 * A seating plan compiled for the allocator, or several that replaced each other (`hall-extend.ts`); immutable and shared by all shows that use it.
 *
 * Seats have an index from 0. Indices are dealt so that a **block**, a longest line of neighbouring seats (same row,
 * no aisle between), is a range of indices and neighbours in it differ by one. All typed arrays have one entry a seat
 * unless said otherwise.
 */
export interface Hall {
  readonly name: string;
  readonly seatCount: number;
  /** The plan's `seat_guid` of each seat index. */
  readonly seatIds: readonly string[];
  /** The index of a `seat_guid` of the plan in force, or -1. */
  seatIndex(id: string): number;
  readonly categories: readonly string[];
  /** Index into `categories`. */
  readonly categoryOf: Uint16Array;
  readonly blockOf: Uint32Array;
  /** One more entry than there are blocks: block b is the seats [blockStart[b], blockStart[b + 1]). */
  readonly blockStart: Uint32Array;
  /** Absolute position (zone + row + seat), in the plan's own unit. */
  readonly x: Float32Array;
  readonly y: Float32Array;
  /** How far from the best seat this is, ≥ 0, lower is better: distance to the focal point and quality of the row. */
  readonly cost: Float32Array;
  readonly features: Uint8Array;
  /**
   * `documentOrder[i]` is seat i's place in the document of the plan in force (zones, then rows, then seats); after those
   * come the seats that only earlier plans had.
   */
  readonly documentOrder: Uint32Array;
  /** How many seats the plan in force has: those with a smaller `documentOrder`. */
  readonly planSeats: number;
  /** Index into `rows`. */
  readonly rowOf: Uint32Array;
  readonly rows: readonly RowName[];
  readonly seatNumbers: readonly string[];
  readonly areas: readonly Area[];
  /** The plans that replaced the first, in their order; the last is in force. */
  readonly laterPlans: readonly LaterPlan[];
  /** Indices of categories and areas that only earlier plans had. */
  readonly formerCategories: ReadonlySet<number>;
  readonly formerAreas: ReadonlySet<number>;
}

/** The index of a category of the plan in force, or -1. */
export function categoryNamed({ categories, formerCategories }: Hall, name: string): number {
  const category = categories.indexOf(name);
  return formerCategories.has(category) ? -1 : category;
}

/** The plans that replaced the first, by their ids. */
export function laterPlanIds({ laterPlans }: Hall): string[] {
  return laterPlans.map(({ id }) => id);
}

/** The areas of the plan in force. */
export function planAreas({ areas, formerAreas }: Hall): readonly Area[] {
  return formerAreas.size === 0 ? areas : areas.filter((_, index) => !formerAreas.has(index));
}

/** Whether only an earlier plan had this seat. */
export function isFormerSeat(hall: Hall, seat: number): boolean {
  return hall.documentOrder[seat] >= hall.planSeats;
}
