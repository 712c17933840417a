/**
 * `npm run chaos -- [--minutes M] [--seed S] [--json]`: attacks real processes for so long and judges what buyers were told.
 * With `--json` one line of figures goes to stdout; talk goes to stderr. Exits 1 if anything was wrong, 2 on wrong usage.
 */
import closeWithGrace from 'close-with-grace';
import { Command, InvalidArgumentError } from 'commander';
import { Lifetime } from '../support/lifetime.ts';
import { type ChaosReport, runChaos } from './run.ts';
import { inOwnMounts } from './small-disk.ts';

const USAGE = 2;
const MINUTES_MAX = 45;
const SEED_MAX = 2 ** 32 - 1;
/** Until all processes are gone after a signal. */
const STOP_LIMIT_MS = 60_000;

function minutes(text: string): number {
  const number = Number(text);
  if (number > 0 && number <= MINUTES_MAX) return number;
  throw new InvalidArgumentError(`It must be a number above 0 and at most ${MINUTES_MAX}.`);
}

function seed(text: string): number {
  const number = Number(text);
  if (/^\d{1,10}$/.test(text) && number <= SEED_MAX) return number;
  throw new InvalidArgumentError(`It must be a whole number from 0 to ${SEED_MAX}.`);
}

const program = new Command('chaos')
  .description('Three nodes, NATS and Postgres under attack while buyers buy; then everything is judged.')
  .option('--minutes <m>', 'how long things go wrong', minutes, 1)
  .option('--seed <s>', 'what the faults and the buyers are drawn from; another one at each run if not given', seed)
  .option('--json', 'print one line of JSON in the end', false)
  .allowExcessArguments(false)
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : USAGE))
  .parse();
const options = program.opts<{ minutes: number; seed?: number; json: boolean }>();

function summary({ seconds, kills, operations, unknown, violations, kept }: ChaosReport): string {
  const found = violations.length === 0 ? 'no violation' : `${violations.length} violations, see ${kept}`;
  return `${kills} kills in ${seconds} s; ${operations} operations, ${unknown} with an unknown outcome; ${found}.`;
}

const code = await inOwnMounts();
if (code !== null) {
  process.exitCode = code;
} else {
  const lifetime = new Lifetime();
  const grace = closeWithGrace({ delay: STOP_LIMIT_MS, logger: false }, () => lifetime.end());
  const say = (text: string): void => void process.stderr.write(`${text}\n`);
  try {
    const drawn = options.seed ?? Math.floor(Math.random() * SEED_MAX);
    const report = await runChaos({ minutes: options.minutes, seed: drawn, lifetime, say });
    for (const violation of report.violations) say(`VIOLATION: ${violation}`);
    say(summary(report));
    if (options.json) process.stdout.write(`${JSON.stringify(report)}\n`);
    process.exitCode = report.violations.length === 0 ? 0 : 1;
  } catch (error) {
    say(`The run failed: ${error instanceof Error ? error.stack : error}`);
    process.exitCode = 1;
  }
  await lifetime.end();
  grace.uninstall();
}
