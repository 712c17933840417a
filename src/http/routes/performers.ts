import Type from 'typebox';
import type { PerformerView } from '../../catalog/performers.ts';
import type { Guards } from '../auth.ts';
import type { HttpDeps } from '../deps.ts';
import { BEARER, LIMIT_DEFAULT, line, listOf, Page, problems, prose, strict, TimeOut } from '../schemas.ts';
import type { App } from '../server.ts';

const PerformerSchema = Type.Unsafe<PerformerView>(
  Type.Object(
    { id: Type.String(), name: Type.String(), description: Type.Optional(Type.String()), createdAt: TimeOut },
    { title: 'Performer' },
  ),
);

export function performerRoutes(app: App, deps: Pick<HttpDeps, 'catalogue'>, guards: Guards): void {
  const { performers } = deps.catalogue;

  app.post(
    '/performers',
    {
      schema: {
        tags: ['Catalogue'],
        summary: 'Enter a performer',
        security: BEARER,
        body: strict({ name: line(1, 200), description: Type.Optional(prose(10_000)) }),
        response: { 201: PerformerSchema, ...problems('BODY_INVALID', 'UNAUTHENTICATED', 'FORBIDDEN') },
      },
      onRequest: guards.role('organiser'),
    },
    async (request, reply) => reply.code(201).send(await performers.create(request.body)),
  );

  app.get(
    '/performers',
    {
      schema: {
        tags: ['Catalogue'],
        summary: 'Find performers',
        description: '`name` is a part of the name; case does not matter.',
        querystring: strict({
          name: Type.Optional(line(1, 200)),
          sort: Type.Optional(Type.Enum(['name', '-name'])),
          ...Page,
        }),
        response: { 200: listOf(PerformerSchema), ...problems('BODY_INVALID') },
      },
    },
    async (request) => {
      const { name, sort = 'name', offset = 0, limit = LIMIT_DEFAULT } = request.query;
      return performers.list(name, sort === '-name', { offset, limit });
    },
  );
}
