import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const PROJECT = fileURLToPath(new URL('../../', import.meta.url));

/** What the project's lint rules say of each of these files, were they part of the project: the set of those refused. */
function refused(files: Readonly<Record<string, string>>): Set<string> {
  const directory = temporaryDirectory();
  for (const name of ['biome.json', 'lint', '.gitignore'])
    cpSync(join(PROJECT, name), join(directory, name), { recursive: true });
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(directory, path, '..'), { recursive: true });
    writeFileSync(join(directory, path), text);
  }
  const biome = join(PROJECT, 'node_modules/.bin/biome');
  const { stdout } = spawnSync(biome, ['lint', '--reporter=github', '--max-diagnostics=none', 'src'], {
    cwd: directory,
    encoding: 'utf8',
  });
  const errors = [...stdout.matchAll(/^::error title=(?:plugin|lint\/style\/noRestricted\w+),file=([^,]+),/gm)];
  return new Set(errors.map((match) => match[1].slice(match[1].indexOf('src/'))));
}

const DOORS = {
  'the wall clock': 'export const x = Date.now();',
  'a new date': 'export const x = new Date();',
  'a date by another name': 'export const x = { Date };',
  'the new wall clock': 'export const x = Temporal.Now.instant();',
  'the monotonic clock': 'export const x = performance.now();',
  'the high-resolution clock': 'export const x = process.hrtime.bigint();',
  'the clock of perf_hooks': `import { performance } from 'node:perf_hooks';\nexport const x = performance;`,
  'a timeout': 'export const x = setTimeout(() => undefined, 1);',
  'an interval': 'export const x = setInterval(() => undefined, 1);',
  'an immediate': 'export const x = setImmediate(() => undefined);',
  'a timeout of node:timers': `import { setTimeout as later } from 'node:timers';\nexport const x = later;`,
  'a promised timeout': `import { setTimeout as later } from 'node:timers/promises';\nexport const x = later;`,
  'a timeout as a signal': 'export const x = AbortSignal.timeout(1);',
  'a timeout through globalThis': 'export const x = globalThis.setTimeout;',
  'a timeout through global': 'export const x = global.setTimeout;',
  'a random number': 'export const x = Math.random();',
  'a random number by another way': 'const { random } = Math;\nexport const x = random();',
  'random bytes': `import { randomBytes } from 'node:crypto';\nexport const x = randomBytes(8);`,
  'a random uuid': `import { randomUUID } from 'node:crypto';\nexport const x = randomUUID();`,
  'a time-ordered uuid': `import { randomUUIDv7 } from 'node:crypto';\nexport const x = randomUUIDv7();`,
  'a random integer': `import { randomInt } from 'node:crypto';\nexport const x = randomInt(8);`,
  'random values': `import { getRandomValues } from 'node:crypto';\nexport const x = getRandomValues;`,
  'all of crypto': `import * as c from 'node:crypto';\nexport const x = c;`,
  'all of crypto by default': `import c from 'node:crypto';\nexport const x = c;`,
  'the global crypto': 'export const x = crypto.randomUUID();',
} satisfies Record<string, string>;

const HARMLESS = `import { createHash, type KeyObject } from 'node:crypto';
export const x = (at: Date | string, key: KeyObject) => [at, key, createHash('sha256'), Math.max(1, 2), { global: true }.global];`;

const names = Object.keys(DOORS) as (keyof typeof DOORS)[];
const planted = Object.fromEntries(names.map((name, index) => [`src/actors/door-${index}.ts`, DOORS[name]]));
const inSystem = Object.fromEntries(names.map((name, index) => [`src/system/door-${index}.ts`, DOORS[name]]));

test('lint refuses every door to time and chance outside src/system, and nothing else', () => {
  const found = refused({
    ...planted,
    ...inSystem,
    'src/rfc3339.ts': DOORS['a new date'],
    'src/allocator/harmless.ts': HARMLESS,
    'src/main.ts': DOORS['a timeout'],
  });
  const missed = names.filter((_, index) => !found.has(`src/actors/door-${index}.ts`));
  expect(missed).toEqual([]);
  expect([...found].filter((file) => !(file in planted))).toEqual(['src/main.ts']);
});
