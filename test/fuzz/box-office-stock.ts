import { createHash, randomBytes } from 'node:crypto';
import type { RawClient } from '../e2e/bad-input/raw-client.ts';
import type { BoxOffice } from '../e2e/bad-input/whole-box-office.ts';
import { asJson, type World } from '../e2e/bad-input/world.ts';

/** How long a thing of the stock is good for: a hold lives longer. */
const FRESH_MS = 120_000;

/** What a route is to be called with. */
interface Fresh {
  readonly id: string;
  readonly body?: unknown;
  /** What stands for `{ticketId}`. */
  readonly ticket?: string;
  /** Of whoever is to call it, if not just any of those who may. */
  readonly token?: string;
}

interface Kept extends Fresh {
  readonly at: number;
}

type Buyer = 'buyer' | 'otherBuyer';

interface Order {
  readonly id: string;
  readonly showId: string;
  readonly payment: { readonly id: string };
  readonly lines: readonly { readonly ticketId: string }[];
}

/** Things for requests that use them up, each made when it is needed: of each route one, until a request was accepted. */
export class BoxOfficeStock {
  readonly #client: RawClient;
  readonly #world: World;
  readonly #office: BoxOffice;
  readonly #kept = new Map<string, Kept>();
  #requests = 0;

  constructor(client: RawClient, world: World, office: BoxOffice) {
    this.#client = client;
    this.#world = world;
    this.#office = office;
  }

  /** What this route is to be called with; null if what the world has will do for ever. */
  async take(route: string): Promise<Fresh | null> {
    const make = this.#makers[route];
    if (make === undefined) return null;
    let kept = this.#kept.get(route);
    if (kept === undefined || Date.now() - kept.at > FRESH_MS) {
      kept = { ...(await make()), at: Date.now() };
      this.#kept.set(route, kept);
    }
    return kept;
  }

  /** A request to this route was accepted. */
  used(route: string): void {
    this.#kept.delete(route);
  }

  /** A name that nothing has yet. */
  next(): string {
    return `fuzz-${++this.#requests}`;
  }

