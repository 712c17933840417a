import { describe, expect, test } from 'vitest';
import type { NodeShows } from '../../src/actors/node-shows.ts';
import type { Answer } from '../../src/actors/shows.ts';
import type { LetterAnswer, LetterRequest, Wanted } from '../../src/cluster/messages/letter.ts';
import { Leases } from '../../src/cluster/ownership/leases.ts';
import { Carrier, PARKED_MAX, PARKED_MS, SENT_MAX } from '../../src/cluster/routing/carrier.ts';
import type { Outcome } from '../../src/cluster/routing/errand.ts';
import type { Refusal } from '../../src/errors.ts';
import { manualTime, settled } from '../support/manual-time.ts';
import { MemoryRegistry, MemoryTables } from '../support/memory-registry.ts';
import { holdOf } from '../support/show-node.ts';
import { userOf } from '../support/small-show.ts';

const SHARD = 7;
const SHOW = 'shw_1';
const ME = 'nod_me';
/** The database's clock is so far ahead of this node's. */
const OFFSET_MS = 40;
/** A request waits at most so long and a little to be looked over. */
const SWEEP_MS = 25;

/** Asked twice it does no more than once. */
const HOLD: Wanted = { kind: 'ask', message: holdOf(1) };
/** Asked twice it would do it twice. */
const EXTEND: Wanted = { kind: 'ask', message: { type: 'extend', buyer: userOf(1), hold: 1, at: 0 } };
const QUESTION: Wanted = { kind: 'ask', message: { type: 'get-summary' } };
const SEATS: Wanted = { kind: 'seats', since: null };
const STOPPING: Refusal = { code: 'UNAVAILABLE', detail: 'Stops.', retryAfter: 1 };
const TOO_FEW: Refusal = { code: 'NOT_ENOUGH_SEATS', detail: 'None left.' };

/** What one errand has come to by now. */
interface Errand {
  outcome: Outcome | null;
}

/** A carrier whose node owns nothing, with nobody to hear what it sends. */
function harness() {
  const time = manualTime();
  const { clock } = time;
  let [refreshes, sweeps] = [0, 0];
  const carrier = new Carrier({
    clock,
    timers: {
      ...time.timers,
      every: (ms, task) => {
        sweeps++;
        const timer = time.timers.every(ms, task);
        return {
          cancel: () => {
            sweeps--;
            timer.cancel();
          },
        };
      },
    },
    clockOffset: () => OFFSET_MS,
    refresh: () => void refreshes++,
  });
  const sent: { readonly to: string; readonly request: LetterRequest }[] = [];
  const post = {
    isFull: false,
    request(to: string, request: LetterRequest): boolean {
      if (!post.isFull) sent.push({ to, request });
      return !post.isFull;
    },
  };
  const leases = new Leases(new MemoryRegistry(new MemoryTables(clock), time.timers), ME, clock);
  const asked: ((answer: Answer) => void)[] = [];
  const shows = { ask: () => new Promise<Answer>((resolve) => asked.push(resolve)) } as unknown as NodeShows;
  carrier.attach({ incarnation: ME, leases, shows }, post);
  return {
    time,
    carrier,
    leases,
    sent,
    post,
    /** Requests that this node's own shows were asked, to be answered. */
    asked,
    refreshes: () => refreshes,
    sweeps: () => sweeps,
    carry(wanted: Wanted = HOLD, { ms = 10_000, shard = SHARD } = {}): Errand {
      const errand: Errand = { outcome: null };
      void carrier.carry(SHOW, shard, wanted, clock.now() + ms).then((outcome) => {
        errand.outcome = outcome;
      });
      return errand;
    },
    owns(owner: string | null, epoch: number, shard = SHARD): void {
      carrier.learn([{ shard, owner, epoch }]);
      carrier.drive([shard]);
    },
    /** The owner of the `n`th request that was sent answers it. */
    async answer(n: number, answer: { ok: unknown } | { refusal: Refusal } | { moved: true; epoch: number }) {
      const { to, request } = sent[n];
      const { number } = request;
      const letter: LetterAnswer =
        'ok' in answer ? { number, value: answer.ok, replayed: false } : { number, replayed: false, ...answer };
      carrier.answered(to, letter);
      await settled();
    },
    sentTo: () => sent.map(({ to }) => to),
  };
}

