import { expect, onTestFinished, test, vi } from 'vitest';
import { DEFAULT_HTTP_SETTINGS } from '../../src/http/deps.ts';
import { OPENING_MS } from '../../src/http/limits.ts';
import { newListener } from '../../src/http/listener.ts';
import { turnAwayWhenBusy } from '../../src/http/overload.ts';
import { capturedLog } from '../support/captured-log.ts';
import { manualTime } from '../support/manual-time.ts';
import { seededRandom } from '../support/seeded-random.ts';

/** Keeps the event loop of this process busy. */
function spin(ms: number): void {
  for (const until = performance.now() + ms; performance.now() < until; );
}

test('a busy event loop turns requests away, but not for the work of the start', async () => {
  const time = manualTime();
  const { log } = capturedLog();
  const app = newListener({ random: seededRandom(), timers: time.timers, log, trustProxy: [] });
  onTestFinished(() => app.close());
  turnAwayWhenBusy(app, { clock: time.clock, settings: { ...DEFAULT_HTTP_SETTINGS, eventLoopDelayMaxMs: 5 } });
  app.register(async (inside) => void inside.get('/here', () => 'here'));
  await app.listen({ port: 0, host: '127.0.0.1' });
  const ask = () => app.inject({ method: 'GET', url: '/here' });

  const lag = setInterval(() => spin(60), 70);
  onTestFinished(() => clearInterval(lag));
  await vi.waitFor(() => expect(app.memoryUsage().eventLoopDelay).toBeGreaterThan(5), { timeout: 20_000 });
  expect((await ask()).statusCode).toBe(200);
  await time.advance(OPENING_MS);
  const refused = await ask();
  expect(refused.json()).toMatchObject({ status: 503, code: 'OVERLOADED' });
  expect(refused.headers['retry-after']).toBe('2');

  clearInterval(lag);
  await vi.waitFor(async () => expect((await ask()).statusCode).toBe(200), { timeout: 20_000 });
});
