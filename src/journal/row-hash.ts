import { hash } from 'node:crypto';

/** What the chain covers of a journal row: all but the row's place in the table. */
export interface HashedRow {
  readonly showId: string;
  readonly seq: number;
  readonly epoch: number;
  readonly at: number;
  readonly wakeAt: number | null;
  /** The stored text, to the byte. */
  readonly events: string;
  /** Hex. */
  readonly prevHash: string;
}

/** `prevHash` of a show's first row. */
export const FIRST_PREV_HASH = '0'.repeat(64);

/** The form of the stored rows that this code writes and reads (column `format`). */
export const ROW_FORMAT = 1;

/**
 * SHA-256 (hex) of a journal row, over its fields in a fixed order with line feeds between. No field but the last can
 * hold a line feed, and the events are JSON text, so no two rows share an encoding.
 */
export function rowHash(row: HashedRow): string {
  return hash(
    'sha256',
    `usher ${ROW_FORMAT}\n${row.prevHash}\n${row.showId}\n${row.seq}\n${row.epoch}\n${row.at}\n${row.wakeAt ?? '-'}\n${row.events}`,
    'hex',
  );
}
