import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { onTestFinished } from 'vitest';

export interface NodeProcess {
  readonly child: ChildProcess;
  /** Resolves with the first line on stdout, parsed as JSON; rejects if the process ends before. */
  readonly firstLine: Promise<Record<string, unknown>>;
  /** Resolves when the process has ended. */
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

/** Runs a TypeScript file as a process of its own, which ends at the latest with the test that started it. */
export function nodeProcess(file: string, args: readonly string[], options: SpawnOptions = {}): NodeProcess {
  const child = spawn(process.execPath, [file, ...args], { ...options, stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) =>
    child.once('close', (code, signal) => resolve({ code, signal })),
  );
  const firstLine = new Promise<Record<string, unknown>>((resolve, reject) => {
    if (child.stdout) createInterface({ input: child.stdout }).once('line', (line) => resolve(JSON.parse(line)));
    ended.then(() => reject(new Error(`${file} ended without a word`)));
  });
  firstLine.catch(() => undefined);
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  return { child, firstLine, ended };
}
