import scalar from '@scalar/fastify-api-reference';
import fastify, { type FastifyInstance } from 'fastify';

/** The pages of Scalar below `prefix`, as a server that listens nowhere: to be asked by `inject`. */
export function reference(prefix: `/${string}`, openapiPath: string): FastifyInstance {
  const app = fastify();
  app.register(scalar, {
    routePrefix: prefix,
    configuration: {
      url: openapiPath,
      pageTitle: 'Usher API',
      withDefaultFonts: false,
      telemetry: false,
      agent: { disabled: true },
      showDeveloperTools: 'never',
      hideClientButton: true,
    },
  });
  return app;
}
