import { parseArgs } from 'node:util';
import { Campaign } from './campaign.ts';
import { minimise } from './minimise.ts';
import { drawOptions, kindOf, type WorldKind } from './options.ts';
import { drawSchedule } from './schedule.ts';
import { simulate } from './simulation.ts';

/* `npm run simulate -- --seeds N [--seed S] [--rush | --brief | --long] [--keep 0,3,…] [--json]`: talk goes to stderr, `--json` prints one line. */

const USAGE = `Usage: npm run simulate -- [--seeds N] [--seed S] [--rush | --brief | --long] [--keep PLACES] [--json]
  --seeds N      how many worlds; 100 if absent
  --seed S       the first one's seed; drawn if absent
  --rush         worlds with a rush of buyers only: what the simulator can carry
  --brief        small worlds only, soon over and struck often, of which many can be played; a few long ones among them
  --long         worlds of one node in which little happens for a day or more
  --keep PLACES  of the faults that a seed draws, only those at these places (0,3,7); with --seeds 1
  --json         one JSON object on stdout at the end
`;
/** After so many seeds every danger must have been met that can be. */
const COMPLETE_AT = 10_000;
/** A seed that fails is minimised; so many are, at most. */
const MINIMISED_MAX = 3;

const { seeds, seed, kind, keep, json } = readArguments();
// Where an error was made is told of a single world; of many it only costs time.
if (seeds > 1) Error.stackTraceLimit = 0;
const campaign = new Campaign(seed);
let failures = 0;
for (let each = seed; each < seed + seeds; each++) {
  const options = drawOptions(each, kindOf(each, kind));
  const drawn = drawSchedule(options);
  const schedule = keep === null ? drawn : drawn.filter((_, place) => keep.has(place));
  const result = await simulate(options, schedule);
  campaign.add(result);
  if (result.violations.length === 0) continue;
  failures++;
  process.stderr.write(`${result.report()}\n`);
  if (keep !== null || failures > MINIMISED_MAX) continue;
  const least = await minimise(options, drawn, result.violations[0].invariant);
  process.stderr.write(
    `with these of its ${drawn.length} faults it fails as well: ${JSON.stringify(least.map((place) => drawn[place]))}\n` +
      `again: npm run simulate -- --seed ${each} --seeds 1${kind === 'any' ? '' : ` --${kind}`} --keep ${least.join(',') || 'none'}\n\n`,
  );
}
const missing = seeds >= COMPLETE_AT ? campaign.dangersMissed() : [];
for (const danger of missing) process.stderr.write(`never happened: ${danger}\n`);
const summary = campaign.summary();
process.stderr.write(campaign.told());
if (json) process.stdout.write(`${JSON.stringify(summary)}\n`);
process.exitCode = failures > 0 || missing.length > 0 ? 1 : 0;

interface Arguments {
  readonly seeds: number;
  readonly seed: number;
  readonly kind: WorldKind;
  readonly keep: ReadonlySet<number> | null;
  readonly json: boolean;
}

function readArguments(): Arguments {
  try {
    const { values } = parseArgs({
      options: {
        seeds: { type: 'string', default: '100' },
        seed: { type: 'string' },
        rush: { type: 'boolean', default: false },
        brief: { type: 'boolean', default: false },
        long: { type: 'boolean', default: false },
        keep: { type: 'string' },
        json: { type: 'boolean', default: false },
      },
    });
    const keep =
      values.keep === undefined ? null : new Set(values.keep === 'none' ? [] : values.keep.split(',').map(whole));
    const kinds = (['rush', 'brief', 'long'] as const).filter((each) => values[each]);
    if (kinds.length > 1) throw new Error(`a world is of one kind: --${kinds.join(' or --')}`);
    const kind = kinds[0] ?? 'any';
    const seed = values.seed === undefined ? Math.floor(Math.random() * 2 ** 31) : whole(values.seed);
    return { seeds: whole(values.seeds), seed, kind, keep, json: values.json };
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n${USAGE}`);
    process.exit(2);
  }
}

function whole(text: string): number {
  if (!/^\d{1,10}$/.test(text)) throw new Error(`${text} is no whole number`);
  return Number(text);
}
