/** One figure, as `--json` prints it: one object a line. */
export interface Result {
  readonly bench: string;
  readonly load: string;
  readonly subject: string;
  readonly perSecond?: number;
  readonly p50Ms?: number;
  readonly p99Ms?: number;
  readonly value?: number;
  readonly unit?: string;
  /** This subject's `perSecond` (or `value`; where times are compared, `p50Ms`) divided by that of each peer. */
  readonly vs: Readonly<Record<string, number>>;
  /** What this figure is held against, in words, and whether it was met. */
  readonly targets?: readonly Target[];
  /** How often each outcome came. */
  readonly outcomes?: Readonly<Record<string, number>>;
  /** 201s a second, where `perSecond` also counts refusals. */
  readonly holdsPerSecond?: number;
}

export interface Target {
  readonly text: string;
  readonly met: boolean;
}

/** Where figures go, as they come: data on stdout, talk on stderr. */
export interface Report {
  add(result: Result): void;
  say(text: string): void;
}

const RATIO_DIGITS = 2;

export function createReport(json: boolean): Report {
  let heading = '';
  return {
    add(result) {
      if (json) {
        process.stdout.write(`${JSON.stringify(rounded(result))}\n`);
        return;
      }
      const title = `${result.bench} / ${result.load}`;
      if (title !== heading) process.stdout.write(`\n${title}\n${line(HEADINGS)}\n`);
      heading = title;
      process.stdout.write(`${line(cells(result))}\n`);
    },
    say(text) {
      process.stderr.write(`${text}\n`);
    },
  };
}

const HEADINGS = ['subject', 'figure', 'p50', 'p99', 'remarks'];
const WIDTHS = [34, 20, 10, 10, 0];

function line(columns: readonly string[]): string {
  return `  ${columns.map((column, i) => (i === 0 ? column.padEnd(WIDTHS[i]) : column.padStart(WIDTHS[i]))).join('  ')}`.trimEnd();
}

function cells(result: Result): string[] {
  const figure =
    result.perSecond === undefined
      ? `${number(result.value)} ${result.unit ?? ''}`
      : `${number(result.perSecond)} ${result.unit ?? '/s'}`;
  const remarks = Object.entries(result.vs).map(([peer, ratio]) => `${ratio.toFixed(RATIO_DIGITS)} x ${peer}`);
  if (result.holdsPerSecond !== undefined) remarks.push(`${number(result.holdsPerSecond)} holds/s`);
  for (const { text, met } of result.targets ?? []) remarks.push(`${text}: ${met ? 'met' : 'MISSED'}`);
  if (result.outcomes)
    remarks.push(
      Object.entries(result.outcomes)
        .map(([outcome, count]) => `${outcome}: ${count}`)
        .join(', '),
    );
  return [result.subject, figure, milliseconds(result.p50Ms), milliseconds(result.p99Ms), remarks.join('; ')];
}

function milliseconds(value: number | undefined): string {
  return value === undefined ? '' : `${significant(value)} ms`;
}

function number(value: number | undefined): string {
  return value === undefined ? '' : significant(value).toLocaleString('en-GB', { maximumFractionDigits: 4 });
}

/** Whole from 100 on, three significant figures below. */
function significant(value: number): number {
  return Math.abs(value) >= 100 ? Math.round(value) : Number(value.toPrecision(3));
}

function rounded(result: Result): Result {
  const vs = Object.fromEntries(Object.entries(result.vs).map(([peer, ratio]) => [peer, Number(ratio.toPrecision(4))]));
  const numbers = Object.entries(result).map(([name, value]) => [
    name,
    typeof value === 'number' ? Number(value.toPrecision(6)) : value,
  ]);
  return { ...Object.fromEntries(numbers), vs };
}
