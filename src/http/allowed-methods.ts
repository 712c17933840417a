import type { FastifyInstance, RouteOptions } from 'fastify';
import { refuse } from './problem.ts';

const METHODS = ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT', 'TRACE'];

/** Notes which methods each path has, from the moment of this call; {@link Paths.refuseOtherMethods} answers the rest. */
export interface Paths {
  /** For every path so far, answers the methods it does not have with 405 and `Allow`, before any body is read. */
  refuseOtherMethods(): void;
}

export function notePaths(app: FastifyInstance): Paths {
  const byPath = new Map<string, Set<string>>();
  let closed = false;
  app.addHook('onRoute', (route: RouteOptions) => {
    if (closed) return;
    const methods = byPath.get(route.url) ?? new Set();
    for (const method of [route.method].flat()) methods.add(method);
    byPath.set(route.url, methods);
  });
  return {
    refuseOtherMethods() {
      closed = true;
      for (const [url, methods] of byPath) {
        if (methods.has('GET')) methods.add('HEAD');
        const allow = [...methods].sort().join(', ');
        app.route({
          method: METHODS.filter((method) => !methods.has(method)),
          url,
          schema: { hide: true },
          onRequest(request, reply) {
            reply.header('allow', allow);
            refuse(reply, {
              code: 'METHOD_NOT_ALLOWED',
              detail: `${request.method} is not possible here; use ${allow}.`,
            });
          },
          handler: (_request, reply) => reply,
        });
      }
    },
  };
}
