import type { MadeShow } from '../actors/shows.ts';
import { FormatUnknown } from '../formats.ts';
import type { JournalReader } from '../journal/postgres-journal.ts';
import type { Projections } from './projections.ts';
import { ProjectionFault } from './show-model.ts';

/** Faults that are told, at most; the rebuild ends with the last. */
const FAULT_LIMIT = 1_000;

export interface RebuildParts {
  readonly projections: Pick<Projections, 'rebuild'>;
  readonly journal: Pick<JournalReader, 'journaledShows' | 'rowsAfter'>;
  /** Null for an unknown show. */
  readonly load: (showId: string) => Promise<MadeShow | null>;
}

export interface RebuildReport {
  shows: number;
  rows: number;
  faults: { readonly showId: string; readonly what: string }[];
}

/** Makes the read models of a show, or of all, anew. A show that cannot be stays as it was, and is told of. */
export async function rebuildShows(parts: RebuildParts, showId: string | null): Promise<RebuildReport> {
  const report: RebuildReport = { shows: 0, rows: 0, faults: [] };
  for await (const page of showId === null ? parts.journal.journaledShows() : [[showId]]) {
    for (const id of page) {
      await rebuildShow(parts, id, report);
      if (report.faults.length === FAULT_LIMIT) return report;
    }
  }
  return report;
}

async function rebuildShow({ projections, journal, load }: RebuildParts, showId: string, report: RebuildReport) {
  try {
    const made = await load(showId);
    if (made === null) throw new ProjectionFault('the show or its hall is not in the catalogue');
    const rows = await projections.rebuild(showId, made, journal.rowsAfter(showId, 0));
    if (rows === 0) return;
    report.shows++;
    report.rows += rows;
  } catch (error) {
    if (!(error instanceof ProjectionFault || error instanceof FormatUnknown)) throw error;
    report.faults.push({ showId, what: error.message });
  }
}
