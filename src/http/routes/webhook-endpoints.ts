import Type from 'typebox';
import type { Principal } from '../../accounts/tokens.ts';
import { isId } from '../../ids.ts';
import { WEBHOOK_EVENTS, type WebhookEvent } from '../../webhooks/announcements.ts';
import { isDeliveryId, type WebhookEndpoints } from '../../webhooks/endpoints.ts';
import { URL_LENGTH_MAX } from '../../webhooks/targets.ts';
import type { Guards } from '../auth.ts';
import { noBody } from '../no-body.ts';
import {
  BEARER,
  eachOnce,
  LIMIT_DEFAULT,
  line,
  listOf,
  Page,
  PathId,
  problems,
  strict,
  Time,
  TimeOut,
} from '../schemas.ts';
import type { App } from '../server.ts';
import { notFound } from '../show-answers.ts';
import { timeAt } from '../times.ts';

const TAGS = ['Webhooks'];
const DELIVERY_STATES = ['pending', 'delivered', 'failed'] as const;

const EndpointFields = {
  id: Type.String(),
  url: Type.String(),
  events: Type.Array(Type.Enum([...WEBHOOK_EVENTS])),
  status: Type.Enum(['enabled', 'disabled']),
  disabledReason: Type.Optional(Type.String()),
  failingSince: Type.Optional(Type.String({ format: 'date-time', description: 'Nothing has arrived since' })),
  createdAt: TimeOut,
};
const EndpointSchema = Type.Object(EndpointFields, { title: 'WebhookEndpoint' });
const NewEndpointSchema = Type.Object(
  { ...EndpointFields, secret: Type.String({ description: 'Signs what is sent; told only here' }) },
  { title: 'NewWebhookEndpoint' },
);

const DeliverySchema = Type.Object(
  {
    id: Type.String(),
    endpointId: Type.String(),
    messageId: Type.String({ description: 'The `webhook-id` of every attempt' }),
    type: Type.String(),
    showId: Type.String(),
    status: Type.Enum([...DELIVERY_STATES]),
    attempts: Type.Integer(),
    createdAt: TimeOut,
    nextAttemptAt: Type.Optional(TimeOut),
    deliveredAt: Type.Optional(TimeOut),
    lastStatus: Type.Optional(Type.Integer()),
    lastError: Type.Optional(Type.String()),
  },
  { title: 'WebhookDelivery' },
);

/** Whose endpoints a user may see: an admin everybody's. */
function ownerOf(user: Principal): string | null {
  return user.role === 'admin' ? null : user.id;
}

