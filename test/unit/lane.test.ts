import { beforeEach, describe, expect, test } from 'vitest';
import type { AppendOutcome, Turn } from '../../src/journal/journal.ts';
import { CANARY_MS, Lane } from '../../src/journal/lane.ts';
import { type Appended, type DialLane, type LaneConnection, TurnFault } from '../../src/journal/lane-connection.ts';
import { type CapturedLog, capturedLog } from '../support/captured-log.ts';
import { type ManualTime, manualTime, settled } from '../support/manual-time.ts';
import { ShowHistory } from '../support/show-history.ts';

/** One exchange, as the far end of a connection sees it. */
interface Exchange {
  /** None in a canary. */
  readonly turns: readonly Turn[] | null;
  answer(answer: Appended | boolean): void;
  refuse(error: Error): void;
}

/** One try to connect, and the connection made of it. */
interface Line {
  readonly dialedAt: number;
  readonly exchanges: Exchange[];
  isDestroyed: boolean;
  /** `null` until asked for; then what lets the end be over. */
  ended: (() => void) | null;
  connect(): void;
  fail(): void;
  /** Tells the lane of its loss, and leaves the exchanges under way open. */
  lose(): void;
  /** The same, and they fail, as they should. */
  cut(): void;
}

let time: ManualTime;
let lane: Lane;
let lines: Line[];
let logged: CapturedLog;

const dial: DialLane = ({ onLost }) => {
  const ready = Promise.withResolvers<LaneConnection>();
  const exchange = <Answer>(turns: Exchange['turns']): Promise<Answer> => {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    line.exchanges.push({ turns, answer: (answer) => resolve(answer as Answer), refuse: reject });
    return promise;
  };
  const destroy = (): void => {
    line.isDestroyed = true;
    ready.reject(new Error('destroyed'));
    line.ended?.();
  };
  const connection: LaneConnection = {
    append: exchange,
    canary: () => exchange(null),
    destroy,
    end: () => new Promise((resolve) => (line.ended = resolve)),
  };
  const line: Line = {
    dialedAt: time.clock.now(),
    exchanges: [],
    isDestroyed: false,
    ended: null,
    connect: () => ready.resolve(connection),
    fail: () => ready.reject(new Error('nobody there')),
    lose: () => onLost(new Error('cut')),
    cut() {
      line.lose();
      for (const under of line.exchanges) under.refuse(new Error('cut'));
    },
  };
  lines.push(line);
  return { ready: ready.promise, destroy };
};

/** The next turn of a show of its own. */
function turnOf(name: string, events?: string): Turn {
  return new ShowHistory(name).next(1, events === undefined ? {} : { events });
}

/** Appends these turns; where their outcomes will be. */
function append(...turns: readonly Turn[]): (AppendOutcome | null)[] {
  const outcomes: (AppendOutcome | null)[] = turns.map(() => null);
  for (const [i, turn] of turns.entries()) void lane.append(turn).then((outcome) => (outcomes[i] = outcome));
  return outcomes;
}

const some = (count: number): Turn[] => Array.from({ length: count }, (_, i) => turnOf(`shw_${i}`));
const all = (count: number): Appended => ({ written: count, fenced: [] });
const sent = (line: Line): number[] => line.exchanges.map(({ turns }) => turns?.length ?? 0);

/** Lets the last line connect. */
async function connected(): Promise<Line> {
  const line = lines[lines.length - 1];
  line.connect();
  await settled();
  return line;
}

beforeEach(() => {
  time = manualTime();
  lines = [];
  logged = capturedLog();
  lane = new Lane({ number: 3, owner: 'nod_me', dial, clock: time.clock, timers: time.timers, log: logged.log });
});

