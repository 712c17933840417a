import { parseArgs } from 'node:util';
import { drawOptions, type WorldKind } from '../options.ts';
import { drawSchedule } from '../schedule.ts';
import { simulate } from '../simulation.ts';
import type { Caught } from './hunted.ts';

/*
 * Plays worlds until one breaks something: `hunt.ts --seconds 60 --worlds brief (--from SEED | --only SEED,SEED,…)`, with
 * `plant.ts` imported first if there is to be a bug. With `--breaks I4,I14` it has to be one of these, and worlds that break
 * only something else are passed over. One line of JSON on stdout: what was caught, or else broke last, after how much.
 */

const { values } = parseArgs({
  options: {
    from: { type: 'string', default: '1' },
    only: { type: 'string' },
    breaks: { type: 'string' },
    seconds: { type: 'string' },
    worlds: { type: 'string', default: 'any' },
  },
});
const most = Number(values.seconds);
const wanted = values.breaks?.split(',');

let seeds = 0;
let operations = 0;
let caught: Pick<Caught, 'seed' | 'broken' | 'what'> = { seed: null, broken: [], what: null };
for (const seed of values.only?.split(',').map(Number) ?? upwardsFrom(Number(values.from))) {
  if (cpuSeconds() >= most) break;
  const options = drawOptions(seed, values.worlds as WorldKind);
  const { commands, violations } = await simulate(options, drawSchedule(options));
  seeds++;
  operations += commands;
  if (violations.length === 0) continue;
  const broken = [...new Set(violations.map(({ invariant }) => invariant))];
  const told = violations.find(({ invariant }) => wanted?.includes(invariant)) ?? violations[0];
  caught = { seed, broken, what: `${told.invariant}: ${told.what}` };
  if (wanted === undefined || wanted.includes(told.invariant)) break;
}
const told: Caught = { ...caught, seeds, operations, cpuSeconds: cpuSeconds() };
process.stdout.write(`${JSON.stringify(told)}\n`);

function* upwardsFrom(first: number): Generator<number> {
  for (let seed = first; ; seed++) yield seed;
}

/** Since the process started. */
function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return Math.round((user + system) / 1e5) / 10;
}
