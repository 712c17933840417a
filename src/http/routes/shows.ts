import Type from 'typebox';
import { SHOW_SORTS } from '../../catalog/listing/show-listing.ts';
import { plausibleTime } from '../../catalog/show-rules.ts';
import { isPublic } from '../../catalog/shows.ts';
import { RefusedError } from '../../errors.ts';
import { isId } from '../../ids.ts';
import { type Guards, viewerOf } from '../auth.ts';
import type { HttpDeps } from '../deps.ts';
import { LIMIT_DEFAULT, line, listOf, OPTIONAL_BEARER, Page, PathId, problems, strict, Time } from '../schemas.ts';
import type { App } from '../server.ts';
import { notFound } from '../show-answers.ts';
import { ShowSchema, viewShow, viewShows } from '../show-views.ts';
import { ownsShow } from '../viewers.ts';

/** What is searched for; longer texts are not worth a look. */
const QUERY_LENGTH_MAX = 200;

/** A time in a query, in ms. @throws RefusedError `BODY_INVALID` */
function queryTime(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const time = plausibleTime(text);
  if (time !== null) return time;
  const errors = [{ pointer: `#/query/${name}`, detail: 'must be in the years 2000 to 2199' }];
  throw new RefusedError({ code: 'BODY_INVALID', detail: 'Mend what `errors` points at.', errors });
}

export type ShowDeps = Pick<HttpDeps, 'catalogue' | 'listing' | 'format' | 'shows' | 'clock'>;

/** How everybody finds shows. */
export function showRoutes(app: App, deps: ShowDeps, guards: Guards): void {
  const records = deps.catalogue.shows;

  app.get(
    '/shows',
    {
      schema: {
        tags: ['Catalogue'],
        summary: 'Find shows',
        description:
          '`from` and `to` bound `startsAt` (`to` excluded). `status` asks for the time of sale: `on_sale` finds every show ' +
          'whose sale is open, also where no seat is left; `sold_out` only those, as the `status` of an item says. `draft` finds your own ' +
          'drafts, if you send a token. `q` finds words in title, description, performers, venue and city, whatever their case and ' +
          'accents, also with typing errors; then the best match comes first, unless `sort` says otherwise. Of a long description ' +
          'only the beginning is searched and listed, and of what is found the first 1,000 can be paged through.',
        security: OPTIONAL_BEARER,
        querystring: strict({
          q: Type.Optional(line(1, QUERY_LENGTH_MAX)),
          city: Type.Optional(line(1, 100)),
          country: Type.Optional(line(1, 100)),
          venueId: Type.Optional(line(1, 100)),
          performerId: Type.Optional(line(1, 100)),
          from: Type.Optional(Time),
          to: Type.Optional(Time),
          status: Type.Optional(Type.Enum(['draft', 'scheduled', 'on_sale', 'sold_out', 'closed', 'cancelled'])),
          sort: Type.Optional(Type.Enum([...SHOW_SORTS])),
          ...Page,
        }),
        response: { 200: listOf(ShowSchema), ...problems('BODY_INVALID', 'UNAUTHENTICATED') },
      },
      onRequest: guards.anyone,
    },
    async (request) => {
      const { offset = 0, limit = LIMIT_DEFAULT, status, from, to, ...filter } = request.query;
      const viewer = viewerOf(request);
      const draftsOf =
        status === 'draft' && viewer !== null ? { draftsOf: viewer.role === 'admin' ? 'all' : viewer.id } : {};
      const query = { ...filter, ...draftsOf, phase: status, from: queryTime('from', from), to: queryTime('to', to) };
      const page = await deps.listing.find(query, { offset, limit }, deps.clock.now());
      return { ...page, items: await viewShows(page.items, deps) };
    },
  );

  app.get(
    '/shows/:id',
    {
      schema: {
        tags: ['Catalogue'],
        summary: 'A show',
        description: 'A draft is there only for its organiser and admins.',
        security: OPTIONAL_BEARER,
        params: PathId,
        response: { 200: ShowSchema, ...problems('UNAUTHENTICATED', 'NOT_FOUND') },
      },
      onRequest: guards.anyone,
    },
    async (request, reply) => {
      const record = isId('shw', request.params.id) ? await records.get(request.params.id) : null;
      if (record === null) return notFound(reply, 'show');
      if (!isPublic(record, deps.clock.now()) && !ownsShow(viewerOf(request), record)) return notFound(reply, 'show');
      const view = await viewShow(record, deps);
      // Whoever called the show off may have died before the catalogue heard of it: then lists would not find it as cancelled.
      if (view.status === 'cancelled' && record.cancelledAt === null) await records.markCancelled(record.id);
      return reply.send(view);
    },
  );
}
