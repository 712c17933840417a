import { hash } from 'node:crypto';
import { FORMAT, FormatUnknown, isKnownFormat } from '../formats.ts';

/** What the chain covers of a journal row: all but the row's place in the table. */
export interface HashedRow {
  /** The row's form, see `formats.ts`. */
  readonly format: number;
  readonly showId: string;
  readonly seq: number;
  readonly epoch: number;
  readonly at: number;
  readonly wakeAt: number | null;
  /** The incarnation that wrote it; covered from format 2 on. */
  readonly writer: string | null;
  /** The stored text, to the byte. */
  readonly events: string;
  /** Hex. */
  readonly prevHash: string;
}

/** `prevHash` of a show's first row. */
export const FIRST_PREV_HASH = '0'.repeat(64);

/** Rows of this form and of newer ones name their writer. */
export const WRITER_SINCE = 2;

/**
 * SHA-256 (hex) of a journal row, over its fields in a fixed order with line feeds between, the form first. No field but
 * the last is written with a line feed in it, and the events are JSON text, so no two rows share an encoding.
 * @throws FormatUnknown
 */
export function rowHash(row: HashedRow): string {
  const { format } = row;
  if (!isKnownFormat(format, FORMAT.newest)) throw new FormatUnknown('a row of the journal', format);
  const writer = format < WRITER_SINCE ? '' : `${row.writer ?? '-'}\n`;
  return hash(
    'sha256',
    `usher ${format}\n${row.prevHash}\n${row.showId}\n${row.seq}\n${row.epoch}\n${row.at}\n${row.wakeAt ?? '-'}\n${writer}${row.events}`,
    'hex',
  );
}