  readonly #makers: Readonly<Record<string, () => Promise<Fresh>>> = {
    'DELETE /v1/sessions/current': () => this.#person(),
    'DELETE /v1/sessions': () => this.#person(),
    'PUT /v1/me/password': () => this.#person(),
    'POST /v1/password-resets/{token}': async () => ({ id: await this.#resetToken((await this.#person()).id) }),
    'POST /v1/shows/{id}/inventory': async () => ({ id: await this.#show(), body: { block: this.#world.seats } }),
    'PUT /v1/shows/{id}/plan': async () => ({ id: await this.#show() }),
    'DELETE /v1/shows/{id}/performers/{performerId}': async () => ({ id: await this.#show() }),
    'POST /v1/shows/{id}/holds': async () => ({ id: await this.#show(), body: this.#wish() }),
    'POST /v1/shows/{id}/cancel': async () => ({ id: await this.#show() }),
    'GET /v1/holds/{id}': () => this.#hold(),
    'DELETE /v1/holds/{id}': () => this.#hold(),
    'POST /v1/holds/{id}/extend': () => this.#hold(),
    'POST /v1/holds/{id}/order': () => this.#hold(),
    'POST /v1/orders/{id}/cancel': () => this.#order(),
    'POST /v1/orders/{id}/refund': async () => {
      const order = await this.#paidOrder('buyer');
      const tickets = order.lines.map(({ ticketId }) => ticketId).slice(0, 1);
      return { id: order.id, body: { tickets, reason: 'Rain' } };
    },
    'POST /v1/tickets/{id}/transfer': async () => ({ id: (await this.#ticket('buyer')).id }),
    'DELETE /v1/tickets/{id}/transfer': async () => ({ id: await this.#offer('buyer', 'friend@example.org') }),
    'POST /v1/tickets/{id}/accept': async () => ({ id: await this.#offer('otherBuyer', 'buyer@example.org') }),
    'DELETE /v1/transfers/{id}': async () => ({ id: await this.#offer('otherBuyer', 'buyer@example.org') }),
    'POST /v1/tickets/{id}/listing': async () => ({ id: (await this.#ticket('buyer')).id }),
    'DELETE /v1/tickets/{id}/listing': async () => {
      const { id } = await this.#ticket('buyer');
      await this.#post('buyer', `/tickets/${id}/listing`, { price: 1 });
      return { id };
    },
    'POST /v1/shows/{id}/admissions': async () => {
      const { show, code } = await this.#ticket('buyer');
      return { id: show, body: { code, gate: 'North' } };
    },
    'DELETE /v1/shows/{id}/admissions/{ticketId}': async () => {
      const { show, id, code } = await this.#ticket('buyer');
      await this.#post('organiser', `/shows/${show}/admissions`, { code });
      return { id: show, ticket: id };
    },
    'DELETE /v1/webhook-endpoints/{id}': () => this.#webhookEndpoint(),
    'POST /v1/sandbox/payments/{paymentId}/confirm': async () => ({ id: (await this.#order()).payment.id }),
  };

  /** Somebody whose sessions may end. */
  #person(): Promise<{ id: string; token: string }> {
    return this.#office.signUp(`${this.next()}@example.org`, 'buyer');
  }

  /** As the letter would have it. */
  async #resetToken(userId: string): Promise<string> {
    const token = randomBytes(32).toString('base64url');
    const digest = createHash('sha256').update(token).digest();
    const expiresAt = Date.now() + 1_800_000;
    await this.#office.pool.query('insert into password_reset values ($1, $2, $3)', [digest, userId, expiresAt]);
    return token;
  }

  /** One of the ways to ask for seats. */
  #wish(): unknown {
    const { seats, prices } = this.#world;
    const [category] = Object.keys(prices);
    const wishes = [
      { best: { quantity: 2 } },
      { seats },
      { best: { quantity: 1, category, maxPrice: 10_000, accessible: false } },
    ];
    return wishes[this.#requests % wishes.length];
  }

  async #show(): Promise<string> {
    const { ids, prices } = this.#world;
    const show = {
      ...{ title: 'Fuzzed', venueId: ids.ven, planId: ids.pln, performerIds: [ids.prf], prices, currency: 'EUR' },
      ...{ onSaleAt: '2020-01-01T00:00:00Z', startsAt: '2100-01-01T00:00:00Z' },
    };
    return (await this.#post<{ id: string }>('organiser', '/shows', show)).id;
  }

  async #hold(as: Buyer = 'buyer'): Promise<{ id: string }> {
    const show = await this.#show();
    return this.#post(as, `/shows/${show}/holds`, { best: { quantity: 2 } });
  }

  async #order(as: Buyer = 'buyer'): Promise<Order> {
    const { id } = await this.#hold(as);
    return this.#post(as, `/holds/${id}/order`, {});
  }

  async #paidOrder(as: Buyer): Promise<Order> {
    const order = await this.#order(as);
    await this.#post(as, `/sandbox/payments/${order.payment.id}/confirm`, { card: '4242424242424242' });
    return order;
  }

  async #ticket(as: Buyer): Promise<{ id: string; show: string; code: string }> {
    const { showId, lines } = await this.#paidOrder(as);
    const id = lines[0].ticketId;
    const { token } = this.#world.people[as];
    const { body } = await this.#client.send({ method: 'GET', path: `/v1/tickets/${id}`, ...asJson(token, undefined) });
    return { id, show: showId, code: JSON.parse(body).code };
  }

  async #offer(as: Buyer, email: string): Promise<string> {
    const { id } = await this.#ticket(as);
    return (await this.#post<{ id: string }>(as, `/tickets/${id}/transfer`, { email })).id;
  }

  /** In the place of those that were made before: an organiser may have a few only. */
  async #webhookEndpoint(): Promise<Fresh> {
    const { token } = this.#world.people.organiser;
    const list = { method: 'GET', path: '/v1/webhook-endpoints', ...asJson(token, undefined) };
    const { items }: { items: readonly { id: string }[] } = JSON.parse((await this.#client.send(list)).body);
    for (const { id } of items) {
      if (id === this.#world.ids.whe) continue;
      await this.#client.send({ method: 'DELETE', path: `/v1/webhook-endpoints/${id}`, ...asJson(token, undefined) });
    }
    return this.#post('organiser', '/webhook-endpoints', { url: 'https://example.org/', events: ['show.sold_out'] });
  }

  async #post<T>(as: Buyer | 'organiser', path: string, body: unknown): Promise<T> {
    const { token } = this.#world.people[as];
    const request = { method: 'POST', path: `/v1${path}`, ...asJson(token, body, this.next()) };
    const answer = await this.#client.send(request);
    if (answer.status > 201) throw new Error(`POST ${path}: ${answer.status} ${answer.body}`);
    return JSON.parse(answer.body);
  }
}
