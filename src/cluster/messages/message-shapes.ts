import Type, { type Static } from 'typebox';
import { Compile } from 'typebox/compile';
import type { Command, Question } from '../../allocator/commands.ts';
import { CATALOGUE, type Refusal } from '../../errors.ts';

const NUMBER = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const TEXT = Type.String();
const MANY_TEXTS = Type.Array(TEXT);
/** Of another length or alphabet an id would stand for other bits than it says: see `Once`. */
const ONCE = Type.Object({
  id: Type.String({ pattern: '^[A-Za-z0-9_-]{22}$' }),
  fingerprint: Type.Integer({ minimum: 0, maximum: 0xffff_ffff }),
});
const VIEWER = Type.Object({ user: TEXT, all: Type.Boolean() });
const BEST = Type.Object({
  quantity: NUMBER,
  category: Type.Optional(TEXT),
  maxPrice: Type.Optional(NUMBER),
  accessible: Type.Optional(Type.Boolean()),
});
const AREAS = Type.Array(Type.Object({ id: TEXT, quantity: NUMBER }));

const AREA_PLACES = { area: TEXT, count: NUMBER };
const STOCK_PLACES = Type.Array(Type.Union([TEXT, Type.Object(AREA_PLACES)]));
const PRICED = { category: TEXT, price: NUMBER };

