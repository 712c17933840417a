import { exampleHall } from '../../support/plan-fixtures.ts';
import { ADDRESS, type Kind, type Person, type World } from './world.ts';

/** How a route is called rightly, so that a test can make one thing about the call wrong. */
export interface RouteCase {
  /** Who may call it. */
  readonly as: Person | 'anyone';
  /** Whether buyers are refused for their role. */
  readonly organisersOnly?: true;
  /** The kind of thing that its path names. */
  readonly kind?: Kind;
  /** The id of the thing that it is called with, if not just any of that kind. */
  readonly id?: (world: World) => string;
  /** Those to whom that thing is unknown. */
  readonly hiddenFrom?: readonly Person[];
  /** A good body with every member that there can be. */
  readonly body?: (world: World) => unknown;
  /** Good in form, and yet refused: label, body, status and code. */
  readonly refused?: (world: World) => readonly (readonly [what: string, body: unknown, code: string])[];
  /** Whether it wants an `Idempotency-Key`. */
  readonly keyed?: true;
  /** Bytes that its body may have, if not as many as others. */
  readonly bytesMax?: number;
  /** Whether it takes a body of any members: what is wrong with one is told by {@link refused}. */
  readonly open?: true;
}

const NOT_THE_BUYER: readonly Person[] = ['otherBuyer', 'organiser', 'otherOrganiser'];
const STRANGERS: readonly Person[] = ['otherBuyer', 'otherOrganiser'];

/** Only its organiser may. */
const ORGANISERS_OWN = { as: 'organiser', organisersOnly: true, hiddenFrom: ['otherOrganiser'] } as const;

/** A plan that can be imported, but for what `change` does to it. */
function planWith(change: (plan: Record<string, never>) => void): unknown {
  const plan = structuredClone(exampleHall()) as Record<string, never>;
  change(plan);
  return plan;
}

function deep(depth: number): unknown {
  let value: unknown = [];
  for (let i = 0; i < depth; i++) value = [value];
  return value;
}

type Loose = Record<string, unknown> & { zones: { rows: { seats: Record<string, unknown>[] }[] }[] };

/** Sets a member of the plan's first seat. */
function seatWith(name: string, value: unknown): unknown {
  return planWith((plan) => {
    (plan as unknown as Loose).zones[0].rows[0].seats[0][name] = value;
  });
}

function badPlans(): [string, unknown, string][] {
  const bad: [string, unknown][] = [
    ['empty', {}],
    ['no name', planWith((plan) => delete plan.name)],
    ['a name that is no text', planWith((plan) => Object.assign(plan, { name: 7 }))],
    ['a name with a NUL', planWith((plan) => Object.assign(plan, { name: 'a\u0000b' }))],
    ['a name with half a character', planWith((plan) => Object.assign(plan, { name: 'a\ud800b' }))],
    ['a name of 100,000 characters', planWith((plan) => Object.assign(plan, { name: 'x'.repeat(100_000) }))],
    ['no zones', planWith((plan) => delete plan.zones)],
    ['zones null', planWith((plan) => Object.assign(plan, { zones: null }))],
    ['zones as an object', planWith((plan) => Object.assign(plan, { zones: { 0: {} } }))],
    ['100,000 zones of nothing', planWith((plan) => Object.assign(plan, { zones: new Array(100_000).fill(null) }))],
    ['100,000 zones without rows', planWith((plan) => Object.assign(plan, { zones: new Array(100_000).fill({}) }))],
    ['deeply nested zones', planWith((plan) => Object.assign(plan, { zones: deep(5_000) }))],
    ['a nested name', planWith((plan) => Object.assign(plan, { name: deep(30) }))],
    ['a category without a name', planWith((plan) => Object.assign(plan, { categories: [{}] }))],
    ['a category twice', planWith((plan) => Object.assign(plan, { categories: [{ name: 'A' }, { name: 'A' }] }))],
    ['categories that are numbers', planWith((plan) => Object.assign(plan, { categories: [1, 2] }))],
    ['a size below nothing', planWith((plan) => Object.assign(plan, { size: { width: -1, height: -1 } }))],
    ['a huge size', planWith((plan) => Object.assign(plan, { size: { width: 1e308, height: 1e308 } }))],
    ['a seat without a guid', seatWith('seat_guid', undefined)],
    ['a seat guid that is a number', seatWith('seat_guid', 12)],
    ['a seat guid with half a character', seatWith('seat_guid', '\udc00')],
    ['a seat guid with a NUL', seatWith('seat_guid', '\u0000')],
    ['a seat of an unknown category', seatWith('category', 'nowhere')],
    ['a seat of the category __proto__', seatWith('category', 'constructor')],
    ['a seat off the plan', seatWith('position', { x: 1e9, y: 1e9 })],
    ['a seat at no number', seatWith('position', { x: 'NaN', y: null })],
    ['usher as a list', planWith((plan) => Object.assign(plan, { usher: [] }))],
    ['areas of nothing', planWith((plan) => Object.assign(plan, { usher: { areas: [{}] } }))],
    [
      'an area of 1e300 places',
      planWith((plan) =>
        Object.assign(plan, { usher: { areas: [{ id: 'a', name: 'A', category: 'x', capacity: 1e300 }] } }),
      ),
    ],
  ];
  return [
    ...bad.map(([what, body]): [string, unknown, string] => [what, body, 'PLAN_INVALID']),
    ['a deeply nested name', planWith((plan) => Object.assign(plan, { name: deep(5_000) })), 'BODY_TOO_LARGE'],
  ];
}

