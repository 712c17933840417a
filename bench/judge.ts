import { Judge } from '../test/judge/judge.ts';
import { registerHistory } from '../test/support/register-history.ts';
import type { Report } from './report.ts';

const OPERATIONS = 1_000_000;
const OPERATIONS_PER_SECOND = 500_000;

const LOADS = [
  { load: 'what clients were told', witness: false },
  { load: 'with the journal and the books', witness: true },
] as const;

/** The judge of histories, in process: every line added, and the verdict. */
export async function benchJudge(report: Report): Promise<void> {
  for (const { load, witness } of LOADS) {
    report.say(`judge: ${load}: ${OPERATIONS} operations …`);
    const lines = registerHistory({
      seed: 1,
      operations: OPERATIONS,
      seats: 20_000,
      clients: 300,
      witness,
      readsPerMille: 0,
    });
    const from = performance.now();
    const judge = new Judge();
    for (const line of lines) judge.add(line);
    const violations = judge.verdict();
    const perSecond = OPERATIONS / ((performance.now() - from) / 1_000);
    if (violations.length > 0) throw new Error(`a good history is said to be bad: ${violations[0].what}`);
    const met = perSecond >= OPERATIONS_PER_SECOND;
    const targets = [{ text: `at least ${OPERATIONS_PER_SECOND} /s`, met }];
    report.add({ bench: 'judge', load, subject: 'usher', perSecond, unit: 'operations/s', vs: {}, targets });
  }
}