describe('group commit', () => {
  test('puts the turns of one run of JavaScript into one statement; what arrives meanwhile is the next', async () => {
    const line = await connected();
    const first = append(...some(3));
    await settled();
    const next = [append(turnOf('shw_x')), append(turnOf('shw_y'))];
    await settled();
    expect(sent(line)).toEqual([3]);
    expect(lane.figures()).toMatchObject({ statements: 1, waiting: 2 });
    line.exchanges[0].answer(all(3));
    await settled();
    expect(first).toEqual(['durable', 'durable', 'durable']);
    expect(sent(line)).toEqual([3, 2]);
    expect(next).toEqual([[null], [null]]);
    line.exchanges[1].answer(all(2));
    await settled();
    expect(next).toEqual([['durable'], ['durable']]);
    expect(lane.figures()).toMatchObject({ statements: 2, waiting: 0, outcomes: { durable: 5 } });
  });

  test('takes 256 turns into one statement, at most', async () => {
    const line = await connected();
    append(...some(600));
    for (const count of [256, 256, 88]) {
      await settled();
      line.exchanges[line.exchanges.length - 1].answer(all(count));
    }
    await settled();
    expect(sent(line)).toEqual([256, 256, 88]);
  });

  test('takes four million characters of events, at most, but always one turn', async () => {
    const line = await connected();
    const events = (megabytes: number) => `["${'x'.repeat(megabytes * 1024 * 1024)}"]`;
    append(turnOf('shw_a', events(9)), turnOf('shw_b'), turnOf('shw_c', events(3)), turnOf('shw_d', events(1)));
    for (const count of [1, 2, 1]) {
      await settled();
      line.exchanges[line.exchanges.length - 1].answer(all(count));
    }
    await settled();
    expect(sent(line)).toEqual([1, 2, 1]);
  });

  test('tells the fenced places from the others', async () => {
    const line = await connected();
    const outcomes = append(...some(4));
    await settled();
    line.exchanges[0].answer({ written: 2, fenced: [1, 3] });
    await settled();
    expect(outcomes).toEqual(['fenced', 'durable', 'fenced', 'durable']);
  });

  test('believes no answer that does not add up', async () => {
    const line = await connected();
    const outcomes = append(...some(2));
    await settled();
    line.exchanges[0].answer(all(1));
    await settled();
    expect(outcomes).toEqual(['unknown', 'unknown']);
    expect(logged.lines.at(-1)).toMatchObject({ turns: 2, written: 1, fenced: 0 });
  });

  test('refuses turns for which there is no room to wait', async () => {
    await connected();
    append(...some(1));
    await settled();
    const turn = turnOf('shw_many');
    const outcomes = append(...Array.from({ length: 32_769 }, () => turn));
    await settled();
    expect(outcomes.slice(-2)).toEqual([null, 'unknown']);
    expect(lane.figures().waiting).toBe(32_768);
  });
});

describe('a statement in doubt', () => {
  test('is unknown at the deadline: its connection is destroyed, and a late answer changes nothing', async () => {
    const line = await connected();
    const outcomes = append(...some(2));
    await time.advance(4_999);
    expect([outcomes, line.isDestroyed]).toEqual([[null, null], false]);
    await time.advance(1);
    expect([outcomes, line.isDestroyed]).toEqual([['unknown', 'unknown'], true]);
    await time.advance(50);
    const other = await connected();
    const later = append(turnOf('shw_x'));
    await settled();
    line.exchanges[0].answer(all(2));
    line.cut();
    await time.advance(1_000);
    expect(outcomes).toEqual(['unknown', 'unknown']);
    expect([later, other.isDestroyed, lines.length]).toEqual([[null], false, 2]);
    expect(sent(other)).toEqual([1]);
    other.exchanges[0].answer(all(1));
    await settled();
    expect(later).toEqual(['durable']);
    expect(lane.figures()).toMatchObject({ connections: 2, outcomes: { durable: 1, unknown: 2 } });
  });

  test('is not taken for a fault of its turns when the fault is told after the deadline', async () => {
    const line = await connected();
    const outcomes = append(...some(2));
    await time.advance(5_000);
    line.exchanges[0].refuse(new TurnFault(new Error('late'), true));
    await time.advance(50);
    await connected();
    expect(outcomes).toEqual(['unknown', 'unknown']);
    expect(lane.figures()).toMatchObject({ statements: 1, outcomes: { conflict: 0 } });
  });

  test('is unknown when the connection is lost, and what waits goes over the next', async () => {
    const line = await connected();
    const outcomes = append(...some(2));
    await settled();
    const waiting = append(turnOf('shw_x'));
    line.cut();
    await settled();
    expect(outcomes).toEqual(['unknown', 'unknown']);
    expect([waiting, line.isDestroyed]).toEqual([[null], true]);
    await time.advance(50);
    const other = await connected();
    expect(sent(other)).toEqual([1]);
    other.exchanges[0].answer(all(1));
    await settled();
    expect(waiting).toEqual(['durable']);
  });

  test('costs the connection also when only its answer is an error that tells nothing', async () => {
    const line = await connected();
    const outcomes = append(turnOf('shw_x'));
    await settled();
    line.exchanges[0].refuse(new Error('statement timeout'));
    await settled();
    expect([outcomes, line.isDestroyed]).toEqual([['unknown'], true]);
  });
});

