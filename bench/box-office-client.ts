import { rfc3339 } from '../src/rfc3339.ts';
import { systemClock } from '../src/system/clock.ts';
import { systemRandom } from '../src/system/random.ts';
import { CATEGORY, CURRENCY, planDocument, type RectangularHall, SEAT_PRICE } from './rectangular-hall.ts';

const DAY_MS = 86_400_000;
/** The letter of an available seat in a compact seat map. */
const AVAILABLE = 'a';
const PER_HOLD = 10;
const PER_BUYER = 10;
const PAGE = 100;

/** An organiser's session at a running server, as the benches need it to prepare and to check. */
export class BoxOfficeClient {
  readonly #base: string;
  #token = '';

  private constructor(port: number) {
    this.#base = `http://127.0.0.1:${port}`;
  }

  /** Signs a new organiser up and logs in. */
  static async signUp(port: number): Promise<BoxOfficeClient> {
    const client = new BoxOfficeClient(port);
    const email = `bench-${systemRandom.uuidv7()}@example.org`;
    const password = systemRandom.uuidv7();
    await client.#post('/v1/users', { email, password, firstName: 'Bench', lastName: 'Organiser', role: 'organiser' });
    const session = (await client.#post('/v1/sessions', { email, password })) as { token: string };
    client.#token = session.token;
    return client;
  }

  /** Its bearer token. */
  get token(): string {
    return this.#token;
  }

  /** The same session at another server of the same box office. */
  at(port: number): BoxOfficeClient {
    const client = new BoxOfficeClient(port);
    client.#token = this.#token;
    return client;
  }

  /** Puts `count` shows in one hall on sale at once; resolves with their ids. */
  async openShows(hall: RectangularHall, count: number, price = SEAT_PRICE): Promise<string[]> {
    const address = { street: 'Calle Delgado Barreto', city: 'La Laguna', country: 'ES' };
    const venue = (await this.#post('/v1/venues', { name: hall.name, address })) as { id: string };
    const plan = (await this.#post(`/v1/venues/${venue.id}/plans`, planDocument(hall))) as { id: string };
    const now = systemClock().now();
    const shows: string[] = [];
    for (let i = 0; i < count; i++) {
      const show = (await this.#post('/v1/shows', {
        title: `${hall.name}, show ${i + 1}`,
        venueId: venue.id,
        planId: plan.id,
        startsAt: rfc3339(now + DAY_MS),
        onSaleAt: rfc3339(now),
        currency: CURRENCY,
        prices: { [CATEGORY]: price },
        limits: { perHold: PER_HOLD, perBuyer: PER_BUYER },
      })) as { id: string };
      shows.push(show.id);
    }
    return shows;
  }

  /** How many seats of a show are not to be had, by its seat map. */
  async takenSeats(showId: string): Promise<number> {
    const map = (await this.#fetch('GET', `/v1/shows/${showId}/seats?form=compact`)) as { seats: { letters: string } };
    let taken = 0;
    for (const letter of map.seats.letters) if (letter !== AVAILABLE) taken++;
    return taken;
  }

  /** Codes of all the valid tickets of a show, which has so many. */
  async ticketCodes(showId: string, tickets: number): Promise<string[]> {
    const codes: string[] = [];
    for (let offset = 0; offset < tickets; offset += PAGE) {
      const path = `/v1/tickets?showId=${showId}&offset=${offset}&limit=${PAGE}`;
      const { items } = (await this.#fetch('GET', path)) as { items: { code?: string }[] };
      for (const { code } of items) if (code !== undefined) codes.push(code);
    }
    return codes;
  }

  /** How many tickets of a show were admitted. */
  async admitted(showId: string): Promise<number> {
    const { counts } = (await this.#fetch('GET', `/v1/shows/${showId}/admissions?limit=1`)) as {
      counts: { admitted: number };
    };
    return counts.admitted;
  }

  #post(path: string, body: unknown): Promise<unknown> {
    return this.#fetch('POST', path, body);
  }

  async #fetch(method: string, path: string, body?: unknown): Promise<unknown> {
    const headers: Record<string, string> = {};
    if (this.#token !== '') headers.authorization = `Bearer ${this.#token}`;
    if (body !== undefined) headers['content-type'] = 'application/json';
    const answer = await fetch(this.#base + path, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text.slice(0, 600)}`);
    return JSON.parse(text);
  }
}