const CATEGORY = 'Stalls';
/** Seats that nobody has. */
const freeSeat = (n: number): string => `stalls-Q-${n}`;

function newShow(world: World): Record<string, unknown> {
  return {
    title: 'A show',
    description: 'Two\nlines',
    venueId: world.ids.ven,
    planId: world.ids.pln,
    screen: '1',
    performerIds: [world.ids.prf],
    startsAt: '2100-01-01T20:00:00Z',
    endsAt: '2100-01-01T22:00:00+01:00',
    onSaleAt: '2030-01-01T00:00:00Z',
    offSaleAt: '2099-01-01T00:00:00Z',
    currency: 'EUR',
    prices: world.prices,
    limits: { perHold: 4, perBuyer: 8, holdSeconds: 300 },
    mediaUrl: 'https://example.org/a.jpg',
    mediaLinks: ['https://example.org/b.jpg'],
    draft: false,
    publishAt: '2029-01-01T00:00:00Z',
  };
}

function badShows(world: World): [string, unknown, string][] {
  const show = newShow(world);
  const unknown = (id: string) => `${id.slice(0, 20)}${'0'.repeat(id.length - 20)}`;
  return [
    ['an unknown venue', { ...show, venueId: unknown(world.ids.ven) }, 'NOT_FOUND'],
    ['a venue that is a plan', { ...show, venueId: world.ids.pln }, 'NOT_FOUND'],
    ["another organiser's venue", { ...show, venueId: world.foreign.venue }, 'NOT_FOUND'],
    ["another venue's plan", { ...show, planId: world.foreign.plan }, 'NOT_FOUND'],
    ['a plan that is no id', { ...show, planId: 'plan' }, 'NOT_FOUND'],
    ['an unknown performer', { ...show, performerIds: [unknown(world.ids.prf)] }, 'SHOW_INVALID'],
    ['an end before its start', { ...show, endsAt: '2099-12-31T00:00:00Z' }, 'SHOW_INVALID'],
    ['a start in the past', { ...show, startsAt: '2001-01-01T00:00:00Z' }, 'SHOW_INVALID'],
    ['a sale after its start', { ...show, onSaleAt: '2101-01-01T00:00:00Z' }, 'SHOW_INVALID'],
    ['a sale that ends before it begins', { ...show, offSaleAt: '2029-01-01T00:00:00Z' }, 'SHOW_INVALID'],
    ['the year 9999', { ...show, startsAt: '9999-12-31T23:59:59Z', endsAt: undefined }, 'SHOW_INVALID'],
    ['a currency that is none', { ...show, currency: 'QQQ' }, 'SHOW_INVALID'],
    ['no prices', { ...show, prices: {} }, 'SHOW_INVALID'],
    ['a price of no category', { ...show, prices: { ...world.prices, 'a/b~c': 1 } }, 'SHOW_INVALID'],
    ['a price of toString', { ...show, prices: { ...world.prices, toString: 1 } }, 'SHOW_INVALID'],
    ['a script for a picture', { ...show, mediaUrl: 'javascript:alert(1)' }, 'SHOW_INVALID'],
  ];
}

