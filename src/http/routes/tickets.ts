import Type from 'typebox';
import type { Principal } from '../../accounts/tokens.ts';
import type { Listed, TicketView } from '../../actors/shows.ts';
import type { Viewer } from '../../allocator/commands.ts';
import { isId, parseScopedId, type ScopedId } from '../../ids.ts';
import { ticketSvg } from '../../tickets/ticket-image.ts';
import { listAcrossShows, ownList } from '../across-shows.ts';
import type { Guards } from '../auth.ts';
import { codedTicket } from '../coded-ticket.ts';
import { refuse } from '../problem.ts';
import type { SalesDeps } from '../sales-deps.ts';
import { TicketSchema } from '../sales-schemas.ts';
import { BEARER, LIMIT_DEFAULT, listOf, Page, PathId, problems, strict } from '../schemas.ts';
import type { App } from '../server.ts';
import { askDeadline, notFound } from '../show-answers.ts';
import { askAsViewer, seesAll } from '../viewers.ts';

export function ticketRoutes(app: App, deps: SalesDeps, guards: Guards): void {
  const { shows, clock, ticketKeys, ownLists } = deps;

  const ticketOf = (user: Principal, { showId, number, at }: ScopedId) =>
    askAsViewer<TicketView>(deps, user, showId, (viewer) => ({ type: 'get-ticket', viewer, ticket: number, at }));

  const withCode = (ticket: TicketView) => codedTicket(ticket, ticketKeys);

  app.get(
    '/tickets',
    {
      onRequest: guards.user,
      schema: {
        tags: ['Tickets'],
        summary: 'Your tickets, newest first',
        description: 'With `showId`, the organiser of that show sees all of its tickets, a buyer the own ones.',
        security: BEARER,
        querystring: strict({ ...Page, showId: Type.Optional(Type.String({ maxLength: 200 })) }),
        response: { 200: listOf(TicketSchema), ...problems('BODY_INVALID', 'UNAUTHENTICATED', 'NOT_FOUND') },
      },
    },
    async (request, reply) => {
      const { user } = request;
      const { offset = 0, limit = LIMIT_DEFAULT, showId } = request.query;
      const deadline = askDeadline(clock);
      const asks = (viewer: Viewer, part: { offset: number; limit: number }) => (id: string) =>
        shows.ask<Listed<TicketView>>(id, { type: 'list-tickets', viewer, ...part }, deadline);
      if (showId === undefined) {
        const behind = await ownLists.showsBehind(user.id);
        const known = (except: readonly string[], part: { offset: number; limit: number }) =>
          ownLists.tickets(user.id, except, part);
        // Each of several shows may hold the whole page.
        const ask = asks({ user: user.id, all: false }, { offset: 0, limit: offset + limit });
        const list = await ownList(behind, known, ask, { offset, limit });
        if ('code' in list) return refuse(reply, list);
        return reply.send({ ...list, items: list.items.map(withCode) });
      }
      if (!isId('shw', showId)) return notFound(reply, 'show');
      const all = await seesAll(deps, user, showId);
      if (!all && user.role === 'organiser') return notFound(reply, 'show');
      // One show turns its own pages.
      const ask = asks({ user: user.id, all }, { offset, limit });
      const list = await listAcrossShows([showId], ask, { offset: 0, limit });
      if ('code' in list) return refuse(reply, list);
      return reply.send({ ...list, offset, items: list.items.map(withCode) });
    },
  );

  app.get(
    '/tickets/:id',
    {
      onRequest: guards.user,
      schema: {
        tags: ['Tickets'],
        summary: "One of your tickets, or of your show's",
        security: BEARER,
        params: PathId,
        response: { 200: TicketSchema, ...problems('UNAUTHENTICATED', 'NOT_FOUND') },
      },
    },
    async (request, reply) => {
      const id = parseScopedId('tkt', request.params.id);
      if (id === null) return notFound(reply, 'ticket');
      const answer = await ticketOf(request.user, id);
      return answer.ok ? reply.send(withCode(answer.value)) : refuse(reply, answer.refusal);
    },
  );

  app.get(
    '/tickets/:id/qr.svg',
    {
      onRequest: guards.user,
      schema: {
        tags: ['Tickets'],
        summary: 'The code of a valid ticket as a QR code',
        security: BEARER,
        params: PathId,
        response: {
          200: { content: { [SVG_TYPE]: { schema: Type.String() } } },
          ...problems('UNAUTHENTICATED', 'NOT_FOUND'),
        },
      },
    },
    async (request, reply) => {
      const id = parseScopedId('tkt', request.params.id);
      if (id === null) return notFound(reply, 'ticket');
      const answer = await ticketOf(request.user, id);
      if (!answer.ok) return refuse(reply, answer.refusal);
      const { code } = withCode(answer.value);
      if (code === undefined) return refuse(reply, { code: 'NOT_FOUND', detail: 'Only a valid ticket has a code.' });
      return reply.type(SVG_TYPE).send(ticketSvg(code));
    },
  );
}

const SVG_TYPE = 'image/svg+xml';

/** How long gates may keep the keys, seconds. */
const KEYS_MAX_AGE = 3_600;

const JwkSchema = Type.Object({
  kty: Type.String(),
  crv: Type.String(),
  x: Type.String(),
  kid: Type.String(),
  alg: Type.String(),
  use: Type.String(),
});

/** Outside `/v1`: the keys that prove ticket codes. */
export function ticketKeyRoutes(root: App, deps: Pick<SalesDeps, 'ticketKeys'>): void {
  root.get(
    '/.well-known/usher-keys.json',
    {
      schema: {
        tags: ['Tickets'],
        summary: 'Public keys that prove ticket codes (JWK set, Ed25519)',
        response: { 200: Type.Object({ keys: Type.Array(JwkSchema) }) },
      },
    },
    (_request, reply) => {
      reply.header('cache-control', `public, max-age=${KEYS_MAX_AGE}`).send({ keys: [...deps.ticketKeys.jwks.keys] });
    },
  );
}
