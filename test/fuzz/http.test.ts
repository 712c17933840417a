import { setTimeout } from 'node:timers/promises';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectRefusal } from '../e2e/bad-input/expect-refusal.ts';
import type { RawAnswer, RawRequest } from '../e2e/bad-input/raw-client.ts';
import { ROUTES } from '../e2e/bad-input/routes.ts';
import { type BoxOffice, openBoxOffice } from '../e2e/bad-input/whole-box-office.ts';
import { asJson, buildWorld, type Person, type World } from '../e2e/bad-input/world.ts';
import { temporaryDirectoryForFile } from '../support/temporary-directory.ts';
import { attack, expectFound, limitMs, runsOf, Tally } from './attack.ts';
import { BoxOfficeStock } from './box-office-stock.ts';
import { BoxOfficeTraces } from './box-office-traces.ts';
import { byteMutations, mutatedBytes } from './byte-mutations.ts';
import { type Distortion, distortedBody, distortedId, distortions, RIGHT } from './http-requests.ts';
import { PatientClient } from './patient-client.ts';

const RUNS = 800;
/** With so many every route is both taken and refused; with fewer, all but so many. */
const SURE_RUNS = 4_000;
const SILENT_MAX = 4;
const BYTES_RUNS = 600;
/** Between two looks at whether what nobody waits for is over. */
const SETTLED_MS = 200;
/** On a machine that other tests keep busy. */
const OPEN_LIMIT_MS = 240_000;
/** Logged as errors when a request, or the show that it was for, met what nobody had thought of. */
const FAULTS = new Set([
  'request failed',
  'the show stopped and will be recovered',
  'the show cannot be recovered',
  'a message of another node cannot be read',
]);

interface Operation {
  readonly parameters?: readonly { readonly in: string; readonly name: string }[];
}

let office: BoxOffice;
let client: PatientClient;
let world: World;
let stock: BoxOfficeStock;
let traces: BoxOfficeTraces;
/** By method and path, as `/openapi.json` has them. */
let operations: Map<string, Operation>;

beforeAll(async () => {
  office = await openBoxOffice(temporaryDirectoryForFile());
  client = new PatientClient(office.port);
  world = await buildWorld(office, client);
  stock = new BoxOfficeStock(client, world, office);
  traces = new BoxOfficeTraces(office.pool);
  const { body } = await client.send({ method: 'GET', path: '/openapi.json' });
  const { paths } = JSON.parse(body) as { paths: Record<string, Record<string, Operation>> };
  operations = new Map(
    Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => [`${method.toUpperCase()} ${path}`, operation] as const),
    ),
  );
}, OPEN_LIMIT_MS);

afterAll(async () => {
  client.close();
  await office.close();
});

const PEOPLE: readonly (Person | 'anyone')[] = ['organiser', 'otherOrganiser', 'buyer', 'otherBuyer', 'anyone'];

/** A request to a route that is right but for this. */
async function requestTo(name: string, wrong: Distortion): Promise<RawRequest> {
  const route = ROUTES[name];
  const fresh = await stock.take(name);
  const [method, template] = name.split(' ');
  const id = fresh?.id ?? route.id?.(world) ?? (route.kind === undefined ? '' : world.ids[route.kind]);
  const path = template
    .replace(/\{\w+\}/, () => distortedId(id, Object.values(world.ids), wrong.id))
    .replace('{ticketId}', fresh?.ticket ?? '')
    .replace('{performerId}', world.ids.prf);
  const person = wrong.who.kind === 'right' ? route.as : PEOPLE[wrong.who.which % PEOPLE.length];
  // Where a session may end by it, it is one that nobody needs any more.
  const token = person === 'anyone' ? null : (fresh?.token ?? world.people[person].token);
  const names = (operations.get(name)?.parameters ?? []).filter((each) => each.in === 'query').map((each) => each.name);
  const query = wrong.query.map(([which, value]) => {
    const known = typeof which === 'string' ? which : names[which % Math.max(1, names.length)];
    return `${known ?? 'unknown'}=${value}`;
  });
  const body = distortedBody(fresh?.body ?? goodBody(name), wrong.body);
  const { headers } = asJson(token, body === undefined ? undefined : {}, route.keyed ? stock.next() : undefined);
  return {
    method,
    path: query.length === 0 ? path : `${path}?${query.join('&')}`,
    headers: { ...headers, ...wrong.headers },
    ...(body === undefined ? {} : { body }),
  };
}

/** With what may be said only once said anew. */
function goodBody(name: string): unknown {
  const body = ROUTES[name].body?.(world);
  return name === 'POST /v1/users' ? { ...(body as object), email: `${stock.next()}@example.org` } : body;
}

type Send = (request: RawRequest) => Promise<RawAnswer>;

