import { projectFile } from './yaml-files.ts';

/** The columns of the table, in their order. */
export const ACTORS = ['nobody', 'buyer', 'otherBuyer', 'organiser', 'otherOrganiser', 'admin'] as const;
export type Actor = (typeof ACTORS)[number];

/** A line of `docs/authorisation.md`. */
export interface Line {
  /** As `/openapi.json` has it. */
  readonly route: string;
  /** With its `?`, or empty. */
  readonly query: string;
  /** What each hears. */
  readonly cells: Readonly<Record<Actor, string>>;
}

const CELLS = new Set(['yes', 'own', 'all', '401', '403', '404']);

/** The table of `docs/authorisation.md`. Throws on a line that cannot be read. */
export function authorisationTable(): Line[] {
  const lines = projectFile('docs/authorisation.md').matchAll(/^\| `([A-Z]+ \/[^`?]*)(\?[^`]*)?` \|(.*)\|$/gm);
  return [...lines].map(([line, route, query = '', rest]) => {
    const cells = rest.split('|').map((cell) => cell.trim());
    if (cells.length !== ACTORS.length || !cells.every((cell) => CELLS.has(cell))) throw new Error(`unclear: ${line}`);
    return { route, query, cells: Object.fromEntries(ACTORS.map((actor, i) => [actor, cells[i]])) as Line['cells'] };
  });
}
