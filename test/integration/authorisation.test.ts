import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Role, Tokens } from '../../src/accounts/tokens.ts';
import { systemClock } from '../../src/system/clock.ts';
import { ROUTES } from '../e2e/bad-input/routes.ts';
import { type BoxOffice, openBoxOffice, TOKEN_SECRET } from '../e2e/bad-input/whole-box-office.ts';
import { asJson, buildWorld, type Person, type World } from '../e2e/bad-input/world.ts';
import { BoxOfficeStock } from '../fuzz/box-office-stock.ts';
import { PatientClient } from '../fuzz/patient-client.ts';
import { ACTORS, type Actor, authorisationTable, type Line } from '../support/authorisation-table.ts';
import { temporaryDirectoryForFile } from '../support/temporary-directory.ts';

interface Operation {
  readonly security?: readonly object[];
}

/** Tokens of this generation outlive the log-outs that are tried here. */
const LATE_GENERATION = 1_000_000;

/** Log-ins at once: fewer than may wait. */
const STORM = 80;

let office: BoxOffice;
let client: PatientClient;
let world: World;
let stock: BoxOfficeStock;
/** By method and path, as `/openapi.json` has them. */
let operations: Map<string, Operation>;
let adminId: string;
const tokens = new Tokens(TOKEN_SECRET, systemClock());

beforeAll(async () => {
  office = await openBoxOffice(temporaryDirectoryForFile());
  client = new PatientClient(office.port);
  world = await withLateTokens(await buildWorld(office, client));
  stock = new BoxOfficeStock(client, world, office);
  adminId = (await office.signUp('admin@example.org', 'buyer')).id;
  const { body } = await client.send({ method: 'GET', path: '/openapi.json' });
  const { paths } = JSON.parse(body) as { paths: Record<string, Record<string, Operation>> };
  operations = new Map(
    Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => [`${method.toUpperCase()} ${path}`, operation] as const),
    ),
  );
}, 240_000);

afterAll(async () => {
  client.close();
  await office.close();
});

const roleOf = (person: Person): Role => (person.endsWith('uyer') ? 'buyer' : 'organiser');

async function withLateTokens(built: World): Promise<World> {
  const people = Object.entries(built.people).map(async ([person, { id }]) => {
    const claims = { id, role: roleOf(person as Person), generation: LATE_GENERATION, session: person };
    return [person, { id, token: (await tokens.issue(claims)).token }] as const;
  });
  return { ...built, people: Object.fromEntries(await Promise.all(people)) as World['people'] };
}

/** A new session, which a request may end. */
async function tokenOf(actor: Actor): Promise<string | null> {
  if (actor === 'nobody') return null;
  const who =
    actor === 'admin' ? ({ id: adminId, role: 'admin' } as const) : { id: world.people[actor].id, role: roleOf(actor) };
  return (await tokens.issue({ ...who, generation: LATE_GENERATION, session: stock.next() })).token;
}

/** What an answer says that its buyer alone, the organiser of the show and admins may know; of an offer, its receiver. */
function tellsOfBuyer(route: string, body: string): boolean {
  const { usr, hld, ord, pay, tkt } = world.ids;
  const known = [usr, hld, ord, pay, tkt, 'buyer@example.org'];
  if (route === 'GET /v1/transfers') known.push(world.offeredTicket);
  return known.some((text) => body.includes(`"${text}"`));
}

/** What somebody hears who sends the right request: in the words of the table. */
async function answerTo({ route, query, cells }: Line, actor: Actor): Promise<string> {
  const [method, template] = route.split(' ');
  const { kind, id, body, keyed } = ROUTES[route];
  // What the world has is good enough for reading; what a request uses up is made anew.
  const fresh = method === 'GET' ? null : await stock.take(route);
  const named = fresh?.id ?? id?.(world) ?? (kind === undefined ? '' : world.ids[kind]);
  const path =
    template
      .replace(/\{\w+\}/, () => named)
      .replace('{ticketId}', fresh?.ticket ?? '')
      .replace('{performerId}', world.ids.prf) + query.replace('{showId}', world.shows[2]);
  let sent = fresh?.body ?? body?.(world);
  if (route === 'POST /v1/users') sent = { ...(sent as object), email: `${stock.next()}@example.org` };
  const answer = await client.send({
    method,
    path,
    ...asJson(await tokenOf(actor), sent, keyed ? stock.next() : undefined),
  });
  if (answer.status >= 400) return [401, 403, 404].includes(answer.status) ? `${answer.status}` : answer.body;
  stock.used(route);
  const tells = tellsOfBuyer(route, answer.body);
  if (cells[actor] === 'all') return tells ? 'all' : 'nothing of the buyer';
  if (cells[actor] === 'own') return tells === (actor === 'buyer') ? 'own' : tells ? 'the buyer’s' : 'nothing';
  return 'yes';
}

const table = authorisationTable();

test('the table has every route of /openapi.json, and no other', () => {
  expect([...new Set(table.map(({ route }) => route))].sort()).toEqual([...operations.keys()].sort());
});

test('/openapi.json tells which routes need a token', () => {
  for (const { route, cells } of table) {
    const security = operations.get(route)?.security ?? [];
    // With an empty one among them it does without.
    const isNeeded = security.length > 0 && security.every((each) => Object.keys(each).length > 0);
    expect(isNeeded, route).toBe(cells.nobody === '401');
  }
});

test('each hears what the table says', { timeout: 120_000 }, async () => {
  for (const line of table) {
    // Those who are refused come first: what they ask for is there, as those who come after show.
    const isRefused = (actor: Actor) => /^\d/.test(line.cells[actor]);
    const heard: Partial<Record<Actor, string>> = {};
    for (const actor of [...ACTORS.filter(isRefused), ...ACTORS.filter((each) => !isRefused(each))]) {
      heard[actor] = await answerTo(line, actor);
    }
    expect({ [line.route + line.query]: heard }).toEqual({ [line.route + line.query]: line.cells });
  }
});

test('seats are sold while people storm the log-in', async () => {
  const token = world.people.otherBuyer.token;
  const send = (method: string, path: string, body?: unknown) =>
    client.send({ method, path: `/v1${path}`, ...asJson(token, body, method === 'POST' ? stock.next() : undefined) });
  let answered = 0;
  const logIns = Array.from({ length: STORM }, async () => {
    const credentials = asJson(null, { email: 'buyer@example.org', password: 'correct horse' });
    const answer = await fetch(`http://127.0.0.1:${office.port}/v1/sessions`, { method: 'POST', ...credentials });
    answered++;
    return answer.status;
  });
  // One was let in: the others wait for each other.
  await Promise.race(logIns);
  for (let i = 0; i < 3; i++) {
    const held = await send('POST', `/shows/${world.shows[1]}/holds`, { best: { quantity: 1 } });
    expect(held.status, held.body).toBe(201);
    expect((await send('DELETE', `/holds/${JSON.parse(held.body).id}`)).status).toBe(204);
  }
  // Nobody who holds a seat waits for them.
  expect(answered).toBeLessThan(STORM);
  const statuses = await Promise.all(logIns);
  expect(statuses).toContain(200);
  // A machine that other tests keep busy may turn some away, and does so before it looks at them.
  expect(statuses.filter((status) => status !== 200 && status !== 503)).toEqual([]);
});
