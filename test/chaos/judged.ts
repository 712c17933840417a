import { createReadStream, createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { HistoryLine } from '../judge/history.ts';
import { Judge } from '../judge/judge.ts';
import { readHistory } from '../judge/read-history.ts';

/** Violations that are told. */
const SHOWN = 20;

/** Writes a history down, a line for each of its own, as `npm run judge` reads it. */
export async function writeHistory(file: string, lines: readonly HistoryLine[]): Promise<void> {
  const text = function* () {
    for (const line of lines) yield `${JSON.stringify(line)}\n`;
  };
  await pipeline(Readable.from(text()), createWriteStream(file));
}

/** What the judge of histories finds in a file, as sentences. */
export async function judgedFaults(file: string): Promise<string[]> {
  const judge = new Judge();
  await readHistory(createReadStream(file), judge);
  const found = judge
    .verdict()
    .map(({ invariant, what, lines }) => `${invariant}: ${what} (lines ${lines.join(', ')})`);
  return found.length > SHOWN ? [...found.slice(0, SHOWN), `and ${found.length - SHOWN} more`] : found;
}
