import type { FastifyInstance } from 'fastify';
import type { ClusterOps } from '../cluster/plans/cluster-ops.ts';
import { type AdminAccess, bearersOnly, isLoopback, noStrangers } from './admin/access.ts';
import { clusterRoutes } from './admin/cluster-routes.ts';
import { clusterPlanRoutes } from './admin/plan-routes.ts';
import { notePaths } from './allowed-methods.ts';
import type { HttpDeps } from './deps.ts';
import { errorsPage } from './docs.ts';
import { newListener } from './listener.ts';
import { ERRORS_PATH } from './problem.ts';
import { healthRoutes } from './routes/health.ts';
import { metricsRoutes } from './routes/metrics.ts';
import type { App } from './server.ts';

/** What the admin listener stands on. `log`, `timers` and the rest are the node's own. */
export interface AdminDeps extends Pick<HttpDeps, 'random' | 'timers' | 'log' | 'metrics' | 'readiness'> {
  readonly ops: ClusterOps;
  readonly access: AdminAccess;
}

/**
 * The admin side of a node, not yet listening. Probes and the list of codes are open to whoever reaches it; all else
 * needs the token, where there is one. Throws where others than this machine could reach it without a token.
 */
export function buildAdminServer(deps: AdminDeps): FastifyInstance {
  const { access } = deps;
  if (access.token === null && !isLoopback(access.host)) {
    throw new Error(`the admin listener at ${access.host} needs a token`);
  }
  const app = newListener({ ...deps, trustProxy: [] });
  app.addHook('onRequest', noStrangers(access));
  const paths = notePaths(app);
  app.register((probes: App, _options, done) => {
    healthRoutes(probes, deps);
    // Where the `type` of every problem points.
    const errors = errorsPage();
    probes.get(ERRORS_PATH, (_request, reply) =>
      reply
        .header('content-security-policy', "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
        .type('text/html; charset=utf-8')
        .send(errors),
    );
    done();
  });
  app.register((guarded: App, _options, done) => {
    guarded.addHook('onRequest', bearersOnly(access));
    metricsRoutes(guarded, deps);
    clusterRoutes(guarded, deps.ops);
    clusterPlanRoutes(guarded, deps.ops, access);
    done();
  });
  app.register((_last, _options, done) => {
    paths.refuseOtherMethods();
    done();
  });
  return app as unknown as FastifyInstance;
}
