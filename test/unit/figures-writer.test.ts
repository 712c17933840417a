import { describe, expect, test } from 'vitest';
import type { ShowFigures } from '../../src/actors/shows.ts';
import { type FiguresSource, FiguresWriter } from '../../src/catalog/listing/figures-writer.ts';
import type { FiguresOf } from '../../src/catalog/listing/show-figures.ts';
import { manualTime } from '../support/manual-time.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { ShowNode } from '../support/show-node.ts';
import { onceOf, SHOW_ID, userOf } from '../support/small-show.ts';

const GATHERED_MS = 250;

function writer() {
  const time = manualTime();
  const written: string[][] = [];
  const told: string[] = [];
  const warned: string[] = [];
  const faults: Error[] = [];
  const write = async (batch: readonly FiguresOf[]): Promise<void> => {
    const fault = faults.pop();
    if (fault !== undefined) throw fault;
    written.push(batch.map(({ showId, figures }) => `${showId}@${figures.version}`));
  };
  const figures = new FiguresWriter({
    write,
    tellHere: (showId, { version }) => void told.push(`${showId}@${version}`),
    timers: time.timers,
    random: seededRandom(),
    log: { warn: (_, message) => void warned.push(message) },
  });
  return { time, written, told, warned, faults, figures };
}

class Source implements FiguresSource {
  version = 1;
  readonly showId: string;
  constructor(showId: string) {
    this.showId = showId;
  }
  figures(): ShowFigures {
    return { version: this.version, asOf: 0, capacity: 1, available: 1, fromPrice: null, cancelled: false };
  }
}

describe('figures of shows', () => {
  test('are gathered, and written once with the newest of each show', async () => {
    const { time, written, told, figures } = writer();
    const [a, b] = [new Source('a'), new Source('b')];
    figures.note(a);
    figures.note(b);
    a.version = 2;
    figures.note(a);
    expect(written).toEqual([]);
    await time.advance(GATHERED_MS);
    expect(written).toEqual([['a@2', 'b@1']]);
    expect(told).toEqual(['a@2', 'b@1']);
    await time.advance(60_000);
    expect(written).toHaveLength(1);
  });

  test('that cannot be written are written later, as they are then; it is said once', async () => {
    const { time, written, warned, faults, figures } = writer();
    faults.push(new Error('down'), new Error('down'));
    const a = new Source('a');
    figures.note(a);
    await time.advance(GATHERED_MS);
    a.version = 7;
    await time.advance(5_000);
    expect(written).toEqual([['a@7']]);
    expect(warned).toHaveLength(1);
  });

  test('are written at the end, and none after it', async () => {
    const { time, written, figures } = writer();
    figures.note(new Source('a'));
    await figures.close();
    figures.note(new Source('b'));
    await time.advance(5_000);
    expect(written).toEqual([['a@1']]);
  });
});

test('a show tells of each durable turn, and when it wakes, but never of one that is not durable', async () => {
  const heard: string[] = [];
  const onPublished = (seats: FiguresSource): void => {
    const { version, available } = seats.figures();
    heard.push(`${version}: ${available}`);
  };
  const node = new ShowNode({ onPublished });
  await node.ask(SHOW_ID, { type: 'get-summary' });
  await node.ask(SHOW_ID, { type: 'hold', once: onceOf(1), buyer: userOf(1), best: { quantity: 2 } });
  await node.ask(SHOW_ID, { type: 'get-summary' });
  expect(heard).toEqual(['1: 60', '2: 58']);
  node.journal.appendFaults.push('lost');
  await node.ask(SHOW_ID, { type: 'hold', once: onceOf(2), buyer: userOf(2), best: { quantity: 2 } });
  expect(heard).toHaveLength(2);
  await node.stop();
  const next = new ShowNode({ journal: node.journal, time: node.time, onPublished });
  await next.ask(SHOW_ID, { type: 'get-summary' });
  expect(heard).toEqual(['1: 60', '2: 58', '2: 58']);
  await next.stop();
});
