import { createLog, type Log } from '../../src/system/log.ts';

export interface CapturedLog {
  readonly log: Log;
  /** What was logged so far, one parsed object a line. */
  readonly lines: Record<string, unknown>[];
}

/** A log that keeps everything and prints nothing. */
export function capturedLog(): CapturedLog {
  const lines: Record<string, unknown>[] = [];
  const log = createLog('debug', { write: (line) => lines.push(JSON.parse(line)) });
  return { log, lines };
}
