import Type from 'typebox';
import type { VenueView } from '../../catalog/venues.ts';
import { AddressIn, AddressOut } from '../address-schema.ts';
import type { Guards } from '../auth.ts';
import type { HttpDeps } from '../deps.ts';
import { BEARER, LIMIT_DEFAULT, line, listOf, Page, PathId, problems, strict, TimeOut } from '../schemas.ts';
import type { App } from '../server.ts';
import { notFound } from '../show-answers.ts';

const VenueSchema = Type.Unsafe<VenueView>(
  Type.Object({ id: Type.String(), name: Type.String(), address: AddressOut, createdAt: TimeOut }, { title: 'Venue' }),
);

const Filter = Type.Optional(line(1, 200));

export function venueRoutes(app: App, deps: Pick<HttpDeps, 'catalogue'>, guards: Guards): void {
  const { venues } = deps.catalogue;

  app.post(
    '/venues',
    {
      schema: {
        tags: ['Catalogue'],
        summary: 'Enter a venue',
        security: BEARER,
        body: strict({ name: line(1, 200), address: AddressIn }),
        response: { 201: VenueSchema, ...problems('BODY_INVALID', 'UNAUTHENTICATED', 'FORBIDDEN') },
      },
      onRequest: guards.role('organiser'),
    },
    async (request, reply) => reply.code(201).send(await venues.create(request.user.id, request.body)),
  );

  app.get(
    '/venues',
    {
      schema: {
        tags: ['Catalogue'],
        summary: 'Find venues',
        description: '`name` is a part of the name; the other filters are whole texts. Case does not matter.',
        querystring: strict({
          name: Filter,
          city: Filter,
          state: Filter,
          country: Filter,
          postalCode: Filter,
          sort: Type.Optional(Type.Enum(['name', '-name'])),
          ...Page,
        }),
        response: { 200: listOf(VenueSchema), ...problems('BODY_INVALID') },
      },
    },
    async (request) => {
      const { sort = 'name', offset = 0, limit = LIMIT_DEFAULT, ...filter } = request.query;
      return venues.list(filter, sort === '-name', { offset, limit });
    },
  );

  app.get(
    '/venues/:id',
    {
      schema: {
        tags: ['Catalogue'],
        summary: 'A venue',
        params: PathId,
        response: { 200: VenueSchema, ...problems('NOT_FOUND') },
      },
    },
    async (request, reply) => {
      const venue = await venues.get(request.params.id);
      return venue === null ? notFound(reply, 'venue') : reply.send(venue);
    },
  );
}
