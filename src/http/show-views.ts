import Type, { type Static } from 'typebox';
import type { SeatCounts } from '../actors/shows.ts';
import type { ListedShow } from '../catalog/listing/listed-shows.ts';
import { isPublic, type ShowRecord, salePhase } from '../catalog/shows.ts';
import { rfc3339 } from '../rfc3339.ts';
import { AddressOut } from './address-schema.ts';
import type { HttpDeps } from './deps.ts';
import { MoneySchema, TimeOut } from './schemas.ts';

export const ShowSchema = Type.Object(
  {
    id: Type.String(),
    organiserId: Type.String(),
    title: Type.String(),
    description: Type.Optional(Type.String()),
    venue: Type.Object({ id: Type.String(), name: Type.String(), address: AddressOut }),
    planId: Type.String(),
    screen: Type.Optional(Type.String()),
    performers: Type.Array(Type.Object({ id: Type.String(), name: Type.String() })),
    startsAt: TimeOut,
    endsAt: Type.Optional(TimeOut),
    onSaleAt: TimeOut,
    offSaleAt: TimeOut,
    publishAt: Type.Optional({ ...TimeOut, description: 'Of a show that was a draft: when everybody sees it' }),
    currency: Type.String(),
    prices: Type.Record(Type.String(), Type.Integer()),
    limits: Type.Object({ perHold: Type.Integer(), perBuyer: Type.Integer(), holdSeconds: Type.Integer() }),
    mediaUrl: Type.Optional(Type.String()),
    mediaLinks: Type.Optional(Type.Array(Type.String())),
    createdAt: TimeOut,
    status: Type.Enum(['draft', 'scheduled', 'on_sale', 'sold_out', 'closed', 'cancelled'], {
      description: '`draft`: only its organiser sees it yet',
    }),
    capacity: Type.Integer(),
    available: Type.Union([Type.Integer(), Type.Null()], { description: 'null while the seats cannot be read' }),
    fromPrice: Type.Union([MoneySchema, Type.Null()], { description: 'The cheapest that is still to be had' }),
  },
  { title: 'Show' },
);
export type ShowView = Static<typeof ShowSchema>;

type Deps = Pick<HttpDeps, 'shows' | 'clock'>;

/** Shows of one list whose seats are looked up at a time. */
const LOOK_UPS_MAX = 8;

/** A show as clients see it, asked for now. When its seats cannot be read, it is shown without their numbers. */
export async function viewShow(show: ShowRecord, { shows, clock }: Deps): Promise<ShowView> {
  const counts = await shows.seatCounts(show.id);
  return showView(show, 'code' in counts ? null : counts, clock.now());
}

/** The show's record and counts as clients see them at `now` (ms). */
function showView(show: ShowRecord, seats: SeatCounts | null, now: number): ShowView {
  // The show itself decides; the catalogue may lag behind it.
  const phase = seats?.cancelled === true ? 'cancelled' : salePhase(show, now);
  const { perHold, perBuyer, holdSeconds, currency, publishAt } = show;
  const isSoldOut = phase === 'on_sale' && seats?.available === 0;
  return {
    id: show.id,
    organiserId: show.organiserId,
    title: show.title,
    ...(show.description === null ? undefined : { description: show.description }),
    venue: show.venue as ShowView['venue'],
    // Neither the catalogue nor what was last heard of the seats need be the newest.
    planId: (seats?.plan !== undefined && seats.plan.revision > show.currentPlan.revision
      ? seats.plan
      : show.currentPlan
    ).id,
    ...(show.screen === null ? undefined : { screen: show.screen }),
    performers: [...show.performers],
    startsAt: rfc3339(show.startsAt),
    ...(show.endsAt === null ? undefined : { endsAt: rfc3339(show.endsAt) }),
    onSaleAt: rfc3339(show.onSaleAt),
    offSaleAt: rfc3339(show.offSaleAt),
    ...(publishAt === undefined || publishAt === null ? undefined : { publishAt: rfc3339(publishAt) }),
    currency,
    // The catalogue knows only what it was made with.
    prices: { ...(seats?.prices ?? show.prices) },
    limits: { perHold, perBuyer, holdSeconds },
    ...(show.mediaUrl === null ? undefined : { mediaUrl: show.mediaUrl }),
    ...(show.mediaLinks.length === 0 ? undefined : { mediaLinks: [...show.mediaLinks] }),
    createdAt: rfc3339(show.createdAt),
    status: isPublic(show, now) ? (isSoldOut ? 'sold_out' : phase) : 'draft',
    capacity: seats?.capacity ?? show.planCapacity,
    available: seats?.available ?? null,
    fromPrice: seats === null || seats.fromPrice === null ? null : { amount: seats.fromPrice, currency },
  };
}

/**
 * The shows of a list, in its order, from what this node knows of them. Those of which nobody has told anything yet are
 * asked, a few at a time, because each look-up may wake a show.
 */
export async function viewShows(listed: readonly ListedShow[], deps: Deps): Promise<ShowView[]> {
  const views: ShowView[] = [];
  const untold: number[] = [];
  const now = deps.clock.now();
  for (const [i, { record, figures }] of listed.entries()) {
    const times = figures?.times;
    const newest = times !== undefined && times.revision > record.revision ? { ...record, ...times } : record;
    views.push(showView(newest, figures, now));
    if (figures === null) untold.push(i);
  }
  for (let from = 0; from < untold.length; from += LOOK_UPS_MAX) {
    const some = untold.slice(from, from + LOOK_UPS_MAX);
    await Promise.all(some.map(async (i) => Object.assign(views, { [i]: await viewShow(listed[i].record, deps) })));
  }
  return views;
}
