import type { Turn } from './journal.ts';

/** What became of the turns of one statement; a turn is in exactly one of the two. */
export interface Appended {
  /** How many were written. */
  readonly written: number;
  /** The places, from 1, of those that were not, because their fence did not hold. */
  readonly fenced: readonly number[];
}

/** One connection over which a lane appends; one exchange at a time. Its loss ends the exchange under way, too. */
export interface LaneConnection {
  /**
   * Appends these turns in one statement. Resolves only after the commit was acknowledged. Rejects with a TurnFault when
   * nothing was or will be written because of what one of the turns says; with anything else when nobody knows.
   */
  append(turns: readonly Turn[]): Promise<Appended>;
  /** Commits a canary; false when the lane's record is gone. Rejects when nobody knows. */
  canary(): Promise<boolean>;
  /** Breaks it off at once, whatever hangs. Safe to call again, and after its end. */
  destroy(): void;
  /** Says goodbye, which hangs where the connection does; settles when it has ended, also by `destroy`. */
  end(): Promise<void>;
}

/** A connection in the making. */
export interface Dialing {
  /** Ready for statements. Rejects when it cannot be had, and soon after `destroy`. */
  readonly ready: Promise<LaneConnection>;
  /** Gives the try up at once, whatever hangs. Safe to call again. */
  destroy(): void;
}

interface DialingLane {
  readonly number: number;
  /** The incarnation under whose leases the lane writes. */
  readonly owner: string;
  /** Hears that the connection is gone, for whatever reason; more than once if need be, and also before it was ready. */
  readonly onLost: (error: Error) => void;
}

/** Begins to open a connection for a lane. Never throws. */
export type DialLane = (lane: DialingLane) => Dialing;

/** A statement was refused, and nothing of it written, because of what one of its turns says. */
export class TurnFault extends Error {
  /** A row with the turn's seq exists. */
  readonly isConflict: boolean;

  constructor(cause: Error, isConflict: boolean) {
    super(cause.message, { cause });
    this.name = 'TurnFault';
    this.isConflict = isConflict;
  }
}
