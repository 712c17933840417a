import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { runUsher } from '../support/usher-process.ts';

const HALL = fileURLToPath(new URL('../../examples/la-laguna-auditorium.json', import.meta.url));

/** Runs a command that is to fail, and returns its one line of talk. */
async function failure(code: number, args: readonly string[], settings: Record<string, string> = {}): Promise<string> {
  const ended = await runUsher(args, settings);
  expect(ended, `usher ${args.join(' ')}`).toMatchObject({ code, stdout: '' });
  expect(ended.stderr).not.toMatch(/\n\s+at /);
  return ended.stderr;
}

describe('plan generate', () => {
  test.each([
    ['arena', 15_000, 2_000],
    ['stadium', 80_000, 0],
  ])('prints an %s that can be imported', async (kind, seats, standing) => {
    const { code, stdout } = await runUsher(['plan', 'generate', kind], {});
    expect(code).toBe(0);
    const areas: { capacity: number }[] = JSON.parse(stdout).usher.areas ?? [];
    expect(areas.reduce((sum, { capacity }) => sum + capacity, 0)).toBe(standing);
    const file = join(temporaryDirectory(), 'plan.json');
    writeFileSync(file, stdout);
    const checked = await runUsher(['plan', 'import', file, '--check', '--json'], {});
    expect(checked).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(checked.stdout)).toEqual({ file, seats });
  });

  test('refuses what it cannot draw', async () => {
    expect(await failure(2, ['plan', 'generate', 'circus'])).toContain('theatre, arena, stadium');
    expect(await failure(2, ['plan', 'generate', 'theatre', '--seats', '0'])).toContain('seats must be');
    expect(await failure(2, ['plan', 'generate', 'theatre', '--seats', 'many'])).toContain('whole number');
    await failure(2, ['plan', 'generate']);
  });
});

test('plan import --check names each fault of a plan and where it is', async () => {
  const plan = JSON.parse(readFileSync(HALL, 'utf8'));
  plan.zones[0].rows[0].seats[1].seat_guid = plan.zones[0].rows[0].seats[0].seat_guid;
  const file = join(temporaryDirectory(), 'plan.json');
  writeFileSync(file, JSON.stringify(plan));
  expect(await failure(1, ['plan', 'import', file, '--check'])).toContain('/zones/0/rows/0/seats/1/seat_guid: ');
  writeFileSync(file, '{');
  expect(await failure(1, ['plan', 'import', file, '--check'])).toContain('is not JSON');
  expect(await failure(3, ['plan', 'import', `${file}.not`, '--check'])).toContain('ENOENT');
  expect(await failure(2, ['plan', 'import', HALL])).toContain('--venue');
});

test('a command says that there is no box office, and makes none', async () => {
  const dataDir = temporaryDirectory();
  const empty = { USHER_DATA_DIR: dataDir };
  expect(await failure(3, ['verify'], empty)).toBe(
    `usher: There is no database in ${dataDir}. Start a node there first, or say in USHER_DATA_DIR or DATABASE_URL where it is.\n`,
  );
  expect(await failure(3, ['plan', 'import', HALL, '--venue', 'ven_1'], empty)).toContain('There is no database');
  expect(await failure(3, ['verify'], { USHER_DATA_DIR: join(dataDir, 'missing') })).toContain('There is no database');
  expect(readdirSync(dataDir)).toEqual([]);
  // What a first start leaves that was killed at once.
  mkdirSync(join(dataDir, 'postgres'));
  expect(await failure(3, ['verify'], empty)).toContain('has nothing of Usher in it');
});

test('a wrong setting or command is told in a line', async () => {
  expect(await failure(1, ['verify'], { DATABASE_URL: 'nowhere' })).toContain('DATABASE_URL must be');
  expect(await failure(2, ['conjure'])).toContain("unknown command 'conjure'");
});
