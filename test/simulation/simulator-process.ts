import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export interface SimulatorRun {
  readonly code: number;
  /** What it told people. */
  readonly told: string;
  readonly summary: {
    readonly seeds: number;
    readonly commands: number;
    readonly simulatedHours: number;
    readonly violations: readonly { readonly seed: number; readonly invariant: string }[];
    readonly trace: string;
  };
}

/** MB: it is to do with so little however many worlds it plays, for nothing is left of one that is over. */
const HEAP_MB = 300;
/** MB: most of what a world allocates is over with it, and is not to be copied before. */
const YOUNG_MB = 64;

/** `npm run simulate -- --brief`, as a process of its own: it takes the event loop for itself. Ended after `limitMs`. */
export function runSimulator(seed: number, seeds: number, limitMs: number): Promise<SimulatorRun> {
  const memory = [`--max-old-space-size=${HEAP_MB}`, `--max-semi-space-size=${YOUNG_MB}`];
  const imports = ['--import', './test/simulation/small-scale.ts', 'test/simulation/main.ts'];
  const asked = ['--brief', '--seed', String(seed), '--seeds', String(seeds), '--json'];
  return new Promise((resolve, reject) => {
    execFile(
      process.execPath,
      [...memory, ...imports, ...asked],
      { cwd: ROOT, timeout: limitMs, killSignal: 'SIGKILL', maxBuffer: 16 * 1024 * 1024 },
      (error, stdout, stderr) => {
        if (stdout === '') return reject(new Error(`the simulator said nothing: ${stderr}`, { cause: error }));
        const code = error === null ? 0 : Number(error.code ?? 1);
        resolve({ code, told: stderr, summary: JSON.parse(stdout) });
      },
    );
  });
}
