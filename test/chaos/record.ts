import { copyFileSync, existsSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestCluster } from '../support/cluster-processes.ts';
import type { PlannedFault } from './schedule.ts';

/** Of Postgres's log; the oldest lines go first. */
const POSTGRES_LINES = 50_000;

/** What a run leaves behind. */
interface Findings {
  readonly cluster: TestCluster;
  /** Every request and answer of the buyers. */
  readonly operations: readonly unknown[];
  /** The history for the judge; not there if the run did not come to that. */
  readonly historyFile: string;
}

/** What is needed to find out what went wrong in a run. */
export class RunRecord {
  readonly #schedule: readonly PlannedFault[];
  readonly #happened: string[] = [];
  readonly #postgres: string[] = [];
  #outOfSpace = 0;

  constructor(schedule: readonly PlannedFault[]) {
    this.#schedule = schedule;
  }

  happened(line: string): void {
    this.#happened.push(line);
  }

  postgresSays(line: string): void {
    if (line.includes('No space left on device')) this.#outOfSpace++;
    this.#postgres.push(line);
    if (this.#postgres.length > POSTGRES_LINES) this.#postgres.shift();
  }

  /** How often Postgres said that its disk was full. */
  get outOfSpace(): number {
    return this.#outOfSpace;
  }

  /** Writes it all down. @returns the directory, which stays. */
  keep(report: unknown, { cluster, operations, historyFile }: Findings): string {
    const directory = mkdtempSync(join(tmpdir(), 'usher-chaos-'));
    const write = (name: string, lines: readonly string[]): void =>
      writeFileSync(join(directory, name), lines.map((line) => `${line}\n`).join(''));
    write('report.json', [JSON.stringify(report, null, 2)]);
    write(
      'schedule.jsonl',
      this.#schedule.map((fault) => JSON.stringify(fault)),
    );
    write('happened.txt', this.#happened);
    write(
      'operations.jsonl',
      operations.map((operation) => JSON.stringify(operation)),
    );
    if (existsSync(historyFile)) copyFileSync(historyFile, join(directory, 'history.jsonl'));
    write('postgres.log', this.#postgres);
    for (const node of cluster.nodes) {
      mkdirSync(join(directory, node.id));
      for (const [i, { stderr }] of node.processes.entries()) {
        writeFileSync(join(directory, node.id, `start-${String(i + 1).padStart(3, '0')}.log`), stderr());
      }
    }
    return directory;
  }
}