// The most frequent first: they are tried in this order.
const MESSAGE = Type.Union([
  Type.Object({
    type: Type.Literal('hold'),
    once: ONCE,
    buyer: TEXT,
    seats: Type.Optional(MANY_TEXTS),
    best: Type.Optional(BEST),
    areas: Type.Optional(AREAS),
  }),
  Type.Object({
    type: Type.Literal('get-hold'),
    buyer: TEXT,
    all: Type.Optional(Type.Literal(true)),
    hold: NUMBER,
    at: NUMBER,
  }),
  Type.Object({
    type: Type.Literal('order'),
    once: ONCE,
    buyer: TEXT,
    hold: NUMBER,
    at: NUMBER,
    comp: Type.Optional(Type.Literal(true)),
  }),
  Type.Object({ type: Type.Literal('get-order'), viewer: VIEWER, order: NUMBER, at: NUMBER }),
  Type.Object({ type: Type.Literal('get-payment'), order: NUMBER }),
  Type.Object({
    type: Type.Literal('commit'),
    order: NUMBER,
    amount: NUMBER,
    currency: TEXT,
    late: Type.Optional(Type.Literal(true)),
  }),
  Type.Object({ type: Type.Literal('captured'), order: NUMBER }),
  Type.Object({ type: Type.Literal('get-ticket'), viewer: VIEWER, ticket: NUMBER, at: NUMBER }),
  Type.Object({ type: Type.Literal('extend'), buyer: TEXT, hold: NUMBER, at: NUMBER }),
  Type.Object({ type: Type.Literal('release'), buyer: TEXT, hold: NUMBER, at: NUMBER }),
  Type.Object({ type: Type.Literal('cancel'), buyer: TEXT, order: NUMBER, at: NUMBER }),
  Type.Object({ type: Type.Literal('reject'), order: NUMBER, reason: TEXT }),
  Type.Object({ type: Type.Literal('void'), order: NUMBER, reason: TEXT }),
  Type.Object({ type: Type.Literal('settled'), order: NUMBER, reason: Type.Optional(TEXT) }),
  Type.Object({ type: Type.Literal('pending'), order: NUMBER }),
  Type.Object({
    type: Type.Literal('refund'),
    once: ONCE,
    order: NUMBER,
    at: NUMBER,
    tickets: Type.Optional(Type.Array(NUMBER)),
    reason: TEXT,
  }),
  Type.Object({ type: Type.Literal('refunded'), refund: NUMBER }),
  Type.Object({ type: Type.Literal('refund-failed'), refund: NUMBER, reason: TEXT }),
  Type.Object({ type: Type.Literal('refund-returned'), order: NUMBER }),
  Type.Object({
    type: Type.Literal('dispute'),
    order: NUMBER,
    dispute: TEXT,
    status: Type.Union([Type.Literal('open'), Type.Literal('won'), Type.Literal('lost')]),
  }),
  Type.Object({ type: Type.Literal('cancel-show'), reason: TEXT }),
  Type.Object({ type: Type.Literal('refund-next') }),
  Type.Object({ type: Type.Literal('get-cancellation') }),
  Type.Object({
    type: Type.Literal('reschedule'),
    onSaleAt: Type.Optional(NUMBER),
    offSaleAt: Type.Optional(NUMBER),
    publishAt: Type.Optional(Type.Union([NUMBER, Type.Literal('now')])),
  }),
  Type.Object({
    type: Type.Literal('stock'),
    once: ONCE,
    add: Type.Optional(
      Type.Array(Type.Union([Type.Object({ ...AREA_PLACES, ...PRICED }), Type.Object({ seat: TEXT, ...PRICED })])),
    ),
    remove: Type.Optional(STOCK_PLACES),
    block: Type.Optional(STOCK_PLACES),
    unblock: Type.Optional(STOCK_PLACES),
    reprice: Type.Optional(Type.Record(TEXT, NUMBER)),
  }),
  Type.Object({
    type: Type.Literal('replace-plan'),
    once: ONCE,
    planId: TEXT,
    prices: Type.Optional(Type.Record(TEXT, NUMBER)),
  }),
  Type.Object({
    type: Type.Literal('get-inventory'),
    seats: Type.Optional(
      Type.Object({
        are: Type.Union([Type.Literal('blocked'), Type.Literal('removed')]),
        offset: NUMBER,
        limit: NUMBER,
      }),
    ),
  }),
  Type.Object({ type: Type.Literal('list-orders'), buyer: TEXT }),
  Type.Object({ type: Type.Literal('list-tickets'), viewer: VIEWER, offset: NUMBER, limit: NUMBER }),
  Type.Object({
    type: Type.Literal('transfer'),
    once: ONCE,
    buyer: TEXT,
    ticket: NUMBER,
    at: NUMBER,
    address: TEXT,
  }),
  Type.Object({ type: Type.Literal('accept-transfer'), buyer: TEXT, address: TEXT, ticket: NUMBER, at: NUMBER }),
  Type.Object({ type: Type.Literal('withdraw-transfer'), buyer: TEXT, ticket: NUMBER, at: NUMBER }),
  Type.Object({ type: Type.Literal('decline-transfer'), address: TEXT, ticket: NUMBER, at: NUMBER }),
  Type.Object({
    type: Type.Literal('resell'),
    once: ONCE,
    buyer: TEXT,
    ticket: NUMBER,
    at: NUMBER,
    price: NUMBER,
  }),
  Type.Object({ type: Type.Literal('withdraw-listing'), buyer: TEXT, ticket: NUMBER, at: NUMBER }),
  Type.Object({ type: Type.Literal('list-offers'), address: TEXT, offset: NUMBER, limit: NUMBER }),
  Type.Object({ type: Type.Literal('list-listings'), offset: NUMBER, limit: NUMBER }),
  Type.Object({
    type: Type.Literal('admit'),
    once: ONCE,
    ticket: NUMBER,
    at: NUMBER,
    gate: Type.Optional(TEXT),
    scannedAt: Type.Optional(NUMBER),
  }),
  Type.Object({
    type: Type.Literal('undo-admission'),
    ticket: NUMBER,
    at: NUMBER,
    admittedAt: Type.Optional(NUMBER),
  }),
  Type.Object({
    type: Type.Literal('merge-scans'),
    gate: TEXT,
    scans: Type.Array(Type.Object({ ticket: NUMBER, at: NUMBER, scannedAt: NUMBER })),
  }),
  Type.Object({
    type: Type.Literal('list-admissions'),
    only: Type.Union([Type.Literal('admitted'), Type.Literal('double'), Type.Literal('void')]),
    offset: NUMBER,
    limit: NUMBER,
  }),
  Type.Object({ type: Type.Literal('get-voided') }),
  Type.Object({ type: Type.Literal('get-summary') }),
  Type.Object({ type: Type.Literal('expire') }),
]);

const REFUSAL = Type.Object({
  code: TEXT,
  detail: TEXT,
  retryAfter: Type.Optional(Type.Number({ minimum: 0 })),
  errors: Type.Optional(Type.Array(Type.Object({ pointer: TEXT, detail: TEXT }))),
  extra: Type.Optional(Type.Record(TEXT, Type.Unknown())),
});

type Mutable<T> = T extends readonly (infer Item)[]
  ? Mutable<Item>[]
  : T extends object
    ? { -readonly [Key in keyof T]: Mutable<T[Key]> }
    : T;
type Shaped = Mutable<Static<typeof MESSAGE>>;
type Known = Mutable<Command | Question>;
/** Nothing at all once a command or question was added or changed and not so here; then what uses it does not compile. */
type Message = [Shaped] extends [Known] ? ([Known] extends [Shaped] ? Command | Question : never) : never;

const message = Compile(MESSAGE);
const refusal = Compile(REFUSAL);

/** Whether something from another node has the shape of a command or question. */
export function isMessage(value: unknown): value is Message {
  return message.Check(value);
}

/** Whether something from another node has the shape of a refusal, with a code of the catalogue. */
export function isRefusal(value: unknown): value is Refusal {
  return refusal.Check(value) && Object.hasOwn(CATALOGUE, value.code);
}
