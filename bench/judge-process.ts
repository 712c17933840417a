/**
 * A process of its own, as `npm run judge` is one, run with `--expose-gc`: measures the judge and sends
 * {@link JudgeFigures}. Arguments: `told`, or `witnessed` if the journal and the books are to be told too; how many
 * operations.
 */
import { createReadStream, createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { HistoryLine } from '../test/judge/history.ts';
import { Judge } from '../test/judge/judge.ts';
import { readHistory } from '../test/judge/read-history.ts';
import { registerHistory } from '../test/support/register-history.ts';
import { withTemporaryDirectory } from './temporary-directory.ts';

/** Operations a second. */
export interface JudgeFigures {
  /** Of lines that are there as objects: added, and the verdict. */
  readonly judged: number;
  /** Of the same lines as JSON text in a file: read and checked as well. */
  readonly readAndJudged: number;
}

const [kind, count] = process.argv.slice(2);
const operations = Number(count);

async function operationsPerSecond(tell: (judge: Judge) => Promise<void>): Promise<number> {
  globalThis.gc?.();
  const from = performance.now();
  const judge = new Judge();
  await tell(judge);
  const violations = judge.verdict();
  const seconds = (performance.now() - from) / 1_000;
  if (violations.length > 0) throw new Error(`a good history is said to be bad: ${violations[0].what}`);
  return operations / seconds;
}

async function writeLines(file: string, lines: readonly HistoryLine[]): Promise<void> {
  const texts = lines.values().map((line) => `${JSON.stringify(line)}\n`);
  await pipeline(Readable.from(texts), createWriteStream(file));
}

const lines = registerHistory({
  seed: 1,
  operations,
  seats: 20_000,
  clients: 300,
  witness: kind === 'witnessed',
  readsPerMille: 0,
});
const figures = await withTemporaryDirectory(async (directory): Promise<JudgeFigures> => {
  const judged = await operationsPerSecond(async (judge) => {
    for (const line of lines) judge.add(line);
  });
  const file = join(directory, 'history.jsonl');
  await writeLines(file, lines);
  lines.length = 0;
  const readAndJudged = await operationsPerSecond((judge) => readHistory(createReadStream(file), judge));
  return { judged, readAndJudged };
});
process.send?.(figures, undefined, undefined, () => process.exit());
