import type { VerifyReport } from '../journal/verify.ts';

/** The report as `--json` prints it, one object on one line. */
export function verifyJson(report: VerifyReport): string {
  return JSON.stringify(report);
}

/** The report for a person: what was checked and what was found. */
export function verifyText(report: VerifyReport): string {
  const lines = [
    `Replayed from the first row: ${report.shows} shows, ${report.rows} journal rows, ${report.seats} seats and places.`,
    'Checked: one owner a seat (I1), gapless rows, epochs and the hash chain (I2), each command once (I4),',
    'counts against capacity (I5), snapshots against the replay (I6), whole holds (I8).',
    `${report.soldTwice} seats sold twice`,
  ];
  for (const fault of report.faults) {
    lines.push(`FAULT in show ${fault.showId}, row ${fault.seq}: ${fault.what}`);
  }
  lines.push(report.faults.length === 0 ? 'No faults.' : `${report.faults.length} faults.`);
  return lines.join('\n');
}
