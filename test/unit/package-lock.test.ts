import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

interface Package {
  readonly version?: string;
  readonly dependencies?: Record<string, string>;
  readonly devDependencies?: Record<string, string>;
  readonly optionalDependencies?: Record<string, string>;
}

const read = (name: string) => JSON.parse(readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8'));
const lock: Record<string, Package> = read('package-lock.json').packages;
const own: Package & { allowScripts: Record<string, boolean> } = read('package.json');

test('every version is exact', () => {
  const versions = Object.entries({ ...own.dependencies, ...own.devDependencies, ...own.optionalDependencies });
  expect(versions.filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))).toEqual([]);
});

test('the lock file has the optional packages of every platform, without which `npm ci` refuses it', () => {
  const missing = Object.entries(lock).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).filter(
      (name) => !(`node_modules/${name}` in lock) && !(`${path}/node_modules/${name}` in lock),
    ),
  );
  expect(missing).toEqual([]);
});

test('every package with an install script is allowed by name', () => {
  const withScript = Object.entries(lock)
    .filter(([, entry]) => 'hasInstallScript' in entry)
    .map(([path]) => path.replace(/^.*node_modules\//, ''))
    // Vite's watcher for macOS, which brings its binary along.
    .filter((name) => name !== 'fsevents');
  expect(withScript.sort()).toEqual(Object.keys(own.allowScripts).sort());
});