const ok = (value: unknown) => ({ ok: true, value, replayed: false });
const refusedWith = (code: string) => ({ ok: false, refusal: { code } });

/** Everything that the carrier may make wait ends, and its timer with it. */
function expectNothingLeft({ carrier, sweeps }: ReturnType<typeof harness>): void {
  expect([carrier.parked, sweeps()]).toEqual([0, 0]);
}

describe('a request for a shard without an owner', () => {
  test('waits, and goes to the owner as soon as there is one, in the database’s time', async () => {
    const h = harness();
    const hold = h.carry();
    await h.time.advance(500);
    expect([h.carrier.parked, h.sent, hold.outcome]).toEqual([1, [], null]);
    h.owns('nod_b', 3);
    const deadline = h.time.clock.now() - 500 + 10_000 + OFFSET_MS;
    expect(h.sent).toEqual([
      { to: 'nod_b', request: { number: 1, showId: SHOW, shard: SHARD, epoch: 3, deadline, wanted: HOLD } },
    ]);
    await h.answer(0, { ok: 'held' });
    expect(hold.outcome).toEqual(ok('held'));
    await h.time.advance(SWEEP_MS);
    expectNothingLeft(h);
  });

  test('is refused after two seconds, as not begun, and with word when to try again', async () => {
    expect(PARKED_MS).toBe(2_000);
    const h = harness();
    const hold = h.carry();
    await h.time.advance(2_000 - SWEEP_MS);
    expect(hold.outcome).toBeNull();
    await h.time.advance(2 * SWEEP_MS);
    expect(hold.outcome).toMatchObject({ ...refusedWith('UNAVAILABLE'), unreachable: true });
    expect(hold.outcome).toMatchObject({ refusal: { retryAfter: 1 } });
    expect(h.carrier.counts.parkedRefused).toBe(1);
    expectNothingLeft(h);
  });

  test('waits among 256 at most; the next is refused at once, those of other shards are not', async () => {
    expect(PARKED_MAX).toBe(256);
    const h = harness();
    const waiting = Array.from({ length: 256 }, () => h.carry());
    const tooMany = h.carry();
    const elsewhere = h.carry(HOLD, { shard: SHARD + 1 });
    await settled();
    expect(tooMany.outcome).toMatchObject({ ...refusedWith('OVERLOADED'), unreachable: true });
    expect(h.carrier.counts.parkedRefused).toBe(1);
    expect([...waiting, elsewhere].filter(({ outcome }) => outcome !== null)).toEqual([]);
    expect(h.carrier.parked).toBe(257);
    h.owns('nod_b', 1);
    expect(h.sent).toHaveLength(256);
    expect(h.carrier.parked).toBe(1);
  });

  test('is told when its deadline has passed: it was not begun', async () => {
    const h = harness();
    const [hold, question] = [h.carry(HOLD, { ms: 300 }), h.carry(QUESTION, { ms: 300 })];
    await h.time.advance(300);
    expect([hold.outcome, question.outcome]).toEqual([null, null]);
    await h.time.advance(2 * SWEEP_MS);
    expect(hold.outcome).toMatchObject(refusedWith('OVERLOADED'));
    expect(question.outcome).toMatchObject({ ...refusedWith('UNAVAILABLE'), unreachable: true });
    expectNothingLeft(h);
    h.owns('nod_b', 1);
    expect(h.sent).toEqual([]);
  });

  test('does not wait any more once none will be found, nor does a later one', async () => {
    const h = harness();
    h.owns('nod_b', 1, SHARD + 1);
    const [waiting, sent] = [h.carry(), h.carry(HOLD, { shard: SHARD + 1 })];
    h.carrier.close(STOPPING);
    await settled();
    expect(waiting.outcome).toEqual({ ok: false, refusal: STOPPING, replayed: false });
    expect(h.carrier.parked).toBe(0);
    const later = h.carry();
    await settled();
    expect(later.outcome).toEqual({ ok: false, refusal: STOPPING, replayed: false });
    // What another node has is still answered by it.
    expect(sent.outcome).toBeNull();
    await h.answer(0, { ok: 'held' });
    expect(sent.outcome).toEqual(ok('held'));
  });

  test('is tried again by itself while nothing can be sent to its owner', async () => {
    const h = harness();
    h.owns('nod_b', 1);
    h.post.isFull = true;
    h.carry();
    expect(h.carrier.parked).toBe(1);
    h.post.isFull = false;
    await h.time.advance(SWEEP_MS);
    expect(h.sentTo()).toEqual(['nod_b']);
  });

  test('is not sent while this node is between two incarnations, and then goes on', async () => {
    const h = harness();
    h.owns('nod_b', 1);
    const { local } = h.carrier;
    h.carrier.attach(null, null);
    h.carry();
    await h.time.advance(500);
    expect([h.carrier.parked, h.sent]).toEqual([1, []]);
    h.carrier.attach(local, h.post);
    expect(h.sentTo()).toEqual(['nod_b']);
  });
});

