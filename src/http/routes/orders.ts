import type { Answer, OrderView } from '../../actors/shows.ts';
import { parseScopedId } from '../../ids.ts';
import { listAcrossShows } from '../across-shows.ts';
import type { Guards } from '../auth.ts';
import { markReplayed, readOnce } from '../idempotency.ts';
import { noBody } from '../no-body.ts';
import { payable } from '../payable-order.ts';
import { refuse } from '../problem.ts';
import type { SalesDeps } from '../sales-deps.ts';
import { OrderSchema } from '../sales-schemas.ts';
import { BEARER, LIMIT_DEFAULT, listOf, Page, PathId, problems, strict } from '../schemas.ts';
import type { App } from '../server.ts';
import { askDeadline, notFound } from '../show-answers.ts';
import { askAsViewer } from '../viewers.ts';

export function orderRoutes(app: App, deps: SalesDeps, guards: Guards): void {
  const { shows, clock, gateway, settlement, buyerShows } = deps;

  app.post(
    '/holds/:id/order',
    {
      config: { keyed: true },
      onRequest: guards.user,
      preValidation: noBody,
      schema: {
        tags: ['Orders'],
        summary: 'Order what a hold holds',
        description: 'Send an `Idempotency-Key`. A free order is `paid` at once.',
        security: BEARER,
        params: PathId,
        response: {
          201: OrderSchema,
          ...problems(
            'IDEMPOTENCY_KEY_MISSING',
            'IDEMPOTENCY_KEY_INVALID',
            'UNAUTHENTICATED',
            'NOT_FOUND',
            'HOLD_IN_PAYMENT',
            'HOLD_EXPIRED',
            'IDEMPOTENCY_KEY_REUSED',
            'OVERLOADED',
            'OUTCOME_UNKNOWN',
          ),
        },
      },
    },
    async (request, reply) => {
      const once = readOnce(request, 'order', request.params.id);
      const id = parseScopedId('hld', request.params.id);
      if (id === null) return notFound(reply, 'hold');
      const command = { type: 'order', once, buyer: request.user.id, hold: id.number, at: id.at } as const;
      const answer = await shows.ask<OrderView>(id.showId, command, askDeadline(clock));
      markReplayed(reply, answer.replayed);
      if (!answer.ok) return refuse(reply, answer.refusal);
      return reply.code(201).send(payable(answer.value, gateway));
    },
  );

  app.get(
    '/orders',
    {
      onRequest: guards.user,
      schema: {
        tags: ['Orders'],
        summary: 'Your orders, newest first',
        security: BEARER,
        querystring: strict(Page),
        response: { 200: listOf(OrderSchema), ...problems('BODY_INVALID', 'UNAUTHENTICATED') },
      },
    },
    async (request, reply) => {
      const buyer = request.user.id;
      const { offset = 0, limit = LIMIT_DEFAULT } = request.query;
      const deadline = askDeadline(clock);
      const ask = async (showId: string) => {
        const answer = await shows.ask<readonly OrderView[]>(showId, { type: 'list-orders', buyer }, deadline);
        return answer.ok ? { ...answer, value: { total: answer.value.length, items: answer.value } } : answer;
      };
      const list = await listAcrossShows(await buyerShows.showsOf(buyer), ask, { offset, limit });
      if ('code' in list) return refuse(reply, list);
      return reply.send({ ...list, items: list.items.map((order) => payable(order, gateway)) });
    },
  );

  app.get(
    '/orders/:id',
    {
      onRequest: guards.user,
      schema: {
        tags: ['Orders'],
        summary: "One of your orders, or of your show's",
        security: BEARER,
        params: PathId,
        response: { 200: OrderSchema, ...problems('UNAUTHENTICATED', 'NOT_FOUND') },
      },
    },
    async (request, reply) => {
      const id = parseScopedId('ord', request.params.id);
      if (id === null) return notFound(reply, 'order');
      const answer = await askAsViewer<OrderView>(deps, request.user, id.showId, (viewer) => ({
        type: 'get-order',
        viewer,
        order: id.number,
        at: id.at,
      }));
      if (!answer.ok) return refuse(reply, answer.refusal);
      return reply.send(payable(answer.value, gateway));
    },
  );

  app.post(
    '/orders/:id/cancel',
    {
      onRequest: guards.user,
      preValidation: noBody,
      schema: {
        tags: ['Orders'],
        summary: 'Give an unpaid order up',
        security: BEARER,
        params: PathId,
        response: { 200: OrderSchema, ...problems('UNAUTHENTICATED', 'NOT_FOUND', 'ORDER_NOT_CANCELLABLE') },
      },
    },
    async (request, reply) => {
      const id = parseScopedId('ord', request.params.id);
      if (id === null) return notFound(reply, 'order');
      const command = { type: 'cancel', buyer: request.user.id, order: id.number, at: id.at } as const;
      const answer: Answer<OrderView> = await shows.ask(id.showId, command, askDeadline(clock));
      if (!answer.ok) return refuse(reply, answer.refusal);
      // The gateway is told in the background: the seats are free whether or not it answers.
      settlement.resume(id.showId, [id.number]);
      return reply.send(payable(answer.value, gateway));
    },
  );
}
