import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { endWithUs } from '../../src/system/death-watch.ts';
import type { ChaosReport } from '../chaos/run.ts';
import { FAULT_KINDS } from '../chaos/schedule.ts';
import { nodeProcess } from '../support/node-process.ts';

const CHAOS = fileURLToPath(new URL('../chaos/main.ts', import.meta.url));
/** A minute of faults, those that last beyond it, the way to rest, and the verdict. */
const TEST_LIMIT_MS = 900_000;

test('a minute of everything that can go wrong: every kind of it happens, and nothing that buyers were told is broken', {
  timeout: TEST_LIMIT_MS,
}, async () => {
  const chaos = nodeProcess(CHAOS, ['--minutes', '1', '--json']);
  endWithUs(chaos.child, 'SIGTERM');
  const report = (await chaos.firstLine) as unknown as ChaosReport;
  expect(report.violations).toEqual([]);
  expect(await chaos.ended).toEqual({ code: 0, signal: null });
  expect(report.seconds).toBeGreaterThanOrEqual(60);
  expect(report.kills).toBeGreaterThanOrEqual(10);
  expect(report.operations).toBeGreaterThan(300);
  const never = FAULT_KINDS.filter((kind) => !(report.faults[kind] > 0));
  expect(never).toEqual(report.skipped);
});
