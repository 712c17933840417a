import { describe, expect, test } from 'vitest';
import type { Preparation } from '../../src/cluster/messages/letter.ts';
import { Preparations } from '../../src/cluster/ownership/preparations.ts';
import { manualTime, settled } from '../support/manual-time.ts';
import { SHOW_ID } from '../support/small-show.ts';

const LIMIT_MS = 500;

function preparations(reaches = true) {
  const time = manualTime();
  const sent: (readonly [to: string, preparation: Preparation])[] = [];
  const all = new Preparations(time.timers, (to, preparation) => {
    if (reaches) sent.push([to, preparation]);
    return reaches;
  });
  const isOver = async (work: Promise<void>): Promise<boolean> => {
    let over = false;
    void work.then(() => {
      over = true;
    });
    await settled();
    return over;
  };
  return { time, sent, all, isOver };
}

describe('a preparation', () => {
  test('is over when its own node says so', async () => {
    const { sent, all, isOver } = preparations();
    const [first, second] = [all.ask('b', [SHOW_ID], LIMIT_MS), all.ask('c', [SHOW_ID], LIMIT_MS)];
    expect(sent).toEqual([
      ['b', { number: 1, shows: [SHOW_ID] }],
      ['c', { number: 2, shows: [SHOW_ID] }],
    ]);
    all.done('c', 1);
    all.done('b', 99);
    expect(await isOver(first)).toBe(false);
    all.done('b', 1);
    all.done('b', 1);
    expect([await isOver(first), await isOver(second)]).toEqual([true, false]);
  });

  test('is not waited for when nobody can be asked, or nobody listens', async () => {
    const none = preparations(false);
    expect(await none.isOver(none.all.ask('b', [SHOW_ID], LIMIT_MS))).toBe(true);
    const { all, isOver } = preparations();
    const [lost, other] = [all.ask('b', [SHOW_ID], LIMIT_MS), all.ask('c', [SHOW_ID], LIMIT_MS)];
    all.unreachable('b');
    expect([await isOver(lost), await isOver(other)]).toEqual([true, false]);
  });

  test('is not waited for beyond its limit', async () => {
    const { time, all, isOver } = preparations();
    const asked = all.ask('b', [SHOW_ID], LIMIT_MS);
    await time.advance(LIMIT_MS - 1);
    expect(await isOver(asked)).toBe(false);
    await time.advance(1);
    expect(await isOver(asked)).toBe(true);
  });
});
