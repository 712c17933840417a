import Type from 'typebox';
import { PLAN_LIMITS } from '../../allocator/plan.ts';
import { pointerTo } from '../../errors.ts';
import { isId } from '../../ids.ts';
import type { Guards } from '../auth.ts';
import { readOnce } from '../idempotency.ts';
import { InventorySchema } from '../inventory-schemas.ts';
import { unpayable } from '../payable-prices.ts';
import { refuse } from '../problem.ts';
import type { SalesDeps } from '../sales-deps.ts';
import { Amount, BEARER, line, PathId, problems, strict } from '../schemas.ts';
import type { App } from '../server.ts';
import { askDeadline, NOT_NOW, notFound, sendAnswer } from '../show-answers.ts';
import { ownsShow } from '../viewers.ts';
import type { ShowDeps } from './shows.ts';

/** How an organiser replaces the seating plan of a show. */
export function showPlanRoutes(app: App, deps: ShowDeps & Pick<SalesDeps, 'gateway'>, guards: Guards): void {
  const { catalogue, shows, clock, gateway } = deps;

  app.put(
    '/shows/:id/plan',
    {
      config: { keyed: true },
      onRequest: guards.role('organiser'),
      schema: {
        tags: ['Inventory'],
        summary: "Replace a show's seating plan",
        description:
          'Send an `Idempotency-Key`. For the organiser of the show and admins. The plan is another of the same venue, and takes ' +
          'the place of the one in force at one moment, or not at all. Seats that both have, by `seat_guid` and in the same ' +
          'category, stay what they are: free, held, sold, listed, kept back or not for sale. Every seat that is held, sold or ' +
          'listed has to be among them, and of each area as many places as are held or sold; those that are not are named with ' +
          '409 `SEAT_IN_USE`. Seats that only the new plan has are for sale if their category has a price; `prices` gives ' +
          'categories their first that have none, or that come back from an earlier plan. An area has as many places as the new plan says.',
        security: BEARER,
        params: PathId,
        body: strict({
          planId: line(1, 100),
          prices: Type.Optional(
            Type.Record(line(1, PLAN_LIMITS.nameLength), Amount, {
              maxProperties: PLAN_LIMITS.categories,
              description: 'Minor units by the name of the category; of categories that have no price yet',
            }),
          ),
        }),
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
            'STOCK_INVALID',
            'IDEMPOTENCY_KEY_REUSED',
            ...NOT_NOW,
          ),
        },
      },
    },
    async (request, reply) => {
      const { id: showId } = request.params;
      const once = readOnce(request, 'plan', showId);
      const record = isId('shw', showId) ? await catalogue.shows.get(showId) : null;
      if (record === null || !ownsShow(request.user, record)) return notFound(reply, 'show');
      const { planId, prices } = request.body;
      const plan = await catalogue.plans.summary(planId);
      if (plan === null || plan.venueId !== record.venue.id) return notFound(reply, 'plan of this venue');
      const named = Object.entries(prices ?? {}).map(([name, price]) => [pointerTo('prices', name), price] as const);
      const errors = unpayable(named, (amount) => gateway.amountFault(amount, record.currency));
      if (errors.length > 0)
        return refuse(reply, { code: 'STOCK_INVALID', detail: 'Mend what `errors` points at.', errors });
      const command = { type: 'replace-plan', once, planId, ...(prices === undefined ? {} : { prices }) } as const;
      return sendAnswer(reply, await shows.ask(showId, command, askDeadline(clock)), 200);
    },
  );
}
