import Type, { type Static } from 'typebox';
import { type ShowRecord, salePhase } from '../catalog/shows.ts';
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
    currency: Type.String(),
    prices: Type.Record(Type.String(), Type.Integer()),
    limits: Type.Object({ perHold: Type.Integer(), perBuyer: Type.Integer(), holdSeconds: Type.Integer() }),
    mediaUrl: Type.Optional(Type.String()),
    createdAt: TimeOut,
    status: Type.Enum(['scheduled', 'on_sale', 'sold_out', 'closed', 'cancelled']),
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

/** A show as clients see it. When its seats cannot be read now, it is shown without their numbers. */
export async function viewShow(show: ShowRecord, { shows, clock }: Deps): Promise<ShowView> {
  const counts = await shows.seatCounts(show.id);
  const seats = 'code' in counts ? null : counts;
  // The show itself decides; the catalogue may lag behind it.
  const phase = seats?.cancelled === true ? 'cancelled' : salePhase(show, clock.now());
  const { perHold, perBuyer, holdSeconds, currency } = show;
  return {
    id: show.id,
    organiserId: show.organiserId,
    title: show.title,
    ...(show.description === null ? undefined : { description: show.description }),
    venue: show.venue as ShowView['venue'],
    planId: show.planId,
    ...(show.screen === null ? undefined : { screen: show.screen }),
    performers: [...show.performers],
    startsAt: rfc3339(show.startsAt),
    ...(show.endsAt === null ? undefined : { endsAt: rfc3339(show.endsAt) }),
    onSaleAt: rfc3339(show.onSaleAt),
    offSaleAt: rfc3339(show.offSaleAt),
    currency,
    // The catalogue knows only what it was made with.
    prices: { ...(seats?.prices ?? show.prices) },
    limits: { perHold, perBuyer, holdSeconds },
    ...(show.mediaUrl === null ? undefined : { mediaUrl: show.mediaUrl }),
    createdAt: rfc3339(show.createdAt),
    status: phase === 'on_sale' && seats?.available === 0 ? 'sold_out' : phase,
    capacity: seats?.capacity ?? show.planCapacity,
    available: seats?.available ?? null,
    fromPrice: seats === null || seats.fromPrice === null ? null : { amount: seats.fromPrice, currency },
  };
}

/** The shows of a list, in its order; a few at a time, because each look-up may wake a show. */
export async function viewShows(records: readonly ShowRecord[], deps: Deps): Promise<ShowView[]> {
  const views: ShowView[] = [];
  for (let from = 0; from < records.length; from += LOOK_UPS_MAX) {
    const some = records.slice(from, from + LOOK_UPS_MAX);
    views.push(...(await Promise.all(some.map((record) => viewShow(record, deps)))));
  }
  return views;
}