describe('a request that another node has', () => {
  test('ends with the answer of that node and no other, once', async () => {
    const h = harness();
    h.owns('nod_b', 1);
    const hold = h.carry();
    h.carrier.answered('nod_c', { number: 1, value: 'of another', replayed: false });
    h.carrier.answered('nod_b', { number: 2, value: 'to another', replayed: false });
    await settled();
    expect(hold.outcome).toBeNull();
    h.carrier.answered('nod_b', { number: 1, refusal: TOO_FEW, replayed: true });
    h.carrier.answered('nod_b', { number: 1, value: 'too late', replayed: false });
    await settled();
    expect(hold.outcome).toEqual({ ok: false, refusal: TOO_FEW, replayed: true });
  });

  test('when it is turned back goes to the owner that is known by then, and looks for news', async () => {
    const h = harness();
    h.owns('nod_b', 1);
    const hold = h.carry(EXTEND);
    await h.answer(0, { moved: true, epoch: 2 });
    expect([hold.outcome, h.carrier.parked, h.refreshes()]).toEqual([null, 1, 1]);
    // There it is not asked again: it is known to have it no longer.
    await h.time.advance(100);
    expect(h.sentTo()).toEqual(['nod_b']);
    h.owns('nod_c', 3);
    expect(h.sentTo()).toEqual(['nod_b', 'nod_c']);
    await h.answer(1, { ok: 'extended' });
    expect(hold.outcome).toEqual(ok('extended'));
  });

  test('when it is turned back may find its owner under the very epoch of which it was told', async () => {
    const h = harness();
    h.owns('nod_b', 1);
    const hold = h.carry();
    await h.answer(0, { moved: true, epoch: 3 });
    h.owns('nod_b', 2);
    h.owns('nod_c', 3);
    await h.time.advance(2 * SWEEP_MS);
    expect(h.sentTo()).toEqual(['nod_b', 'nod_c']);
    await h.answer(1, { ok: 'held' });
    expect(hold.outcome).toEqual(ok('held'));
  });

  test('when it is turned back by who will have it soon is asked there again, after a moment', async () => {
    const h = harness();
    h.owns('nod_b', 3);
    h.carry();
    await h.answer(0, { moved: true, epoch: 2 });
    h.carrier.drive();
    expect(h.sentTo()).toEqual(['nod_b']);
    await h.time.advance(2 * SWEEP_MS);
    expect(h.sentTo()).toEqual(['nod_b', 'nod_b']);
  });

  test('and that had waited before has its two seconds without the time that somebody had it', async () => {
    const h = harness();
    const hold = h.carry();
    await h.time.advance(1_500);
    h.owns('nod_b', 1);
    await h.time.advance(1_000);
    await h.answer(0, { moved: true, epoch: 2 });
    await h.time.advance(400);
    expect(hold.outcome).toBeNull();
    await h.time.advance(100 + 2 * SWEEP_MS);
    expect(hold.outcome).toMatchObject(refusedWith('UNAVAILABLE'));
  });

  test('but was not delivered is tried again, and was not begun', async () => {
    const h = harness();
    h.owns('nod_b', 1);
    const [extend, late] = [h.carry(EXTEND), h.carry(EXTEND, { ms: 50 })];
    h.carrier.undelivered([1, 2, 99]);
    expect([h.carrier.parked, h.carrier.counts.unreachable, h.refreshes()]).toEqual([2, 2, 1]);
    await h.time.advance(75);
    expect([h.sent.length, extend.outcome]).toEqual([2, null]);
    expect(late.outcome).toMatchObject(refusedWith('OVERLOADED'));
    await h.time.advance(2 * SWEEP_MS);
    expect(h.sent.map(({ request }) => request.number)).toEqual([1, 2, 3]);
    await h.answer(2, { ok: 'extended' });
    expect(extend.outcome).toEqual(ok('extended'));
  });

  test('that is gone goes to the next owner, or is unknown if it may not be begun twice', async () => {
    const h = harness();
    h.owns('nod_b', 1);
    h.owns('nod_c', 1, SHARD + 1);
    const [hold, extend] = [h.carry(HOLD), h.carry(EXTEND)];
    const other = h.carry(EXTEND, { shard: SHARD + 1 });
    h.carrier.learn([{ shard: SHARD, owner: null, epoch: 1 }]);
    h.carrier.gone(new Set(['nod_b']));
    await settled();
    expect(extend.outcome).toMatchObject(refusedWith('OUTCOME_UNKNOWN'));
    expect([hold.outcome, other.outcome, h.carrier.parked]).toEqual([null, null, 1]);
    h.owns('nod_c', 2);
    expect(h.sentTo()).toEqual(['nod_b', 'nod_b', 'nod_c', 'nod_c']);
    await h.answer(3, { ok: 'held' });
    expect(hold.outcome).toEqual(ok('held'));
  });

  test('that has given the shard to another is not waited for, if it may be begun twice', async () => {
    const h = harness();
    h.owns('nod_b', 1);
    h.carry(HOLD);
    h.carry(EXTEND);
    h.owns(null, 2);
    // Who gave it up still answers what it had begun.
    expect(h.sent).toHaveLength(2);
    h.owns('nod_c', 3);
    expect(h.sent.slice(2)).toMatchObject([{ to: 'nod_c', request: { epoch: 3, wanted: HOLD } }]);
  });

  test('is asked again after three seconds without an answer, unless it may not be begun twice', async () => {
    const h = harness();
    h.owns('nod_b', 1);
    h.carry(EXTEND);
    const question = h.carry(QUESTION);
    await h.time.advance(3_000 - SWEEP_MS);
    expect([h.sent.length, h.refreshes()]).toEqual([2, 0]);
    await h.time.advance(2 * SWEEP_MS);
    expect(h.sent.slice(2).map(({ request }) => request.wanted)).toEqual([QUESTION]);
    expect(h.refreshes()).toBe(1);
    await h.answer(2, { ok: 'told' });
    expect(question.outcome).toEqual(ok('told'));
  });

  test('is asked again when the link was away, unless it may not be begun twice', () => {
    const h = harness();
    h.owns('nod_b', 1);
    h.carry(EXTEND);
    h.carry(HOLD);
    h.carrier.linkIsBack();
    expect(h.sent.slice(2).map(({ request }) => request.wanted)).toEqual([HOLD]);
  });

  test('is told when its deadline has passed: what it asked for may be done, what it only read was not', async () => {
    const h = harness();
    h.owns('nod_b', 1);
    const commands = [h.carry(HOLD, { ms: 300 }), h.carry(EXTEND, { ms: 300 })];
    const reads = [h.carry(QUESTION, { ms: 300 }), h.carry(SEATS, { ms: 300 })];
    await h.time.advance(300);
    for (const { outcome } of [...commands, ...reads]) expect(outcome).toBeNull();
    await h.time.advance(2 * SWEEP_MS);
    for (const { outcome } of commands) expect(outcome).toMatchObject(refusedWith('OUTCOME_UNKNOWN'));
    for (const { outcome } of reads)
      expect(outcome).toMatchObject({ ...refusedWith('UNAVAILABLE'), unreachable: true });
    expectNothingLeft(h);
    await h.answer(0, { ok: 'too late' });
    expect(commands[0].outcome).toMatchObject(refusedWith('OUTCOME_UNKNOWN'));
  });

  test.each([
    ['refused by the next owner', (h: ReturnType<typeof harness>) => void h.answer(1, { refusal: STOPPING })],
    [
      'refused because none is left to wait for',
      (h) => {
        void h.answer(1, { moved: true, epoch: 9 });
        h.carrier.close(STOPPING);
      },
    ],
  ] satisfies [string, (h: ReturnType<typeof harness>) => void][])(
    'and may have been begun is not told that it was not: %s',
    async (_, refuse) => {
      const h = harness();
      h.owns('nod_b', 1);
      const hold = h.carry(HOLD);
      h.owns('nod_c', 2);
      expect(h.sentTo()).toEqual(['nod_b', 'nod_c']);
      refuse(h);
      await settled();
      expect(hold.outcome).toMatchObject(refusedWith('OUTCOME_UNKNOWN'));
    },
  );

  test('is one of 65,536 at most; the next one waits until one of them is answered', async () => {
    expect(SENT_MAX).toBe(65_536);
    const h = harness();
    h.owns('nod_b', 1);
    for (let n = 0; n < 65_536; n++) h.carry();
    const next = h.carry();
    await settled();
    expect([h.sent.length, h.carrier.parked, next.outcome]).toEqual([65_536, 1, null]);
    await h.answer(0, { ok: 'held' });
    await h.time.advance(SWEEP_MS);
    expect([h.sent.length, h.carrier.parked]).toEqual([65_537, 0]);
  });
});

