import { getHeapStatistics } from 'node:v8';
import underPressure, { TYPE_EVENT_LOOP_DELAY } from '@fastify/under-pressure';
import { RefusedError } from '../errors.ts';
import type { HttpDeps } from './deps.ts';
import { HEAP_USE_MAX, OPENING_MS } from './limits.ts';
import type { App } from './server.ts';

const OVERLOADED = new RefusedError({
  code: 'OVERLOADED',
  detail: 'The server is too busy; try again shortly.',
  retryAfter: 2,
});

/**
 * Turns new requests away while the event loop lags or the heap is full. What is measured of the loop at first is the work of
 * the start, for which nobody is turned away; nor is anybody where nothing was measured, which the plugin calls infinite.
 */
export function turnAwayWhenBusy(app: App, { clock, settings }: Pick<HttpDeps, 'clock' | 'settings'>): void {
  let opensUntil = Number.POSITIVE_INFINITY;
  app.addHook('onListen', (done) => {
    opensUntil = clock.now() + OPENING_MS;
    done();
  });
  app.register(underPressure, {
    maxEventLoopDelay: settings.eventLoopDelayMaxMs,
    maxHeapUsedBytes: Math.floor(getHeapStatistics().heap_size_limit * HEAP_USE_MAX),
    pressureHandler: (_request, _reply, type, delay) => {
      const isExcused = type === TYPE_EVENT_LOOP_DELAY && (delay === Infinity || clock.now() < opensUntil);
      return isExcused ? undefined : Promise.reject(OVERLOADED);
    },
  });
}
