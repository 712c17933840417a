import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { Tokens } from '../../src/accounts/tokens.ts';
import type { SeatingPlan } from '../../src/allocator/plan.ts';
import { generatePlan } from '../../src/allocator/plan-generate.ts';
import { newId } from '../../src/ids.ts';
import { systemClock } from '../../src/system/clock.ts';
import { systemRandom } from '../../src/system/random.ts';
import { type HttpAnswer, HttpClient, type HttpRequest } from './http-client.ts';

/** A secret for a server under test, so that a test can mint its tokens. */
export const JWT_SECRET = 'a secret that only tests know, of 32 characters and more';

const tokens = new Tokens(Buffer.from(JWT_SECRET), systemClock());

export interface Person {
  readonly id: string;
  readonly token: string;
}

/** A buyer that exists by the token alone. */
export async function newBuyer(): Promise<Person> {
  const id = newId('usr', systemRandom);
  return { id, token: await buyerToken(id) };
}

/** A token for a buyer at a server that has {@link JWT_SECRET}. */
export async function buyerToken(id: string): Promise<string> {
  return (await tokens.issue({ id, role: 'buyer' })).token;
}

/** A server that has just begun on a busy machine may say for so long that it is too busy. */
const BUSY_LIMIT_MS = 30_000;

/** Sends again, when the server says to, while it refuses to begin because it is too busy. */
async function patiently(client: HttpClient, request: HttpRequest): Promise<HttpAnswer> {
  const end = performance.now() + BUSY_LIMIT_MS;
  for (;;) {
    const answer = await client.send(request);
    const isBusy = answer.status === 503 && (answer.body as { code?: string } | null)?.code === 'OVERLOADED';
    if (!isBusy || performance.now() > end) return answer;
    await pause(Number(answer.headers['retry-after']) * 1_000);
  }
}

/** Signs an organiser up at the server and logs in. */
export async function signUpOrganiser(port: number): Promise<Person> {
  const account = { email: 'organiser@usher.example', password: 'correct horse battery staple' };
  const client = new HttpClient(port);
  await patiently(client, {
    method: 'POST',
    path: '/v1/users',
    body: { ...account, firstName: 'Ada', lastName: 'Organiser', role: 'organiser' },
  });
  const { body } = await patiently(client, { method: 'POST', path: '/v1/sessions', body: account });
  client.close();
  const { token, user } = body as { token: string; user: { id: string } };
  return { id: user.id, token };
}

/** What a buyer can see of a show before buying. */
export interface ShowOnSale {
  readonly id: string;
  readonly title: string;
  /** Seat ids, a list a row, in the order of the plan document. */
  readonly rows: readonly (readonly string[])[];
  readonly areas: readonly { readonly id: string; readonly name: string; readonly capacity: number }[];
  readonly capacity: number;
  readonly perBuyer: number;
}

export const PER_BUYER = 10;
const HOLD_SECONDS = 600;

export interface SaleTerms {
  /** How long a hold lasts. */
  readonly holdSeconds?: number;
}

/** The real hall of the examples: 603 seats. */
export function laLaguna(): SeatingPlan {
  const file = new URL('../../examples/la-laguna-auditorium.json', import.meta.url);
  return JSON.parse(readFileSync(file, 'utf8')) as SeatingPlan;
}

/** A generated theatre with a standing floor, which is free of charge. */
export function theatre(seats: number, standing: number): SeatingPlan {
  return generatePlan({ kind: 'theatre', seats, standing });
}

/** Puts one show in each hall on sale, as an organiser does it. The first category is the dearest; `Standing` costs nothing. */
export async function openShows(
  port: number,
  organiser: Person,
  plans: readonly SeatingPlan[],
  { holdSeconds = HOLD_SECONDS }: SaleTerms = {},
): Promise<ShowOnSale[]> {
  const client = new HttpClient(port);
  const post = async (path: string, body: unknown): Promise<{ id: string }> => {
    const request: HttpRequest = { method: 'POST', path, token: organiser.token, body };
    const answer = await patiently(client, request);
    if (answer.status !== 201) throw new Error(`POST ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body as { id: string };
  };
  const shows: ShowOnSale[] = [];
  for (const document of plans) {
    const address = { street: 'Calle Delgado Barreto', city: 'La Laguna', country: 'ES' };
    const venue = await post('/v1/venues', { name: document.name, address });
    const plan = await post(`/v1/venues/${venue.id}/plans`, document);
    const now = systemClock().now();
    const prices = document.categories.map(({ name }, i) => [name, name === 'Standing' ? 0 : 5_000 - i * 1_000]);
    const show = await post('/v1/shows', {
      title: document.name,
      venueId: venue.id,
      planId: plan.id,
      startsAt: new Date(now + 86_400_000).toISOString(),
      onSaleAt: new Date(now).toISOString(),
      currency: 'EUR',
      prices: Object.fromEntries(prices),
      limits: { perHold: PER_BUYER, perBuyer: PER_BUYER, holdSeconds },
    });
    const rows = document.zones.flatMap((zone) => zone.rows.map((row) => row.seats.map((seat) => seat.seat_guid)));
    const areas = (document.usher?.areas ?? []).map(({ id, name, capacity }) => ({ id, name, capacity }));
    let capacity = rows.flat().length;
    for (const area of areas) capacity += area.capacity;
    shows.push({ id: show.id, title: document.name, rows, areas, capacity, perBuyer: PER_BUYER });
  }
  client.close();
  return shows;
}
