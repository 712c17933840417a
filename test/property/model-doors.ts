import type { EntryKind } from '../../src/allocator/doors.ts';

/** An entry of the ledger: its number is nowhere said, only what it is of. */
export interface ModelEntry {
  readonly ticket: number;
  readonly at: number;
  readonly gate: string;
  readonly wasVoid: boolean;
}

/** The ledger as a set, from which all else follows. */
export class ModelDoors {
  readonly entries: ModelEntry[] = [];
  readonly undone = new Map<number, number>();

  of(ticket: number): ModelEntry[] {
    return this.entries
      .filter((entry) => entry.ticket === ticket)
      .sort((a, b) => a.at - b.at || (a.gate < b.gate ? -1 : 1));
  }

  has({ ticket, at, gate }: Omit<ModelEntry, 'wasVoid'>): boolean {
    return this.entries.some((entry) => entry.ticket === ticket && entry.at === at && entry.gate === gate);
  }

  /** Those that count: the first is the admission. */
  counting(ticket: number): ModelEntry[] {
    const undone = this.undone.get(ticket);
    return this.of(ticket).filter((entry) => !entry.wasVoid && (undone === undefined || entry.at > undone));
  }

  kindOf(entry: ModelEntry): EntryKind {
    if (entry.wasVoid) return 'void';
    const place = this.counting(entry.ticket).indexOf(entry);
    return place < 0 ? 'undone' : place === 0 ? 'admission' : 'double';
  }

  /** How many entries are of this kind. */
  count(kind: EntryKind): number {
    return this.entries.filter((entry) => this.kindOf(entry) === kind).length;
  }
}
