import { describe, expect, test } from 'vitest';
import { CallGate, CallTimeoutError, type GateLimits } from '../../src/payments/stripe/call-gate.ts';
import { type ManualTime, manualTime, settled } from '../support/manual-time.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { refusalOf } from '../support/stripe-nodes.ts';

const LIMITS: GateLimits = {
  inFlight: 2,
  waiting: 3,
  waitMs: 500,
  callMs: 1_000,
  failures: 3,
  pauseMs: 10_000,
  pauseMaxMs: 60_000,
};

const DOWN = new Error('down');
const DEFINITE = new Error('no');

function newGate(limits: Partial<GateLimits> = {}): { gate: CallGate; time: ManualTime } {
  const time = manualTime();
  const isFailure = (error: unknown): boolean => error !== DEFINITE;
  return { gate: new CallGate({ ...time, random: seededRandom() }, isFailure, { ...LIMITS, ...limits }), time };
}

const fails = (gate: CallGate): Promise<unknown> => gate.run(() => Promise.reject(DOWN)).catch((error) => error);
const passes = (gate: CallGate): Promise<string> => gate.run(async () => 'answer');

/** A call that is under way until it is ended. */
function held(gate: CallGate): { readonly call: Promise<string>; end(): void; fail(): void; hasBegun: boolean } {
  const handle = { call: Promise.resolve(''), end: () => {}, fail: () => {}, hasBegun: false };
  handle.call = gate.run(() => {
    handle.hasBegun = true;
    return new Promise<string>((resolve, reject) => {
      handle.end = () => resolve('answer');
      handle.fail = () => reject(DOWN);
    });
  });
  handle.call.catch(() => undefined);
  return handle;
}

async function opened(limits: Partial<GateLimits> = {}): Promise<{ gate: CallGate; time: ManualTime }> {
  const at = newGate(limits);
  for (let i = 0; i < LIMITS.failures; i++) await fails(at.gate);
  expect(at.gate.figures().state).toBe('open');
  return at;
}

describe('the room for calls', () => {
  test('lets so many through, the others wait in order, and beyond that they are refused', async () => {
    const { gate } = newGate();
    const calls = Array.from({ length: 5 }, () => held(gate));
    expect(await refusalOf(passes(gate))).toBe('OVERLOADED');
    expect(calls.map(({ hasBegun }) => hasBegun)).toEqual([true, true, false, false, false]);
    expect(gate.figures()).toMatchObject({ inFlight: 2, waiting: 3, refused: 1 });
    calls[1].end();
    await settled();
    expect(calls.map(({ hasBegun }) => hasBegun)).toEqual([true, true, true, false, false]);
    for (const call of calls) {
      await settled();
      call.end();
    }
    expect(await Promise.all(calls.map(({ call }) => call))).toEqual(new Array(5).fill('answer'));
    expect(gate.figures()).toMatchObject({ inFlight: 0, waiting: 0, calls: 5, failures: 0 });
  });

  test('refuses a call that has waited too long, without making it', async () => {
    const { gate, time } = newGate();
    const [, , waiting] = [held(gate), held(gate), held(gate)];
    await time.advance(LIMITS.waitMs);
    expect(await refusalOf(waiting.call)).toBe('UNAVAILABLE');
    expect(waiting.hasBegun).toBe(false);
  });

  test('gives a call up after its time, and its place to the next; its late answer changes nothing', async () => {
    const { gate, time } = newGate({ inFlight: 1, waitMs: 5_000 });
    const [stuck, next] = [held(gate), held(gate)];
    await time.advance(LIMITS.callMs);
    await expect(stuck.call).rejects.toBeInstanceOf(CallTimeoutError);
    expect(next.hasBegun).toBe(true);
    stuck.end();
    await settled();
    expect(gate.figures()).toMatchObject({ inFlight: 1, timeouts: 1, failures: 1 });
  });
});

describe('the breaker', () => {
  test('opens after so many failures in a row, and refuses at once from then on', async () => {
    const { gate } = await opened();
    const refused = passes(gate);
    await expect(refused).rejects.toMatchObject({
      refusal: { code: 'UNAVAILABLE', retryAfter: expect.toSatisfy((seconds) => seconds >= 5 && seconds <= 10) },
    });
    expect(gate.figures()).toMatchObject({ calls: 3, failures: 3, refused: 1, openings: 1 });
  });

  test.each([
    ['an answer', passes],
    ['a definite refusal', (gate: CallGate) => gate.run(() => Promise.reject(DEFINITE)).catch(() => undefined)],
  ])('stays closed where %s comes in between', async (_, between) => {
    const { gate } = newGate();
    for (let i = 0; i < 10; i++) {
      await fails(gate);
      await fails(gate);
      await between(gate);
    }
    expect(gate.figures()).toMatchObject({ state: 'closed', openings: 0 });
  });

  test('counts calls that are not answered in time', async () => {
    const { gate, time } = newGate();
    for (let i = 0; i < LIMITS.failures; i++) {
      const stuck = held(gate);
      await time.advance(LIMITS.callMs);
      await expect(stuck.call).rejects.toBeInstanceOf(CallTimeoutError);
    }
    expect(gate.figures().state).toBe('open');
  });

  test('refuses those that wait when it opens', async () => {
    const { gate } = newGate({ failures: 1 });
    const [first, , waiting] = [held(gate), held(gate), held(gate)];
    first.fail();
    expect(await refusalOf(waiting.call)).toBe('UNAVAILABLE');
    expect(waiting.hasBegun).toBe(false);
  });

  test('lets one call through after its pause; an answer closes it', async () => {
    const { gate, time } = await opened();
    await time.advance(LIMITS.pauseMs);
    expect(gate.figures().state).toBe('half-open');
    const trial = held(gate);
    expect(await refusalOf(passes(gate))).toBe('UNAVAILABLE');
    trial.end();
    await trial.call;
    expect(gate.figures().state).toBe('closed');
    expect(await passes(gate)).toBe('answer');
  });

  test('a definite refusal closes it too: Stripe is there', async () => {
    const { gate, time } = await opened();
    await time.advance(LIMITS.pauseMs);
    await gate.run(() => Promise.reject(DEFINITE)).catch(() => undefined);
    expect(gate.figures().state).toBe('closed');
  });

  test('doubles its pause at each failed trial up to the longest, and begins anew once it was closed', async () => {
    const { gate, time } = await opened();
    const pauseNow = async (): Promise<number> => {
      let ms = 0;
      for (; gate.figures().state === 'open'; ms += 100) await time.advance(100);
      return ms;
    };
    for (const full of [10_000, 20_000, 40_000, 60_000, 60_000]) {
      const pause = await pauseNow();
      expect(pause).toBeGreaterThanOrEqual(full / 2);
      expect(pause).toBeLessThanOrEqual(full + 100);
      await fails(gate);
      expect(gate.figures().state).toBe('open');
    }
    await pauseNow();
    await passes(gate);
    for (let i = 0; i < LIMITS.failures; i++) await fails(gate);
    expect(await pauseNow()).toBeLessThanOrEqual(10_100);
  });

  test('does not heed what was under way before it opened', async () => {
    const { gate, time } = newGate({ callMs: 60_000 });
    const early = held(gate);
    for (let i = 0; i < LIMITS.failures; i++) await fails(gate);
    early.end();
    await early.call;
    expect(gate.figures().state).toBe('open');
    await time.advance(LIMITS.pauseMs);
    expect(gate.figures().state).toBe('half-open');
  });
});
