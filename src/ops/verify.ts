import { createReplays } from '../actors/replays.ts';
import { CatalogueShowSource } from '../catalog/show-source.ts';
import { type VerifyReport, verifyJournal } from '../journal/verify.ts';
import { readSettings } from '../settings.ts';
import { createLog } from '../system/log.ts';
import { withDatabase } from './database.ts';
import { CommandError, EXIT } from './exit-codes.ts';

/** Verifies the journal and prints the report. Throws {@link CommandError} when it finds a fault. */
export async function verify({ json }: { json?: boolean }): Promise<void> {
  const settings = readSettings(process.env);
  const report = await withDatabase(settings, createLog('warn'), async ({ catalogue, journal }) =>
    verifyJournal(journal, createReplays(new CatalogueShowSource(catalogue))),
  );
  console.log(json ? verifyJson(report) : verifyText(report));
  if (report.faults.length === 0 && report.soldTwice === 0) return;
  const [first] = report.faults;
  throw new CommandError(
    EXIT.failed,
    first ? `show ${first.showId}, row ${first.seq}: ${first.what}` : 'seats were sold twice',
  );
}

/** The report as `--json` prints it, one object on one line. */
function verifyJson(report: VerifyReport): string {
  return JSON.stringify(report);
}

/** The report for a person: what was checked and what was found. */
function verifyText(report: VerifyReport): string {
  const lines = [
    `Replayed from the first row: ${report.shows} shows, ${report.rows} journal rows, ${report.seats} seats and places.`,
    'Checked: one owner a seat (I1), gapless rows, epochs, their writers and the hash chain (I2), each command once (I4),',
    'counts against capacity (I5), snapshots against the replay (I6), whole holds (I8).',
    `${report.soldTwice} seats sold twice`,
  ];
  for (const fault of report.faults) {
    lines.push(`FAULT in show ${fault.showId}, row ${fault.seq}: ${fault.what}`);
  }
  lines.push(report.faults.length === 0 ? 'No faults.' : `${report.faults.length} faults.`);
  return lines.join('\n');
}
