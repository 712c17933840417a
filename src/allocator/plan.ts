/**
 * A seating plan in pretix's open form (schema version 0.0.1), with what that form cannot say in an extra `usher`
 * member. Positions add up: zone + row + seat, in the plan's own unit, x to the right and y downwards.
 */
export interface SeatingPlan {
  readonly name: string;
  readonly size?: PlanSize;
  readonly categories: readonly PlanCategory[];
  readonly zones: readonly PlanZone[];
  readonly usher?: PlanExtension;
}

export interface PlanPoint {
  readonly x: number;
  readonly y: number;
}

export interface PlanSize {
  readonly width: number;
  readonly height: number;
}

export interface PlanCategory {
  readonly name: string;
  /** `#rgb`, `#rrggbb` or with alpha. */
  readonly color?: string;
}

export interface PlanZone {
  readonly name?: string;
  readonly zone_id?: string;
  readonly position: PlanPoint;
  readonly rows: readonly PlanRow[];
  /** Shapes and texts to be drawn (the stage, the bar); nothing in them is for sale. */
  readonly areas?: readonly PlanDrawing[];
}

export type PlanDrawing = Readonly<Record<string, unknown>>;

export interface PlanRow {
  readonly row_number: string;
  readonly row_label?: string;
  readonly row_number_position?: string;
  readonly position?: PlanPoint;
  readonly seats: readonly PlanSeat[];
}

export interface PlanSeat {
  readonly seat_guid: string;
  readonly seat_number: string;
  readonly position: PlanPoint;
  /** The name of one of the plan's categories. */
  readonly category: string;
  readonly radius?: number;
  readonly usher?: SeatExtension;
}

export interface SeatExtension {
  readonly accessible?: boolean;
  readonly companion?: boolean;
  readonly restrictedView?: boolean;
}

export interface PlanExtension {
  /** General-admission areas: places that are counted, not numbered. */
  readonly areas?: readonly PlanArea[];
  /** What the audience looks at: the best seat is the one nearest to it. */
  readonly focal?: PlanPoint;
}

export interface PlanArea {
  /** Unique among areas and seats. */
  readonly id: string;
  readonly name: string;
  readonly category: string;
  readonly capacity: number;
  /** The name of the zone in which it is drawn. */
  readonly zone?: string;
}

/** What a plan may hold at most. Texts in UTF-16 units, positions in the plan's unit. */
export const PLAN_LIMITS = {
  seats: 200_000,
  zones: 5_000,
  rows: 100_000,
  categories: 1_000,
  areas: 500,
  areaCapacity: 1_000_000,
  idLength: 128,
  nameLength: 200,
  labelLength: 40,
  /** Keeps every position exact to a tenth in 32-bit floats. */
  coordinate: 1_000_000,
  faults: 1_000,
  warnings: 100,
  drawingDepth: 8,
  drawingNodes: 50_000,
  drawingText: 2_000,
} as const;
