import Type, { type Static } from 'typebox';
import type { Command } from '../../allocator/commands.ts';
import type { Refusal } from '../../errors.ts';
import { isId, parseScopedId } from '../../ids.ts';
import type { Guards } from '../auth.ts';
import { readOnce } from '../idempotency.ts';
import { noBody } from '../no-body.ts';
import { refuse } from '../problem.ts';
import { limitPerUserAndAddress } from '../rate-limit.ts';
import type { SalesDeps } from '../sales-deps.ts';
import { HoldSchema, SEAT_ID_LENGTH_MAX } from '../sales-schemas.ts';
import { AMOUNT_MAX, BEARER, line, PathId, problems, strict } from '../schemas.ts';
import type { App } from '../server.ts';
import { askDeadline, notFound, sendAnswer, sendWhenAnswered } from '../show-answers.ts';
import { askAsViewer } from '../viewers.ts';

/** Places of one request; a show's own limit per hold is as a rule far lower. */
const PLACES_MAX = 100;
const AREAS_MAX = 20;
const CATEGORY_LENGTH_MAX = 200;

const SeatId = line(1, SEAT_ID_LENGTH_MAX);
const Quantity = Type.Integer({ minimum: 1, maximum: PLACES_MAX });

export const HoldRequest = strict({
  seats: Type.Optional(Type.Array(SeatId, { minItems: 1, maxItems: PLACES_MAX, description: 'Seat ids of the plan' })),
  best: Type.Optional(
    strict({
      quantity: Quantity,
      category: Type.Optional(line(1, CATEGORY_LENGTH_MAX)),
      maxPrice: Type.Optional(
        Type.Integer({ minimum: 0, maximum: AMOUNT_MAX, description: 'Of one seat, minor units' }),
      ),
      accessible: Type.Optional(Type.Boolean()),
    }),
  ),
  areas: Type.Optional(Type.Array(strict({ id: SeatId, quantity: Quantity }), { minItems: 1, maxItems: AREAS_MAX })),
});

/** What the schema cannot say: `seats` or `best` and/or `areas`, nothing named twice. */
function faultOf(body: Static<typeof HoldRequest>): Refusal | null {
  const invalid = (pointer: string, detail: string): Refusal => ({
    code: 'BODY_INVALID',
    detail: 'Mend what `errors` points at.',
    errors: [{ pointer, detail }],
  });
  const { seats, best, areas } = body;
  if (seats === undefined && best === undefined && areas === undefined) {
    return invalid('', 'name seats or ask for the best ones, and/or for places in areas');
  }
  if (seats !== undefined && best !== undefined) return invalid('/best', 'cannot stand beside seats');
  if (seats !== undefined && seats.length > 1 && new Set(seats).size < seats.length) {
    return invalid('/seats', 'must not name a seat twice');
  }
  if (areas !== undefined && areas.length > 1 && new Set(areas.map((area) => area.id)).size < areas.length) {
    return invalid('/areas', 'must not name an area twice');
  }
  return null;
}

export function holdRoutes(
  app: App,
  deps: Pick<SalesDeps, 'shows' | 'clock' | 'organiserOf' | 'holdsPerMinute'>,
  guards: Guards,
): void {
  const { shows, clock } = deps;

  app.post(
    '/shows/:id/holds',
    {
      config: { keyed: true },
      onRequest: [guards.user, ...limitPerUserAndAddress(app, 'holds', deps.holdsPerMinute)],
      schema: {
        tags: ['Seats'],
        summary: 'Hold seats, all or nothing',
        description: 'Send an `Idempotency-Key`. `seats` or `best`, and/or `areas`.',
        security: BEARER,
        params: PathId,
        body: HoldRequest,
        response: {
          201: HoldSchema,
          ...problems(
            'BODY_INVALID',
            'IDEMPOTENCY_KEY_MISSING',
            'IDEMPOTENCY_KEY_INVALID',
            'UNAUTHENTICATED',
            'NOT_ON_SALE',
            'NOT_FOUND',
            'SEATS_TAKEN',
            'NOT_ENOUGH_SEATS',
            'ORPHAN_SEAT',
            'OWN_LISTING',
            'HOLD_LIMIT',
            'BUYER_LIMIT',
            'UNKNOWN_SEAT',
            'HOLD_INVALID',
            'IDEMPOTENCY_KEY_REUSED',
            'TOO_MANY_REQUESTS',
            'OVERLOADED',
            'OUTCOME_UNKNOWN',
          ),
        },
      },
    },
    (request, reply) => {
      const { body } = request;
      const once = readOnce(request, 'hold', request.params.id);
      const fault = faultOf(body);
      if (fault !== null) {
        refuse(reply, fault);
        return;
      }
      if (!isId('shw', request.params.id)) {
        notFound(reply, 'show');
        return;
      }
      // The schema is the command's own shape; an absent member stays absent.
      const command = { type: 'hold', once, buyer: request.user.id, ...body } as Command;
      sendWhenAnswered(reply, shows.ask(request.params.id, command, askDeadline(clock)), 201);
    },
  );

  app.get(
    '/holds/:id',
    {
      onRequest: guards.user,
      schema: {
        tags: ['Seats'],
        summary: "One of your holds, or of your show's",
        security: BEARER,
        params: PathId,
        response: { 200: HoldSchema, ...problems('UNAUTHENTICATED', 'NOT_FOUND', 'HOLD_EXPIRED') },
      },
    },
    async (request, reply) => {
      const id = parseScopedId('hld', request.params.id);
      if (id === null) return notFound(reply, 'hold');
      const question = { type: 'get-hold', buyer: request.user.id, hold: id.number, at: id.at } as const;
      const answer = await askAsViewer(deps, request.user, id.showId, ({ all }) =>
        all ? { ...question, all } : question,
      );
      return sendAnswer(reply, answer, 200);
    },
  );

  app.delete(
    '/holds/:id',
    {
      onRequest: guards.user,
      preValidation: noBody,
      schema: {
        tags: ['Seats'],
        summary: 'Give a hold up',
        security: BEARER,
        params: PathId,
        response: {
          204: Type.Null({ description: 'The seats are free' }),
          ...problems('UNAUTHENTICATED', 'NOT_FOUND', 'HOLD_IN_PAYMENT', 'HOLD_EXPIRED'),
        },
      },
    },
    async (request, reply) => {
      const id = parseScopedId('hld', request.params.id);
      if (id === null) return notFound(reply, 'hold');
      const command = { type: 'release', buyer: request.user.id, hold: id.number, at: id.at } as const;
      const answer = await shows.ask(id.showId, command, askDeadline(clock));
      return answer.ok ? reply.code(204).send(undefined as never) : refuse(reply, answer.refusal);
    },
  );

  app.post(
    '/holds/:id/extend',
    {
      onRequest: guards.user,
      preValidation: noBody,
      schema: {
        tags: ['Seats'],
        summary: 'Keep a hold longer, within bounds',
        security: BEARER,
        params: PathId,
        response: {
          200: HoldSchema,
          ...problems('UNAUTHENTICATED', 'NOT_FOUND', 'HOLD_IN_PAYMENT', 'EXTENSION_LIMIT', 'HOLD_EXPIRED'),
        },
      },
    },
    async (request, reply) => {
      const id = parseScopedId('hld', request.params.id);
      if (id === null) return notFound(reply, 'hold');
      const command = { type: 'extend', buyer: request.user.id, hold: id.number, at: id.at } as const;
      return sendAnswer(reply, await shows.ask(id.showId, command, askDeadline(clock)), 200);
    },
  );
}
