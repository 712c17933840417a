import { type Logger, type LoggerOptions, pino } from 'pino';
import { prettyFactory } from 'pino-pretty';

/** What the rest of the code logs through. */
export type Log = Logger;

export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** The parts of a stream that the log needs; the real one is `process.stderr`. */
export interface LogTarget {
  write(text: string): unknown;
  readonly isTTY?: boolean;
}

/**
 * The process's log: one JSON object a line, with times in RFC 3339; readable text when `target` is a terminal.
 * It goes to stderr, so that stdout stays for data. Writes are synchronous: nothing is lost when the process exits.
 */
export function createLog(level: LogLevel, target: LogTarget = process.stderr): Log {
  const options: LoggerOptions = { level, base: null, timestamp: pino.stdTimeFunctions.isoTime, redact: REDACTED };
  if (!target.isTTY) return pino(options, target);
  const pretty = prettyFactory({ colorize: true, translateTime: 'SYS:HH:MM:ss.l' });
  return pino(options, { write: (line: string) => target.write(pretty(line)) });
}

/** Never logged, wherever an object that holds them is handed over. */
const REDACTED = ['password', '*.password', 'token', '*.token', 'req.headers.authorization', 'req.headers.cookie'];
