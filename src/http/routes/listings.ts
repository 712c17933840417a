import Type from 'typebox';
import type { Listed, ListingView, Money, TicketView } from '../../actors/shows.ts';
import type { Fault } from '../../errors.ts';
import { isId, parseScopedId } from '../../ids.ts';
import type { PaymentGateway } from '../../payments/gateway.ts';
import { type Guards, viewerOf } from '../auth.ts';
import { codedTicket } from '../coded-ticket.ts';
import { readOnce } from '../idempotency.ts';
import { noBody } from '../no-body.ts';
import { refuse } from '../problem.ts';
import type { SalesDeps } from '../sales-deps.ts';
import { ListingSchema, TicketSchema } from '../sales-schemas.ts';
import {
  Amount,
  BEARER,
  Currency,
  LIMIT_DEFAULT,
  listOf,
  OPTIONAL_BEARER,
  Page,
  PathId,
  problems,
  strict,
} from '../schemas.ts';
import type { App } from '../server.ts';
import { askDeadline, NOT_NOW, notFound, sendAnswer } from '../show-answers.ts';
import { seesShow } from '../viewers.ts';

/** How seats are resold. */
export function listingRoutes(app: App, deps: SalesDeps, guards: Guards): void {
  const { shows, clock, gateway, ticketKeys } = deps;

  app.post(
    '/tickets/:id/listing',
    {
      config: { keyed: true },
      onRequest: guards.user,
      schema: {
        tags: ['Tickets'],
        summary: 'List the seat of a ticket for resale',
        description:
          'Send an `Idempotency-Key`. `price` is an amount in minor units, or money, and never above what you paid. While it is ' +
          'listed the ticket has no code. Once somebody has bought the seat, your ticket is void and the price is paid back to ' +
          'the payment with which you bought it; there is no fee.',
        security: BEARER,
        params: PathId,
        body: strict({ price: Type.Union([Amount, strict({ amount: Amount, currency: Currency })]) }),
        response: {
          201: TicketSchema,
          ...problems(
            'BODY_INVALID',
            'IDEMPOTENCY_KEY_MISSING',
            'IDEMPOTENCY_KEY_INVALID',
            'UNAUTHENTICATED',
            'NOT_FOUND',
            'TICKET_NOT_MOVABLE',
            'ABOVE_PURCHASE_PRICE',
            'LISTING_NEEDS_SEAT',
            'IDEMPOTENCY_KEY_REUSED',
            ...NOT_NOW,
          ),
        },
      },
    },
    async (request, reply) => {
      const once = readOnce(request, 'listing', request.params.id);
      const id = parseScopedId('tkt', request.params.id);
      if (id === null) return notFound(reply, 'ticket');
      const { id: buyer } = request.user;
      const { price } = request.body;
      const named = { ticket: id.number, at: id.at };
      const question = { type: 'get-ticket', viewer: { user: buyer, all: false }, ...named } as const;
      const ticket = await shows.ask<TicketView>(id.showId, question, askDeadline(clock));
      if (!ticket.ok) return refuse(reply, ticket.refusal);
      const errors = faultsIn(price, ticket.value.price.currency, gateway);
      if (errors.length > 0)
        return refuse(reply, { code: 'BODY_INVALID', detail: 'Mend what `errors` points at.', errors });
      const amount = typeof price === 'number' ? price : price.amount;
      const resell = { type: 'resell', once, buyer, ...named, price: amount } as const;
      return sendAnswer(reply, await shows.ask(id.showId, resell, askDeadline(clock)), 201);
    },
  );

  app.delete(
    '/tickets/:id/listing',
    {
      onRequest: guards.user,
      preValidation: noBody,
      schema: {
        tags: ['Tickets'],
        summary: 'Withdraw a listing',
        description: 'Safe to repeat. `LISTING_IN_USE` while a buyer holds the seat or pays for it.',
        security: BEARER,
        params: PathId,
        response: {
          200: TicketSchema,
          ...problems('UNAUTHENTICATED', 'NOT_FOUND', 'TICKET_NOT_MOVABLE', 'LISTING_IN_USE', ...NOT_NOW),
        },
      },
    },
    async (request, reply) => {
      const id = parseScopedId('tkt', request.params.id);
      if (id === null) return notFound(reply, 'ticket');
      const { id: buyer } = request.user;
      const withdraw = { type: 'withdraw-listing', buyer, ticket: id.number, at: id.at } as const;
      const answer = await shows.ask<TicketView>(id.showId, withdraw, askDeadline(clock));
      return answer.ok ? reply.send(codedTicket(answer.value, ticketKeys)) : refuse(reply, answer.refusal);
    },
  );

  app.get(
    '/shows/:id/listings',
    {
      onRequest: guards.anyone,
      schema: {
        tags: ['Seats'],
        summary: 'What is for resale now, cheapest first',
        description: 'Hold such a seat by its id like any other. While the show is not on sale nothing is for resale.',
        security: OPTIONAL_BEARER,
        params: PathId,
        querystring: strict(Page),
        response: {
          200: listOf(ListingSchema),
          ...problems('BODY_INVALID', 'UNAUTHENTICATED', 'NOT_FOUND', 'OVERLOADED', 'UNAVAILABLE'),
        },
      },
    },
    async (request, reply) => {
      const { id: showId } = request.params;
      if (!isId('shw', showId) || !(await seesShow(deps, viewerOf(request), showId))) return notFound(reply, 'show');
      const { offset = 0, limit = LIMIT_DEFAULT } = request.query;
      const question = { type: 'list-listings', offset, limit } as const;
      const answer = await shows.ask<Listed<ListingView>>(showId, question, askDeadline(clock));
      if (!answer.ok) return refuse(reply, answer.refusal);
      return reply.send({ ...answer.value, items: [...answer.value.items], offset, limit });
    },
  );
}

/** A price in another currency than the show's, or one that no buyer could pay. */
function faultsIn(price: number | Money, currency: string, gateway: Pick<PaymentGateway, 'amountFault'>): Fault[] {
  const isNumber = typeof price === 'number';
  if (!isNumber && price.currency !== currency) return [{ pointer: '/price/currency', detail: `must be ${currency}` }];
  const amount = isNumber ? price : price.amount;
  const detail = amount === 0 ? null : gateway.amountFault(amount, currency);
  return detail === null ? [] : [{ pointer: isNumber ? '/price' : '/price/amount', detail }];
}
