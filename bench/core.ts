import { fileURLToPath } from 'node:url';
import { bestOfFour } from './core/best-available.ts';
import { singleHoldsPerSecond } from './core/decisions.ts';
import type { MemoryFigures } from './core/memory.ts';
import { recoverySpeed } from './core/recovery.ts';
import { stadium } from './core/stadium.ts';
import { figuresOfOwnProcess } from './own-process.ts';
import type { Report, Result } from './report.ts';

const MEMORY_PROCESS = fileURLToPath(new URL('core/memory.ts', import.meta.url));
const SOLD_SHARES = [0, 0.5, 0.9, 0.99];
const MEGABYTE = 1_000_000;
const KILOBYTE = 1_000;

/** What the core must reach. */
const HOLDS_PER_SECOND = 1_000_000;
const BEST_P50_MS = 0.05;
const BEST_P99_MS = 1;
const EVENTS_PER_SECOND = 500_000;
const SNAPSHOT_MS = 50;
const ACTIVE_SHOW_BYTES = 8 * MEGABYTE;
const PASSIVATED_SHOW_BYTES = 2 * KILOBYTE;

/** The pure core on a stadium of 80,000 seats, without HTTP and database. */
export async function benchCore(report: Report, seconds: number): Promise<void> {
  const hall = stadium();
  const add = (load: string, figures: Omit<Result, 'bench' | 'load' | 'subject' | 'vs'>): void =>
    report.add({ bench: 'core', load, subject: 'usher', ...figures, vs: {} });

  report.say('core: single holds …');
  const holds = singleHoldsPerSecond(hall, seconds);
  add('single holds', {
    perSecond: holds,
    targets: [{ text: `at least ${HOLDS_PER_SECOND} /s`, met: holds >= HOLDS_PER_SECOND }],
  });

  for (const share of SOLD_SHARES) {
    report.say(`core: best four, ${share * 100} % sold …`);
    const latencies = bestOfFour(hall, share);
    const [p50Ms, p99Ms] = [latencies.percentile(0.5), latencies.percentile(0.99)];
    add(`best four, ${share * 100} % sold`, {
      p50Ms,
      p99Ms,
      targets: [
        { text: `p50 at most ${BEST_P50_MS} ms`, met: p50Ms <= BEST_P50_MS },
        { text: `p99 at most ${BEST_P99_MS} ms`, met: p99Ms <= BEST_P99_MS },
      ],
    });
  }

  report.say('core: recovery …');
  const { eventsPerSecond, snapshotMs } = await recoverySpeed(hall);
  add('recovery from the journal', {
    perSecond: eventsPerSecond,
    unit: 'events/s',
    targets: [{ text: `at least ${EVENTS_PER_SECOND} /s`, met: eventsPerSecond >= EVENTS_PER_SECOND }],
  });
  add('recovery from a snapshot', {
    value: snapshotMs,
    unit: 'ms',
    targets: [{ text: `at most ${SNAPSHOT_MS} ms`, met: snapshotMs <= SNAPSHOT_MS }],
  });

  report.say('core: memory …');
  const { perActiveShow, perPassivatedShow, passivatedShows } = await figuresOfOwnProcess<MemoryFigures>(
    MEMORY_PROCESS,
    'the memory measurement',
  );
  add('memory of an active show', {
    value: perActiveShow / MEGABYTE,
    unit: 'MB',
    targets: [{ text: `at most ${ACTIVE_SHOW_BYTES / MEGABYTE} MB`, met: perActiveShow <= ACTIVE_SHOW_BYTES }],
  });
  add(`memory of a passivated show (of ${passivatedShows})`, {
    value: perPassivatedShow / KILOBYTE,
    unit: 'KB',
    targets: [
      { text: `at most ${PASSIVATED_SHOW_BYTES / KILOBYTE} KB`, met: perPassivatedShow <= PASSIVATED_SHOW_BYTES },
    ],
  });
}
