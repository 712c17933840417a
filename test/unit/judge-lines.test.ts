import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import type { HistoryLine } from '../judge/history.ts';
import { HistoryFault, Judge } from '../judge/judge.ts';
import { parseLine, readHistory } from '../judge/read-history.ts';
import { registerHistory } from '../support/register-history.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { holds, PLAN, verdictOn } from '../support/told-stories.ts';

const MAIN = fileURLToPath(new URL('../judge/main.ts', import.meta.url));
const OPTIONS = { seed: 7, operations: 500, seats: 12, clients: 6, witness: true, readsPerMille: 100 };

const textOf = (lines: readonly HistoryLine[]): string => lines.map((line) => `${JSON.stringify(line)}\n`).join('');

async function faultOf(text: string): Promise<unknown> {
  const judge = new Judge();
  try {
    await readHistory(Readable.from([text]), judge);
  } catch (error) {
    return error;
  }
  return null;
}

describe('a history as text', () => {
  test('is the same as its lines', async () => {
    const lines = registerHistory(OPTIONS);
    const judge = new Judge();
    await readHistory(Readable.from([textOf(lines)]), judge);
    expect(judge.lines).toBe(lines.length);
    expect(judge.verdict()).toEqual([]);
    expect(lines.map((line, i) => parseLine(JSON.stringify(line), i + 1))).toEqual(lines);
  });

  test('is the same however it is cut into pieces, and whatever ends its lines', async () => {
    const told = [PLAN, holds('Zoë 店', 'h1', 'A1', [0, 10]), holds('bob', 'h2', 'A1', [0, 10])];
    const bytes = Buffer.from(told.map((line) => JSON.stringify(line)).join('\r\n'));
    const whole = new Judge();
    for (const line of told) whole.add(line);
    for (const size of [1, 7, bytes.length]) {
      const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
        bytes.subarray(i * size, (i + 1) * size),
      );
      const judge = new Judge();
      await readHistory(Readable.from(pieces), judge);
      expect(judge.lines).toBe(told.length);
      expect(judge.verdict()).toEqual(whole.verdict());
    }
    expect(whole.verdict()[0].what).toContain('Zoë 店');
    const brokenOff = Buffer.concat([bytes, Buffer.from('\n店').subarray(0, -1)]);
    await expect(readHistory(Readable.from([brokenOff]), new Judge())).rejects.toThrow('line 4: is not JSON');
  });

  const plan = JSON.stringify(PLAN);
  const ann = holds('ann', 'h1', 'A1', [0, 10]);
  const FAULTS: readonly (readonly [name: string, text: string, line: number, message: RegExp])[] = [
    ['no JSON', `${plan}\n{"op":`, 2, /is not JSON/],
    ['a blank line', `${plan}\n\n`, 2, /is not JSON/],
    ['no object', '[1]', 1, /is not an object/],
    ['of no kind', '{"what":1}', 1, /has none of the fields that tell its kind: op, plan, row, book, end/],
    ['an operation of no kind', '{"op":"steal"}', 1, /has the op "steal"; there are hold, /],
    ['a field is missing', '{"op":"release","show":"s","client":"c","from":1,"outcome":"ok"}', 1, /required.* hold/],
    ['a field is not known', plan.replace('currency', 'curency'), 1, /currency|curency/],
    ['a field is of another type', `${plan}\n${JSON.stringify({ ...ann, from: '0' })}`, 2, /^line 2: \/from .*number/],
    [
      'an event of no kind',
      `${plan}\n{"row":"the show","seq":1,"epoch":1,"events":[{"event":"lost"}]}`,
      2,
      /has the event "lost"/,
    ],
    [
      'an event lacks a field',
      `${plan}\n{"row":"the show","seq":1,"epoch":1,"events":[{"event":"released"}]}`,
      2,
      /\/events\/0 .*hold/,
    ],
    ['a show without a plan', JSON.stringify(ann), 1, /show the show has no plan before this line/],
    ['a second plan', `${plan}\n${plan}`, 2, /show the show has a second plan/],
    ['an answer without its time', `${plan}\n${JSON.stringify({ ...ann, to: undefined })}`, 2, /has a time `to`/],
    ['an answer before its question', `${plan}\n${JSON.stringify({ ...ann, to: -1 })}`, 2, /not before `from`/],
    ['a hold without an end', `${plan}\n${JSON.stringify({ ...ann, until: undefined })}`, 2, /an end, `until`/],
    ['a second end', '{"end":true,"rest":true}\n{"end":true,"rest":false}', 2, /second end/],
  ];

  test.each(FAULTS)('is refused: %s', async (_, text, line, message) => {
    const fault = await faultOf(text);
    expect(fault).toBeInstanceOf(HistoryFault);
    expect((fault as HistoryFault).line).toBe(line);
    expect((fault as HistoryFault).message).toMatch(message);
  });
});

