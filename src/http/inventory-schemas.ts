import Type from 'typebox';
import { PLAN_LIMITS } from '../allocator/plan.ts';
import { STOCK_PLACES_MAX } from './limits.ts';
import { Amount, line, MoneySchema, strict } from './schemas.ts';

/** Seats of one page of those that are not for sale. */
export const SEATS_LISTED_MAX = 1_000;

const SeatId = line(1, PLAN_LIMITS.idLength, "The plan's seat_guid");
const AreaPlaces = {
  area: line(1, PLAN_LIMITS.idLength),
  count: Type.Integer({ minimum: 1, maximum: PLAN_LIMITS.areaCapacity }),
};
const CategoryName = line(1, PLAN_LIMITS.nameLength);
const Priced = { category: CategoryName, price: Amount };

function places(description: string) {
  const place = Type.Union([SeatId, strict(AreaPlaces)]);
  return Type.Optional(Type.Array(place, { maxItems: STOCK_PLACES_MAX, description }));
}

export const NewStockSchema = strict({
  add: Type.Optional(
    Type.Array(Type.Union([strict({ seat: SeatId, ...Priced }), strict({ ...AreaPlaces, ...Priced })]), {
      maxItems: STOCK_PLACES_MAX,
      description:
        "Goes on sale: seats of the plan that were not for sale, and places of its areas, even more than the plan has. `price` is the category's; one that has none gets it.",
    }),
  ),
  remove: places('Not for sale in this show any more'),
  block: places('Kept back for the house'),
  unblock: places('Kept back no longer'),
  reprice: Type.Optional(
    Type.Record(CategoryName, Amount, {
      maxProperties: PLAN_LIMITS.categories,
      description: 'New prices by category; tickets and live holds keep theirs',
    }),
  ),
});

const Counts = {
  category: Type.String(),
  price: Type.Union([MoneySchema, Type.Null()]),
  free: Type.Integer(),
  held: Type.Integer(),
  inPayment: Type.Integer(),
  sold: Type.Integer(),
  blocked: Type.Integer({ description: 'Kept back for the house' }),
  removed: Type.Integer({ description: 'Not for sale in this show' }),
};

export const InventorySchema = Type.Object(
  {
    showId: Type.String(),
    capacity: Type.Integer(),
    available: Type.Integer(),
    categories: Type.Array(Type.Object(Counts), { description: 'Seats' }),
    areas: Type.Array(Type.Object({ id: Type.String(), capacity: Type.Integer(), ...Counts })),
    seats: Type.Optional(Type.Object({ total: Type.Integer(), items: Type.Array(Type.String()) })),
  },
  { title: 'Inventory' },
);
