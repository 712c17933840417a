import type { Findings } from './findings.ts';
import type { AdmitOperation } from './history.ts';
import type { JournalState } from './journal-state.ts';
import type { Cases, Entry } from './show-file.ts';

/** Results of a scan that say that it stands in the ledger. */
const ENTERED: readonly string[] = ['admission', 'double', 'undone', 'void'];

/** From what gates were told alone: no ticket is let in twice, unless somebody may have undone it between (I15). */
export function judgeDoorsAlone(cases: Cases, findings: Findings): void {
  for (const [ticket, { admits, undos }] of cases.doors) {
    const told = admits.filter(({ line }) => line.outcome === 'ok').sort((a, b) => (a.line.to ?? 0) - (b.line.to ?? 0));
    let before: Entry<AdmitOperation> | null = null;
    for (const admit of told) {
      // Who asks again with the same key hears the same again.
      if (before !== null && admit.line.key !== undefined && admit.line.key === before.line.key) continue;
      const to = admit.line.to ?? Number.POSITIVE_INFINITY;
      const isUndone = undos.some(({ line }) => line.outcome !== 'refused' && line.from < to);
      if (before !== null && !isUndone)
        findings.add('I15', `ticket ${ticket} was let in twice, and nobody undid it`, before.n, admit.n);
      before = admit;
    }
  }
}

/** What gates were told against the journal: it is all in the ledger (I3). */
export function judgeDoorsAcknowledged(state: JournalState, cases: Cases, findings: Findings): void {
  for (const [ticket, { admits }] of cases.doors) {
    const entries = state.ticket(ticket)?.entries ?? [];
    for (const { n, line } of admits) {
      if (line.outcome !== 'ok' || line.admittedAt === undefined) continue;
      const { admittedAt, gate = '' } = line;
      if (!entries.some((entry) => entry.at === admittedAt && entry.gate === gate))
        findings.add('I3', `the admission of ticket ${ticket} was acknowledged, and is not in the journal`, n);
    }
  }
  for (const { n, line } of cases.uploads) {
    if (line.outcome !== 'ok') continue;
    for (const { ticket, at, result } of line.scans) {
      if (result === undefined || !ENTERED.includes(result)) continue;
      const entries = state.ticket(ticket)?.entries ?? [];
      if (!entries.some((entry) => entry.at === at && entry.gate === line.gate))
        findings.add('I3', `a scan of ticket ${ticket} was taken, and is not in the journal`, n);
    }
  }
}
