import type { FastifyReply } from 'fastify';
import Type from 'typebox';
import { normaliseEmail } from '../../accounts/user-view.ts';
import type { Answer, Listed, TicketView } from '../../actors/shows.ts';
import { parseScopedId } from '../../ids.ts';
import { addressDigest } from '../../tickets/receiver-address.ts';
import { listAcrossShows } from '../across-shows.ts';
import type { Guards } from '../auth.ts';
import { codedTicket } from '../coded-ticket.ts';
import { assertEmail, Email } from '../email-schema.ts';
import { readOnce } from '../idempotency.ts';
import { noBody } from '../no-body.ts';
import { refuse } from '../problem.ts';
import type { SalesDeps } from '../sales-deps.ts';
import { TicketSchema } from '../sales-schemas.ts';
import { BEARER, LIMIT_DEFAULT, listOf, Page, PathId, problems, strict } from '../schemas.ts';
import type { App } from '../server.ts';
import { askDeadline, NOT_NOW, notFound, sendAnswer } from '../show-answers.ts';

const GONE = { code: 'UNAUTHENTICATED', detail: 'The account of this token does not exist any more.' } as const;

/** How tickets go to somebody else. */
export function transferRoutes(app: App, deps: SalesDeps, guards: Guards): void {
  const { shows, clock, ticketKeys, offeredShows } = deps;

  /** What the show knows this user's address by; null for an account that is gone. */
  const addressOf = async (userId: string): Promise<string | null> => {
    const email = await deps.emailOf(userId);
    return email === null ? null : addressDigest(normaliseEmail(email));
  };

  const sendTicket = (reply: FastifyReply, answer: Answer<TicketView>): FastifyReply =>
    answer.ok ? reply.send(codedTicket(answer.value, ticketKeys)) : refuse(reply, answer.refusal);

  app.post(
    '/tickets/:id/transfer',
    {
      config: { keyed: true },
      onRequest: guards.user,
      schema: {
        tags: ['Tickets'],
        summary: 'Give a ticket to somebody else',
        description:
          'Send an `Idempotency-Key`. The ticket ends at once, and its code with it. The new one that comes back waits for ' +
          'whoever has an account with this address to accept it; until then you can withdraw it. Refunds stay with whoever paid.',
        security: BEARER,
        params: PathId,
        body: strict({ email: Email }),
        response: {
          201: TicketSchema,
          ...problems(
            'BODY_INVALID',
            'IDEMPOTENCY_KEY_MISSING',
            'IDEMPOTENCY_KEY_INVALID',
            'UNAUTHENTICATED',
            'NOT_FOUND',
            'TICKET_NOT_MOVABLE',
            'TRANSFER_LIMIT',
            'TRANSFER_INVALID',
            'IDEMPOTENCY_KEY_REUSED',
            ...NOT_NOW,
          ),
        },
      },
    },
    async (request, reply) => {
      const once = readOnce(request, 'transfer', request.params.id);
      assertEmail(request.body.email);
      const id = parseScopedId('tkt', request.params.id);
      if (id === null) return notFound(reply, 'ticket');
      const { id: buyer } = request.user;
      const address = addressDigest(normaliseEmail(request.body.email));
      const own = await addressOf(buyer);
      if (own === null) return refuse(reply, GONE);
      if (own === address) return refuse(reply, { code: 'TRANSFER_INVALID', detail: 'This is your own address.' });
      const transfer = { type: 'transfer', once, buyer, ticket: id.number, at: id.at, address } as const;
      return sendAnswer(reply, await shows.ask(id.showId, transfer, askDeadline(clock)), 201);
    },
  );

  app.delete(
    '/tickets/:id/transfer',
    {
      onRequest: guards.user,
      preValidation: noBody,
      schema: {
        tags: ['Tickets'],
        summary: 'Take back a ticket that was not accepted yet',
        description: 'By the id of the old ticket or the new one. The new ticket is yours, with a code of its own.',
        security: BEARER,
        params: PathId,
        response: {
          200: TicketSchema,
          ...problems('UNAUTHENTICATED', 'NOT_FOUND', 'TICKET_NOT_MOVABLE', ...NOT_NOW),
        },
      },
    },
    async (request, reply) => {
      const id = parseScopedId('tkt', request.params.id);
      if (id === null) return notFound(reply, 'ticket');
      const { id: buyer } = request.user;
      const withdraw = { type: 'withdraw-transfer', buyer, ticket: id.number, at: id.at } as const;
      return sendTicket(reply, await shows.ask<TicketView>(id.showId, withdraw, askDeadline(clock)));
    },
  );

  app.get(
    '/transfers',
    {
      onRequest: guards.user,
      schema: {
        tags: ['Tickets'],
        summary: 'Tickets that wait for you to accept them',
        security: BEARER,
        querystring: strict(Page),
        response: {
          200: listOf(TicketSchema),
          ...problems('BODY_INVALID', 'UNAUTHENTICATED', 'OVERLOADED', 'UNAVAILABLE'),
        },
      },
    },
    async (request, reply) => {
      const { offset = 0, limit = LIMIT_DEFAULT } = request.query;
      const address = await addressOf(request.user.id);
      if (address === null) return refuse(reply, GONE);
      const deadline = askDeadline(clock);
      const ask = (showId: string) =>
        shows.ask<Listed<TicketView>>(
          showId,
          { type: 'list-offers', address, offset: 0, limit: offset + limit },
          deadline,
        );
      const list = await listAcrossShows(await offeredShows.showsOf(address), ask, { offset, limit });
      return 'code' in list ? refuse(reply, list) : reply.send(list);
    },
  );

  app.post(
    '/tickets/:id/accept',
    {
      onRequest: guards.user,
      preValidation: noBody,
      schema: {
        tags: ['Tickets'],
        summary: 'Accept a ticket that was transferred to your address',
        description: 'Safe to repeat. From now on it counts for your limit of tickets in this show.',
        security: BEARER,
        params: PathId,
        response: {
          200: TicketSchema,
          ...problems('UNAUTHENTICATED', 'NOT_FOUND', 'TICKET_NOT_MOVABLE', 'BUYER_LIMIT', ...NOT_NOW),
        },
      },
    },
    async (request, reply) => {
      const id = parseScopedId('tkt', request.params.id);
      if (id === null) return notFound(reply, 'ticket');
      const { id: buyer } = request.user;
      const address = await addressOf(buyer);
      if (address === null) return refuse(reply, GONE);
      const accept = { type: 'accept-transfer', buyer, address, ticket: id.number, at: id.at } as const;
      return sendTicket(reply, await shows.ask<TicketView>(id.showId, accept, askDeadline(clock)));
    },
  );

  app.delete(
    '/transfers/:id',
    {
      onRequest: guards.user,
      preValidation: noBody,
      schema: {
        tags: ['Tickets'],
        summary: 'Decline a ticket that was transferred to your address',
        description: 'By the id of the ticket. It is its sender’s again.',
        security: BEARER,
        params: PathId,
        response: {
          204: Type.Null({ description: 'It is the sender’s again' }),
          ...problems('UNAUTHENTICATED', 'NOT_FOUND', ...NOT_NOW),
        },
      },
    },
    async (request, reply) => {
      const id = parseScopedId('tkt', request.params.id);
      if (id === null) return notFound(reply, 'ticket');
      const address = await addressOf(request.user.id);
      if (address === null) return refuse(reply, GONE);
      const decline = { type: 'decline-transfer', address, ticket: id.number, at: id.at } as const;
      const answer = await shows.ask(id.showId, decline, askDeadline(clock));
      return answer.ok ? reply.code(204).send(undefined as never) : refuse(reply, answer.refusal);
    },
  );
}
