import { isDeepStrictEqual } from 'node:util';
import type { Person, ShowOnSale } from './box-office.ts';
import { HttpClient } from './http-client.ts';
import { type Answer, answerOf, type History, isDefinite, type Operation, outcomeOf } from './sale-history.ts';

/*
 * Judges a finished history: by itself, and against what the server says now, from outside. Each check returns its
 * faults as sentences; none is good. Written for histories in which every operation has a definite answer and no hold
 * has lived to its end.
 */

interface Money {
  readonly amount: number;
  readonly currency: string;
}
interface Hold {
  readonly id: string;
  readonly seats: readonly { readonly id: string }[];
  readonly areas: readonly { readonly id: string; readonly quantity: number }[];
  readonly total: Money;
  readonly expiresAt: string;
}
interface OrderLine {
  readonly ticketId: string;
  readonly seat: { readonly id?: string; readonly area?: string };
  readonly price: Money;
}
interface Order {
  readonly id: string;
  readonly holdId: string;
  readonly lines: readonly OrderLine[];
  readonly status: string;
}

/** A hold as its buyer knows it. */
interface KnownHold {
  readonly user: string;
  readonly showId: string;
  hold: Hold;
  state: 'live' | 'released' | 'ordered';
}
/** An order as its buyer knows it. */
interface KnownOrder {
  readonly user: string;
  readonly showId: string;
  readonly order: Order;
  status: 'awaiting_payment' | 'paid' | 'cancelled';
}

/** What all answers of a history add up to. */
export interface Knowledge {
  readonly holds: ReadonlyMap<string, KnownHold>;
  readonly orders: ReadonlyMap<string, KnownOrder>;
  /** Tickets as they were read, by id. */
  readonly tickets: ReadonlyMap<string, { readonly user: string; readonly ticket: unknown }>;
}

/** Adds a history up. Throws on an answer that fits nothing before it. */
export function knowledgeOf(history: History): Knowledge {
  const holds = new Map<string, KnownHold>();
  const orders = new Map<string, KnownOrder>();
  const byPayment = new Map<string, KnownOrder>();
  const tickets = new Map<string, { user: string; ticket: unknown }>();
  for (const operation of history) {
    const { user, showId, kind, path } = operation;
    const { status, body } = answerOf(operation);
    const subject = path.split('/')[kind === 'confirm' ? 4 : 3];
    switch (kind) {
      case 'hold':
        if (status === 201) holds.set((body as Hold).id, { user, showId, hold: body as Hold, state: 'live' });
        break;
      case 'extend':
        if (status === 200) known(holds, subject).hold = body as Hold;
        break;
      case 'release':
        if (status === 204) known(holds, subject).state = 'released';
        break;
      case 'order':
        if (status === 201) {
          const order = body as Order & { payment?: { id: string } };
          const entry: KnownOrder = { user, showId, order, status: order.status as KnownOrder['status'] };
          orders.set(order.id, entry);
          if (order.payment) byPayment.set(order.payment.id, entry);
          known(holds, subject).state = 'ordered';
        }
        break;
      case 'cancel':
        if (status === 200) known(orders, subject).status = 'cancelled';
        break;
      case 'confirm':
        if (status === 200 && (body as { status: string }).status === 'succeeded')
          known(byPayment, subject).status = 'paid';
        else if (outcomeOf({ status, body, replayed: false }) === '402 CAPTURE_FAILED')
          known(byPayment, subject).status = 'cancelled';
        break;
      case 'ticket':
        if (status === 200) tickets.set(subject, { user, ticket: body });
    }
  }
  return { holds, orders, tickets };
}

function known<T>(things: ReadonlyMap<string, T>, id: string): T {
  const thing = things.get(id);
  if (thing === undefined) throw new Error(`nobody was told of ${id}`);
  return thing;
}

/** An answer without what differs each time it is told: the id of the request that asked. */
function essence({ status, body }: Answer): unknown {
  if (typeof body !== 'object' || body === null) return { status, body };
  const { requestId: _, ...rest } = body as Record<string, unknown>;
  return { status, body: rest };
}

/** Every answer was one of the expected, and of those that are no answer only 503 came, which names its reason. */
export function unexpectedAnswers(history: History): string[] {
  const faults: string[] = [];
  for (const { expected, attempts, method, path } of history) {
    for (const { answer } of attempts) {
      if (answer === null) continue;
      const outcome = outcomeOf(answer);
      const isRight = isDefinite(answer)
        ? expected.includes(outcome)
        : /^503 (UNAVAILABLE|OVERLOADED|OUTCOME_UNKNOWN)$/.test(outcome);
      if (!isRight) faults.push(`${method} ${path} was answered ${outcome}, not ${expected.join(' or ')}`);
    }
  }
  return faults;
}

/**
 * One key, one outcome: whatever was told again is what was told first, and is marked as such.
 * @param nodes with several, a node that gets no answer of another asks again by itself: then the first answer that
 *   reaches the client may be marked as well.
 */
