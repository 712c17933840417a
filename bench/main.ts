/**
 * `npm run bench [-- NAME…] [--json] [--seconds N] [--shows N]`: runs the named benches, or all. Figures go to stdout (with `--json`
 * one object a line), talk to stderr. Exits 1 if anything measured was wrong, 2 on wrong usage.
 */
import { Command, InvalidArgumentError } from 'commander';
import { benchCatalogue } from './catalogue.ts';
import { benchCluster } from './cluster.ts';
import { benchCore } from './core.ts';
import { benchDoors } from './doors.ts';
import { benchHolds } from './holds.ts';
import { benchJudge } from './judge.ts';
import { createReport, type Report } from './report.ts';
import { benchSale } from './sale.ts';
import { benchSettle } from './settle.ts';

const BENCHES: Readonly<Record<string, (report: Report, seconds: number, shows: number) => Promise<void>>> = {
  holds: benchHolds,
  core: benchCore,
  judge: benchJudge,
  sale: benchSale,
  settle: benchSettle,
  doors: benchDoors,
  cluster: benchCluster,
  catalogue: benchCatalogue,
};

const SECONDS_DEFAULT = 10;
const SECONDS_MAX = 60;

function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (!Number.isInteger(seconds) || seconds < 1 || seconds > SECONDS_MAX) {
    throw new InvalidArgumentError(`Give whole seconds from 1 to ${SECONDS_MAX}.`);
  }
  return seconds;
}

const SHOWS_DEFAULT = 100_000;
const SHOWS_MAX = 300_000;

function parseShows(text: string): number {
  const shows = Number(text);
  if (!Number.isInteger(shows) || shows < 1 || shows > SHOWS_MAX) {
    throw new InvalidArgumentError(`Give a whole number from 1 to ${SHOWS_MAX}.`);
  }
  return shows;
}

const USAGE_ERROR = 2;

const program = new Command('bench')
  .description(`Runs benches and prints figures. NAME: ${Object.keys(BENCHES).join(', ')}; all without one.`)
  .argument('[name...]', 'benches to run')
  .option('--json', 'one JSON object a line', false)
  .option('--seconds <n>', 'how long each load is measured', parseSeconds, SECONDS_DEFAULT)
  .option('--shows <n>', 'how many shows the catalogue has', parseShows, SHOWS_DEFAULT)
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : USAGE_ERROR))
  .parse();

const { json, seconds, shows } = program.opts<{ json: boolean; seconds: number; shows: number }>();
const names = program.args.length > 0 ? program.args : Object.keys(BENCHES);
for (const name of names) {
  if (!Object.hasOwn(BENCHES, name))
    program.error(`There is no bench ${name}; there are ${Object.keys(BENCHES).join(', ')}.`);
}

const report = createReport(json);
try {
  for (const name of names) await BENCHES[name](report, seconds, shows);
} catch (error) {
  report.say(`The bench failed: ${error instanceof Error ? error.stack : error}`);
  process.exitCode = 1;
}
