import Type from 'typebox';
import { plausibleTime, SHOW_LIMITS } from '../../catalog/show-rules.ts';
import type { ShowRecord } from '../../catalog/shows.ts';
import { SHOW_SORTS } from '../../catalog/shows.ts';
import { RefusedError } from '../../errors.ts';
import { isId } from '../../ids.ts';
import type { Guards } from '../auth.ts';
import type { HttpDeps } from '../deps.ts';
import {
  Amount,
  BEARER,
  Currency,
  LIMIT_DEFAULT,
  line,
  listOf,
  Page,
  PathId,
  problems,
  prose,
  strict,
  Time,
} from '../schemas.ts';
import type { App } from '../server.ts';
import { askDeadline, notFound } from '../show-answers.ts';
import { ShowSchema, viewShow, viewShows } from '../show-views.ts';

const PERFORMERS_MAX = 50;
const CATEGORY_LENGTH_MAX = 200;
const CATEGORIES_MAX = 1_000;

function limit(range: { readonly min: number; readonly max: number; readonly default: number }) {
  return Type.Optional(Type.Integer({ minimum: range.min, maximum: range.max, default: range.default }));
}

const NewShowSchema = strict({
  title: line(1, 200),
  description: Type.Optional(prose(10_000)),
  venueId: line(1, 100),
  planId: line(1, 100),
  screen: Type.Optional(line(1, 100)),
  performerIds: Type.Optional(Type.Array(line(1, 100), { maxItems: PERFORMERS_MAX, uniqueItems: true })),
  startsAt: Time,
  endsAt: Type.Optional(Time),
  onSaleAt: Time,
  offSaleAt: Type.Optional(Time),
  currency: Currency,
  prices: Type.Record(Type.String({ maxLength: CATEGORY_LENGTH_MAX }), Amount, {
    maxProperties: CATEGORIES_MAX,
    description: 'Minor units by the name of the category; a category without a price is not for sale',
  }),
  limits: Type.Optional(
    strict({
      perHold: limit(SHOW_LIMITS.perHold),
      perBuyer: limit(SHOW_LIMITS.perBuyer),
      holdSeconds: limit(SHOW_LIMITS.holdSeconds),
    }),
  ),
  mediaUrl: Type.Optional(line(1, 2_000)),
});

/** A time in a query, in ms. @throws RefusedError `BODY_INVALID` */
function queryTime(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const time = plausibleTime(text);
  if (time !== null) return time;
  const errors = [{ pointer: `#/query/${name}`, detail: 'must be in the years 2000 to 2199' }];
  throw new RefusedError({ code: 'BODY_INVALID', detail: 'Mend what `errors` points at.', errors });
}

export function showRoutes(app: App, deps: Pick<HttpDeps, 'catalogue' | 'shows' | 'clock'>, guards: Guards): void {
  const records = deps.catalogue.shows;

  app.post(
    '/shows',
    {
      schema: {
        tags: ['Catalogue'],
        summary: 'Put a show up for sale',
        description: 'Sale opens by itself at `onSaleAt` and closes at `offSaleAt` (else when the show starts).',
        security: BEARER,
        body: NewShowSchema,
        response: {
          201: ShowSchema,
          ...problems('BODY_INVALID', 'UNAUTHENTICATED', 'FORBIDDEN', 'NOT_FOUND', 'SHOW_INVALID'),
        },
      },
      onRequest: guards.role('organiser'),
    },
    async (request, reply) => {
      const { user } = request;
      const record = await records.create({ id: user.id, admin: user.role === 'admin' }, request.body);
      // Wakes the show, so that its seats are built before anybody asks. Should that fail, the first buyer wakes it.
      await deps.shows.ask(record.id, { type: 'get-summary' }, askDeadline(deps.clock));
      return reply.code(201).send(await viewShow(record, deps));
    },
  );

  app.get(
    '/shows',
    {
      schema: {
        tags: ['Catalogue'],
        summary: 'Find shows',
        description:
          '`from` and `to` bound `startsAt` (`to` excluded). `status` asks for the time of sale: `on_sale` finds every show ' +
          'whose sale is open, also where no seat is left; the `status` of an item then says `sold_out`.',
        querystring: strict({
          city: Type.Optional(line(1, 100)),
          country: Type.Optional(line(1, 100)),
          venueId: Type.Optional(line(1, 100)),
          performerId: Type.Optional(line(1, 100)),
          from: Type.Optional(Time),
          to: Type.Optional(Time),
          status: Type.Optional(Type.Enum(['scheduled', 'on_sale', 'closed', 'cancelled'])),
          sort: Type.Optional(Type.Enum([...SHOW_SORTS])),
          ...Page,
        }),
        response: { 200: listOf(ShowSchema), ...problems('BODY_INVALID') },
      },
    },
    async (request) => {
      const { sort = 'startsAt', offset = 0, limit: size = LIMIT_DEFAULT, status, from, to, ...filter } = request.query;
      const page = await records.list(
        { ...filter, phase: status, from: queryTime('from', from), to: queryTime('to', to) },
        sort,
        { offset, limit: size },
      );
      return { ...page, items: await viewShows(page.items, deps) };
    },
  );

  app.get(
    '/shows/:id',
    {
      schema: {
        tags: ['Catalogue'],
        summary: 'A show',
        params: PathId,
        response: { 200: ShowSchema, ...problems('NOT_FOUND') },
      },
    },
    async (request, reply) => {
      const record: ShowRecord | null = isId('shw', request.params.id) ? await records.get(request.params.id) : null;
      if (record === null) return notFound(reply, 'show');
      const view = await viewShow(record, deps);
      // Whoever called the show off may have died before the catalogue heard of it: then lists would not find it as cancelled.
      if (view.status === 'cancelled' && record.cancelledAt === null) await records.markCancelled(record.id);
      return reply.send(view);
    },
  );
}
