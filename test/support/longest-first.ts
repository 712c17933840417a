import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Parts of paths of the tests that take longest, in the order in which they begin. */
const LONGEST_FIRST = [
  ...['/cluster/', '/integration/registry', '/integration/embedded-postgres'],
  ...['/e2e/', '/property/', '/integration/authorisation', '/integration/', '/simulation/', '/fuzz/'],
];

/** Begins with the tests that take longest, so that at the end no core waits for one of them. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return sorted.toSorted((a, b) => rank(a.moduleId) - rank(b.moduleId));
  }
}

function rank(path: string): number {
  const place = LONGEST_FIRST.findIndex((part) => path.includes(`/test${part}`));
  return place < 0 ? LONGEST_FIRST.length : place;
}
