import Type from 'typebox';
import type { CancellationView, HoldView, ListingView, OrderStatus, RefundView, TicketView } from '../actors/shows.ts';
import type { PayableOrder } from './payable-order.ts';
import { MoneySchema, TimeOut } from './schemas.ts';

/** The longest `seat_guid` or area id that is worth looking up. */
export const SEAT_ID_LENGTH_MAX = 200;

export const HoldSchema = Type.Unsafe<HoldView>(
  Type.Object(
    {
      id: Type.String(),
      showId: Type.String(),
      seats: Type.Array(Type.Object({ id: Type.String(), category: Type.String(), price: MoneySchema })),
      areas: Type.Array(
        Type.Object({
          id: Type.String(),
          category: Type.String(),
          quantity: Type.Integer(),
          price: Type.Object(MoneySchema.properties, { description: 'Of one place' }),
        }),
      ),
      total: MoneySchema,
      status: Type.String({ enum: ['active', 'in_payment'] }),
      expiresAt: TimeOut,
      serverTime: TimeOut,
    },
    { title: 'Hold' },
  ),
);

export const SeatNameSchema = Type.Object(
  {
    id: Type.Optional(Type.String()),
    zone: Type.Optional(Type.String()),
    row: Type.Optional(Type.String()),
    number: Type.Optional(Type.String()),
    area: Type.Optional(Type.String()),
    category: Type.String(),
  },
  { description: 'A seat, or a general-admission place: then only `area` and `category`' },
);

const RefundFields = {
  id: Type.String(),
  orderId: Type.String(),
  amount: MoneySchema,
  ticketIds: Type.Array(Type.String(), { description: 'Tickets that were taken back' }),
  status: Type.String({
    enum: ['pending', 'succeeded', 'failed'],
    description: '`failed`: the provider cannot give the money back; people have to see to it',
  }),
  reason: Type.Optional(Type.String()),
  createdAt: TimeOut,
};
const RefundSchema = Type.Object(RefundFields, { title: 'Refund' });

export const NewRefundSchema = Type.Unsafe<RefundView & { readonly orderStatus: OrderStatus }>(
  Type.Object(
    {
      ...RefundFields,
      orderStatus: Type.String({
        enum: ['refunded', 'partially_refunded'],
        description: 'What the refund made of its order',
      }),
    },
    { title: 'NewRefund' },
  ),
);

export const CancellationSchema = Type.Unsafe<CancellationView>(
  Type.Object(
    {
      showId: Type.String(),
      status: Type.String({ enum: ['refunding', 'refunded'] }),
      reason: Type.String(),
      cancelledAt: TimeOut,
      refunds: Type.Object(
        {
          waiting: Type.Integer({ description: 'Paid orders of which the refund is still to begin' }),
          pending: Type.Integer({ description: 'On their way' }),
          succeeded: Type.Integer(),
          failed: Type.Integer({ description: 'For people to see to' }),
        },
        { description: 'Orders' },
      ),
      refunded: Type.Object(MoneySchema.properties, { description: 'Given back so far' }),
    },
    { title: 'Cancellation' },
  ),
);

export const OrderSchema = Type.Unsafe<PayableOrder>(
  Type.Object(
    {
      id: Type.String(),
      showId: Type.String(),
      holdId: Type.String(),
      lines: Type.Array(Type.Object({ ticketId: Type.String(), seat: SeatNameSchema, price: MoneySchema })),
      total: MoneySchema,
      status: Type.String({
        enum: ['awaiting_payment', 'processing', 'paid', 'cancelled', 'expired', 'refunded', 'partially_refunded'],
      }),
      payment: Type.Optional(
        Type.Object(
          {
            id: Type.String(),
            provider: Type.String(),
            clientSecret: Type.Optional(
              Type.String({ description: 'Only for the buyer, while the order can be paid; not always in lists' }),
            ),
          },
          { description: 'Absent for a free order' },
        ),
      ),
      createdAt: TimeOut,
      expiresAt: TimeOut,
      reason: Type.Optional(Type.String({ description: 'Why it ended, and what became of money that came too late' })),
      refunds: Type.Optional(Type.Array(RefundSchema, { description: 'Oldest first' })),
      dispute: Type.Optional(
        Type.Object(
          { id: Type.String(), status: Type.String({ enum: ['open', 'won', 'lost'] }) },
          { description: "A claim of the buyer's bank on the money. While it is open the tickets are suspended" },
        ),
      ),
    },
    { title: 'Order' },
  ),
);

export const TicketStatusSchema = Type.String({
  enum: ['valid', 'used', 'listed', 'offered', 'transferred', 'refunded', 'void', 'suspended'],
  description:
    '`used`: admitted at the door; `offered`: waits for its receiver; `transferred`: somebody else has the place, or the ticket ' +
    'that took its place; `void`: resold, or taken by a lost dispute; `suspended`: the payment is disputed',
});

/** A ticket as HTTP shows it. */
export type CodedTicket = TicketView & { readonly code?: string };

export const TicketSchema = Type.Unsafe<CodedTicket>(
  Type.Object(
    {
      id: Type.String(),
      showId: Type.String(),
      orderId: Type.Optional(Type.String({ description: 'Absent for a ticket that was transferred to you' })),
      seat: SeatNameSchema,
      price: MoneySchema,
      status: TicketStatusSchema,
      listing: Type.Optional(
        Type.Object({ price: MoneySchema }, { description: 'What the seat is listed for; only while listed' }),
      ),
      admittedAt: Type.Optional(
        Type.String({ format: 'date-time', description: 'Of a used ticket; for the organiser' }),
      ),
      gate: Type.Optional(Type.String({ description: 'Where it was admitted; for the organiser' })),
      code: Type.Optional(
        Type.String({
          description: 'Ed25519-signed; only while valid. Checked offline with /.well-known/usher-keys.json',
        }),
      ),
    },
    { title: 'Ticket' },
  ),
);

export const ListingSchema = Type.Unsafe<ListingView>(
  Type.Object({ seat: SeatNameSchema, price: MoneySchema }, { title: 'Listing' }),
);
