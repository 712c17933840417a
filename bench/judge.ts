import { fileURLToPath } from 'node:url';
import type { JudgeFigures } from './judge-process.ts';
import { figuresOfOwnProcess } from './own-process.ts';
import type { Report } from './report.ts';

const JUDGE_PROCESS = fileURLToPath(new URL('./judge-process.ts', import.meta.url));
const OPERATIONS = 1_000_000;
const OPERATIONS_PER_SECOND = 500_000;

const LOADS = [
  { load: 'what clients were told', kind: 'told' },
  { load: 'with the journal and the books', kind: 'witnessed' },
] as const;

/**
 * The judge of histories. Only the operations of clients are counted; the rows of the journal and the books, together
 * about as many lines again, are judged too where they are told, and not counted.
 */
export async function benchJudge(report: Report): Promise<void> {
  for (const { load, kind } of LOADS) {
    report.say(`judge: ${load}: ${OPERATIONS} operations …`);
    const args = [kind, String(OPERATIONS)];
    const { judged, readAndJudged } = await figuresOfOwnProcess<JudgeFigures>(JUDGE_PROCESS, 'the judge', args);
    const figure = { bench: 'judge', load, unit: 'operations/s', vs: {} };
    const targets = [{ text: `at least ${OPERATIONS_PER_SECOND} /s`, met: judged >= OPERATIONS_PER_SECOND }];
    report.add({ ...figure, subject: 'judged', perSecond: judged, targets });
    report.add({ ...figure, subject: 'read as JSON lines, and judged', perSecond: readAndJudged });
  }
}
