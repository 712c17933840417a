import Type from 'typebox';
import type { HttpDeps, ReadinessCheck } from '../deps.ts';
import { READINESS_TIMEOUT_MS } from '../limits.ts';
import { refuse } from '../problem.ts';
import { problems, strict } from '../schemas.ts';
import type { App } from '../server.ts';

const StatusSchema = Type.Object({
  status: Type.Literal('ok'),
  checks: Type.Optional(Type.Record(Type.String(), Type.String())),
});

type Deps = Pick<HttpDeps, 'readiness' | 'timers' | 'log'>;

/** What a check says within {@link READINESS_TIMEOUT_MS}: `ok`, or what is wrong. */
function outcome(check: ReadinessCheck, deps: Deps, name: string): Promise<string> {
  return new Promise((resolve) => {
    const timer = deps.timers.after(READINESS_TIMEOUT_MS, () => resolve('no answer in time'));
    check().then(
      () => {
        timer.cancel();
        resolve('ok');
      },
      (error: unknown) => {
        timer.cancel();
        deps.log.warn({ err: error, check: name }, 'a readiness check failed');
        resolve('failed');
      },
    );
  });
}

export function healthRoutes(app: App, deps: Deps): void {
  // A node that is too busy for buyers must still be able to say how it is.
  const config = { pressureHandler: () => {} };

  app.get(
    '/livez',
    {
      config,
      schema: {
        tags: ['Operations'],
        summary: 'Whether the process lives; looks at nothing else',
        response: { 200: StatusSchema, ...problems() },
      },
    },
    () => ({ status: 'ok' as const }),
  );

  app.get(
    '/readyz',
    {
      config,
      schema: {
        tags: ['Operations'],
        summary: 'Whether this node can take traffic',
        querystring: strict({ verbose: Type.Optional(Type.Enum(['', 'true', '1'])) }),
        response: { 200: StatusSchema, ...problems('UNAVAILABLE') },
      },
    },
    async (request, reply) => {
      const names = Object.keys(deps.readiness);
      const outcomes = await Promise.all(names.map((name) => outcome(deps.readiness[name], deps, name)));
      const checks = Object.fromEntries(names.map((name, i) => [name, outcomes[i]]));
      reply.header('cache-control', 'no-store');
      if (outcomes.every((text) => text === 'ok')) {
        return reply.send(request.query.verbose === undefined ? { status: 'ok' } : { status: 'ok', checks });
      }
      return refuse(reply, { code: 'UNAVAILABLE', detail: 'This node cannot take traffic now.', extra: { checks } });
    },
  );
}
