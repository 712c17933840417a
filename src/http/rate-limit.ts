import type { FastifyReply, FastifyRequest } from 'fastify';
import { RefusedError } from '../errors.ts';
import { RATE_LIMITED_ADDRESSES_MAX } from './limits.ts';
import type { App } from './server.ts';

const WINDOW_SECONDS = 60;

/**
 * An `onRequest` hook that lets one address (an IPv6 /64) make `perMinute` requests a minute, and says so in
 * `RateLimit` and `RateLimit-Policy`. Needs `@fastify/rate-limit` to be registered.
 */
export function limitPerAddress(app: App, name: string, perMinute: number) {
  // `cache` is read by the plugin for each limit, but missing in its types.
  const options = { max: perMinute, timeWindow: WINDOW_SECONDS * 1_000, cache: RATE_LIMITED_ADDRESSES_MAX };
  const take = app.createRateLimit(options);
  return async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    const taken = await take(request);
    if (taken.isAllowed) return;
    reply.header('ratelimit-policy', `"${name}";q=${perMinute};w=${WINDOW_SECONDS}`);
    reply.header('ratelimit', `"${name}";r=${taken.remaining};t=${taken.ttlInSeconds}`);
    if (taken.isExceeded) {
      throw new RefusedError({
        code: 'TOO_MANY_REQUESTS',
        detail: `One address may do this ${perMinute} times a minute.`,
        retryAfter: Math.max(1, taken.ttlInSeconds),
      });
    }
  };
}
