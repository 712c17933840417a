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
  /** Of whoever is to call it, if not just any of those who may. */
  readonly token?: string;
}

interface Kept extends Fresh {
  readonly at: number;
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
    'POST /v1/shows/{id}/holds': async () => ({ id: await this.#show(), body: this.#wish() }),
    'POST /v1/shows/{id}/cancel': async () => ({ id: await this.#show() }),
    'GET /v1/holds/{id}': () => this.#hold(),
    'DELETE /v1/holds/{id}': () => this.#hold(),
    'POST /v1/holds/{id}/extend': () => this.#hold(),
    'POST /v1/holds/{id}/order': () => this.#hold(),
    'POST /v1/orders/{id}/cancel': () => this.#order(),
    'POST /v1/orders/{id}/refund': async () => {
      const order = await this.#order();
      await this.#post('buyer', `/sandbox/payments/${order.payment.id}/confirm`, { card: '4242424242424242' });
      const tickets = order.lines.map(({ ticketId }) => ticketId).slice(0, 1);
      return { id: order.id, body: { tickets, reason: 'Rain' } };
    },
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

  async #hold(): Promise<{ id: string }> {
    const show = await this.#show();
    return this.#post('buyer', `/shows/${show}/holds`, { best: { quantity: 2 } });
  }

  async #order(): Promise<{ id: string; payment: { id: string }; lines: { ticketId: string }[] }> {
    const { id } = await this.#hold();
    return this.#post('buyer', `/holds/${id}/order`, {});
  }

  async #post<T>(as: 'buyer' | 'organiser', path: string, body: unknown): Promise<T> {
    const { token } = this.#world.people[as];
    const request = { method: 'POST', path: `/v1${path}`, ...asJson(token, body, this.next()) };
    const answer = await this.#client.send(request);
    if (answer.status > 201) throw new Error(`POST ${path}: ${answer.status} ${answer.body}`);
    return JSON.parse(answer.body);
  }
}
