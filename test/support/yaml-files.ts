import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseAllDocuments } from 'yaml';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** Text of a file of the project, by its path from the root. */
export function projectFile(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

/** Paths from the project's root of all files below a folder of it that end so. */
export function projectFiles(folder: string, ending: string): string[] {
  const names = readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' });
  return names.filter((name) => name.endsWith(ending)).map((name) => join(folder, name));
}

/** The documents of a YAML file, as YAML 1.2 with merge keys, strictly: a fault of any kind throws. */
export function yamlDocuments<T>(path: string): T[] {
  return parseAllDocuments(projectFile(path), { merge: true, strict: true, uniqueKeys: true }).map((document) => {
    const faults = [...document.errors, ...document.warnings];
    if (faults.length > 0) throw new Error(`${path}: ${faults.map(({ message }) => message).join('\n')}`);
    return document.toJS() as T;
  });
}

/** How long a node's own stop may take at most, as `src/main.ts` has it, in seconds. */
export function nodeStopLimitSeconds(): number {
  const found = /const STOP_LIMIT_MS = ([\d_]+);/.exec(projectFile('src/main.ts'));
  if (found === null) throw new Error('src/main.ts has no STOP_LIMIT_MS');
  return Number(found[1].replaceAll('_', '')) / 1_000;
}