describe('a request for a shard of this node', () => {
  function owning(epoch: number) {
    const h = harness();
    h.leases.take([{ shard: SHARD, epoch }]);
    h.leases.renew(h.time.clock.now());
    h.owns(ME, epoch);
    return h;
  }

  test('is asked here, and never sent', async () => {
    const h = owning(1);
    const hold = h.carry();
    h.asked[0]({ ok: true, value: 'held', replayed: false });
    await settled();
    expect([hold.outcome, h.sent, h.carrier.parked]).toEqual([ok('held'), [], 0]);
  });

  test('that waited for the shard to be taken goes on when it is', async () => {
    const h = harness();
    h.carry();
    h.leases.take([{ shard: SHARD, epoch: 1 }]);
    h.leases.renew(h.time.clock.now());
    h.owns(ME, 1);
    expect([h.asked.length, h.carrier.parked]).toEqual([1, 0]);
  });

  test('that moves away meanwhile goes after it', async () => {
    const h = owning(1);
    const hold = h.carry();
    h.leases.close([SHARD]);
    h.asked[0]({ ok: false, refusal: STOPPING, replayed: false, moved: true });
    await settled();
    expect([h.carrier.parked, hold.outcome]).toEqual([1, null]);
    h.owns('nod_b', 3);
    await h.answer(0, { ok: 'held' });
    expect(hold.outcome).toEqual(ok('held'));
  });

  test('that could not be begun though it is still ours is asked again, after a moment', async () => {
    const h = owning(1);
    h.carry();
    h.asked[0]({ ok: false, refusal: STOPPING, replayed: false, moved: true });
    await settled();
    expect(h.asked).toHaveLength(1);
    await h.time.advance(SWEEP_MS);
    expect(h.asked).toHaveLength(2);
  });

  test('waits while the lease has lapsed, and goes on when it holds again', async () => {
    const h = owning(1);
    await h.time.advance(3_000);
    h.carry();
    await h.time.advance(100);
    expect([h.asked.length, h.carrier.parked]).toEqual([0, 1]);
    h.leases.renew(h.time.clock.now());
    h.carrier.drive();
    expect([h.asked.length, h.carrier.parked]).toEqual([1, 0]);
  });
});
