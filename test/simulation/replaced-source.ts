import { registerHooks } from 'node:module';

const SRC = new URL('../../src/', import.meta.url);

/**
 * Has a file of the product read with one piece of its text replaced, in this process only and before it is first imported.
 * Throws when that piece is not there exactly once, so that nothing is silently left as it was.
 * @param file below `src`.
 */
export function replaceInSource(file: string, find: string, replacement: string): void {
  const url = new URL(file, SRC).href;
  registerHooks({
    load(asked, context, nextLoad) {
      const loaded = nextLoad(asked, context);
      if (asked !== url) return loaded;
      const source = String(loaded.source);
      const parts = source.split(find);
      if (parts.length !== 2) throw new Error(`${file} has ${parts.length - 1} times: ${find}`);
      return { ...loaded, source: parts.join(replacement) };
    },
  });
}
