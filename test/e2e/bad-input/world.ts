import type { SeatingPlan } from '../../../src/allocator/plan.ts';
import { exampleHall } from '../../support/plan-fixtures.ts';
import type { RawAnswer, RawClient } from './raw-client.ts';
import type { BoxOffice } from './whole-box-office.ts';

/** A box office with something of every kind in it, and the people it belongs to. */
export interface World {
  readonly people: Readonly<Record<Person, { readonly id: string; readonly token: string }>>;
  /** The id of one thing of each kind; holds, orders, payments and tickets are the buyer's, the rest the organiser's. */
  readonly ids: Readonly<Record<Kind, string>>;
  /** On sale, and the buyer's live hold is in it. */
  readonly showWithHold: string;
  /** Called off; nobody has bought anything in it. */
  readonly cancelledShow: string;
  /** What another buyer wants to give the buyer. */
  readonly offeredTicket: string;
  /** Every show. */
  readonly shows: readonly string[];
  /** A venue and a plan of the other organiser. */
  readonly foreign: { readonly venue: string; readonly plan: string };
  /** Of the organiser's venue: one that has all seats of the first, and one that has not. */
  readonly otherPlan: string;
  readonly smallPlan: string;
  /** Price of each category of the plan. */
  readonly prices: Readonly<Record<string, number>>;
  readonly seats: readonly string[];
}

export type Person = 'organiser' | 'otherOrganiser' | 'buyer' | 'otherBuyer';
export type Kind = 'usr' | 'ven' | 'pln' | 'prf' | 'shw' | 'hld' | 'ord' | 'pay' | 'tkt' | 'whe' | 'whd';

export const ADDRESS = {
  street: 'Street 1',
  city: 'City',
  state: 'State',
  country: 'ES',
  postalCode: '38200',
  additional: 'Back door',
};

/** Sends a JSON request as somebody. */
export function asJson(
  token: string | null,
  body: unknown,
  key?: string,
): { headers: Record<string, string>; body?: string } {
  return {
    headers: {
      ...(token === null ? undefined : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? undefined : { 'content-type': 'application/json' }),
      ...(key === undefined ? undefined : { 'idempotency-key': key }),
    },
    ...(body === undefined ? undefined : { body: JSON.stringify(body) }),
  };
}

/** Fills a new box office over HTTP. */
export async function buildWorld(office: BoxOffice, client: RawClient): Promise<World> {
  let requests = 0;
  const post = async (token: string, path: string, body?: unknown): Promise<Record<string, never>> => {
    const answer: RawAnswer = await client.send({
      method: 'POST',
      path: `/v1${path}`,
      ...asJson(token, body, `world-${++requests}`),
    });
    if (answer.status > 201) throw new Error(`POST ${path}: ${answer.status} ${answer.body}`);
    return JSON.parse(answer.body);
  };
  const people = {
    organiser: await office.signUp('organiser@example.org', 'organiser'),
    otherOrganiser: await office.signUp('other-organiser@example.org', 'organiser'),
    buyer: await office.signUp('buyer@example.org', 'buyer'),
    otherBuyer: await office.signUp('other-buyer@example.org', 'buyer'),
  };
  const hall = exampleHall();
  const hallOf = async (token: string) => {
    const venue = await post(token, '/venues', { name: 'Hall', address: ADDRESS });
    return { venue, plan: await post(token, `/venues/${venue.id}/plans`, hall) };
  };
  const organiser = people.organiser.token;
  const { venue, plan } = await hallOf(organiser);
  const otherPlan = await post(organiser, `/venues/${venue.id}/plans`, hall);
  const smallPlan = await post(organiser, `/venues/${venue.id}/plans`, withOneSeat(hall as SeatingPlan));
  const foreign = await hallOf(people.otherOrganiser.token);
  const performer = await post(organiser, '/performers', { name: 'Quartet' });
  const prices = Object.fromEntries((plan.categories as { name: string }[]).map(({ name }, i) => [name, 2_000 + i]));
  const shows: string[] = [];
  for (const title of ['held', 'ordered', 'sold', 'cancelled']) {
    const show = await post(organiser, '/shows', {
      ...{ title, venueId: venue.id, planId: plan.id, performerIds: [performer.id], prices, currency: 'EUR' },
      ...{ onSaleAt: '2020-01-01T00:00:00Z', startsAt: '2100-01-01T00:00:00Z' },
    });
    shows.push(show.id);
  }
  const cancelledShow = shows[3];
  await post(organiser, `/shows/${cancelledShow}/cancel`);
  const buyer = people.buyer.token;
  const holdBest = (show: string) => post(buyer, `/shows/${show}/holds`, { best: { quantity: 2 } });
  const hold = await holdBest(shows[0]);
  const order = await post(buyer, `/holds/${(await holdBest(shows[1])).id}/order`);
  const paid = await post(buyer, `/holds/${(await holdBest(shows[2])).id}/order`);
  const payment = order.payment as { id: string };
  const card = { card: '4242424242424242' };
  await post(buyer, `/sandbox/payments/${(paid.payment as { id: string }).id}/confirm`, card);
  const given = await buildOffer(post, people.otherBuyer.token, shows[2]);
  const endpoint = await post(organiser, '/webhook-endpoints', {
    ...{ url: 'https://example.org/hooks', events: ['show.sold_out'] },
  });
  const delivery = `whd_${'5'.repeat(32)}`;
  await office.pool.query(
    `insert into webhook_message (id, show_id, type, created_at, body) values ('msg_1', $1, 'show.sold_out', 0, '{}')`,
    [shows[0]],
  );
  await office.pool.query(
    `insert into webhook_delivery (id, endpoint_id, message_id, created_at, next_at) values ($1, $2, 'msg_1', 0, 0)`,
    [delivery, endpoint.id],
  );
  return {
    people,
    ids: {
      usr: people.buyer.id,
      ven: venue.id,
      pln: plan.id,
      prf: performer.id,
      shw: shows[0],
      hld: hold.id,
      ord: order.id,
      pay: payment.id,
      tkt: (paid.lines as { ticketId: string }[])[0].ticketId,
      whe: endpoint.id,
      whd: delivery,
    },
    showWithHold: shows[0],
    cancelledShow,
    offeredTicket: given,
    shows,
    foreign: { venue: foreign.venue.id, plan: foreign.plan.id },
    otherPlan: otherPlan.id,
    smallPlan: smallPlan.id,
    prices,
    seats: (hold.seats as { id: string }[]).map(({ id }) => id),
  };
}

