import type { Invariant, Violation } from './history.ts';

/** More are not kept: one fault in a journal draws many after it. */
const MOST_VIOLATIONS = 200;

/** The violations found so far. */
export class Findings {
  readonly violations: Violation[] = [];

  /** `lines`: those that show it; 0 stands for none. */
  add(invariant: Invariant, what: string, ...lines: number[]): void {
    if (this.violations.length < MOST_VIOLATIONS)
      this.violations.push({ invariant, what, lines: [...new Set(lines.filter((line) => line > 0))] });
  }
}
