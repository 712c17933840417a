import { getHeapStatistics } from 'node:v8';
import compress from '@fastify/compress';
import rateLimit from '@fastify/rate-limit';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import underPressure from '@fastify/under-pressure';
import fastify, {
  type FastifyBaseLogger,
  type FastifyContextConfig,
  type FastifyInstance,
  type RawReplyDefaultExpression,
  type RawRequestDefaultExpression,
  type RawServerDefault,
} from 'fastify';
import { RefusedError } from '../errors.ts';
import type { Random, Timers } from '../ports.ts';
import { notePaths } from './allowed-methods.ts';
import { guards } from './auth.ts';
import type { HttpDeps } from './deps.ts';
import { registerDocs } from './docs.ts';
import { readJsonBodies } from './json-body.ts';
import {
  BODY_BYTES_MAX,
  CLOSE_LIMIT_MS,
  COMPRESS_FROM_BYTES,
  EVENT_LOOP_DELAY_MAX_MS,
  HEADER_BYTES_MAX,
  HEAP_USE_MAX,
  KEEP_ALIVE_TIMEOUT_MS,
  PARAM_LENGTH_MAX,
  REQUEST_TIMEOUT_MS,
} from './limits.ts';
import { clientErrorHandler, problemHandler, refuse } from './problem.ts';
import type { RouteTimes } from './route-times.ts';
import { healthRoutes } from './routes/health.ts';
import { meRoutes } from './routes/me.ts';
import { metricsRoutes } from './routes/metrics.ts';
import { performerRoutes } from './routes/performers.ts';
import { planRoutes } from './routes/plans.ts';
import { sessionRoutes } from './routes/sessions.ts';
import { showRoutes } from './routes/shows.ts';
import { ticketKeyRoutes } from './routes/tickets.ts';
import { userRoutes } from './routes/users.ts';
import { venueRoutes } from './routes/venues.ts';
import { salesRoutes } from './sales.ts';
import type { SalesDeps } from './sales-deps.ts';
import { validatorCompiler } from './validation.ts';

/** What a file under `routes/` adds its routes to: `(app: App, deps: HttpDeps, guards: Guards) => void`. */
export type App = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>;

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Where this route's durations are counted. */
    times?: RouteTimes;
  }
}

const REQUEST_ID_BYTES = 6;

const NO_HOST = new RefusedError({ code: 'BAD_REQUEST', detail: 'The Host header is missing.' });

/** Ids of requests: a random part drawn once, then a count. */
function requestIds(random: Random): () => string {
  const prefix = Buffer.from(random.bytes(REQUEST_ID_BYTES)).toString('hex');
  let count = 0;
  return () => `${prefix}-${(++count).toString(36)}`;
}

/**
 * The HTTP side of a node, not yet listening.
 *
 * Nothing is logged for each request, and plugins that cost something on every request (compression, the full set of
 * security headers, rate limits) act only on the routes that ask for them: a hold should cost little more than its decision.
 */
export function buildServer(deps: HttpDeps, sales: SalesDeps): FastifyInstance {
  const nextId = requestIds(deps.random);
  const app: App = fastify({
    logger: false,
    genReqId: nextId,
    requestIdHeader: false,
    trustProxy: deps.settings.trustProxy.length === 0 ? false : [...deps.settings.trustProxy],
    bodyLimit: BODY_BYTES_MAX,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    // While the server closes, requests on open connections are still answered; their connections end with the answer.
    return503OnClosing: false,
    // Node would refuse a request without a host in words of its own.
    http: { maxHeaderSize: HEADER_BYTES_MAX, requireHostHeader: false },
    routerOptions: { maxParamLength: PARAM_LENGTH_MAX },
    frameworkErrors: (error, request, reply) => void handleError(error, request, reply as never),
    clientErrorHandler: clientErrorHandler(nextId),
  }).withTypeProvider<TypeBoxTypeProvider>();

  const handleError = problemHandler(deps.log);
  app.setValidatorCompiler(validatorCompiler);
  app.setErrorHandler(handleError);
  app.setNotFoundHandler((_request, reply) => refuse(reply, { code: 'NOT_FOUND', detail: 'There is nothing here.' }));
  readJsonBodies(app);
  app.decorateRequest('user', null as never);

  const paths = notePaths(app);
  countTimes(app, deps);
  endConnectionsOnClose(app, deps.timers);
  app.addHook('onRequest', (request, reply, done) => {
    // Answers are JSON, which no browser renders when it may not guess; the pages of the docs have their own headers.
    reply.header('x-content-type-options', 'nosniff');
    if (request.headers.host === undefined && request.raw.httpVersion !== '1.0') done(NO_HOST);
    else done();
  });
  // An expectation that we do not know is one that we may ignore (RFC 9110, 10.1.1).
  app.server.on('checkExpectation', (request, response) => app.server.emit('request', request, response));
  app.register(underPressure, {
    maxEventLoopDelay: EVENT_LOOP_DELAY_MAX_MS,
    maxHeapUsedBytes: Math.floor(getHeapStatistics().heap_size_limit * HEAP_USE_MAX),
  });
  app.register(compress, { global: false, globalDecompression: false, threshold: COMPRESS_FROM_BYTES });
  app.register(rateLimit, { global: false });
  registerDocs(app);

  const guard = guards(deps.tokens);
  app.register((root: App, _options, done) => {
    healthRoutes(root, deps);
    metricsRoutes(root, deps);
    ticketKeyRoutes(root, sales);
    done();
  });
  app.register(
    (v1: App, _options, done) => {
      userRoutes(v1, deps);
      sessionRoutes(v1, deps);
      meRoutes(v1, deps, guard);
      venueRoutes(v1, deps, guard);
      planRoutes(v1, deps, guard);
      performerRoutes(v1, deps, guard);
      showRoutes(v1, deps, guard);
      salesRoutes(v1, sales, guard);
      done();
    },
    { prefix: '/v1' },
  );
  app.register((_last, _options, done) => {
    paths.refuseOtherMethods();
    done();
  });
  return app as unknown as FastifyInstance;
}

/**
 * A close waits for every connection. Those on which an answer is under way would stay open for the whole keep-alive time
 * after it, and those on which a request is still being sent for as long as its sender likes.
 */
function endConnectionsOnClose(app: App, timers: Timers): void {
  app.addHook('preClose', (done) => {
    // Node adds a second, in which a client that has not yet noticed can still send its next request.
    app.server.keepAliveTimeout = 1;
    timers.after(CLOSE_LIMIT_MS, () => app.server.closeAllConnections());
    done();
  });
}

/** Counts how long each route takes to answer. */
function countTimes(app: App, deps: HttpDeps): void {
  app.addHook('onRoute', (route) => {
    if (typeof route.method !== 'string' || route.method === 'HEAD') return;
    route.config = Object.assign(route.config ?? {}, {
      times: deps.metrics.route(route.method, route.url),
    }) as FastifyContextConfig;
  });
  app.addHook('onResponse', (request, reply, done) => {
    request.routeOptions.config.times?.observe(reply.statusCode, reply.elapsedTime);
    done();
  });
}