/** Every route of `/openapi.json`. A route that is not here fails the test, and so does a case without a route. */
export const ROUTES: Readonly<Record<string, RouteCase>> = {
  'GET /livez': { as: 'anyone' },
  'GET /readyz': { as: 'anyone' },
  'GET /metrics': { as: 'anyone' },
  'GET /.well-known/usher-keys.json': { as: 'anyone' },
  'POST /v1/users': {
    as: 'anyone',
    body: () => ({
      ...{ email: 'new@example.org', password: 'correct horse', firstName: 'New', lastName: 'User', role: 'buyer' },
      address: ADDRESS,
    }),
    refused: () => {
      const user = { password: 'correct horse', firstName: 'New', lastName: 'User', role: 'buyer' };
      const emails = ['nobody', 'a@b', '@b.c', 'a b@c.d', 'a@b..c', 'a@b@c.d', 'a@.', '   '];
      return [
        ['an e-mail that is taken', { ...user, email: 'buyer@example.org' }, 'EMAIL_TAKEN'],
        ['an e-mail that is taken, in capitals', { ...user, email: ' BUYER@Example.ORG ' }, 'EMAIL_TAKEN'],
        ['the role of admins', { ...user, email: 'new@example.org', role: 'admin' }, 'BODY_INVALID'],
        ...emails.map((email) => [`the e-mail "${email}"`, { ...user, email }, 'BODY_INVALID'] as const),
      ];
    },
  },
  'POST /v1/sessions': {
    as: 'anyone',
    body: () => ({ email: 'buyer@example.org', password: 'correct horse' }),
    refused: () => [
      ['a wrong password', { email: 'buyer@example.org', password: 'wrong horse' }, 'BAD_CREDENTIALS'],
      ['an unknown e-mail', { email: 'nobody@example.org', password: 'correct horse' }, 'BAD_CREDENTIALS'],
      ['a pattern for an e-mail', { email: '%@example.org', password: 'correct horse' }, 'BAD_CREDENTIALS'],
      ['a password with a NUL', { email: 'buyer@example.org', password: 'correct horse\u0000' }, 'BAD_CREDENTIALS'],
    ],
  },
  'DELETE /v1/sessions/current': { as: 'buyer' },
  'DELETE /v1/sessions': { as: 'buyer' },
  'POST /v1/password-resets': { as: 'anyone', body: () => ({ email: 'buyer@example.org' }) },
  'POST /v1/password-resets/{token}': {
    as: 'anyone',
    id: () => 'x'.repeat(43),
    body: () => ({ password: 'correct horse' }),
    refused: () => [['a token that nobody was sent', { password: 'correct horse' }, 'NOT_FOUND']],
  },
  'GET /v1/me': { as: 'buyer' },
  'PUT /v1/me/password': {
    as: 'buyer',
    body: () => ({ currentPassword: 'correct horse', password: 'correct horse' }),
    refused: () => [
      ['another current one', { currentPassword: 'wrong horse', password: 'correct horse' }, 'BAD_CREDENTIALS'],
    ],
  },
  'PATCH /v1/me': { as: 'buyer', body: () => ({ firstName: 'Augusta', lastName: 'King', address: ADDRESS }) },
  'POST /v1/venues': { as: 'organiser', organisersOnly: true, body: () => ({ name: 'Hall', address: ADDRESS }) },
  'GET /v1/venues': { as: 'anyone' },
  'GET /v1/venues/{id}': { as: 'anyone', kind: 'ven' },
  'POST /v1/venues/{id}/plans': {
    as: 'organiser',
    organisersOnly: true,
    kind: 'ven',
    hiddenFrom: ['otherOrganiser'],
    open: true,
    body: () => exampleHall(),
    refused: badPlans,
  },
  'GET /v1/plans/{id}': { as: 'anyone', kind: 'pln' },
  'POST /v1/performers': {
    as: 'organiser',
    organisersOnly: true,
    body: () => ({ name: 'Trio', description: 'Three' }),
  },
  'GET /v1/performers': { as: 'anyone' },
  'POST /v1/shows': { as: 'organiser', organisersOnly: true, body: newShow, refused: badShows },
  'GET /v1/shows': { as: 'anyone' },
  'GET /v1/shows/{id}': { as: 'anyone', kind: 'shw' },
  'PATCH /v1/shows/{id}': {
    as: 'organiser',
    organisersOnly: true,
    kind: 'shw',
    hiddenFrom: ['otherOrganiser'],
    body: (world) => {
      const { title, description, screen, startsAt, endsAt, offSaleAt, mediaUrl, mediaLinks } = newShow(world);
      const onSaleAt = '2020-01-01T00:00:00Z';
      return { title, description, screen, startsAt, endsAt, onSaleAt, offSaleAt, mediaUrl, mediaLinks };
    },
    refused: () => [
      ['an end before its start', { endsAt: '2020-12-31T00:00:00Z' }, 'SHOW_INVALID'],
      ['a start in the past', { startsAt: '2001-01-01T00:00:00Z' }, 'SHOW_INVALID'],
      ['a sale after its start', { onSaleAt: '2101-01-01T00:00:00Z' }, 'SHOW_INVALID'],
      ['a sale that ends before it begins', { offSaleAt: '2001-01-01T00:00:00Z' }, 'SHOW_INVALID'],
      ['a script for a picture', { mediaLinks: ['javascript:alert(1)'] }, 'SHOW_INVALID'],
      ['another venue', { venueId: 'ven_1' }, 'BODY_INVALID'],
    ],
  },
  'POST /v1/shows/{id}/publish': {
    as: 'organiser',
    organisersOnly: true,
    kind: 'shw',
    hiddenFrom: ['otherOrganiser'],
    body: () => ({ at: '2020-01-01T00:00:00Z' }),
    refused: () => [
      ['a public show, later', { at: '2090-01-01T00:00:00Z' }, 'SHOW_INVALID'],
      ['a time after its start', { at: '2150-01-01T00:00:00Z' }, 'SHOW_INVALID'],
      ['the year 9999', { at: '9999-12-31T23:59:59Z' }, 'SHOW_INVALID'],
    ],
  },
  'PUT /v1/shows/{id}/performers/{performerId}': {
    as: 'organiser',
    organisersOnly: true,
    kind: 'shw',
    hiddenFrom: ['otherOrganiser'],
  },
  'DELETE /v1/shows/{id}/performers/{performerId}': {
    as: 'organiser',
    organisersOnly: true,
    kind: 'shw',
    hiddenFrom: ['otherOrganiser'],
  },
  'GET /v1/shows/{id}/seats': { as: 'anyone', kind: 'shw' },
  'POST /v1/shows/{id}/holds': {
    as: 'otherBuyer',
    kind: 'shw',
    keyed: true,
    body: () => ({
      best: { quantity: 2, category: 'Stalls', maxPrice: 10_000, accessible: true },
      areas: [{ id: 'floor', quantity: 1 }],
    }),
    refused: (world) => [
      ['nothing', {}, 'BODY_INVALID'],
      ['seats and the best', { seats: ['A-1'], best: { quantity: 1 } }, 'BODY_INVALID'],
      ['a seat twice', { seats: ['A-1', 'A-1'] }, 'BODY_INVALID'],
      ['seats that are numbers', { seats: [1, 2] }, 'BODY_INVALID'],
      ['no seats', { seats: [] }, 'BODY_INVALID'],
      ['101 seats', { seats: Array.from({ length: 101 }, (_, i) => `seat-${i}`) }, 'BODY_INVALID'],
      ['an area twice', { areas: [1, 2].map((quantity) => ({ id: 'floor', quantity })) }, 'BODY_INVALID'],
      ['an unknown seat', { seats: ['nowhere'] }, 'UNKNOWN_SEAT'],
      ['a seat called __proto__', { seats: ['__proto__', 'constructor', 'toString'] }, 'UNKNOWN_SEAT'],
      ['a seat with half a character', { seats: ['\ud800'] }, 'BODY_INVALID'],
      ['an unknown area', { areas: [{ id: 'nowhere', quantity: 1 }] }, 'UNKNOWN_SEAT'],
      ['an unknown category', { best: { quantity: 1, category: 'toString' } }, 'HOLD_INVALID'],
      ['a seat that is held', { seats: [world.seats[0]] }, 'SEATS_TAKEN'],
    ],
  },
  'GET /v1/holds/{id}': { as: 'buyer', kind: 'hld', hiddenFrom: STRANGERS },
  'DELETE /v1/holds/{id}': { as: 'buyer', kind: 'hld', hiddenFrom: NOT_THE_BUYER },
  'POST /v1/holds/{id}/extend': { as: 'buyer', kind: 'hld', hiddenFrom: NOT_THE_BUYER },
  'POST /v1/holds/{id}/order': {
    as: 'buyer',
    kind: 'hld',
    hiddenFrom: NOT_THE_BUYER,
    keyed: true,
    body: () => ({ comp: false }),
    refused: () => [["giving away what is another's", { comp: true }, 'FORBIDDEN']],
  },
  'GET /v1/orders': { as: 'buyer' },
  'GET /v1/orders/{id}': { as: 'buyer', kind: 'ord', hiddenFrom: STRANGERS },
  'POST /v1/orders/{id}/cancel': { as: 'buyer', kind: 'ord', hiddenFrom: NOT_THE_BUYER },
  'POST /v1/orders/{id}/refund': {
    as: 'organiser',
    organisersOnly: true,
    kind: 'ord',
    hiddenFrom: ['otherOrganiser'],
    keyed: true,
    body: (world) => ({ tickets: [world.ids.tkt], reason: 'Rain' }),
    refused: (world) => [
      ['a ticket of another order', { tickets: [world.ids.tkt] }, 'NOT_FOUND'],
      ['a ticket that is an order', { tickets: [world.ids.ord] }, 'NOT_FOUND'],
      ['a ticket twice', { tickets: [world.ids.tkt, world.ids.tkt] }, 'BODY_INVALID'],
      ['no tickets', { tickets: [] }, 'BODY_INVALID'],
      ['an order that is not paid', {}, 'ORDER_NOT_REFUNDABLE'],
    ],
  },
  'POST /v1/shows/{id}/inventory': {
    as: 'organiser',
    organisersOnly: true,
    kind: 'shw',
    hiddenFrom: ['otherOrganiser'],
    keyed: true,
    bytesMax: 1_024 * 1_024,
    body: (world) => ({
      add: [{ seat: freeSeat(1), category: CATEGORY, price: 1_999 }],
      remove: [freeSeat(2), freeSeat(3)],
      block: [freeSeat(4)],
      unblock: [freeSeat(5)],
      reprice: { [CATEGORY]: world.prices[CATEGORY] },
    }),
    refused: (world) => [
      ['nothing to change', {}, 'STOCK_INVALID'],
      ['empty lists', { add: [], remove: [], block: [], unblock: [], reprice: {} }, 'STOCK_INVALID'],
      ['a seat that is held', { block: [freeSeat(2), world.seats[0]] }, 'SEAT_IN_USE'],
      ['a seat in two lists', { block: [freeSeat(2)], remove: [freeSeat(2)] }, 'STOCK_INVALID'],
      ['a seat twice', { remove: [freeSeat(2), freeSeat(2)] }, 'STOCK_INVALID'],
      ['an unknown seat', { remove: ['nowhere', 'toString', '__proto__'] }, 'UNKNOWN_SEAT'],
      ['an unknown area', { block: [{ area: 'nowhere', count: 1 }] }, 'UNKNOWN_SEAT'],
      ['an unknown category', { reprice: { toString: 1 } }, 'STOCK_INVALID'],
      [
        'a price that is not its category’s',
        { add: [{ seat: freeSeat(1), category: CATEGORY, price: 1 }] },
        'STOCK_INVALID',
      ],
      ['another category', { add: [{ seat: freeSeat(1), category: 'Nowhere', price: 1 }] }, 'STOCK_INVALID'],
      ['5,001 seats', { remove: new Array(5_000).fill('A-1'), block: ['A-2'] }, 'STOCK_INVALID'],
    ],
  },
  'PUT /v1/shows/{id}/plan': {
    as: 'organiser',
    organisersOnly: true,
    kind: 'shw',
    hiddenFrom: ['otherOrganiser'],
    keyed: true,
    body: (world) => ({ planId: world.otherPlan, prices: { [CATEGORY]: world.prices[CATEGORY] } }),
    refused: (world) => [
      ['a plan of another venue', { planId: world.foreign.plan }, 'NOT_FOUND'],
      ['a plan that is a show', { planId: world.ids.shw }, 'NOT_FOUND'],
      ['a plan without the seats that are held', { planId: world.smallPlan }, 'SEAT_IN_USE'],
      ['a price of an unknown category', { planId: world.otherPlan, prices: { toString: 1 } }, 'STOCK_INVALID'],
      ['a price that is another', { planId: world.otherPlan, prices: { [CATEGORY]: 1 } }, 'STOCK_INVALID'],
      ['a price below nothing', { planId: world.otherPlan, prices: { [CATEGORY]: -1 } }, 'BODY_INVALID'],
    ],
  },
  'GET /v1/shows/{id}/inventory': {
    as: 'organiser',
    organisersOnly: true,
    kind: 'shw',
    hiddenFrom: ['otherOrganiser'],
  },
  'POST /v1/shows/{id}/cancel': {
    as: 'organiser',
    organisersOnly: true,
    kind: 'shw',
    hiddenFrom: ['otherOrganiser'],
    body: () => ({ reason: 'Rain' }),
  },
  'GET /v1/shows/{id}/cancellation': {
    as: 'organiser',
    organisersOnly: true,
    kind: 'shw',
    id: ({ cancelledShow }) => cancelledShow,
    hiddenFrom: ['otherOrganiser'],
  },
  'POST /v1/shows/{id}/admissions': {
    as: 'organiser',
    organisersOnly: true,
    kind: 'shw',
    hiddenFrom: ['otherOrganiser'],
    keyed: true,
    body: () => ({ code: 'A'.repeat(134), gate: 'North', at: '2026-11-21T20:00:00Z' }),
    refused: () => [
      ['a code of nobody', { code: 'A'.repeat(134) }, 'CODE_INVALID'],
      ['a code that is none', { code: 'tkt_1' }, 'CODE_INVALID'],
      ['a code of 201 characters', { code: 'A'.repeat(201) }, 'BODY_INVALID'],
      ['a gate with a line break', { code: 'A', gate: 'a\nb' }, 'BODY_INVALID'],
      ['a gate without a name', { code: 'A', gate: '' }, 'BODY_INVALID'],
      ['a time that is none', { code: 'A', at: 'yesterday' }, 'BODY_INVALID'],
    ],
  },
  'GET /v1/shows/{id}/admissions': {
    as: 'organiser',
    organisersOnly: true,
    kind: 'shw',
    hiddenFrom: ['otherOrganiser'],
  },
  'DELETE /v1/shows/{id}/admissions/{ticketId}': {
    as: 'organiser',
    organisersOnly: true,
    kind: 'shw',
    // That of the ticket, which nobody has come with.
    id: ({ shows }) => shows[2],
    hiddenFrom: ['otherOrganiser'],
  },
  'POST /v1/shows/{id}/scans': {
    as: 'organiser',
    organisersOnly: true,
    kind: 'shw',
    hiddenFrom: ['otherOrganiser'],
    body: () => ({ gate: 'North', scans: [{ code: 'A'.repeat(134), at: '2026-11-21T20:00:00Z' }] }),
    refused: () => [
      ['no scans', { gate: 'North', scans: [] }, 'BODY_INVALID'],
      [
        '201 scans',
        { gate: 'North', scans: new Array(201).fill({ code: 'A', at: '2026-11-21T20:00:00Z' }) },
        'BODY_INVALID',
      ],
      ['a scan without a time', { gate: 'North', scans: [{ code: 'A' }] }, 'BODY_INVALID'],
      ['no gate', { scans: [{ code: 'A', at: '2026-11-21T20:00:00Z' }] }, 'BODY_INVALID'],
    ],
  },
  'GET /v1/shows/{id}/voided': {
    as: 'organiser',
    organisersOnly: true,
    kind: 'shw',
    hiddenFrom: ['otherOrganiser'],
  },
  'GET /v1/tickets': { as: 'buyer' },
  'GET /v1/tickets/{id}': { as: 'buyer', kind: 'tkt', hiddenFrom: STRANGERS },
  'GET /v1/tickets/{id}/qr.svg': { as: 'buyer', kind: 'tkt', hiddenFrom: STRANGERS },
  'GET /v1/shows/{id}/report': { ...ORGANISERS_OWN, kind: 'shw' },
  'GET /v1/shows/{id}/orders.csv': { ...ORGANISERS_OWN, kind: 'shw' },
  'GET /v1/shows/{id}/attendees.csv': { ...ORGANISERS_OWN, kind: 'shw' },
  'GET /v1/sales': { as: 'organiser', organisersOnly: true },
  'POST /v1/webhook-endpoints': {
    as: 'organiser',
    organisersOnly: true,
    body: () => ({ url: 'https://example.org/hooks', events: ['order.paid', 'order.refunded'] }),
    refused: () => {
      const events = ['order.paid'];
      const urls = [
        'nowhere',
        'ftp://example.org/',
        'http://example.org/',
        'https://user:pw@example.org/',
        'https://a/#b',
      ];
      return [
        ['no events', { url: 'https://example.org/', events: [] }, 'BODY_INVALID'],
        ['an event twice', { url: 'https://example.org/', events: [...events, ...events] }, 'BODY_INVALID'],
        ['an unknown event', { url: 'https://example.org/', events: ['order.lost'] }, 'BODY_INVALID'],
        ...urls.map((url) => [`the address "${url}"`, { url, events }, 'WEBHOOK_URL_INVALID'] as const),
      ];
    },
  },
  'GET /v1/webhook-endpoints': { as: 'organiser', organisersOnly: true },
  'GET /v1/webhook-endpoints/{id}': { ...ORGANISERS_OWN, kind: 'whe' },
  'DELETE /v1/webhook-endpoints/{id}': { ...ORGANISERS_OWN, kind: 'whe' },
  'POST /v1/webhook-endpoints/{id}/enable': { ...ORGANISERS_OWN, kind: 'whe' },
  'POST /v1/webhook-endpoints/{id}/replay': {
    ...ORGANISERS_OWN,
    kind: 'whe',
    body: () => ({ since: '2026-01-01T00:00:00Z', delivered: true }),
  },
  'GET /v1/webhook-deliveries': { as: 'organiser', organisersOnly: true },
  'POST /v1/webhook-deliveries/{id}/replay': { ...ORGANISERS_OWN, kind: 'whd' },
  'POST /v1/tickets/{id}/transfer': {
    as: 'buyer',
    kind: 'tkt',
    hiddenFrom: NOT_THE_BUYER,
    keyed: true,
    body: () => ({ email: 'friend@example.org' }),
    refused: () => [
      ['to nobody', { email: 'nobody' }, 'BODY_INVALID'],
      ['to oneself', { email: ' Buyer@Example.org' }, 'TRANSFER_INVALID'],
    ],
  },
  'DELETE /v1/tickets/{id}/transfer': { as: 'buyer', kind: 'tkt', hiddenFrom: NOT_THE_BUYER },
  'POST /v1/tickets/{id}/accept': { as: 'buyer', kind: 'tkt', hiddenFrom: NOT_THE_BUYER },
  'GET /v1/transfers': { as: 'buyer' },
  'DELETE /v1/transfers/{id}': { as: 'buyer', kind: 'tkt', hiddenFrom: NOT_THE_BUYER },
  'POST /v1/tickets/{id}/listing': {
    as: 'buyer',
    kind: 'tkt',
    hiddenFrom: NOT_THE_BUYER,
    keyed: true,
    body: () => ({ price: { amount: 1, currency: 'EUR' } }),
    refused: () => [
      ['for more than was paid', { price: 4_000_000_000 }, 'ABOVE_PURCHASE_PRICE'],
      ['for less than nothing', { price: -1 }, 'BODY_INVALID'],
      ['in another currency', { price: { amount: 1, currency: 'USD' } }, 'BODY_INVALID'],
    ],
  },
  'DELETE /v1/tickets/{id}/listing': { as: 'buyer', kind: 'tkt', hiddenFrom: NOT_THE_BUYER },
  'GET /v1/shows/{id}/listings': { as: 'anyone', kind: 'shw' },
  'POST /v1/sandbox/payments/{paymentId}/confirm': {
    as: 'buyer',
    kind: 'pay',
    hiddenFrom: NOT_THE_BUYER,
    body: () => ({ card: '4242424242424242' }),
    refused: () =>
      [
        '',
        '4',
        '4242424242424241',
        '4242 4242 4242 4242',
        '٤٢٤٢٤٢٤٢٤٢٤٢٤٢٤٢',
        '-424242424242424',
        '42424242424242.2',
      ].map((card) => [`the card "${card}"`, { card }, 'BODY_INVALID'] as const),
  },
};
