import type { Hall } from '../allocator/hall.ts';
import type { CurrentPlan } from './shows.ts';

/** One byte a seat, in the order of the plan document: these ASCII letters. */
export const SEAT_LETTERS = { available: 97, held: 104, sold: 115, blocked: 98, listed: 108 } as const; // a h s b l

export interface AreaCount {
  readonly id: string;
  readonly capacity: number;
  readonly available: number;
}

/** The versions strictly between two. */
export interface VersionGap {
  readonly after: number;
  readonly before: number;
}

/** The durable, published state of a show's seats: read by any request, written only after a turn is durable. */
export interface SeatMap {
  readonly showId: string;
  /** The plan in force; absent where an older node tells of it. */
  readonly planId?: string | undefined;
  readonly hall: Hall;
  /** The journal's seq: grows with every turn. */
  readonly version: number;
  /** ms since the epoch of that turn. */
  readonly asOf: number;
  /** True while nobody can say whether this is still the newest. */
  readonly stale: boolean;
  /** A letter a seat, by the seat's place in the plan document. Live: copy what is kept over an await. */
  readonly letters: Uint8Array;
  /** The version at which each seat (by its place in the document) last changed. */
  readonly changedAt: Uint32Array;
  /**
   * Versions that whoever keeps this map never saw: what changed since one of them `changedAt` cannot tell, because a
   * seat may have changed and changed back. Absent where every version was seen.
   */
  readonly gaps?: readonly VersionGap[];
  readonly areas: readonly AreaCount[];
  /** Minor units; the cheapest price that is still to be had, or null. */
  readonly fromPrice: number | null;
  readonly currency: string;
  readonly available: number;
  readonly capacity: number;
  /** By the names of categories, if they are not those that the show was made with; only its owner tells. */
  readonly prices?: Readonly<Record<string, number>>;
  /** Whether the show was called off; only its owner tells. */
  readonly cancelled?: boolean;
}

/** The plan in force, if it is not the one that the show was made with. */
export function currentPlan({ planId, hall }: Pick<SeatMap, 'planId' | 'hall'>): { readonly plan?: CurrentPlan } {
  const revision = hall.laterPlans.length;
  return planId === undefined || revision === 0 ? {} : { plan: { id: planId, revision } };
}

/** Whether the seats whose `changedAt` is above `version` are all that differ between that version and this one. */
export function tellsChangesSince(map: SeatMap, version: number): boolean {
  if (version <= 0 || version > map.version) return false;
  return map.gaps === undefined || !map.gaps.some(({ after, before }) => version > after && version < before);
}
