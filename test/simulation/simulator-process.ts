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

/** `npm run simulate -- --brief`, as a process of its own: it takes the event loop for itself. Ended after `limitMs`. */
export function runSimulator(seed: number, seeds: number, limitMs: number): Promise<SimulatorRun> {
  const imports = ['--import', './test/simulation/small-scale.ts', 'test/simulation/main.ts'];
  const asked = ['--brief', '--seed', String(seed), '--seeds', String(seeds), '--json'];
  return new Promise((resolve, reject) => {
    execFile(
      process.execPath,
      [...imports, ...asked],
      { cwd: ROOT, timeout: limitMs, killSignal: 'SIGKILL', maxBuffer: 16 * 1024 * 1024 },
      (error, stdout, stderr) => {
        if (stdout === '') return reject(new Error(`the simulator said nothing: ${stderr}`, { cause: error }));
        const code = error === null ? 0 : Number(error.code ?? 1);
        resolve({ code, told: stderr, summary: JSON.parse(stdout) });
      },
    );
  });
}
