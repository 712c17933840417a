import compress from '@fastify/compress';
import rateLimit from '@fastify/rate-limit';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type {
  FastifyBaseLogger,
  FastifyContextConfig,
  FastifyInstance,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from 'fastify';
import { notePaths } from './allowed-methods.ts';
import { guards } from './auth.ts';
import type { HttpDeps } from './deps.ts';
import { registerDocs } from './docs.ts';
import { COMPRESS_FROM_BYTES } from './limits.ts';
import { newListener } from './listener.ts';
import { turnAwayWhenBusy } from './overload.ts';
import type { RouteTimes } from './route-times.ts';
import { healthRoutes } from './routes/health.ts';
import { meRoutes } from './routes/me.ts';
import { metricsRoutes } from './routes/metrics.ts';
import { passwordResetRoutes } from './routes/password-resets.ts';
import { performerRoutes } from './routes/performers.ts';
import { planRoutes } from './routes/plans.ts';
import { sessionRoutes } from './routes/sessions.ts';
import { showEditingRoutes } from './routes/show-editing.ts';
import { showPlanRoutes } from './routes/show-plan.ts';
import { showRoutes } from './routes/shows.ts';
import { ticketKeyRoutes } from './routes/tickets.ts';
import { userRoutes } from './routes/users.ts';
import { venueRoutes } from './routes/venues.ts';
import { salesRoutes } from './sales.ts';
import type { SalesDeps } from './sales-deps.ts';

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

/**
 * The HTTP side of a node, not yet listening.
 *
 * Nothing is logged for each request, and plugins that cost something on every request (compression, the full set of
 * security headers, rate limits) act only on the routes that ask for them: a hold should cost little more than its decision.
 */
export function buildServer(deps: HttpDeps, sales: SalesDeps): FastifyInstance {
  const app = newListener({ ...deps, trustProxy: deps.settings.trustProxy });
  app.decorateRequest('user', null as never);

  const paths = notePaths(app);
  countTimes(app, deps);
  turnAwayWhenBusy(app, deps);
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
      sessionRoutes(v1, deps, guard);
      passwordResetRoutes(v1, deps);
      meRoutes(v1, deps, guard);
      venueRoutes(v1, deps, guard);
      planRoutes(v1, deps, guard);
      performerRoutes(v1, deps, guard);
      showRoutes(v1, deps, guard);
      showEditingRoutes(v1, deps, guard);
      showPlanRoutes(v1, { ...deps, gateway: sales.gateway }, guard);
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
