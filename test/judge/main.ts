/**
 * `npm run judge -- FILE [--json]`: judges a history (`docs/history.md`); `-` is stdin. Violations go to stdout, one a
 * line, or with `--json` all in one object. Exits 0 if there are none, 1 if there are, 2 if it cannot be judged.
 */
import { createReadStream } from 'node:fs';
import { Command } from 'commander';
import { HistoryFault, Judge } from './judge.ts';
import { readHistory } from './read-history.ts';

const VIOLATED = 1;
const NOT_JUDGED = 2;

const program = new Command('judge')
  .description('Judges a history of what clients of a box office asked and were told.')
  .argument('<file>', 'JSON lines; - for stdin')
  .option('--json', 'one JSON object', false)
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : NOT_JUDGED))
  .parse();

const [file] = program.args;
const { json } = program.opts<{ json: boolean }>();
const judge = new Judge();
try {
  await readHistory(file === '-' ? process.stdin : createReadStream(file), judge);
  const violations = judge.verdict();
  if (json) process.stdout.write(`${JSON.stringify({ lines: judge.lines, violations })}\n`);
  else {
    for (const { invariant, what, lines } of violations)
      process.stdout.write(`${invariant}: ${what} (lines ${lines.join(', ')})\n`);
    process.stderr.write(`${judge.lines} lines, ${violations.length} violations\n`);
  }
  process.exitCode = violations.length === 0 ? 0 : VIOLATED;
} catch (error) {
  const isExpected = error instanceof HistoryFault || (error as NodeJS.ErrnoException).code !== undefined;
  process.stderr.write(`judge: ${file}: ${isExpected ? (error as Error).message : (error as Error).stack}\n`);
  process.exitCode = NOT_JUDGED;
}