export function changedAnswers(history: History, nodes: 'one' | 'several' = 'one'): string[] {
  const faults: string[] = [];
  for (const operation of history) {
    if (operation.key === null) continue;
    const answers = operation.attempts.map(({ answer }) => answer);
    const first = answers.findIndex(isDefinite);
    const told = answers.slice(first).filter(isDefinite);
    const name = `${operation.kind} with the key ${operation.key}`;
    if (nodes === 'one' && first === 0 && told[0]?.replayed) faults.push(`${name}: the first answer came as a replay`);
    for (const again of told.slice(1)) {
      if (!again.replayed) faults.push(`${name}: an answer told again was not marked`);
      if (!isDeepStrictEqual(essence(again), essence(told[0]))) {
        faults.push(`${name}: first ${JSON.stringify(told[0])}, then ${JSON.stringify(again)}`);
      }
    }
  }
  return faults;
}

/** Over all paid orders, each seat is on one ticket, and each ticket on one order. */
export function seatsSoldTwice({ orders }: Knowledge): string[] {
  const faults: string[] = [];
  const owners = new Map<string, string>();
  for (const { order, status, showId } of orders.values()) {
    if (status !== 'paid') continue;
    for (const { ticketId, seat } of order.lines) {
      for (const thing of seat.id === undefined ? [ticketId] : [ticketId, `${showId} ${seat.id}`]) {
        const owner = owners.get(thing);
        if (owner !== undefined) faults.push(`${thing} belongs to ${owner} and ${order.id}`);
        owners.set(thing, order.id);
      }
    }
  }
  return faults;
}

/** Reads a server as several clients at once, each user with the token that `tokenOf` gives. */
export class Outside {
  readonly port: number;
  readonly #clients: HttpClient[];
  readonly #tokenOf: (user: string) => Promise<string>;

  constructor(port: number, connections: number, tokenOf: (user: string) => Promise<string>) {
    this.port = port;
    this.#clients = Array.from({ length: connections }, () => new HttpClient(port));
    this.#tokenOf = tokenOf;
  }

