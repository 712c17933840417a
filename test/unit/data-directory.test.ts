import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { StartError } from '../../src/errors.ts';
import { keptSecret, prepareDataDirectory } from '../../src/system/data-directory.ts';
import { systemRandom } from '../../src/system/random.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

test('the data directory is made, private, with its parents', async () => {
  const directory = join(temporaryDirectory(), 'var', 'usher');
  await prepareDataDirectory(directory);
  await prepareDataDirectory(directory);
  expect(statSync(directory).mode & 0o777).toBe(0o700);
});

test('a data directory that cannot be is refused with its path and the way out', async () => {
  const file = join(temporaryDirectory(), 'file');
  writeFileSync(file, '');
  const refused = prepareDataDirectory(join(file, 'data'));
  await expect(refused).rejects.toThrow(StartError);
  await expect(refused).rejects.toThrow(`The data directory ${file}/data cannot be used`);
  await expect(refused).rejects.toThrow('set USHER_DATA_DIR');
});

test('the secret is made once, kept for this user only, and the same for all who start together', async () => {
  const directory = temporaryDirectory();
  const secrets = await Promise.all(Array.from({ length: 8 }, () => keptSecret(directory, systemRandom)));
  expect(new Set(secrets).size).toBe(1);
  expect(secrets[0]).toMatch(/^[0-9a-f]{64}$/);
  expect(await keptSecret(directory, systemRandom)).toBe(secrets[0]);
  expect(statSync(join(directory, 'jwt-secret')).mode & 0o777).toBe(0o600);
  expect(readdirSync(directory)).toEqual(['jwt-secret']);
  expect(await keptSecret(temporaryDirectory(), systemRandom)).not.toBe(secrets[0]);
});

test('a damaged secret is refused and left as it is', async () => {
  const directory = temporaryDirectory();
  const path = join(directory, 'jwt-secret');
  writeFileSync(path, 'short');
  await expect(keptSecret(directory, systemRandom)).rejects.toThrow(`The token secret ${path} is damaged`);
  expect(readFileSync(path, 'utf8')).toBe('short');
});

test('a secret that cannot be read is refused with the way out', async () => {
  const directory = temporaryDirectory();
  mkdirSync(join(directory, 'jwt-secret'));
  await expect(keptSecret(directory, systemRandom)).rejects.toThrow(/cannot be read or kept: .*set JWT_SECRET/);
});
