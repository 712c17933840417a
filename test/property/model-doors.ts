import type { EntryKind } from '../../src/allocator/doors.ts';

/** An entry of the ledger: its number is nowhere said, only what it is of. */
export interface ModelEntry {
  readonly ticket: number;
  /** The seat, or the line of an order for an area: the same for all tickets that are or were for it. */
  readonly place: string;
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

  has({ ticket, at, gate }: Pick<ModelEntry, 'ticket' | 'at' | 'gate'>): boolean {
    return this.entries.some((entry) => entry.ticket === ticket && entry.at === at && entry.gate === gate);
  }

  /** Those of all tickets of the place that count: with the first somebody came in. */
  countingAt(place: string): ModelEntry[] {
    const tickets = new Set(this.entries.filter((entry) => entry.place === place).map(({ ticket }) => ticket));
    return [...tickets]
      .flatMap((ticket) => this.counting(ticket))
      .sort((a, b) => a.at - b.at || compare(a.gate, b.gate) || a.ticket - b.ticket);
  }

  /** Those of the ticket that count: the first is the admission. */
  counting(ticket: number): ModelEntry[] {
    const undone = this.undone.get(ticket);
    return this.of(ticket).filter((entry) => !entry.wasVoid && (undone === undefined || entry.at > undone));
  }

  kindOf(entry: ModelEntry): EntryKind {
    if (entry.wasVoid) return 'void';
    const place = this.countingAt(entry.place).indexOf(entry);
    return place < 0 ? 'undone' : place === 0 ? 'admission' : 'double';
  }

  /** How many entries are of this kind. */
  count(kind: EntryKind): number {
    return this.entries.filter((entry) => this.kindOf(entry) === kind).length;
  }
}

function compare(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}