  /** Does `work` for each item; many at a time. */
  async forEach<T>(items: Iterable<T>, work: (item: T, ask: Ask) => Promise<void>): Promise<void> {
    const queue = items[Symbol.iterator]();
    const loop = async (client: HttpClient): Promise<void> => {
      const ask: Ask = async (user, method, path, key = null, body = null) => {
        const answer = await client.send({ method, path, token: await this.#tokenOf(user), key, body });
        const replayed = answer.headers['idempotency-replayed'] === 'true';
        return { status: answer.status, body: answer.body, replayed };
      };
      for (let next = queue.next(); !next.done; next = queue.next()) await work(next.value, ask);
    };
    await Promise.all(this.#clients.map(loop));
  }

  close(): void {
    for (const client of this.#clients) client.close();
  }
}

type Ask = (
  user: string,
  method: Operation['method'],
  path: string,
  key?: string | null,
  body?: unknown,
) => Promise<Answer>;

/** Sends every one of these requests once more; the answers join its history, for {@link changedAnswers}. */
export async function askAgain(history: History, outside: Outside): Promise<void> {
  await outside.forEach(history, async ({ user, method, path, key, requestBody, attempts }, ask) => {
    const sentAt = performance.now();
    const answer = await ask(user, method, path, key, requestBody);
    attempts.push({ sentAt, endedAt: performance.now(), answer, wasSent: true, port: outside.port });
  });
}

/** The same keys with other requests are refused, whatever the first answer was. */
export async function reusedKeys(operations: readonly Operation[], outside: Outside): Promise<string[]> {
  const faults: string[] = [];
  await outside.forEach(operations, async ({ user, showId, key }, ask) => {
    const answer = await ask(user, 'POST', `/v1/shows/${showId}/holds`, key, { best: { quantity: 9 } });
    if (outcomeOf(answer) !== '422 IDEMPOTENCY_KEY_REUSED')
      faults.push(`${key} with another request: ${outcomeOf(answer)}`);
  });
  return faults;
}

/** Every live hold, every order and every ticket is there for its buyer, with the content that was acknowledged. */
export async function lostThings({ holds, orders, tickets }: Knowledge, outside: Outside): Promise<string[]> {
  const faults: string[] = [];
  const compare = (what: string, found: unknown, told: unknown): void => {
    if (!isDeepStrictEqual(found, told))
      faults.push(`${what}: told ${JSON.stringify(told)}, found ${JSON.stringify(found)}`);
  };
  await outside.forEach(holds.values(), async ({ user, hold, state }, ask) => {
    if (state === 'released') return;
    const { status, body } = await ask(user, 'GET', `/v1/holds/${hold.id}`);
    if (state === 'ordered') return;
    compare(`hold ${hold.id}`, { status, ...timeless(body) }, { status: 200, ...timeless(hold) });
  });

  const byUser = Map.groupBy(orders.values(), ({ user }) => user);
  await outside.forEach(byUser, async ([user, told], ask) => {
    const listed = (await ask(user, 'GET', '/v1/orders?limit=100')).body as { total: number; items: Order[] };
    const found = new Map(listed.items.map((order) => [order.id, order]));
    if (listed.total !== told.length) faults.push(`${user} has ${listed.total} orders and was told of ${told.length}`);
    for (const { order, status } of told) {
      compare(`order ${order.id}`, contentOf(found.get(order.id)), { ...contentOf(order), status });
    }
    const lines = told.filter(({ status }) => status === 'paid').flatMap(({ order }) => order.lines);
    const owned = (await ask(user, 'GET', '/v1/tickets?limit=100')).body as { items: Ticket[] };
    const byId = (a: { id: string }, b: { id: string }): number => (a.id < b.id ? -1 : 1);
    compare(
      `tickets of ${user}`,
      owned.items.map(({ id, seat, price, status }) => ({ id, seat, price, status })).sort(byId),
      lines.map(({ ticketId, seat, price }) => ({ id: ticketId, seat, price, status: 'valid' })).sort(byId),
    );
  });

  await outside.forEach(tickets, async ([id, { user, ticket }], ask) => {
    compare(`ticket ${id}`, (await ask(user, 'GET', `/v1/tickets/${id}`)).body, ticket);
  });
  return faults;
}

interface Ticket {
  readonly id: string;
  readonly seat: unknown;
  readonly price: Money;
  readonly status: string;
}

/** A hold or its refusal without the server's time. */
function timeless(body: unknown): object {
  const { serverTime: _, ...rest } = body as Record<string, unknown>;
  return rest;
}

/** An order without how to pay it and why it ended. */
function contentOf(order: Order | undefined): object | undefined {
  if (order === undefined) return undefined;
  const { payment, reason: _, ...rest } = order as Order & { payment?: { id: string }; reason?: string };
  return { ...rest, paymentId: payment?.id };
}

/** The seat maps, counts and tickets of the shows are exactly what the buyers were told, seat by seat (I5). */
export async function wrongCounts(
  shows: readonly ShowOnSale[],
  { holds, orders }: Knowledge,
  organiser: Person,
  outside: Outside,
): Promise<string[]> {
  const faults: string[] = [];
  await outside.forEach(shows, async (show, ask) => {
    const expected = new Map<string, string>();
    const areas = new Map(show.areas.map(({ id, capacity }) => [id, capacity]));
    let tickets = 0;
    for (const { hold, state, showId } of holds.values()) {
      if (showId !== show.id || state === 'released') continue;
      const order = state === 'ordered' ? orderOf(orders, hold.id) : null;
      if (order?.status === 'cancelled') continue;
      const isSold = order?.status === 'paid';
      if (isSold) tickets += order.order.lines.length;
      for (const { id } of hold.seats) {
        if (expected.has(id)) faults.push(`${show.title}: ${id} was given twice`);
        expected.set(id, isSold ? 's' : 'h');
      }
      for (const { id, quantity } of hold.areas) areas.set(id, (areas.get(id) ?? 0) - quantity);
    }
    const letters = show.rows.flat().map((id) => expected.get(id) ?? 'a');
    const compact = await ask(organiser.id, 'GET', `/v1/shows/${show.id}/seats?form=compact`);
    const map = compact.body as { seats: { letters: string }; areas: { id: string; available: number }[] };
    const wrong = show.rows.flat().filter((_, i) => map.seats.letters[i] !== letters[i]);
    if (wrong.length > 0 || map.seats.letters.length !== letters.length)
      faults.push(`${show.title}: ${wrong.length} seats are not as they were told, first ${wrong[0]}`);
    for (const { id, available } of map.areas) {
      if (available !== areas.get(id))
        faults.push(`${show.title}: area ${id} has ${available} places, not ${areas.get(id)}`);
    }
    let free = letters.filter((letter) => letter === 'a').length;
    for (const available of areas.values()) free += available;
    const { capacity, available } = (await ask(organiser.id, 'GET', `/v1/shows/${show.id}`)).body as ShowCounts;
    if (capacity !== show.capacity || available !== free)
      faults.push(`${show.title}: ${available} of ${capacity} are said to be free; it is ${free} of ${show.capacity}`);
    const { total } = (await ask(organiser.id, 'GET', `/v1/tickets?showId=${show.id}`)).body as { total: number };
    if (total !== tickets) faults.push(`${show.title}: there are ${total} tickets, not ${tickets}`);
  });
  return faults;
}

interface ShowCounts {
  readonly capacity: number;
  readonly available: number;
}

function orderOf(orders: Knowledge['orders'], holdId: string): KnownOrder | null {
  for (const order of orders.values()) if (order.order.holdId === holdId) return order;
  return null;
}
