import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** Folders by how long the tests in them take, the longest first. */
const LONGEST_FIRST = ['cluster', 'simulation', 'e2e', 'property', 'integration'];

/** Begins with the tests that take longest, so that at the end no core waits for one of them. */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return sorted.toSorted((a, b) => rank(a.moduleId) - rank(b.moduleId));
  }
}

function rank(path: string): number {
  const place = LONGEST_FIRST.findIndex((folder) => path.includes(`/test/${folder}/`));
  return place < 0 ? LONGEST_FIRST.length : place;
}
