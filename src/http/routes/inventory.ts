import Type from 'typebox';
import type { StockCommand } from '../../allocator/commands.ts';
import { PLAN_LIMITS } from '../../allocator/plan.ts';
import { type Fault, pointerTo } from '../../errors.ts';
import { isId } from '../../ids.ts';
import type { Guards } from '../auth.ts';
import { readOnce } from '../idempotency.ts';
import { InventorySchema, NewStockSchema, SEATS_LISTED_MAX } from '../inventory-schemas.ts';
import { STOCK_BYTES_MAX, STOCK_PLACES_MAX } from '../limits.ts';
import { unpayable } from '../payable-prices.ts';
import { refuse } from '../problem.ts';
import type { SalesDeps } from '../sales-deps.ts';
import { BEARER, PathId, problems, strict } from '../schemas.ts';
import type { App } from '../server.ts';
import { askDeadline, NOT_NOW, notFound, sendAnswer } from '../show-answers.ts';
import { seesAll } from '../viewers.ts';

type NewStock = Omit<StockCommand, 'type' | 'once'>;

/** What an organiser has for sale. */
export function inventoryRoutes(app: App, deps: SalesDeps, guards: Guards): void {
  const { shows, clock, gateway } = deps;

  app.post(
    '/shows/:id/inventory',
    {
      config: { keyed: true },
      bodyLimit: STOCK_BYTES_MAX,
      onRequest: guards.role('organiser'),
      schema: {
        tags: ['Inventory'],
        summary: 'Change what is for sale, and at which prices',
        description:
          'Send an `Idempotency-Key`. For the organiser of the show and admins. All of it happens at one moment, or nothing: ' +
          'seats that are held or sold are named with 409 `SEAT_IN_USE`. Buyers see seats that are removed and seats that are ' +
          'blocked as `blocked`. A place that is already what it is to become is left as it is. New prices are those of holds ' +
          'that are made from then on: who holds seats buys them at the prices that the hold told.',
        security: BEARER,
        params: PathId,
        body: NewStockSchema,
        response: {
          200: InventorySchema,
          ...problems(
            'BODY_INVALID',
            'IDEMPOTENCY_KEY_MISSING',
            'IDEMPOTENCY_KEY_INVALID',
            'UNAUTHENTICATED',
            'FORBIDDEN',
            'NOT_ON_SALE',
            'NOT_FOUND',
            'SEAT_IN_USE',
            'BODY_TOO_LARGE',
            'STOCK_INVALID',
            'UNKNOWN_SEAT',
            'IDEMPOTENCY_KEY_REUSED',
            ...NOT_NOW,
          ),
        },
      },
    },
    async (request, reply) => {
      const once = readOnce(request, 'stock', request.params.id);
      const { id: showId } = request.params;
      if (!isId('shw', showId) || !(await seesAll(deps, request.user, showId))) return notFound(reply, 'show');
      const body: NewStock = request.body;
      const faults = faultsIn(body);
      if (faults.length === 0) {
        const seats = await shows.seatMap(showId);
        if ('code' in seats) return refuse(reply, seats);
        faults.push(...unpayable(pricesIn(body), (amount) => gateway.amountFault(amount, seats.currency)));
      }
      if (faults.length > 0)
        return refuse(reply, { code: 'STOCK_INVALID', detail: 'Mend what `errors` points at.', errors: faults });
      return sendAnswer(reply, await shows.ask(showId, { type: 'stock', once, ...body }, askDeadline(clock)), 200);
    },
  );

  app.get(
    '/shows/:id/inventory',
    {
      onRequest: guards.role('organiser'),
      schema: {
        tags: ['Inventory'],
        summary: 'What is for sale, held, sold and kept back, by category and area',
        description:
          'For the organiser of the show and admins. `seats` also lists which seats are `blocked` (kept back for the house) or ' +
          '`removed` (not for sale in this show), in the order of the plan document.',
        security: BEARER,
        params: PathId,
        querystring: strict({
          seats: Type.Optional(Type.Enum(['blocked', 'removed'])),
          offset: Type.Optional(Type.Integer({ minimum: 0, maximum: PLAN_LIMITS.seats, default: 0 })),
          limit: Type.Optional(Type.Integer({ minimum: 1, maximum: SEATS_LISTED_MAX, default: SEATS_LISTED_MAX })),
        }),
        response: {
          200: InventorySchema,
          ...problems('BODY_INVALID', 'UNAUTHENTICATED', 'FORBIDDEN', 'NOT_FOUND', 'OVERLOADED', 'UNAVAILABLE'),
        },
      },
    },
    async (request, reply) => {
      const { id: showId } = request.params;
      if (!isId('shw', showId) || !(await seesAll(deps, request.user, showId))) return notFound(reply, 'show');
      const { seats: are, offset = 0, limit = SEATS_LISTED_MAX } = request.query;
      const question = {
        type: 'get-inventory',
        ...(are === undefined ? {} : { seats: { are, offset, limit } }),
      } as const;
      return sendAnswer(reply, await shows.ask(showId, question, askDeadline(clock)), 200);
    },
  );
}

/** What only all lists together can get wrong; the rest the show finds out. */
function faultsIn({ add = [], remove = [], block = [], unblock = [], reprice = {} }: NewStock): Fault[] {
  const places = add.length + remove.length + block.length + unblock.length;
  if (places > STOCK_PLACES_MAX)
    return [{ pointer: '', detail: `It names ${places} places; at most ${STOCK_PLACES_MAX} can be changed at once.` }];
  if (places + Object.keys(reprice).length > 0) return [];
  return [{ pointer: '', detail: 'Say what to change: add, remove, block, unblock or reprice.' }];
}

function pricesIn({ add = [], reprice = {} }: NewStock): (readonly [pointer: string, price: number])[] {
  return [
    ...add.map(({ price }, i) => [`/add/${i}/price`, price] as const),
    ...Object.entries(reprice).map(([name, price]) => [pointerTo('reprice', name), price] as const),
  ];
}