function withOneSeat(plan: SeatingPlan): SeatingPlan {
  const [zone] = plan.zones;
  const [row] = zone.rows;
  return { ...plan, zones: [{ ...zone, rows: [{ ...row, seats: row.seats.slice(0, 1) }] }] };
}

/** A ticket that somebody else has paid, offered to the buyer. */
async function buildOffer(
  post: (token: string, path: string, body?: unknown) => Promise<Record<string, never>>,
  token: string,
  show: string,
): Promise<string> {
  const hold = await post(token, `/shows/${show}/holds`, { best: { quantity: 1 } });
  const order = await post(token, `/holds/${hold.id}/order`);
  const { id: payment } = order.payment as { id: string };
  await post(token, `/sandbox/payments/${payment}/confirm`, { card: '4242424242424242' });
  const [{ ticketId }] = order.lines as { ticketId: string }[];
  return (await post(token, `/tickets/${ticketId}/transfer`, { email: 'buyer@example.org' })).id;
}

const TABLES = `select table_name as name from information_schema.tables
  where table_schema = 'public' and table_name not in
    ('journal', 'snapshot', 'lane_backend', 'node', 'log_in_failure', 'show_figures') order by 1`;
const EVENTS = `select journal.show_id, event ->> 'type' as type, count(*)::int as count
  from journal, json_array_elements(events) event where event ->> 'type' <> 'refused' group by 1, 2 order by 1, 2`;

/**
 * All that clients can change, as text to compare: every row of every table but those of heartbeats, failed log-ins and what lists tell of seats, what was journaled except refusals, and
 * what people see over HTTP.
 */
export async function stateOf(office: BoxOffice, client: RawClient, world: World): Promise<string[]> {
  const state: string[] = [];
  const { rows: tables } = await office.pool.query<{ name: string }>(TABLES);
  for (const { name } of tables) {
    const { rows } = await office.pool.query(
      `select count(*)::int as count, md5(string_agg(t::text, e'\\n' order by t::text)) as content from "${name}" t`,
    );
    state.push(`${name}: ${rows[0].count} ${rows[0].content}`);
  }
  const { rows: events } = await office.pool.query(EVENTS);
  state.push(...events.map((row) => JSON.stringify(row)));
  const see = async (path: string, person?: Person) => {
    const token = person === undefined ? null : world.people[person].token;
    const answer = await client.send({ method: 'GET', path: `/v1${path}`, ...asJson(token, undefined) });
    // The versions of seat maps and times of answers move on their own.
    // Lists tell the figures of seats a moment later; the seat maps are looked at anyway.
    const moves =
      path === '/shows' ? /"(available|fromPrice)":({[^}]+}|[^,}]+)/g : /"(version|asOf|serverTime)":[^,}]+/g;
    state.push(`${path}: ${answer.status} ${answer.body.replaceAll(moves, '')}`);
  };
  for (const show of world.shows) await see(`/shows/${show}/seats?form=compact`);
  for (const path of ['/shows', '/venues', '/performers', `/plans/${world.ids.pln}`]) await see(path);
  for (const person of ['buyer', 'otherBuyer'] as const) {
    for (const path of ['/me', '/orders', '/tickets']) await see(path, person);
  }
  await see(`/holds/${world.ids.hld}`, 'buyer');
  return state;
}
