import Type, { type Static } from 'typebox';

/** The shapes of the lines of `history.ts`, for those that come as text. Closed: a field with a slip in its name is a fault. */

const closed = <T extends Type.TProperties>(properties: T) => Type.Object(properties, { additionalProperties: false });
const many = <T extends Type.TSchema>(item: T) => Type.Array(item);
const maybe = <T extends Type.TSchema>(item: T) => Type.Optional(item);
const one = <T extends string>(...names: T[]) => Type.Union(names.map((name) => Type.Literal(name)));

const Id = Type.String({ minLength: 1 });
const Ids = many(Id);
const Count = Type.Integer({ minimum: 0 });
const Time = Type.Number();
const Areas = many(closed({ id: Id, quantity: Type.Integer({ minimum: 1 }) }));
const Ticket = closed({ id: Id, seat: maybe(Id), area: maybe(Id), price: Count });

const Places = closed({ seats: maybe(Ids), areas: maybe(Areas) });

const INTENTION = {
  show: Id,
  client: Id,
  from: Time,
  to: maybe(Time),
  outcome: one('ok', 'refused', 'unknown'),
  code: maybe(Id),
  key: maybe(Id),
};
const operation = <N extends string, T extends Type.TProperties>(op: N, properties: T) =>
  closed({ op: Type.Literal(op), ...INTENTION, ...properties });

const STATES = one('awaiting_payment', 'processing', 'paid', 'cancelled', 'expired', 'refunded', 'partially_refunded');

/** By `op`. */
export const OPERATIONS = {
  hold: operation('hold', {
    asked: maybe(closed({ seats: maybe(Ids), best: maybe(Count), areas: maybe(Areas) })),
    hold: maybe(Id),
    seats: maybe(Ids),
    areas: maybe(Areas),
    total: maybe(Count),
    until: maybe(Time),
    expires: maybe(Time),
    taken: maybe(Ids),
  }),
  extend: operation('extend', { hold: Id, until: maybe(Time), expires: maybe(Time) }),
  release: operation('release', { hold: Id }),
  order: operation('order', {
    hold: Id,
    order: maybe(Id),
    tickets: maybe(many(Ticket)),
    total: maybe(Count),
    until: maybe(Time),
  }),
  cancel: operation('cancel', { order: Id }),
  pay: operation('pay', { order: Id }),
  'order-state': operation('order-state', { order: Id, state: maybe(STATES), all: maybe(Type.Boolean()) }),
  refund: operation('refund', { order: Id, refund: maybe(Id), tickets: maybe(Ids) }),
  'cancel-show': operation('cancel-show', {}),
  move: operation('move', { order: Id, tickets: Ids }),
  stock: operation('stock', { opens: maybe(Places), closes: maybe(Places) }),
  reschedule: operation('reschedule', { onSale: maybe(Time), offSale: maybe(Time), revision: maybe(Count) }),
  dispute: operation('dispute', { order: Id }),
  seats: operation('seats', {
    version: maybe(Count),
    stale: maybe(Type.Boolean()),
    letters: maybe(Type.String({ pattern: '^[ahpsbl]*$' })),
    areas: maybe(many(closed({ id: Id, available: Type.Integer() }))),
  }),
  tickets: operation('tickets', {
    tickets: maybe(many(closed({ id: Id, seat: maybe(Id), area: maybe(Id), order: maybe(Id), status: Id }))),
    all: maybe(Type.Boolean()),
  }),
  admit: operation('admit', { ticket: Id, gate: maybe(Type.String()), admittedAt: maybe(Time) }),
  'undo-admission': operation('undo-admission', { ticket: Id }),
  scans: operation('scans', { gate: Id, scans: many(closed({ ticket: Id, at: Time, result: maybe(Id) })) }),
};

const event = <N extends string, T extends Type.TProperties>(name: N, properties: T) =>
  closed({ event: Type.Literal(name), ...properties });

/** By `event`. */
export const EVENTS = {
  held: event('held', {
    hold: Id,
    client: Id,
    seats: Ids,
    areas: Areas,
    until: Time,
    listed: maybe(Ids),
    key: maybe(Id),
  }),
  extended: event('extended', { hold: Id, until: Time }),
  released: event('released', { hold: Id }),
  expired: event('expired', { holds: Ids }),
  ordered: event('ordered', {
    order: Id,
    hold: Id,
    tickets: many(Ticket),
    total: Count,
    until: Time,
    resold: maybe(Ids),
    key: maybe(Id),
  }),
  pending: event('pending', { order: Id, until: Time }),
  committed: event('committed', { order: Id, late: maybe(Type.Boolean()) }),
  captured: event('captured', { order: Id, resold: maybe(Ids) }),
  cancelled: event('cancelled', { order: Id }),
  rejected: event('rejected', { order: Id }),
  declined: event('declined', { order: Id }),
  voided: event('voided', { order: Id }),
  refunding: event('refunding', { refund: Id, order: Id, tickets: maybe(Ids), key: maybe(Id) }),
  disputed: event('disputed', { order: Id, dispute: Id, status: one('open', 'won', 'lost') }),
  'show-cancelled': event('show-cancelled', { holds: Ids }),
  transferred: event('transferred', { ticket: Id, to: Id, key: maybe(Id) }),
  'transfer-accepted': event('transfer-accepted', { ticket: Id, client: Id }),
  'transfer-ended': event('transfer-ended', { ticket: Id }),
  listed: event('listed', { ticket: Id, price: Count, key: maybe(Id) }),
  unlisted: event('unlisted', { ticket: Id }),
  admitted: event('admitted', { ticket: Id, at: Time, gate: Type.String(), key: maybe(Id) }),
  scanned: event('scanned', { gate: Id, scans: many(closed({ ticket: Id, at: Time, void: Type.Boolean() })) }),
  'admission-undone': event('admission-undone', { ticket: Id, until: Time }),
  'stock-changed': event('stock-changed', { opens: maybe(Places), closes: maybe(Places), key: maybe(Id) }),
  rescheduled: event('rescheduled', { onSale: Time, offSale: Time }),
  refused: event('refused', { code: Id, key: Id }),
};

/** Lines that are no operations; by the field that they begin with. The events of a row are checked one by one. */
export const OTHERS = {
  plan: closed({
    plan: Id,
    seats: Ids,
    areas: many(closed({ id: Id, capacity: Count })),
    currency: Id,
    blocked: maybe(Ids),
    partial: maybe(Type.Boolean()),
    grace: maybe(Time),
    onSale: maybe(Time),
    offSale: maybe(Time),
    keysKept: maybe(Time),
  }),
  row: closed({ row: Id, seq: Count, epoch: Count, at: maybe(Time), events: many(Type.Object({ event: Id })) }),
  book: closed({
    book: Id,
    captured: Count,
    refunded: Count,
    captures: Count,
    authorised: maybe(Count),
    withdrawn: maybe(Type.Integer()),
    unasked: maybe(Type.Boolean()),
  }),
  end: closed({ end: Type.Literal(true), rest: Type.Boolean() }),
};

type Shapes<T extends Record<string, Type.TSchema>> = { [K in keyof T]: Static<T[K]> }[keyof T];
type Row = Omit<Static<typeof OTHERS.row>, 'events'> & { events: Shapes<typeof EVENTS>[] };

/** What the schemas let pass. */
export type CheckedLine =
  | Shapes<typeof OPERATIONS>
  | Static<typeof OTHERS.plan>
  | Static<typeof OTHERS.book>
  | Static<typeof OTHERS.end>
  | Row;