describe("a turn's fault", () => {
  /** Answers every statement as a database that refuses the turns of these shows; the sizes of those that it refused. */
  async function refusing(line: Line, shows: readonly string[], isConflict: boolean): Promise<number[]> {
    const refusals: number[] = [];
    for (let i = 0; i < line.exchanges.length; i++) {
      const turns = line.exchanges[i].turns ?? [];
      if (turns.some(({ showId }) => shows.includes(showId))) {
        refusals.push(turns.length);
        line.exchanges[i].refuse(new TurnFault(new Error('no such seat'), isConflict));
      } else line.exchanges[i].answer(all(turns.length));
      await settled();
    }
    return refusals;
  }

  test('is found by halving, and its neighbours are durable', async () => {
    const line = await connected();
    const outcomes = append(...some(16));
    await settled();
    const waiting = append(turnOf('shw_x'));
    expect(await refusing(line, ['shw_5'], false)).toEqual([16, 8, 4, 2, 1]);
    expect(outcomes).toEqual(Array.from({ length: 16 }, (_, i) => (i === 5 ? 'unknown' : 'durable')));
    expect(waiting).toEqual(['durable']);
    // Each half once, in the order in which the turns came, then what waited.
    expect(sent(line)).toEqual([16, 8, 4, 4, 2, 1, 1, 2, 8, 1]);
    expect(lane.figures().connections).toBe(1);
    expect(logged.lines).toContainEqual(
      expect.objectContaining({ showId: 'shw_5', seq: 1, err: expect.objectContaining({ message: 'no such seat' }) }),
    );
  });

  test('is a conflict where a row with its seq exists', async () => {
    const line = await connected();
    const outcomes = append(...some(5));
    await settled();
    await refusing(line, ['shw_0', 'shw_4'], true);
    expect(outcomes).toEqual(['conflict', 'durable', 'durable', 'durable', 'conflict']);
  });

  test('leaves halves that wait for a connection, when it is lost, no longer than other turns', async () => {
    const line = await connected();
    const outcomes = append(...some(4));
    await settled();
    line.exchanges[0].refuse(new TurnFault(new Error('no such seat'), false));
    await settled();
    line.cut();
    await settled();
    expect(outcomes).toEqual(['unknown', 'unknown', null, null]);
    await time.advance(3_000);
    expect(outcomes).toEqual(['unknown', 'unknown', 'unknown', 'unknown']);
  });
});