/** What organisers have their own systems told. */
export function webhookEndpointRoutes(app: App, endpoints: WebhookEndpoints, guards: Guards): void {
  const onRequest = guards.role('organiser');

  app.post(
    '/webhook-endpoints',
    {
      onRequest,
      schema: {
        tags: TAGS,
        summary: 'Have a system of yours told',
        description:
          'Signed as Standard Webhooks are. The address must begin with https:// and be of the public internet. The secret ' +
          'is told only in this answer.',
        security: BEARER,
        body: strict({
          url: line(1, URL_LENGTH_MAX),
          events: eachOnce(Type.Enum([...WEBHOOK_EVENTS]), { minItems: 1, maxItems: WEBHOOK_EVENTS.length }),
        }),
        response: {
          201: NewEndpointSchema,
          ...problems('BODY_INVALID', 'UNAUTHENTICATED', 'FORBIDDEN', 'WEBHOOK_URL_INVALID', 'WEBHOOK_ENDPOINT_LIMIT'),
        },
      },
    },
    async (request, reply) => {
      const { url, events } = request.body;
      const made = await endpoints.create(request.user.id, url, events as WebhookEvent[]);
      return reply.code(201).send({ ...made, events: [...made.events] });
    },
  );

  app.get(
    '/webhook-endpoints',
    {
      onRequest,
      schema: {
        tags: TAGS,
        summary: 'Your webhook endpoints, all of them',
        security: BEARER,
        querystring: strict({}),
        response: {
          200: Type.Object({ items: Type.Array(EndpointSchema), total: Type.Integer() }),
          ...problems('UNAUTHENTICATED', 'FORBIDDEN'),
        },
      },
    },
    async (request, reply) => {
      const items = await endpoints.list(request.user.id);
      return reply.send({ items: items.map((one) => ({ ...one, events: [...one.events] })), total: items.length });
    },
  );

  app.get(
    '/webhook-endpoints/:id',
    {
      onRequest,
      schema: {
        tags: TAGS,
        summary: 'One of your webhook endpoints',
        security: BEARER,
        params: PathId,
        response: { 200: EndpointSchema, ...problems('UNAUTHENTICATED', 'FORBIDDEN', 'NOT_FOUND') },
      },
    },
    async (request, reply) => {
      if (!isId('whe', request.params.id)) return notFound(reply, 'webhook endpoint');
      const found = await endpoints.get(ownerOf(request.user), request.params.id);
      return found === null ? notFound(reply, 'webhook endpoint') : reply.send({ ...found, events: [...found.events] });
    },
  );

  app.delete(
    '/webhook-endpoints/:id',
    {
      onRequest,
      preValidation: noBody,
      schema: {
        tags: TAGS,
        summary: 'Remove a webhook endpoint, and what was to be sent to it',
        security: BEARER,
        params: PathId,
        response: { 204: Type.Null(), ...problems('UNAUTHENTICATED', 'FORBIDDEN', 'NOT_FOUND') },
      },
    },
    async (request, reply) => {
      if (!isId('whe', request.params.id)) return notFound(reply, 'webhook endpoint');
      const isRemoved = await endpoints.remove(ownerOf(request.user), request.params.id);
      return isRemoved ? reply.code(204).send(undefined as never) : notFound(reply, 'webhook endpoint');
    },
  );

  app.post(
    '/webhook-endpoints/:id/enable',
    {
      onRequest,
      preValidation: noBody,
      schema: {
        tags: TAGS,
        summary: 'Send to an endpoint again that was disabled',
        description: 'From now on; replay what it has missed.',
        security: BEARER,
        params: PathId,
        response: { 200: EndpointSchema, ...problems('UNAUTHENTICATED', 'FORBIDDEN', 'NOT_FOUND') },
      },
    },
    async (request, reply) => {
      if (!isId('whe', request.params.id)) return notFound(reply, 'webhook endpoint');
      const found = await endpoints.enable(ownerOf(request.user), request.params.id);
      return found === null ? notFound(reply, 'webhook endpoint') : reply.send({ ...found, events: [...found.events] });
    },
  );

  app.post(
    '/webhook-endpoints/:id/replay',
    {
      onRequest,
      schema: {
        tags: TAGS,
        summary: 'Send again what was not delivered since a time',
        description: 'With `delivered` also what was. Up to 10,000 at a time, the oldest first; kept for 30 days.',
        security: BEARER,
        params: PathId,
        body: strict({ since: Time, delivered: Type.Optional(Type.Boolean({ default: false })) }),
        response: {
          202: Type.Object({ replayed: Type.Integer() }),
          ...problems('BODY_INVALID', 'UNAUTHENTICATED', 'FORBIDDEN', 'NOT_FOUND', 'WEBHOOK_ENDPOINT_DISABLED'),
        },
      },
    },
    async (request, reply) => {
      if (!isId('whe', request.params.id)) return notFound(reply, 'webhook endpoint');
      const { since, delivered = false } = request.body;
      const owner = ownerOf(request.user);
      const replayed = await endpoints.replaySince(owner, request.params.id, timeAt(since, '/since'), delivered);
      return replayed === null ? notFound(reply, 'webhook endpoint') : reply.code(202).send({ replayed });
    },
  );

  app.get(
    '/webhook-deliveries',
    {
      onRequest,
      schema: {
        tags: TAGS,
        summary: 'What was or is to be sent to your endpoints, newest first',
        description: 'Kept for 30 days.',
        security: BEARER,
        querystring: strict({
          ...Page,
          endpointId: Type.Optional(Type.String({ maxLength: 200 })),
          status: Type.Optional(Type.Enum([...DELIVERY_STATES])),
        }),
        response: { 200: listOf(DeliverySchema), ...problems('BODY_INVALID', 'UNAUTHENTICATED', 'FORBIDDEN') },
      },
    },
    async (request, reply) => {
      const { offset = 0, limit = LIMIT_DEFAULT, endpointId, status } = request.query;
      const page = { offset, limit };
      // One that cannot be has none.
      if (endpointId !== undefined && !isId('whe', endpointId)) return reply.send({ items: [], total: 0, ...page });
      const list = await endpoints.deliveries(ownerOf(request.user), { endpointId, status }, page);
      return reply.send({ ...list, ...page });
    },
  );

  app.post(
    '/webhook-deliveries/:id/replay',
    {
      onRequest,
      preValidation: noBody,
      schema: {
        tags: TAGS,
        summary: 'Send one again',
        description: 'Under the same `webhook-id`. One that is still on its way is let be.',
        security: BEARER,
        params: PathId,
        response: {
          202: DeliverySchema,
          ...problems('UNAUTHENTICATED', 'FORBIDDEN', 'NOT_FOUND', 'WEBHOOK_ENDPOINT_DISABLED'),
        },
      },
    },
    async (request, reply) => {
      if (!isDeliveryId(request.params.id)) return notFound(reply, 'webhook delivery');
      const found = await endpoints.replay(ownerOf(request.user), request.params.id);
      return found === null ? notFound(reply, 'webhook delivery') : reply.code(202).send(found);
    },
  );
}
