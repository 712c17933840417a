import type { FastifyReply, FastifyRequest } from 'fastify';
import Type from 'typebox';
import type { SaleTimes } from '../../actors/shows.ts';
import type { RescheduleCommand } from '../../allocator/commands.ts';
import { checkChanges, MEDIA_LINKS_MAX, PERFORMERS_MAX, plausibleTime, SHOW_LIMITS } from '../../catalog/show-rules.ts';
import type { ShowRecord } from '../../catalog/shows.ts';
import { type Fault, type Refusal, RefusedError } from '../../errors.ts';
import { isId } from '../../ids.ts';
import type { Guards } from '../auth.ts';
import { emptyIfNone, noBody } from '../no-body.ts';
import { refuse } from '../problem.ts';
import { Amount, BEARER, Currency, eachOnce, line, PathId, problems, prose, strict, Time } from '../schemas.ts';
import type { App } from '../server.ts';
import { askDeadline, NOT_NOW, notFound } from '../show-answers.ts';
import { ShowSchema, viewShow } from '../show-views.ts';
import { ownsShow } from '../viewers.ts';
import type { ShowDeps } from './shows.ts';

const CATEGORY_LENGTH_MAX = 200;
const CATEGORIES_MAX = 1_000;
/** Since then all nodes know that drafts are not to be shown or sold. */
const DRAFTS_SINCE_FORMAT = 4;

const UPGRADING: Refusal = {
  code: 'UNAVAILABLE',
  detail: 'Not all nodes of the cluster know drafts yet: it is being upgraded. Try again when that is done.',
};

function limit(range: { readonly min: number; readonly max: number; readonly default: number }) {
  return Type.Optional(Type.Integer({ minimum: range.min, maximum: range.max, default: range.default }));
}

const Title = line(1, 200);
const Description = prose(10_000);
const Screen = line(1, 100);
const MediaUrl = line(1, 2_000);
const MediaLinks = eachOnce(MediaUrl, { maxItems: MEDIA_LINKS_MAX });

const NewShowSchema = strict({
  title: Title,
  description: Type.Optional(Description),
  venueId: line(1, 100),
  planId: line(1, 100),
  screen: Type.Optional(Screen),
  performerIds: Type.Optional(eachOnce(line(1, 100), { maxItems: PERFORMERS_MAX })),
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
  mediaUrl: Type.Optional(MediaUrl),
  mediaLinks: Type.Optional(MediaLinks),
  draft: Type.Optional(Type.Boolean({ description: 'true: nobody else sees it until it is published' })),
  publishAt: Type.Optional({ ...Time, description: 'A draft that publishes itself then' }),
});

const orNone = <T extends Parameters<typeof Type.Optional>[0]>(schema: T) =>
  Type.Optional(Type.Union([schema, Type.Null()]));

const ChangesSchema = strict({
  title: Type.Optional(Title),
  description: orNone(Description),
  screen: orNone(Screen),
  startsAt: Type.Optional(Time),
  endsAt: orNone(Time),
  onSaleAt: Type.Optional(Time),
  offSaleAt: Type.Optional(Time),
  mediaUrl: orNone(MediaUrl),
  mediaLinks: Type.Optional(MediaLinks),
});

const PerformerOfShow = strict({ id: Type.String({ maxLength: 200 }), performerId: Type.String({ maxLength: 200 }) });

/** What all routes answer that change a show. */
const REFUSALS = ['BODY_INVALID', 'UNAUTHENTICATED', 'FORBIDDEN', 'NOT_FOUND', 'SHOW_INVALID'] as const;

function invalid(errors: readonly Fault[]): Refusal {
  return { code: 'SHOW_INVALID', detail: 'Mend what `errors` points at.', errors };
}