/** Sends it and looks at the answer, at what was logged, and at what was left behind if it was refused. */
async function sendAndLook(name: string, wrong: Distortion, tally: Tally, send: Send): Promise<void> {
  const request = await requestTo(name, wrong);
  await traces.news();
  const answer = await send(request);
  const what = `${request.method} ${request.path.slice(0, 200)}`;
  expect(answer.status, `${what}: ${answer.body.slice(0, 400)}`).toBeLessThan(500);
  if (answer.status < 400) {
    tally.note(`${name} taken`);
    stock.used(name);
  } else {
    const { code } = expectRefusal(answer, what);
    tally.note(`${name} refused`);
    tally.note(code);
    expect(await traces.news(), `${what} was refused, and left something behind`).toEqual([]);
  }
  expect(faultsLogged(), what).toEqual([]);
}

/** Since the last call. That the database is slow on a busy machine is logged as well, and is no fault of a request. */
function faultsLogged(): Record<string, unknown>[] {
  return office.log.lines.splice(0).filter(({ msg }) => FAULTS.has(msg as string));
}

function requests(): fc.Arbitrary<readonly [string, Distortion]> {
  return fc.tuple(fc.constantFrom(...operations.keys()), distortions);
}

describe('whatever is sent to whichever route', () => {
  test('of /openapi.json, the right request is taken', async () => {
    const tally = new Tally();
    for (const name of operations.keys()) {
      await sendAndLook(name, RIGHT, tally, (request) => client.send(request));
      expect(tally.of(`${name} taken`), name).toBe(1);
    }
  });

  test('is answered or refused with reasons, and what is refused has changed nothing', {
    timeout: limitMs(RUNS),
  }, async () => {
    const tally = new Tally();
    await attack(requests(), runsOf(RUNS), ([name, wrong]) =>
      sendAndLook(name, wrong, tally, (request) => client.send(request)),
    );
    tally.print('requests');
    const silent = [...operations.keys()].flatMap((name) => {
      // Those that take neither have little to refuse.
      const refuses = ROUTES[name].body !== undefined || ROUTES[name].kind !== undefined;
      const expected = refuses ? [`${name} taken`, `${name} refused`] : [`${name} taken`];
      return expected.filter((kind) => tally.of(kind) === 0);
    });
    // With so few requests a route chance may leave one or another out.
    expect(silent.length, silent.join()).toBeLessThanOrEqual(runsOf(RUNS) < SURE_RUNS ? SILENT_MAX : 0);
  });

  test('as bytes that are no HTTP, the connection ends and the server does not', {
    timeout: limitMs(BYTES_RUNS),
  }, async () => {
    const tally = new Tally();
    const inputs = fc.tuple(fc.constantFrom(...operations.keys()), byteMutations(4));
    await attack(inputs, runsOf(BYTES_RUNS), async ([name, mutations]) => {
      const bytes = bytesOf(await requestTo(name, RIGHT));
      const answer = await client.sendBytes(mutatedBytes(bytes, mutations, bytes), { ends: true });
      const statuses = [...answer.matchAll(/^HTTP\/1\.1 (\d{3}) /gm)].map(([, status]) => Number(status));
      // Busy: see PatientClient.
      for (const status of statuses) expect(status === 503 ? 400 : status, answer).toBeLessThan(500);
      tally.note(statuses.length === 0 ? 'hung up' : `${statuses[0]}`);
      tally.note(statuses.length === 0 || statuses[0] === 400 ? 'not read' : 'read');
      if (statuses.length > 0 && statuses[0] < 400) stock.used(name);
    });
    tally.print('bytes');
    expect(tally.of('not read')).toBeGreaterThan(0);
    expect(tally.of('read')).toBeGreaterThan(0);
    expect(faultsLogged()).toEqual([]);
    // What was sent behind something that ended the connection may still be under way.
    for (let silent = 0; silent < 2; silent++) {
      await setTimeout(SETTLED_MS);
      if ((await traces.news()).length > 0) silent = -1;
    }
  });

  test('a server that fails at some of it is found, and so is one that does half of what it refuses', async () => {
    const failing: Send = async (request) => {
      const answer = await client.send(request);
      // As a handler would that trusts the header to be there.
      return request.headers?.['if-none-match'] === undefined ? answer : { ...answer, status: 500 };
    };
    const tally = new Tally();
    await expectFound(requests(), RUNS, ([name, wrong]) => sendAndLook(name, wrong, tally, failing), /less than 500/);
    const hasty: Send = async (request) => {
      const answer = await client.send(request);
      if (answer.status >= 400)
        await office.pool.query(`update usher_user set first_name = first_name where email = 'buyer@example.org'`);
      return answer;
    };
    await expectFound(
      requests(),
      RUNS,
      ([name, wrong]) => sendAndLook(name, wrong, tally, hasty),
      /left something behind/,
    );
  });
});

test('after all that the journal proves right', async () => {
  expect(await office.verify()).toMatchObject({ soldTwice: 0, faults: [] });
});

function bytesOf({ method, path, headers = {}, body = '' }: RawRequest): Buffer {
  const lines = Object.entries({
    host: 'localhost',
    ...headers,
    'content-length': Buffer.byteLength(body),
    connection: 'close',
  });
  const head = `${method} ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
  return Buffer.concat([Buffer.from(head), Buffer.from(body)]);
}
