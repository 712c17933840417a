import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { WorldKind } from '../options.ts';
import type { PlantedBug } from './planted-bug.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
/** A hunt is ended by force after so many times its seconds: other processes may have the cores. */
const WALL_FACTOR = 20;

/** What a hunt came to. */
export interface Caught {
  /** Of the last world that broke something; null if none did. */
  readonly seed: number | null;
  /** What that world broke. */
  readonly broken: readonly string[];
  /** Of it what breaks what the bug has to break, or else the first, for people; null if there is nothing. */
  readonly what: string | null;
  /** Worlds played. */
  readonly seeds: number;
  /** Requests that buyers sent in them. */
  readonly operations: number;
  /** Of one core, from the start of the process on. */
  readonly cpuSeconds: number;
}

export interface Hunt {
  /** Null: the product as it is. */
  readonly bug: PlantedBug | null;
  readonly worlds: WorldKind;
  /** From this seed upwards, or only these. */
  readonly seeds: number | readonly number[];
  /** So many seconds of one core at most; the last world is not cut short. */
  readonly seconds: number;
  /** Where Node keeps what it has compiled, so that not every process compiles all of it anew. */
  readonly compiled?: string;
}

/** Plays worlds, in a process of its own, until one breaks something: with a bug, one of what the bug has to break. */
export function hunt({ bug, worlds, seeds, seconds, compiled }: Hunt): Promise<Caught> {
  const preload = bug === null ? './test/simulation/small-scale.ts' : './test/simulation/planted/plant.ts';
  const which = typeof seeds === 'number' ? ['--from', String(seeds)] : ['--only', seeds.join(',')];
  const broken = bug === null ? [] : ['--breaks', bug.breaks.join(',')];
  const asked = [...which, ...broken, '--seconds', String(seconds), '--worlds', worlds];
  const env = {
    ...process.env,
    ...(bug === null ? {} : { PLANTED_BUG: bug.name }),
    ...(compiled === undefined ? {} : { NODE_COMPILE_CACHE: compiled }),
  };
  return new Promise((resolve, reject) => {
    execFile(
      process.execPath,
      ['--import', preload, 'test/simulation/planted/hunt.ts', ...asked],
      { cwd: ROOT, env, timeout: seconds * WALL_FACTOR * 1_000, killSignal: 'SIGKILL' },
      (error, stdout, stderr) => {
        if (error === null) resolve(JSON.parse(stdout));
        else reject(new Error(`the hunt for "${bug?.name ?? 'nothing'}" failed: ${stderr}`, { cause: error }));
      },
    );
  });
}