test('a verdict may be asked for again after more was told', () => {
  const judge = new Judge();
  judge.add(PLAN);
  judge.add(holds('ann', 'h1', 'A1', [0, 10]));
  expect(judge.verdict()).toEqual([]);
  judge.add(holds('bob', 'h2', 'A1', [0, 10]));
  const violations = judge.verdict();
  expect(violations).toHaveLength(1);
  expect(judge.verdict()).toEqual(violations);
});

test('a verdict on half of a history with its journal changes nothing of that on the whole', () => {
  const good = registerHistory(OPTIONS);
  const lastHeld = good.findLastIndex((line) => 'row' in line && line.events[0].event === 'held');
  for (const lines of [good, good.toSpliced(lastHeld, 1)]) {
    const judge = new Judge();
    const askedTwice = new Judge();
    for (const [i, line] of lines.entries()) {
      judge.add(line);
      askedTwice.add(line);
      if (i === lines.length >> 1) askedTwice.verdict();
    }
    expect(askedTwice.verdict()).toEqual(judge.verdict());
    expect(judge.verdict().length > 0).toBe(lines !== good);
  }
});

test('violations are told up to a limit', () => {
  const many = Array.from({ length: 500 }, (_, i) =>
    holds('ann', `h${i}`, 'A1', [0, 10], { asked: { seats: ['A2'] } }),
  );
  expect(verdictOn(many)).toHaveLength(200);
});

describe('npm run judge', () => {
  const run = async (text: string | null, ...args: string[]) => {
    const file = join(temporaryDirectory(), 'history.jsonl');
    if (text !== null) writeFileSync(file, text);
    try {
      const { stdout, stderr } = await promisify(execFile)(process.execPath, [MAIN, file, ...args]);
      return { code: 0, stdout, stderr };
    } catch (error) {
      const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
      return { code, stdout, stderr };
    }
  };

  test('finds nothing in a good history', async () => {
    const lines = registerHistory(OPTIONS);
    expect(await run(textOf(lines))).toEqual({ code: 0, stdout: '', stderr: `${lines.length} lines, 0 violations\n` });
  });

  test('tells what is wrong, a line each or as JSON', async () => {
    const text = textOf([PLAN, holds('ann', 'h1', 'A1', [0, 10]), holds('bob', 'h2', 'A1', [0, 10])]);
    const what = 'seat A1 belongs to hold h1 of ann and to hold h2 of bob at 10';
    expect(await run(text)).toEqual({
      code: 1,
      stdout: `I1: ${what} (lines 2, 3)\n`,
      stderr: '3 lines, 1 violations\n',
    });
    const { code, stdout } = await run(text, '--json');
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toEqual({ lines: 3, violations: [{ invariant: 'I1', what, lines: [2, 3] }] });
  });

  test('judges nothing of what it cannot read', async () => {
    const bad = await run(`${JSON.stringify(PLAN)}\n{`);
    expect(bad).toMatchObject({ code: 2, stdout: '' });
    expect(bad.stderr).toContain('line 2: is not JSON');
    expect(await run(null)).toMatchObject({ code: 2, stdout: '' });
    expect(await run('', '--wrong')).toMatchObject({ code: 2, stdout: '' });
  });
});
