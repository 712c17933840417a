import type { HttpDeps } from '../deps.ts';
import type { App } from '../server.ts';

export function metricsRoutes(app: App, deps: Pick<HttpDeps, 'metrics'>): void {
  const { registry } = deps.metrics;
  app.get(
    '/metrics',
    {
      config: { pressureHandler: () => {} },
      schema: {
        tags: ['Operations'],
        summary: 'Metrics for Prometheus',
        response: {
          200: { description: 'The text format', content: { 'text/plain': { schema: { type: 'string' } } } },
        },
      },
    },
    async (_request, reply) => reply.type(registry.contentType).send((await registry.metrics()) as never),
  );
}
