import { parseArgs } from 'node:util';
import { PLANTED_BUGS } from './bugs.ts';
import { hunt } from './hunted.ts';

/*
 * `npm run simulate:planted [-- --seconds 60] [NAME …]`: plants one bug after the other, plays worlds from seed 1 on until
 * something is broken, and prints the table of `docs/proof.md`. Ends with 1 if a bug is not found out so.
 */

const { values, positionals } = parseArgs({
  options: { seconds: { type: 'string', default: '60' } },
  allowPositionals: true,
});
const bugs = PLANTED_BUGS.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
let isAllCaught = true;
process.stdout.write('| planted bug | what it does | broken | worlds | operations | CPU s |\n');
process.stdout.write('| --- | --- | --- | ---: | ---: | ---: |\n');
for (const bug of bugs) {
  const { name, does, worlds, breaks } = bug;
  const caught = await hunt({ bug, worlds, seeds: 1, seconds: Number(values.seconds) });
  const { seeds, operations, cpuSeconds, what } = caught;
  const broken = caught.broken.filter((invariant) => breaks.includes(invariant)).join(', ') || 'not found (!)';
  const isCaught = caught.broken.some((invariant) => breaks.includes(invariant));
  isAllCaught &&= isCaught;
  process.stdout.write(`| ${name} | ${does} | ${broken} | ${seeds} ${worlds} | ${operations} | ${cpuSeconds} |\n`);
  if (!isCaught) process.stderr.write(`${name}: ${what ?? 'nothing was broken'}\n`);
}
process.exitCode = isAllCaught ? 0 : 1;
