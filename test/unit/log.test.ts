import { expect, test } from 'vitest';
import { createLog } from '../../src/system/log.ts';

function written(level: 'info' | 'silent', isTTY: boolean): { lines: string[]; log: ReturnType<typeof createLog> } {
  const lines: string[] = [];
  return { lines, log: createLog(level, { isTTY, write: (line) => lines.push(line) }) };
}

test('away from a terminal each line is one JSON object with an RFC 3339 time', () => {
  const { lines, log } = written('info', false);
  log.info({ seats: 4 }, 'held');
  expect(lines).toHaveLength(1);
  const line = JSON.parse(lines[0]);
  expect(line).toEqual({ level: 30, time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/), seats: 4, msg: 'held' });
});

test('on a terminal it is text for people', () => {
  const { lines, log } = written('info', true);
  log.warn('careful');
  expect(() => JSON.parse(lines[0])).toThrow(SyntaxError);
  expect(lines[0]).toContain('careful');
});

test('what is below the level is left out', () => {
  const { lines, log } = written('info', false);
  log.debug('not this');
  const silent = written('silent', false);
  silent.log.fatal('nor this');
  expect([...lines, ...silent.lines]).toEqual([]);
});

test('passwords and tokens are left out', () => {
  const { lines, log } = written('info', false);
  log.info({ body: { password: 'hunter2' }, req: { headers: { authorization: 'Bearer hunter2' } }, token: 'hunter2' });
  expect(lines[0]).not.toContain('hunter2');
});
