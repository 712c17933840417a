import { CatalogueShowSource } from '../catalog/show-source.ts';
import { Projections } from '../projector/projections.ts';
import { type RebuildReport, rebuildShows } from '../projector/rebuild.ts';
import { readSettings } from '../settings.ts';
import { createLog } from '../system/log.ts';
import { withDatabase } from './database.ts';
import { CommandError, EXIT } from './exit-codes.ts';

/** Makes the read models of one show or of all anew and prints the report. Throws {@link CommandError} for shows that cannot be. */
export async function rebuild(showId: string | null, { json }: { json?: boolean }): Promise<void> {
  const report = await withDatabase(
    readSettings(process.env),
    createLog('warn'),
    async ({ catalogue, journal, pool }) => {
      if (showId !== null && (await catalogue.shows.organiserOf(showId)) === null)
        throw new CommandError(EXIT.notFound, `There is no show ${showId}.`);
      const source = new CatalogueShowSource(catalogue);
      return rebuildShows(
        {
          projections: new Projections(pool),
          journal,
          load: (id) => source.load(id),
        },
        showId,
      );
    },
  );
  console.log(json ? JSON.stringify(report) : textOf(report));
  if (report.faults.length > 0) throw new CommandError(EXIT.failed, `${report.faults.length} shows stay as they were`);
}

function textOf({ shows, rows, faults }: RebuildReport): string {
  const lines = [`Made anew: ${shows} shows out of ${rows} rows of the journal.`];
  for (const { showId, what } of faults) lines.push(`FAULT in show ${showId}, which stays as it was: ${what}`);
  return lines.join('\n');
}
