import { prettyFactory } from 'pino-pretty';

/**
 * Writes lines to stderr, each with who says it before it; logs, which come as JSON, in a readable form where a person
 * reads them.
 */
export function linesTo(target: NodeJS.WriteStream): (name: string, line: string) => void {
  const pretty = target.isTTY ? prettyFactory({ colorize: true, translateTime: 'SYS:HH:MM:ss.l' }) : null;
  return (name, line) => {
    const text = pretty === null ? line : (pretty(line) ?? line).trimEnd();
    for (const part of text.split('\n')) target.write(`${name} | ${part}\n`);
  };
}
