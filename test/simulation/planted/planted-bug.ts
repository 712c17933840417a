import type { WorldKind } from '../options.ts';

/** A mistake that somebody could make in the product, and how the simulator must find it out. */
export interface PlantedBug {
  /** Unique; as it is named on the command line. */
  readonly name: string;
  /** What it does, in a sentence. */
  readonly does: string;
  /** The source file that it stands in, below `src`. */
  readonly file: string;
  /** What the source says, to the letter, exactly once. */
  readonly find: string;
  /** What it says with the bug. */
  readonly replace: string;
  /** By one of these it is found out. */
  readonly breaks: readonly string[];
  /** In which it is looked for: brief worlds where that is enough, a rush where it takes many events. */
  readonly worlds: WorldKind;
  /** The seed from which CI looks for it, where it takes long from seed 1 on: `npm run simulate:planted` tells how long. */
  readonly firstSeed?: number;
}
