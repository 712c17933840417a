import Type from 'typebox';
import type { CancellationView } from '../../actors/shows.ts';
import { isId, parseScopedId, type ScopedId } from '../../ids.ts';
import type { Guards } from '../auth.ts';
import { readOnce } from '../idempotency.ts';
import { emptyIfNone } from '../no-body.ts';
import { refuse } from '../problem.ts';
import type { SalesDeps } from '../sales-deps.ts';
import { CancellationSchema, NewRefundSchema } from '../sales-schemas.ts';
import { BEARER, eachOnce, line, PathId, problems, strict } from '../schemas.ts';
import type { App } from '../server.ts';
import { askDeadline, NOT_NOW, notFound, sendAnswer } from '../show-answers.ts';
import { seesAll } from '../viewers.ts';

/** Tickets of one order, at most. */
const TICKETS_MAX = 100;
const ID_LENGTH_MAX = 100;
const REASON_LENGTH_MAX = 200;

/** The numbers of these tickets if all are of this order, else null. */
function ticketsOf(order: ScopedId, ids: readonly string[]): number[] | null {
  const numbers: number[] = [];
  for (const text of ids) {
    const id = parseScopedId('tkt', text);
    if (id === null || id.showId !== order.showId || id.at !== order.at) return null;
    numbers.push(id.number);
  }
  return numbers;
}

/** How the organiser pays buyers back. */
export function refundRoutes(app: App, deps: SalesDeps, guards: Guards): void {
  const { shows, clock } = deps;

  app.post(
    '/orders/:id/refund',
    {
      config: { keyed: true },
      onRequest: guards.role('organiser'),
      preValidation: emptyIfNone,
      schema: {
        tags: ['Orders'],
        summary: 'Pay an order back, or single tickets of it',
        description:
          'Send an `Idempotency-Key`. For the organiser of the show and admins. The tickets are taken back and their places are ' +
          'free at once; the money follows. Without `tickets` all valid ones are refunded.',
        security: BEARER,
        params: PathId,
        body: strict({
          tickets: Type.Optional(eachOnce(line(1, ID_LENGTH_MAX), { minItems: 1, maxItems: TICKETS_MAX })),
          reason: Type.Optional(line(1, REASON_LENGTH_MAX)),
        }),
        response: {
          201: NewRefundSchema,
          ...problems(
            'BODY_INVALID',
            'IDEMPOTENCY_KEY_MISSING',
            'IDEMPOTENCY_KEY_INVALID',
            'UNAUTHENTICATED',
            'FORBIDDEN',
            'NOT_FOUND',
            'ORDER_NOT_REFUNDABLE',
            'IDEMPOTENCY_KEY_REUSED',
            ...NOT_NOW,
          ),
        },
      },
    },
    async (request, reply) => {
      const once = readOnce(request, 'refund', request.params.id);
      const id = parseScopedId('ord', request.params.id);
      if (id === null || !(await seesAll(deps, request.user, id.showId))) return notFound(reply, 'order');
      const { tickets: ids, reason = 'Refunded by the organiser.' } = request.body;
      const tickets = ids === undefined ? undefined : ticketsOf(id, ids);
      if (tickets === null) return notFound(reply, 'ticket of this order');
      const refund = { type: 'refund', once, order: id.number, at: id.at, reason } as const;
      const command = tickets === undefined ? refund : { ...refund, tickets };
      return sendAnswer(reply, await shows.ask(id.showId, command, askDeadline(clock)), 201);
    },
  );

  app.post(
    '/shows/:id/cancel',
    {
      onRequest: guards.role('organiser'),
      preValidation: emptyIfNone,
      schema: {
        tags: ['Catalogue'],
        summary: 'Call a show off, and pay everybody back',
        description:
          'For the organiser of the show and admins. Safe to repeat. Nothing is sold any more from this moment on; the refunds go ' +
          'on by themselves, and `GET /shows/{id}/cancellation` tells how far they have come.',
        security: BEARER,
        params: PathId,
        body: strict({ reason: Type.Optional(line(1, REASON_LENGTH_MAX)) }),
        response: {
          200: CancellationSchema,
          ...problems('BODY_INVALID', 'UNAUTHENTICATED', 'FORBIDDEN', 'NOT_FOUND', ...NOT_NOW),
        },
      },
    },
    async (request, reply) => {
      const { id: showId } = request.params;
      if (!isId('shw', showId) || !(await seesAll(deps, request.user, showId))) return notFound(reply, 'show');
      const { reason = 'The show was cancelled.' } = request.body;
      const answer = await shows.ask<CancellationView>(showId, { type: 'cancel-show', reason }, askDeadline(clock));
      if (!answer.ok) return refuse(reply, answer.refusal);
      // The show has decided; should this fail, a repeat of the request mends it, and so does `GET /shows/{id}`.
      await deps.markCancelled(showId);
      return reply.send(answer.value);
    },
  );

  app.get(
    '/shows/:id/cancellation',
    {
      onRequest: guards.role('organiser'),
      schema: {
        tags: ['Catalogue'],
        summary: 'How far the refunds of a cancelled show have come',
        security: BEARER,
        params: PathId,
        response: {
          200: CancellationSchema,
          ...problems('UNAUTHENTICATED', 'FORBIDDEN', 'NOT_FOUND', 'OVERLOADED', 'UNAVAILABLE'),
        },
      },
    },
    async (request, reply) => {
      const { id: showId } = request.params;
      if (!isId('shw', showId) || !(await seesAll(deps, request.user, showId))) return notFound(reply, 'show');
      const answer = await shows.ask<CancellationView>(showId, { type: 'get-cancellation' }, askDeadline(clock));
      if (!answer.ok && answer.refusal.code === 'NOT_FOUND') return notFound(reply, 'cancellation');
      return sendAnswer(reply, answer, 200);
    },
  );
}
