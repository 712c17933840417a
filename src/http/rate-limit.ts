import { normalizeIP } from '@fastify/rate-limit';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { RefusedError } from '../errors.ts';
import { RATE_LIMITED_MAX } from './limits.ts';
import type { App } from './server.ts';

const WINDOW_SECONDS = 60;

type OnRequest = (request: FastifyRequest, reply: FastifyReply) => Promise<void>;

interface RateLimit {
  readonly name: string;
  /** How often in a minute, on this node; infinity for no limit. */
  readonly perMinute: number;
  /** Whether every answer says what is left, or only a refusal. */
  readonly tells: boolean;
}

/** Of requests whose connection has ended: nobody hears the answer. */
const GONE = 'gone';

/** Where a request comes from: an address, or the /64 of an IPv6 one, which is as a rule one subscriber's. */
export function addressOf(request: FastifyRequest): string {
  const ip: string | undefined = request.ip;
  return ip === undefined ? GONE : normalizeIP(ip);
}

/**
 * An `onRequest` hook that lets one address (an IPv6 /64) make `perMinute` requests a minute, and says so in
 * `RateLimit` and `RateLimit-Policy`. Needs `@fastify/rate-limit` to be registered.
 */
export function limitPerAddress(app: App, name: string, perMinute: number): OnRequest {
  return limit(app, { name, perMinute, tells: true }, 'One address');
}

/** `onRequest` hooks, to be put behind that of the guard, for a busy route: they say something only when they refuse. */
export function limitPerUserAndAddress(
  app: App,
  name: string,
  perMinute: { readonly user: number; readonly address: number },
): OnRequest[] {
  const limits: OnRequest[] = [];
  // Accounts first: what one is refused does not use up what others behind its address may do.
  if (perMinute.user !== Number.POSITIVE_INFINITY) {
    const user = { name: `${name}-account`, perMinute: perMinute.user, tells: false };
    limits.push(limit(app, user, 'One account', (request) => request.user.id));
  }
  if (perMinute.address !== Number.POSITIVE_INFINITY) {
    limits.push(limit(app, { name: `${name}-address`, perMinute: perMinute.address, tells: false }, 'One address'));
  }
  return limits;
}

function limit(
  app: App,
  { name, perMinute, tells }: RateLimit,
  who: string,
  keyGenerator: (request: FastifyRequest) => string = addressOf,
): OnRequest {
  const take = app.createRateLimit({
    max: perMinute,
    timeWindow: WINDOW_SECONDS * 1_000,
    // `cache` is read by the plugin for each limit, but missing in its types.
    ...{ cache: RATE_LIMITED_MAX },
    keyGenerator,
  });
  return async (request, reply) => {
    const taken = await take(request);
    if (taken.isAllowed || !(tells || taken.isExceeded)) return;
    reply.header('ratelimit-policy', `"${name}";q=${perMinute};w=${WINDOW_SECONDS}`);
    reply.header('ratelimit', `"${name}";r=${taken.remaining};t=${taken.ttlInSeconds}`);
    if (taken.isExceeded) {
      throw new RefusedError({
        code: 'TOO_MANY_REQUESTS',
        detail: `${who} may do this ${perMinute} times a minute.`,
        retryAfter: Math.max(1, taken.ttlInSeconds),
      });
    }
  };
}
