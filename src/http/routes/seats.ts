import Type from 'typebox';
import { type SeatMap, tellsChangesSince } from '../../actors/seat-map.ts';
import { isId } from '../../ids.ts';
import { type Guards, viewerOf } from '../auth.ts';
import { matchesTag } from '../entity-tags.ts';
import { refuse } from '../problem.ts';
import type { SalesDeps } from '../sales-deps.ts';
import { OPTIONAL_BEARER, PathId, problems, strict, TimeOut } from '../schemas.ts';
import { changesBody, SeatBodies } from '../seat-bodies.ts';
import type { App } from '../server.ts';
import { notFound } from '../show-answers.ts';
import { seesShow } from '../viewers.ts';

const SeatSchema = Type.Object({
  id: Type.String({ description: "The plan's seat_guid" }),
  status: Type.String({ enum: ['available', 'held', 'sold', 'blocked'] }),
});

const SeatMapSchema = Type.Object(
  {
    showId: Type.String(),
    planId: Type.Optional(Type.String({ description: 'The plan in force, whose seats these are' })),
    version: Type.Integer({ description: 'Grows with every change; what `since` takes' }),
    asOf: TimeOut,
    stale: Type.Boolean({
      description:
        'true: the node that sells this show cannot be asked now, and this is the last version known; it may have ' +
        'changed since `asOf`',
    }),
    complete: Type.Boolean({ description: 'Whether `seats` are all seats; false: those changed after `since`' }),
    seats: Type.Union([
      Type.Array(SeatSchema, { description: 'In the order of the plan document' }),
      Type.Object(
        { form: Type.Literal('compact'), letters: Type.String() },
        {
          description:
            'With `form=compact`: a letter a seat in the order of the plan document (GET /v1/plans/{id}: zones, then rows, ' +
            'then seats): `a` available, `h` held, `s` sold, `b` blocked, `l` listed for resale',
        },
      ),
    ]),
    areas: Type.Array(Type.Object({ id: Type.String(), capacity: Type.Integer(), available: Type.Integer() })),
  },
  { title: 'SeatMap' },
);

/** Of one body: a stale one is another than the fresh one of the same version. */
function tagOf(map: SeatMap, part: string): string {
  return `"${map.version}-${part}${map.stale ? '-stale' : ''}"`;
}

export function seatRoutes(
  app: App,
  deps: Pick<SalesDeps, 'shows' | 'listing' | 'clock' | 'organiserOf'>,
  guards: Guards,
): void {
  const bodies = new SeatBodies();

  app.get(
    '/shows/:id/seats',
    {
      onRequest: guards.anyone,
      schema: {
        tags: ['Seats'],
        summary: 'Which seats are free',
        description:
          '`since` gives only what changed after that version; 0, a version that the show has not reached, or one that this ' +
          'node never saw, gives all (`complete: true`). `form` is that of the whole map; changes are always a list.',
        security: OPTIONAL_BEARER,
        params: PathId,
        querystring: strict({
          form: Type.Optional(Type.Enum(['list', 'compact'])),
          since: Type.Optional(Type.Integer({ minimum: 0 })),
        }),
        response: {
          200: { description: 'The map', content: { 'application/json': { schema: SeatMapSchema } } },
          304: Type.Null({ description: 'It is still what If-None-Match names' }),
          ...problems('BODY_INVALID', 'UNAUTHENTICATED', 'NOT_FOUND', 'OVERLOADED', 'UNAVAILABLE'),
        },
      },
    },
    async (request, reply) => {
      const { form = 'list', since } = request.query;
      const { id } = request.params;
      if (!isId('shw', id) || !(await seesShow(deps, viewerOf(request), id))) return notFound(reply, 'show');
      const map = await deps.shows.seatMap(id);
      if ('code' in map) return refuse(reply, map);

      // From here to the body in one tick: the map is live.
      const changes = since !== undefined && tellsChangesSince(map, since);
      const tag = tagOf(map, changes ? `since-${since}` : form);
      reply.header('etag', tag).header('cache-control', 'no-cache');
      if (matchesTag(request.headers['if-none-match'], tag)) return reply.code(304).send(undefined as never);
      reply.type('application/json; charset=utf-8');
      // Both are JSON already; a Buffer passes by the serialiser, which would otherwise write text as a JSON string.
      return reply.send((changes ? Buffer.from(changesBody(map, since)) : bodies.body(map, form)) as never);
    },
  );
}