describe('without a connection', () => {
  /** Fails every try for so long; the ms between the tries. */
  async function failing(ms: number): Promise<number[]> {
    const from = lines.length - 1;
    for (let waited = 0; waited < ms; waited += 10) {
      lines[lines.length - 1].fail();
      await time.advance(10);
    }
    const at = lines.slice(from).map((line) => line.dialedAt);
    return at.slice(1).map((each, i) => each - at[i]);
  }

  test('it tries again after pauses that double up to two seconds, and start anew after a success', async () => {
    expect((await failing(8_000)).slice(0, 8)).toEqual([50, 100, 200, 400, 800, 1_600, 2_000, 2_000]);
    await time.advance(2_000);
    const line = await connected();
    const lostAt = time.clock.now();
    line.cut();
    await time.advance(50);
    expect(lines[lines.length - 1].dialedAt - lostAt).toBe(50);
    expect(lane.figures().connections).toBe(1);
  });

  test('a try that hangs is destroyed after five seconds, and another begun', async () => {
    await time.advance(4_999);
    expect(lines[0].isDestroyed).toBe(false);
    await time.advance(1);
    expect(lines[0].isDestroyed).toBe(true);
    await time.advance(50);
    expect(lines.length).toBe(2);
    await time.advance(4_000);
    const line = await connected();
    await time.advance(1_500);
    expect(line.isDestroyed).toBe(false);
  });

  test('a connection that was lost before the lane heard of its readiness is not used', async () => {
    lines[0].connect();
    lines[0].cut();
    append(turnOf('shw_x'));
    await settled();
    expect([lines[0].isDestroyed, lines[0].exchanges]).toEqual([true, []]);
    await time.advance(50);
    expect(sent(await connected())).toEqual([1]);
  });

  test('turns wait three seconds, then are unknown', async () => {
    const outcomes = append(...some(2));
    await time.advance(2_999);
    expect(outcomes).toEqual([null, null]);
    await time.advance(1);
    expect(outcomes).toEqual(['unknown', 'unknown']);
    expect(sent(await connected())).toEqual([]);
    expect(lane.figures()).toMatchObject({ statements: 0, waiting: 0, outcomes: { unknown: 2 } });
  });

  test('turns that wait are sent as soon as there is one', async () => {
    const outcomes = append(...some(2));
    await time.advance(1_900);
    const line = await connected();
    expect(sent(line)).toEqual([2]);
    const behind = append(turnOf('shw_x'));
    await time.advance(4_000);
    expect([outcomes, behind]).toEqual([[null, null], [null]]);
    line.exchanges[0].answer(all(2));
    await settled();
    expect(outcomes).toEqual(['durable', 'durable']);
    expect(sent(line)).toEqual([2, 1]);
  });
});

describe('a canary', () => {
  test('is committed when the lane is idle, and only then', async () => {
    const line = await connected();
    await time.advance(CANARY_MS - 1);
    expect(line.exchanges).toEqual([]);
    append(turnOf('shw_x'));
    await time.advance(1);
    expect(line.exchanges.map(({ turns }) => turns?.length ?? 'canary')).toEqual([1]);
    line.exchanges[0].answer(all(1));
    await time.advance(CANARY_MS);
    expect(line.exchanges.map(({ turns }) => turns?.length ?? 'canary')).toEqual([1, 'canary']);
    await time.advance(1_000);
    expect(lane.figures()).toMatchObject({ stalledMs: 1_000, answeredMsAgo: 3_000 });
    line.exchanges[1].answer(true);
    await settled();
    expect(lane.figures()).toMatchObject({ statements: 1, stalledMs: 0, answeredMsAgo: 0 });
  });

  test('waits for a connection, and the lane counts as stalled since', async () => {
    await time.advance(CANARY_MS + 700);
    expect(lane.figures()).toMatchObject({ stalledMs: 700, answeredMsAgo: Number.POSITIVE_INFINITY });
    const line = await connected();
    expect(line.exchanges.map(({ turns }) => turns)).toEqual([null]);
  });

  test.each<[string, (canary: Exchange) => void]>([
    ['finds the record of the lane gone', (canary) => canary.answer(false)],
    ['fails', (canary) => canary.refuse(new Error('statement timeout'))],
  ])('that %s costs the connection, and leaves the lane stalled', async (_, tell) => {
    const line = await connected();
    await time.advance(CANARY_MS);
    tell(line.exchanges[0]);
    await time.advance(50);
    expect([line.isDestroyed, lines.length]).toEqual([true, 2]);
    expect(lane.figures().stalledMs).toBe(50);
  });

  test('that is not answered costs the connection at the deadline', async () => {
    const line = await connected();
    await time.advance(CANARY_MS + 5_000);
    expect(line.isDestroyed).toBe(true);
  });
});

