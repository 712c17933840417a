import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { CATALOGUE } from '../../src/errors.ts';

it('docs/errors.md lists exactly the codes of the catalogue, with their status and title', () => {
  const text = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8');
  const rows = [...text.matchAll(/^\| `(\w+)` \| (\d+) \| (.+?) \| .+ \|$/gm)];
  expect(rows.map(([, code, status, title]) => [code, Number(status), title])).toEqual(
    Object.entries(CATALOGUE).map(([code, [status, title]]) => [code, status, title]),
  );
});
