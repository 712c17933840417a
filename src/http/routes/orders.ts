import Type from 'typebox';
import type { Answer, OrderView } from '../../actors/shows.ts';
import { parseScopedId } from '../../ids.ts';
import { ownList } from '../across-shows.ts';
import type { Guards } from '../auth.ts';
import { markReplayed, readOnce } from '../idempotency.ts';
import { emptyIfNone, noBody } from '../no-body.ts';
import { opened, payable, payableInList, withoutSecret } from '../payable-order.ts';
import { refuse } from '../problem.ts';
import type { SalesDeps } from '../sales-deps.ts';
import { OrderSchema } from '../sales-schemas.ts';
import { BEARER, LIMIT_DEFAULT, listOf, Page, PathId, problems, strict } from '../schemas.ts';
import type { App } from '../server.ts';
import { askDeadline, NOT_NOW, notFound } from '../show-answers.ts';
import { askAsViewer, seesAll } from '../viewers.ts';

export function orderRoutes(app: App, deps: SalesDeps, guards: Guards): void {
  const { shows, clock, gateway, settlement, ownLists } = deps;

  app.post(
    '/holds/:id/order',
    {
      config: { keyed: true },
      onRequest: guards.user,
      preValidation: emptyIfNone,
      schema: {
        tags: ['Orders'],
        summary: 'Order what a hold holds',
        description:
          'Send an `Idempotency-Key`. A free order is `paid` at once. With `comp` the organiser of the show gives the held ' +
          'places away. `UNAVAILABLE` when the payment provider cannot be reached: the order is made, and the same request ' +
          'again makes it payable.',
        security: BEARER,
        params: PathId,
        body: strict({
          comp: Type.Optional(
            Type.Boolean({ description: "Everything for nothing; only in the organiser's own show" }),
          ),
        }),
        response: {
          201: OrderSchema,
          ...problems(
            'BODY_INVALID',
            'FORBIDDEN',
            'IDEMPOTENCY_KEY_MISSING',
            'IDEMPOTENCY_KEY_INVALID',
            'UNAUTHENTICATED',
            'NOT_FOUND',
            'HOLD_INVALID',
            'HOLD_IN_PAYMENT',
            'HOLD_EXPIRED',
            'IDEMPOTENCY_KEY_REUSED',
            'ORDER_NOT_PAYABLE',
            'UNAVAILABLE',
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
      const { user } = request;
      const isComp = request.body.comp === true;
      if (isComp && !(await seesAll(deps, user, id.showId))) {
        return refuse(reply, { code: 'FORBIDDEN', detail: 'Only the organiser of a show gives its places away.' });
      }
      const order = { type: 'order', once, buyer: user.id, hold: id.number, at: id.at } as const;
      const command = isComp ? ({ ...order, comp: true } as const) : order;
      const answer = await shows.ask<OrderView>(id.showId, command, askDeadline(clock));
      markReplayed(reply, answer.replayed);
      if (!answer.ok) return refuse(reply, answer.refusal);
      // Once the order is durable: should this fail, or its answer be lost, the same request opens it again. What a repeat
      // tells of is as the order was when it was made; it may have ended by now.
      return reply.code(201).send(await opened(answer.value, answer.replayed, deps));
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
        response: {
          200: listOf(OrderSchema),
          ...problems('BODY_INVALID', 'UNAUTHENTICATED', 'OVERLOADED', 'UNAVAILABLE'),
        },
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
      const behind = await ownLists.showsBehind(buyer);
      const known = (except: readonly string[], part: { offset: number; limit: number }) =>
        ownLists.orders(buyer, except, part);
      const list = await ownList(behind, known, ask, { offset, limit });
      if ('code' in list) return refuse(reply, list);
      return reply.send({ ...list, items: list.items.map((order) => payableInList(order, gateway)) });
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
        response: { 200: OrderSchema, ...problems('UNAUTHENTICATED', 'NOT_FOUND', 'OVERLOADED', 'UNAVAILABLE') },
      },
    },
    async (request, reply) => {
      const id = parseScopedId('ord', request.params.id);
      if (id === null) return notFound(reply, 'order');
      let isBuyer = true;
      const answer = await askAsViewer<OrderView>(deps, request.user, id.showId, (viewer) => {
        isBuyer = !viewer.all;
        return { type: 'get-order', viewer, order: id.number, at: id.at };
      });
      if (!answer.ok) return refuse(reply, answer.refusal);
      return reply.send(isBuyer ? await payable(answer.value, deps) : withoutSecret(answer.value, gateway));
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
        response: {
          200: OrderSchema,
          ...problems('UNAUTHENTICATED', 'NOT_FOUND', 'ORDER_NOT_CANCELLABLE', ...NOT_NOW),
        },
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
      return reply.send(withoutSecret(answer.value, gateway));
    },
  );
}