/** How organisers make shows and change them. */
export function showEditingRoutes(app: App, deps: ShowDeps, guards: Guards): void {
  const records = deps.catalogue.shows;

  /** The show, if it is this organiser's or an admin asks. */
  async function ownShow(request: FastifyRequest, id: string): Promise<ShowRecord | null> {
    const record = isId('shw', id) ? await records.get(id) : null;
    return record !== null && ownsShow(request.user, record) ? record : null;
  }

  /** Lets the show decide about its times, and notes what it says. @throws RefusedError what it refuses with */
  async function reschedule(showId: string, times: Omit<RescheduleCommand, 'type'>): Promise<void> {
    const command: RescheduleCommand = { type: 'reschedule', ...times };
    const answer = await deps.shows.ask<SaleTimes>(showId, command, askDeadline(deps.clock));
    if (!answer.ok) throw new RefusedError(answer.refusal);
    // Should this fail, the list of shows hears of it from the show itself, and mends the catalogue.
    await records.noteTimes(showId, answer.value);
  }

  async function sendShow(reply: FastifyReply, id: string): Promise<FastifyReply> {
    const record = await records.get(id);
    return record === null ? notFound(reply, 'show') : reply.send(await viewShow(record, deps));
  }

  app.post(
    '/shows',
    {
      schema: {
        tags: ['Catalogue'],
        summary: 'Put a show up for sale',
        description:
          'Sale opens by itself at `onSaleAt` and closes at `offSaleAt` (else when the show starts). With `draft`, or a ' +
          '`publishAt`, nobody but its organiser sees it before it is published.',
        security: BEARER,
        body: NewShowSchema,
        response: { 201: ShowSchema, ...problems(...REFUSALS, 'UNAVAILABLE') },
      },
      onRequest: guards.role('organiser'),
    },
    async (request, reply) => {
      const { user, body } = request;
      const isDraft = body.draft === true || body.publishAt !== undefined;
      if (isDraft && deps.format() < DRAFTS_SINCE_FORMAT) return refuse(reply, UPGRADING);
      const record = await records.create({ id: user.id, admin: user.role === 'admin' }, body);
      // Wakes the show, so that its seats are built before anybody asks. Should that fail, the first buyer wakes it.
      await deps.shows.ask(record.id, { type: 'get-summary' }, askDeadline(deps.clock));
      return reply.code(201).send(await viewShow(record, deps));
    },
  );

  app.patch(
    '/shows/:id',
    {
      schema: {
        tags: ['Catalogue'],
        summary: 'Change a show',
        description:
          'For its organiser and admins. Members that are absent stay as they are; null takes away. The times of sale may move ' +
          'while it sells: what is held or sold stays so. Safe to repeat.',
        security: BEARER,
        params: PathId,
        body: ChangesSchema,
        response: { 200: ShowSchema, ...problems(...REFUSALS, ...NOT_NOW) },
      },
      onRequest: guards.role('organiser'),
    },
    async (request, reply) => {
      const record = await ownShow(request, request.params.id);
      if (record === null) return notFound(reply, 'show');
      const checked = checkChanges(request.body, record, deps.clock.now());
      if (!('times' in checked)) return refuse(reply, invalid(checked));
      const { onSaleAt, offSaleAt } = checked.times;
      // The show first: if it refuses, nothing has changed.
      if (onSaleAt !== undefined || offSaleAt !== undefined) {
        await reschedule(record.id, {
          ...(onSaleAt === undefined ? undefined : { onSaleAt }),
          ...(offSaleAt === undefined ? undefined : { offSaleAt }),
        });
      }
      await records.change(record.id, request.body, checked.times);
      return sendShow(reply, record.id);
    },
  );

  app.post(
    '/shows/:id/publish',
    {
      schema: {
        tags: ['Catalogue'],
        summary: 'Show a draft to everybody',
        description:
          'For its organiser and admins; at once, or at the time `at`. Safe to repeat: what is public stays so.',
        security: BEARER,
        params: PathId,
        body: strict({ at: Type.Optional(Time) }),
        response: { 200: ShowSchema, ...problems(...REFUSALS, ...NOT_NOW) },
      },
      onRequest: guards.role('organiser'),
      preValidation: emptyIfNone,
    },
    async (request, reply) => {
      const record = await ownShow(request, request.params.id);
      if (record === null) return notFound(reply, 'show');
      const publishAt = request.body.at === undefined ? 'now' : plausibleTime(request.body.at);
      if (publishAt === null || (publishAt !== 'now' && publishAt >= record.startsAt)) {
        return refuse(reply, invalid([{ pointer: '/at', detail: 'must be before the show starts' }]));
      }
      await reschedule(record.id, { publishAt });
      return sendShow(reply, record.id);
    },
  );

  app.put(
    '/shows/:id/performers/:performerId',
    {
      schema: {
        tags: ['Catalogue'],
        summary: 'Add a performer to a show',
        description: 'For its organiser and admins. Safe to repeat. The last one is named last.',
        security: BEARER,
        params: PerformerOfShow,
        response: { 200: ShowSchema, ...problems(...REFUSALS) },
      },
      onRequest: guards.role('organiser'),
      preValidation: noBody,
    },
    async (request, reply) => {
      const { id, performerId } = request.params;
      const record = await ownShow(request, id);
      if (record === null) return notFound(reply, 'show');
      if (!isId('prf', performerId)) return notFound(reply, 'performer');
      await records.addPerformer(id, performerId);
      return sendShow(reply, id);
    },
  );

  app.delete(
    '/shows/:id/performers/:performerId',
    {
      schema: {
        tags: ['Catalogue'],
        summary: 'Take a performer from a show',
        description: 'For its organiser and admins. Safe to repeat.',
        security: BEARER,
        params: PerformerOfShow,
        response: { 200: ShowSchema, ...problems(...REFUSALS) },
      },
      onRequest: guards.role('organiser'),
      preValidation: noBody,
    },
    async (request, reply) => {
      const { id, performerId } = request.params;
      const record = await ownShow(request, id);
      if (record === null) return notFound(reply, 'show');
      await records.removePerformer(id, performerId);
      return sendShow(reply, id);
    },
  );
}