describe('closing', () => {
  /** Closes the lane; whether that is over. */
  function closing(): { isOver: boolean } {
    const state = { isOver: false };
    void lane.close().then(() => {
      state.isOver = true;
    });
    return state;
  }

  test('answers what is under way and what waits, takes nothing more, then ends the connection', async () => {
    const line = await connected();
    const under = append(...some(2));
    await settled();
    const waiting = append(turnOf('shw_x'));
    const closed = closing();
    const late = append(turnOf('shw_y'));
    line.exchanges[0].answer(all(2));
    await settled();
    expect([under, waiting, late]).toEqual([['durable', 'durable'], [null], ['unknown']]);
    expect([line.ended, closed.isOver]).toEqual([null, false]);
    line.exchanges[1].answer(all(1));
    await settled();
    expect(waiting).toEqual(['durable']);
    expect([line.ended === null, closed.isOver]).toEqual([false, false]);
    line.ended?.();
    await settled();
    expect([line.isDestroyed, closed.isOver]).toEqual([false, true]);
    await time.advance(10_000);
    expect([lines.length, line.exchanges.length, line.isDestroyed]).toEqual([1, 2, false]);
    expect(lane.figures().stalledMs).toBe(0);
  });

  test('breaks a connection off that does not end within five seconds', async () => {
    const line = await connected();
    const closed = closing();
    await time.advance(4_999);
    expect([line.isDestroyed, closed.isOver]).toEqual([false, false]);
    await time.advance(1);
    expect([line.isDestroyed, closed.isOver]).toEqual([true, true]);
  });

  test('without a connection gives up the turns that wait, and the try to connect', async () => {
    const outcomes = append(...some(2));
    const closed = closing();
    await settled();
    expect([outcomes, lines[0].isDestroyed, closed.isOver]).toEqual([['unknown', 'unknown'], true, true]);
    await time.advance(10_000);
    expect(lines.length).toBe(1);
  });

  test('leaves a connection unused that is ready in the same moment', async () => {
    lines[0].connect();
    closing();
    await settled();
    expect([lines[0].isDestroyed, lane.figures().connections]).toEqual([true, 0]);
  });

  test('begins no further try to connect', async () => {
    lines[0].fail();
    await time.advance(10);
    const closed = closing();
    await time.advance(10_000);
    expect([lines.length, closed.isOver]).toEqual([1, true]);
  });

  test('gives up what waits, when the connection is lost, once the statement under way is in doubt', async () => {
    const line = await connected();
    const under = append(...some(1));
    await settled();
    const waiting = append(turnOf('shw_x'));
    const closed = closing();
    line.lose();
    await time.advance(2_500);
    expect([under, waiting, lines.length, closed.isOver]).toEqual([[null], [null], 1, false]);
    await time.advance(2_500);
    expect([under, waiting, lines.length, closed.isOver]).toEqual([['unknown'], ['unknown'], 1, true]);
  });

  test('is over also when the connection is lost on the way', async () => {
    const line = await connected();
    const under = append(...some(1));
    await settled();
    const waiting = append(turnOf('shw_x'));
    const closed = closing();
    line.cut();
    await settled();
    expect([under, waiting, closed.isOver]).toEqual([['unknown'], ['unknown'], true]);
    await time.advance(10_000);
    expect(lines.length).toBe(1);
  });

  test('tells the one end to whoever asks', () => {
    expect(lane.close()).toBe(lane.close());
  });
});
