import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { HistoryLine, HoldOperation, Invariant, RowLine, SeatsOperation } from '../judge/history.ts';
import { Judge } from '../judge/judge.ts';
import { type RegisterOptions, registerHistory } from '../support/register-history.ts';

const RUNS = 200;
const TIMEOUT_MS = 120_000;

const small = (witness: boolean): fc.Arbitrary<RegisterOptions> =>
  fc.record({
    seed: fc.nat(),
    operations: fc.integer({ min: 20, max: 400 }),
    seats: fc.integer({ min: 4, max: 14 }),
    clients: fc.integer({ min: 3, max: 12 }),
    witness: fc.constant(witness),
    readsPerMille: fc.constantFrom(0, 50, 300),
  });

function verdictOn(lines: readonly HistoryLine[]) {
  const judge = new Judge();
  for (const line of lines) judge.add(line);
  return judge.verdict();
}

describe('a history of a box office that keeps its promises is good', () => {
  test.each([false, true])('with the journal: %s', { timeout: TIMEOUT_MS }, (witness) => {
    fc.assert(
      fc.property(small(witness), (options) => {
        expect(verdictOn(registerHistory(options))).toEqual([]);
      }),
      { numRuns: RUNS },
    );
  });
});

type Place<T> = { readonly at: number; readonly line: T };

function placesOf<T extends HistoryLine>(
  lines: readonly HistoryLine[],
  is: (line: HistoryLine) => line is T,
): Place<T>[] {
  return lines.flatMap((line, at) => (is(line) ? [{ at, line }] : []));
}

const isMade = (line: HistoryLine): line is HoldOperation & { to: number; seats: string[] } =>
  'op' in line && line.op === 'hold' && line.outcome === 'ok' && line.seats !== undefined && line.seats.length > 0;
const isRowOf =
  (event: string) =>
  (line: HistoryLine): line is RowLine =>
    'row' in line && line.events[0]?.event === event;
const isRead = (line: HistoryLine): line is SeatsOperation & { letters: string } =>
  'op' in line && line.op === 'seats' && line.letters !== undefined;

/** Spoils one thing of a good history, the `n`-th that can be; null if there is none. */
type Spoil = (lines: readonly HistoryLine[], n: number) => HistoryLine[] | null;

function oneOf<T>(items: readonly T[], n: number): T | null {
  return items.length === 0 ? null : items[n % items.length];
}

const spoilLine =
  <T extends HistoryLine>(is: (line: HistoryLine) => line is T, spoil: (line: T) => HistoryLine[]): Spoil =>
  (lines, n) => {
    const place = oneOf(placesOf(lines, is), n);
    return place === null ? null : lines.toSpliced(place.at, 1, ...spoil(place.line));
  };

/** Exchanges what happened in two rows of which the second was asked for after the first was answered. */
const swapRows: Spoil = (lines, n) => {
  const made = new Map(placesOf(lines, isMade).map(({ line }) => [line.hold, line]));
  const rows = placesOf(lines, isRowOf('held'));
  const opOf = ({ line }: Place<RowLine>) => made.get(line.events[0].event === 'held' ? line.events[0].hold : '');
  const pairs = rows.flatMap((first, i) => {
    const second = rows
      .slice(i + 1)
      .find((row) => (opOf(row)?.from ?? 0) > (opOf(first)?.to ?? Number.POSITIVE_INFINITY));
    return second === undefined ? [] : [{ first, second }];
  });
  const pair = oneOf(pairs, n);
  if (pair === null) return null;
  const { first, second } = pair;
  return lines
    .with(first.at, { ...first.line, events: second.line.events })
    .with(second.at, { ...second.line, events: first.line.events });
};

/** `expected`: one of these is found, maybe among others. */
const SPOILS: readonly { name: string; witness: boolean; spoil: Spoil; expected: readonly Invariant[] }[] = [
  {
    name: 'a second buyer is told the same seats',
    witness: false,
    spoil: spoilLine(isMade, (line) => [line, { ...line, client: 'thief', hold: 'stolen', key: 'stolen' }]),
    expected: ['I1'],
  },
  {
    name: 'a buyer is told of another’s hold',
    witness: false,
    spoil: spoilLine(isMade, (line) => [line, { ...line, client: 'peeper', key: 'peeping' }]),
    expected: ['I14'],
  },
  {
    name: 'a seat is left out of a hold',
    witness: false,
    spoil: spoilLine(isMade, (line) => [{ ...line, seats: line.seats.slice(1) }]),
    expected: ['I8'],
  },
  {
    name: 'a seat of a hold is another in the journal',
    witness: true,
    spoil: spoilLine(isRowOf('held'), (row) => {
      const [event] = row.events;
      if (event.event !== 'held' || event.seats.length === 0) return [{ ...row, events: [] }];
      return [{ ...row, events: [{ ...event, seats: [...event.seats.slice(1), 'seat-none'] }] }];
    }),
    expected: ['I5', 'I3', 'I9'],
  },
  {
    name: 'a row is lost',
    witness: true,
    spoil: spoilLine(isRowOf('ordered'), () => []),
    expected: ['I2'],
  },
  {
    name: 'what was acknowledged has no event',
    witness: true,
    spoil: (lines, n) => {
      const acknowledged = new Set(placesOf(lines, isMade).map(({ line }) => line.hold));
      const rows = placesOf(lines, isRowOf('held')).filter(
        ({ line }) => line.events[0].event === 'held' && acknowledged.has(line.events[0].hold),
      );
      const place = oneOf(rows, n);
      return place === null ? null : lines.with(place.at, { ...place.line, events: [] });
    },
    expected: ['I3'],
  },
  {
    name: 'a hold takes effect twice',
    witness: true,
    spoil: spoilLine(isRowOf('held'), (row) => [{ ...row, events: [...row.events, ...row.events] }]),
    expected: ['I4'],
  },
  {
    name: 'the journal has two holds the other way round',
    witness: true,
    spoil: swapRows,
    expected: ['I7'],
  },
  {
    name: 'a seat map shows one seat wrong',
    witness: true,
    spoil: spoilLine(isRead, (line) => [
      { ...line, letters: `${line.letters[0] === 'a' ? 's' : 'a'}${line.letters.slice(1)}` },
    ]),
    expected: ['I7'],
  },
  {
    name: 'a seat map is of a version that was to come',
    witness: true,
    spoil: spoilLine(isRead, (line) => [{ ...line, version: 1_000_000 }]),
    expected: ['I7'],
  },
  {
    name: 'money is taken that no ticket is worth',
    witness: true,
    spoil: spoilLine(
      (line): line is Extract<HistoryLine, { book: string }> => 'book' in line,
      (line) => [{ ...line, captured: line.captured + 1, captures: 1 }],
    ),
    expected: ['I10', 'I11'],
  },
];

describe('a good history that is spoiled is bad', () => {
  test.each(SPOILS)('$name', { timeout: TIMEOUT_MS }, ({ witness, spoil, expected }) => {
    fc.assert(
      fc.property(small(witness), fc.nat(), (options, n) => {
        const spoiled = spoil(registerHistory(options), n);
        fc.pre(spoiled !== null);
        const found = verdictOn(spoiled).map(({ invariant }) => invariant);
        expect(expected.some((invariant) => found.includes(invariant))).toBe(true);
      }),
      { numRuns: RUNS },
    );
  });
});
