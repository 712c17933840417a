import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { withDatabase } from '../support/prepared-database.ts';
import { temporaryDirectoryForFile } from '../support/temporary-directory.ts';
import { expectCode, expectFaultAt, expectRefusal } from './bad-input/expect-refusal.ts';
import { type RawAnswer, RawClient, type RawRequest } from './bad-input/raw-client.ts';
import { ROUTES, type RouteCase } from './bad-input/routes.ts';
import { admits, placesIn, type Schema, withOneMore, withoutEach, wrongValues } from './bad-input/schema-faults.ts';
import { type BoxOffice, openBoxOffice, TOKEN_SECRET } from './bad-input/whole-box-office.ts';
import { asJson, buildWorld, type Kind, type Person, stateOf, type World } from './bad-input/world.ts';

/** Requests under way at once. */
const AT_ONCE = 8;
/** Bytes that any route but the import of plans takes; and that one. */
const BODY_LIMIT = 64 * 1_024;
const PLAN_LIMIT = 32 * 1_024 * 1_024;
const FUZZ_RUNS = 800;
/** A failure prints a seed and a path; given here, they run it again. */
const { USHER_FC_SEED, USHER_FC_PATH, USHER_FC_RUNS } = process.env;
const FUZZ = {
  numRuns: Number(USHER_FC_RUNS ?? FUZZ_RUNS),
  ...(USHER_FC_SEED === undefined ? {} : { seed: Number(USHER_FC_SEED) }),
  ...(USHER_FC_PATH === undefined ? {} : { path: USHER_FC_PATH }),
};
/** Pino's number for errors. */
const ERROR_LEVEL = 50;

interface Parameter {
  readonly in: 'path' | 'query' | 'header';
  readonly name: string;
  readonly schema: Schema;
}

interface Operation {
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: { readonly 'application/json': { readonly schema: Schema } } };
}

let office: BoxOffice;
let client: RawClient;
let world: World;
let before: string[];
let operations: Map<string, Operation>;
let keys = 0;

beforeAll(async () => {
  office = await openBoxOffice(withDatabase(temporaryDirectoryForFile()));
  client = new RawClient(office.port);
  world = await buildWorld(office, client);
  const { body } = await client.send({ method: 'GET', path: '/openapi.json' });
  const { paths } = JSON.parse(body) as { paths: Record<string, Record<string, Operation>> };
  operations = new Map(
    Object.entries(paths).flatMap(([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => [`${method.toUpperCase()} ${path}`, operation] as const),
    ),
  );
  before = await stateOf(office, client, world);
});

afterAll(async () => {
  client.close();
  await office.close();
});

afterEach(async () => {
  // What one case changed is not held against the next.
  const [was, logged] = [before, office.log.lines.splice(0)];
  before = await stateOf(office, client, world);
  expect(before).toEqual(was);
  expect(logged.filter(({ level }) => (level as number) >= ERROR_LEVEL)).toEqual([]);
});

const routes = Object.entries(ROUTES);
const withBody = routes.filter(([, route]) => route.body !== undefined);
const schemaBodies = withBody.filter(([, route]) => !route.open);
const withoutBody = routes.filter(([name, route]) => !name.startsWith('GET ') && route.body === undefined);
const guarded = routes.filter(([, route]) => route.as !== 'anyone');

/** A route's method and path, with `id` (as it is) for what the path names. */
function addressOf(name: string, route: RouteCase, id?: string): { method: string; path: string } {
  const [method, template] = name.split(' ');
  const own = route.id?.(world) ?? (route.kind === undefined ? '' : world.ids[route.kind]);
  const named = template.replace(/\{\w+\}/, () => id ?? own);
  return { method, path: named.replace('{performerId}', world.ids.prf).replace('{ticketId}', world.ids.tkt) };
}

/** A right request to a route, by the person that may send it, but for what `change` says. */
function requestTo(
  name: string,
  change: { id?: string; as?: Person; token?: string | null; body?: unknown; key?: string | null } = {},
): RawRequest {
  const route = ROUTES[name];
  const person = change.as ?? route.as;
  const token = change.token !== undefined ? change.token : person === 'anyone' ? null : world.people[person].token;
  const body = 'body' in change ? change.body : route.body?.(world);
  const key = change.key !== undefined ? change.key : route.keyed ? `bad-${++keys}` : null;
  return { ...addressOf(name, route, change.id), ...asJson(token, body, key ?? undefined) };
}

function send(name: string, change: Parameters<typeof requestTo>[1] = {}): Promise<RawAnswer> {
  return client.send(requestTo(name, change));
}

/** Sends a body that is not made by `JSON.stringify`. */
function sendBytes(name: string, body: string | Uint8Array, headers: Record<string, string> = {}): Promise<RawAnswer> {
  const request = requestTo(name);
  return client.send({ ...request, headers: { ...request.headers, ...headers }, body });
}

function bodySchema(name: string): Schema {
  const schema = operations.get(name)?.requestBody?.content['application/json'].schema;
  if (schema === undefined) throw new Error(`${name} has no body in /openapi.json`);
  return schema;
}

/** Runs all, a few at a time, in their order. */
async function each<T>(items: readonly T[], task: (item: T) => Promise<void>): Promise<void> {
  const left = items[Symbol.iterator]();
  const worker = async () => {
    for (const item of left) await task(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

function shown(value: unknown): string {
  return (JSON.stringify(value) ?? 'undefined').slice(0, 80);
}

test('every route of /openapi.json has a case here', () => {
  expect([...operations.keys()].sort()).toEqual(Object.keys(ROUTES).sort());
});

test('/openapi.json tells which routes want an Idempotency-Key', () => {
  for (const [name, { parameters = [] }] of operations) {
    const key = parameters.find((parameter) => parameter.in === 'header' && parameter.name === 'idempotency-key');
    expect(key !== undefined, name).toBe(ROUTES[name].keyed === true);
  }
});

test('every body of /openapi.json has a case, and each case is right but for what is made wrong', () => {
  for (const [name, operation] of operations) {
    expect(ROUTES[name].body !== undefined, name).toBe(operation.requestBody !== undefined);
    if (operation.requestBody !== undefined) expect(admits(bodySchema(name), ROUTES[name].body?.(world))).toBe(true);
  }
});

describe('a body with a fault in one place is refused with a pointer to it:', () => {
  test.each(schemaBodies)('%s', async (name, route) => {
    const schema = bodySchema(name);
    const good = route.body?.(world);
    const wrong = placesIn(schema, good).flatMap((place) =>
      wrongValues(place.schema).map((value) => ({ pointer: place.pointer, value, body: place.with(value) })),
    );
    expect(wrong.length).toBeGreaterThan(40);
    await each(wrong, async ({ pointer, value, body }) => {
      const answer = await send(name, { body });
      const what = `${name} with ${shown(value)} at ${pointer || 'the root'}`;
      if (answer.status === 413) expectCode(answer, what, 'BODY_TOO_LARGE');
      else expectFaultAt(answer, what, pointer);
    });
    await each([...withoutEach(schema, good), ...withOneMore(schema, good)], async ({ pointer, body }) => {
      expectFaultAt(await send(name, { body }), `${name} with a fault at ${pointer}`, pointer);
    });
  });
});

describe('a body that is good in form and means nothing is refused:', () => {
  test.each(routes.filter(([, route]) => route.refused !== undefined))('%s', async (name, route) => {
    await each(route.refused?.(world) ?? [], async ([what, body, code]) => {
      expectCode(await send(name, { body }), `${name} with ${what}`, code);
    });
  });
});

describe('a body that is no JSON is refused:', () => {
  test.each(withBody)('%s', async (name, route) => {
    const good = Buffer.from(JSON.stringify(route.body?.(world)));
    const text = good.toString();
    const inside = text.slice(1);
    const cut = [1, 2, 10, Math.floor(good.length / 2), good.length - 1].filter((length) => length < good.length);
    const unreadable: (string | Uint8Array)[] = [
      '',
      ' ',
      ...cut.map((length) => good.subarray(0, length)),
      `${text}}`,
      `${text}${text}`,
      `{"a":NaN,${inside}`,
      `{"a":Infinity,${inside}`,
      `{"a":0x10,${inside}`,
      `{"a":undefined,${inside}`,
      `{'a':1,${inside}`,
      `{"a":1,,${inside}`,
      `{"a":"\u0001",${inside}`,
      `{"__proto__":{"role":"admin"},${inside}`,
      `{"\\u005f_proto__":{"role":"admin"},${inside}`,
      `{"constructor":{"prototype":{"role":"admin"}},${inside}`,
      '['.repeat(30_000),
      '{"a":'.repeat(10_000),
      Buffer.concat([Buffer.from('{"\xff":1,', 'latin1'), good.subarray(1)]),
      Buffer.concat([Buffer.from('{"a":"\xc3\x28",', 'latin1'), good.subarray(1)]),
      Buffer.concat([good.subarray(0, -1), Buffer.from([0xed, 0xa0, 0x80]), good.subarray(-1)]),
      Buffer.from(text, 'utf16le'),
    ];
    await each(unreadable, async (body) => {
      expectCode(await sendBytes(name, body), `${name} with ${shown(body.toString())}`, 'BAD_REQUEST');
    });
  });

  test.each(schemaBodies)('%s, invalid UTF-8 or a number beyond all numbers inside a value', async (name, route) => {
    const text = JSON.stringify(route.body?.(world));
    const place = /:"[^"]+"/.exec(text);
    if (place !== null) {
      const at = place.index + 2;
      const bytes = Buffer.concat([Buffer.from(text.slice(0, at)), Buffer.from([0xff]), Buffer.from(text.slice(at))]);
      expectCode(await sendBytes(name, bytes), `${name} with the byte ff in a text`, 'BAD_REQUEST');
      const half = `${text.slice(0, at)}\\ud800${text.slice(at)}`;
      expectCode(await sendBytes(name, half), `${name} with half a character in a text`, 'BODY_INVALID');
    }
    const beyond = text.replace(/:\d+/, ':1e999');
    if (beyond !== text) expectCode(await sendBytes(name, beyond), `${name} with 1e999`, 'BODY_INVALID');
  });
});

describe('a body where none is taken is refused:', () => {
  test.each(withoutBody)('%s', async (name) => {
    const id = `${world.ids.hld.slice(0, -1)}z`;
    for (const body of [{ a: 1 }, [], [1], 'text', 5, true]) {
      expectCode(await send(name, { id, body }), `${name} with ${shown(body)}`, 'BODY_INVALID');
    }
    for (const body of ['{', '{"__proto__":{}}', 'nothing']) {
      const request = { ...requestTo(name, { id, body: {} }), body };
      expectCode(await client.send(request), `${name} with ${body}`, 'BAD_REQUEST');
    }
  });
});

describe('a body that is too large is refused:', () => {
  test.each([...withBody, ...withoutBody])('%s', async (name, route) => {
    const limit = route.open ? PLAN_LIMIT : (route.bytesMax ?? BODY_LIMIT);
    const request = requestTo(name, { body: {} });
    const announced = { ...request.headers, 'content-length': `${limit + 1}`, connection: 'close' };
    const [line, ...lines] = [
      `${request.method} ${request.path} HTTP/1.1`,
      'host: localhost',
      ...Object.entries(announced).map(([header, value]) => `${header}: ${value}`),
    ];
    const raw = await client.sendBytes(`${[line, ...lines].join('\r\n')}\r\n\r\n{`);
    expect(raw).toMatch(/^HTTP\/1\.1 413 [\s\S]*application\/problem\+json[\s\S]*"code":"BODY_TOO_LARGE"/);
    if (route.open) return;
    const chunked = { ...request.headers, 'transfer-encoding': 'chunked' };
    const body = `{"a":"${'x'.repeat(limit)}"}`;
    expectCode(await client.send({ ...request, headers: chunked, body }), `${name} in chunks`, 'BODY_TOO_LARGE');
  });
});

describe('a body of another media type is refused:', () => {
  test.each([...withBody, ...withoutBody])('%s', async (name, route) => {
    const types = [
      'text/plain',
      'application/xml',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
    ];
    const odd = [
      'application/jsonx',
      'application',
      'json',
      '*/*',
      '',
      'a'.repeat(4_000),
      'application/json-patch+json',
    ];
    const body = JSON.stringify(route.body?.(world) ?? { a: 1 });
    await each([...types, ...odd], async (type) => {
      const answer = await sendBytes(name, body, { 'content-type': type });
      expectCode(answer, `${name} as ${type.slice(0, 40)}`, 'MEDIA_TYPE_UNSUPPORTED', 'BODY_INVALID');
    });
    const gzip = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 0xff]);
    expectRefusal(await sendBytes(name, gzip, { 'content-encoding': 'gzip' }), `${name} gzipped`);
  });
});

test('a method that a path does not have is refused with those it has', async () => {
  const paths = new Map<string, string[]>();
  for (const name of operations.keys()) {
    const { path } = addressOf(name, ROUTES[name]);
    const [method] = name.split(' ');
    paths.set(path, [...(paths.get(path) ?? []), method]);
  }
  const methods = ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT', 'TRACE'];
  for (const [path, has] of paths) {
    const allowed = has.includes('GET') ? [...has, 'HEAD'] : has;
    for (const method of methods) {
      if (allowed.includes(method)) continue;
      const { token } = world.people.organiser;
      const answer = await client.send({ method, path, ...asJson(token, method === 'TRACE' ? undefined : {}) });
      expect(answer.headers.allow, `${method} ${path}`).toBe(allowed.sort().join(', '));
      if (method === 'HEAD') expect(answer.status).toBe(405);
      else expectCode(answer, `${method} ${path}`, 'METHOD_NOT_ALLOWED');
    }
    for (const method of ['PROPFIND', 'LINK', 'M-SEARCH']) {
      expectCode(await client.send({ method, path }), `${method} ${path}`, 'NOT_FOUND', 'METHOD_NOT_ALLOWED');
    }
  }
});

test('a path that there is not is refused', async () => {
  const paths = [
    '/',
    '/v1',
    '/v1/',
    '/v2/shows',
    '/v1/shows/',
    '/V1/SHOWS',
    '/v1//shows',
    '/v1/users/1',
    '/v1/../livez',
  ];
  const odd = ['/.env', '/v1/shows/%2e%2e/%2e%2e/etc/passwd', '/v1/me%00', '/docs/../../package.json', '/v1/shows;a=b'];
  await each([...paths, ...odd], async (path) => {
    for (const method of ['GET', 'POST']) {
      const answer = await client.send({ method, path, ...asJson(world.people.organiser.token, {}) });
      expectCode(answer, `${method} ${path}`, 'NOT_FOUND', 'METHOD_NOT_ALLOWED', 'BAD_REQUEST');
    }
  });
});

describe('an id that is not there is not found:', () => {
  const named = routes.filter(([, route]) => route.kind !== undefined);

  /** The same id with its last part counted up, and with another time or another show in front. */
  function wellFormed(id: string): string[] {
    const other = (at: number) => id.slice(0, at) + (id[at] === '0' ? '1' : '0') + id.slice(at + 1);
    return [other(id.length - 1), other(id.length - 2), other(10), ...(id.length > 40 ? [other(20), other(13)] : [])];
  }

  test.each(named)('%s', async (name, route) => {
    const kind = route.kind as Kind;
    const own = world.ids[kind];
    const others = Object.entries(world.ids).flatMap(([other, id]) => (other === kind ? [] : [id]));
    const malformed = [
      ...[
        'x',
        '0',
        '-1',
        'null',
        'undefined',
        '*',
        '__proto__',
        'constructor',
        "'%20or%20'1'='1",
        '%00',
        '%F0%9F%8E%AD',
      ],
      ...[
        `${kind}_`,
        own.slice(0, -1),
        `${own}0`,
        own.toUpperCase(),
        own.slice(4),
        `${kind}_${'z'.repeat(own.length - 4)}`,
      ],
      ...[
        `${own}%20`,
        `%20${own}`,
        `${own}%00`,
        `${own}%0A`,
        'x'.repeat(199),
        'x'.repeat(201),
        'x'.repeat(5_000),
        '..%2F..',
      ],
    ];
    await each([...wellFormed(own), ...others, ...malformed], async (id) => {
      const what = `${name} of ${id.slice(0, 60)}`;
      const problem = expectCode(await send(name, { id }), what, 'NOT_FOUND');
      expect(problem.detail).not.toContain(own);
    });
    await each(['%', '%ff', '%E0%A4%A', '%zz'], async (id) => {
      expectCode(await send(name, { id }), `${name} of ${id}`, 'BAD_REQUEST', 'NOT_FOUND');
    });
  });

  test.each(named.filter(([, route]) => route.hiddenFrom !== undefined))('%s of somebody else', async (name, route) => {
    for (const as of route.hiddenFrom ?? []) {
      // Whoever may not do it at all hears that; who may, learns nothing of what is not theirs.
      const answer = await send(name, { as });
      const problem = expectCode(answer, `${name} as ${as}`, 'NOT_FOUND');
      const unknown = await send(name, { as, id: wellFormed(world.ids[route.kind as Kind])[0] });
      expect(problem.detail).toBe(JSON.parse(unknown.body).detail);
    }
  });
});

describe('a request without a right token is refused:', () => {
  const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const hs256 = (secret: Uint8Array, payload: unknown, header: unknown = { alg: 'HS256', typ: 'JWT' }) => {
    const signed = `${encode(header)}.${encode(payload)}`;
    return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
  };

  function badTokens(person: Person): [string, string | null][] {
    const { id, token } = world.people[person];
    const now = Math.floor(Date.now() / 1_000);
    const role = person.endsWith('uyer') ? 'buyer' : 'organiser';
    const claims = { role, iss: 'usher', aud: 'usher-api', sub: id, iat: now, exp: now + 600 };
    const [header, payload, signature] = token.split('.');
    const ours = (changed: object) => hs256(TOKEN_SECRET, { ...claims, ...changed });
    return [
      ['none', null],
      ['an empty one', ''],
      ['no JWT', 'token'],
      ['dots', '..'],
      ['expired', ours({ iat: now - 1_200, exp: now - 600 })],
      ['one that never expires', ours({ exp: undefined })],
      ['not valid yet', ours({ nbf: now + 600 })],
      ['of another issuer', ours({ iss: 'other' })],
      ['for another audience', ours({ aud: 'other' })],
      ['of nobody', ours({ sub: undefined })],
      ['of a show', ours({ sub: world.ids.shw })],
      ['of an unknown role', ours({ role: 'root' })],
      ['of no role', ours({ role: undefined })],
      ['of another secret', hs256(Buffer.alloc(32, 8), claims)],
      ['of an empty secret', hs256(Buffer.alloc(0), claims)],
      ['alg none', `${encode({ alg: 'none' })}.${encode(claims)}.`],
      ['alg none with a signature', `${encode({ alg: 'none' })}.${encode(claims)}.${signature}`],
      ['alg None', hs256(TOKEN_SECRET, claims, { alg: 'None' })],
      ['alg EdDSA', hs256(TOKEN_SECRET, claims, { alg: 'EdDSA' })],
      ['alg HS512', hs256(TOKEN_SECRET, claims, { alg: 'HS512' })],
      ['an unknown critical header', hs256(TOKEN_SECRET, claims, { alg: 'HS256', crit: ['x'], x: 1 })],
      ['a payload that is no object', hs256(TOKEN_SECRET, 'text')],
      ['another role under the old signature', `${header}.${encode({ ...claims, role: 'admin' })}.${signature}`],
      ['no signature', `${header}.${payload}.`],
      ['half a signature', token.slice(0, -20)],
      ['one more part', `${token}.${signature}`],
      ['a space inside', `${header}. ${payload}.${signature}`],
      ['100,000 letters', `${token}${'x'.repeat(8_000)}`],
    ];
  }

  test.each(guarded)('%s', async (name, route) => {
    const person = route.as as Person;
    await each(badTokens(person), async ([what, token]) => {
      const answer = await send(name, { token });
      expectCode(answer, `${name} with a token: ${what}`, 'UNAUTHENTICATED');
    });
    const { token } = world.people[person];
    const schemes = [
      'Basic dXNlcjpwYXNz',
      token,
      `Token ${token}`,
      `Bearer${token}`,
      `Bearer ${token} ${token}`,
      'Bearer',
    ];
    await each(schemes, async (authorization) => {
      const request = requestTo(name);
      const answer = await client.send({ ...request, headers: { ...request.headers, authorization } });
      expectCode(answer, `${name} with Authorization: ${authorization.slice(0, 20)}`, 'UNAUTHENTICATED');
    });
  });

  test('a token of an account that is not there any more', async () => {
    const now = Math.floor(Date.now() / 1_000);
    const sub = `usr_${'0'.repeat(26)}`;
    const claims = { role: 'organiser', iss: 'usher', aud: 'usher-api', sub, iat: now, exp: now + 600 };
    const token = hs256(TOKEN_SECRET, claims);
    for (const name of ['GET /v1/me', 'PATCH /v1/me', 'POST /v1/venues']) {
      expectCode(await send(name, { token }), name, 'UNAUTHENTICATED');
    }
    expectCode(await send('POST /v1/shows', { token }), 'POST /v1/shows', 'NOT_FOUND', 'UNAUTHENTICATED');
  });
});

describe('a buyer is refused what only organisers may do:', () => {
  test.each(routes.filter(([, route]) => route.organisersOnly))('%s', async (name) => {
    expectCode(await send(name, { as: 'buyer' }), name, 'FORBIDDEN');
    // Before anything else is looked at.
    expectCode(await send(name, { as: 'buyer', body: { nonsense: true } }), name, 'FORBIDDEN');
  });
});

describe('a request without a right Idempotency-Key is refused:', () => {
  test.each(routes.filter(([, route]) => route.keyed))('%s', async (name) => {
    expectCode(await send(name, { key: null }), name, 'IDEMPOTENCY_KEY_MISSING');
    expectCode(await send(name, { key: '' }), name, 'IDEMPOTENCY_KEY_MISSING');
    for (const key of ['x'.repeat(256), 'x'.repeat(5_000), 'a b', 'a\tb', 'é', '\u0080']) {
      expectCode(await send(name, { key }), `${name} with ${shown(key)}`, 'IDEMPOTENCY_KEY_INVALID');
    }
    const request = requestTo(name);
    const twice = { ...request, headers: { ...request.headers, 'idempotency-key': ['one', 'two'] } };
    expectCode(await client.send(twice), `${name} with two keys`, 'IDEMPOTENCY_KEY_INVALID');
  });

  test('a key used for another request is refused, and the first request once more gets its answer', async () => {
    const name = 'POST /v1/shows/{id}/holds';
    const first = { key: 'told-once', body: { seats: ['nowhere'] } };
    const answer = await send(name, first);
    expectCode(answer, name, 'UNKNOWN_SEAT');
    expectCode(await send(name, { ...first, body: { seats: ['elsewhere'] } }), name, 'IDEMPOTENCY_KEY_REUSED');
    const again = await send(name, first);
    expectCode(again, name, 'UNKNOWN_SEAT');
    expect(again.headers['idempotency-replayed']).toBe('true');
  });
});

describe('a query with a fault is refused with a pointer to it:', () => {
  const texts = [
    '',
    '%20',
    '0',
    '-1',
    '1.5',
    '1e3',
    '0x10',
    'NaN',
    'Infinity',
    '9'.repeat(15),
    '9'.repeat(30),
    'null',
    'true',
  ];
  const odd = ['%00', '%1b', '[]', '{}', 'x'.repeat(5_000), '2026-13-45', '2026-01-01', '1999-01-01T00:00:00Z', "'--"];

  test.each(routes.filter(([name]) => name.startsWith('GET ')))('%s', async (name) => {
    const parameters = (operations.get(name)?.parameters ?? []).filter((parameter) => parameter.in === 'query');
    const { method, path, headers } = requestTo(name);
    const ask = (query: string) => client.send({ method, path: `${path}?${query}`, headers });
    for (const parameter of parameters) {
      await each([...texts, ...odd], async (value) => {
        const answer = await ask(`${parameter.name}=${value}`);
        const what = `${name} with ${parameter.name}=${value.slice(0, 40)}`;
        if (admitsText(parameter.schema, decodeURIComponent(value))) {
          // Good in form; what it asks for may not be there.
          if (answer.status !== 200) expectCode(answer, what, 'NOT_FOUND', 'BODY_INVALID');
        } else expectFaultAt(answer, what, `#/query/${parameter.name}`);
      });
      const twice = await ask(`${parameter.name}=1&${parameter.name}=2`);
      expectFaultAt(twice, `${name} with ${parameter.name} twice`, `#/query/${parameter.name}`);
    }
    if (parameters.length > 0) {
      for (const unknown of ['unexpected=1', 'offset[]=1', '__proto__=1', 'constructor=1', '%00=1']) {
        expectFaultAt(
          await ask(unknown),
          `${name} with ${unknown}`,
          `#/query/${decodeURIComponent(unknown).split('=')[0]}`,
        );
      }
    }
    for (const broken of ['%', '%ff', '&&&', '=', '?', 'limit', `a=${'b'.repeat(8_000)}`]) {
      const answer = await ask(broken);
      if (answer.status !== 200) expectRefusal(answer, `${name} with the query ${broken.slice(0, 20)}`);
    }
  });

  function admitsText(schema: Schema, text: string): boolean {
    if (schema.type !== 'integer') return admits(schema, text);
    return /^-?\d{1,15}$/.test(text) && admits(schema, Number(text));
  }
});

describe('headers and bytes that are no HTTP are refused:', () => {
  const head = 'GET /v1/me HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n';
  const post =
    'POST /v1/sessions HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\n';

  test.each([
    ['headers of 20,000 bytes', `${head}x-long: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
    ['10,000 headers', `${head}${'a: b\r\n'.repeat(10_000)}\r\n`, 431],
    ['a path of 20,000 bytes', `GET /v1/${'x'.repeat(20_000)} HTTP/1.1\r\nhost: localhost\r\n\r\n`, 431],
    ['a NUL in a header', `${head}x-nul: a\0b\r\n\r\n`, 400],
    ['a header without a name', `${head}: value\r\n\r\n`, 400],
    ['a space before the colon', `${head}x-space : value\r\n\r\n`, 400],
    ['a folded header', `${head}x-fold: a\r\n b\r\n\r\n`, 400],
    ['an unknown method', 'BREW /v1/shows HTTP/1.1\r\nhost: localhost\r\n\r\n', 400],
    ['an unknown version', 'GET /v1/shows HTTP/9.9\r\nhost: localhost\r\n\r\n', 400],
    ['no host', 'GET /v1/shows HTTP/1.1\r\nconnection: close\r\n\r\n', 400],
    ['no HTTP', 'hello\r\n\r\n', 400],
    ['the first bytes of TLS', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 400],
    ['two lengths', `${post}content-length: 2\r\ncontent-length: 3\r\n\r\n{}`, 400],
    ['a length and chunks', `${post}content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n`, 400],
    ['a length below nothing', `${post}content-length: -1\r\n\r\n{}`, 400],
    ['a length that is no number', `${post}content-length: two\r\n\r\n{}`, 400],
    ['a broken chunk', `${post}transfer-encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n`, 400],
    ['an expectation', `${post}expect: the-unexpected\r\ncontent-length: 2\r\n\r\n{}`, 400],
  ])('%s', async (_what, bytes, status) => {
    const answer = await client.sendBytes(bytes);
    const [top, body] = [answer.slice(0, answer.indexOf('\r\n\r\n')), answer.slice(answer.indexOf('\r\n\r\n') + 4)];
    expect(top).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(top).toMatch(/content-type: application\/problem\+json/i);
    const problem = JSON.parse(body);
    expect(problem).toMatchObject({ status, detail: expect.any(String), requestId: expect.any(String) });
  });

  test('odd headers on a good request change nothing', async () => {
    const headers: Record<string, string>[] = [
      { 'if-none-match': '"'.repeat(2_000) },
      { range: 'bytes=0-,'.repeat(500) },
      { accept: 'nothing/at-all' },
      { 'accept-encoding': 'gzip;q=NaN, br;q=2, *;q=0' },
      {
        'x-forwarded-for': `${'1.2.3.4, '.repeat(500)}`,
        'x-forwarded-host': 'evil.example',
        'x-forwarded-proto': 'gopher',
      },
      { 'x-http-method-override': 'DELETE' },
      { host: 'evil.example:99999' },
      { host: '[::' },
      { cookie: '=;'.repeat(2_000) },
      { 'content-type': 'application/json' },
      { 'last-event-id': '1e999', upgrade: 'websocket', connection: 'upgrade' },
      { 'request-id': 'x'.repeat(1_000), 'x-request-id': '\u00ff' },
    ];
    for (const [name, route] of routes) {
      if (!name.startsWith('GET ')) continue;
      const good = requestTo(name);
      for (const odd of headers) {
        const answer = await client.send({ ...good, headers: { ...good.headers, ...odd } });
        expect([200, 304], `${name} with ${shown(odd)}: ${answer.body.slice(0, 200)}`).toContain(answer.status);
        expect(route).toBeDefined();
      }
    }
  });
});

describe('whatever is sent,', () => {
  test('a value that a schema does not admit is refused where it stands', async () => {
    const places = schemaBodies.flatMap(([name, route]) =>
      placesIn(bodySchema(name), route.body?.(world)).map((place) => ({ name, place })),
    );
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...places), fc.jsonValue({ maxDepth: 4 }), async ({ name, place }, value) => {
        fc.pre(!admits(place.schema, value));
        const answer = await send(name, { body: place.with(value) });
        if (JSON.stringify(value).includes('"__proto__"')) expectRefusal(answer, name);
        else expectFaultAt(answer, `${name} with ${shown(value)} at ${place.pointer}`, place.pointer);
      }),
      FUZZ,
    );
  });

  test('a body that was cut off is refused', async () => {
    const bodies = withBody.map(([name, route]) => ({ name, text: JSON.stringify(route.body?.(world)) }));
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...bodies),
        fc.double({ min: 0, max: 1, noNaN: true }),
        async ({ name, text }, part) => {
          const cut = text.slice(0, Math.min(Math.floor(part * text.length), text.length - 1));
          expectCode(await sendBytes(name, cut), `${name} cut to ${cut.length} characters`, 'BAD_REQUEST');
        },
      ),
      FUZZ,
    );
  });

  test('bytes instead of a body are refused', async () => {
    const names = withBody.map(([name]) => name);
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...names), fc.uint8Array({ maxLength: 200 }), async (name, bytes) => {
        expectRefusal(await sendBytes(name, bytes), `${name} with ${Buffer.from(bytes).toString('hex')}`);
      }),
      FUZZ,
    );
  });

  test('a text instead of an id is not found', async () => {
    const names = routes.flatMap(([name, route]) => (route.kind === undefined ? [] : [name]));
    const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 60 }).filter((id) => id.isWellFormed());
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...names), text, async (name, id) => {
        fc.pre(id !== '.' && id !== '..');
        const answer = await send(name, { id: encodeURIComponent(id) });
        expectCode(answer, `${name} of ${shown(id)}`, 'NOT_FOUND');
      }),
      FUZZ,
    );
  });

  test('a query is answered or refused', async () => {
    const asked = [...operations].flatMap(([name, { parameters }]) =>
      (parameters ?? []).filter((parameter) => parameter.in === 'query').map((parameter) => ({ name, parameter })),
    );
    const text = fc.string({ unit: 'binary', maxLength: 60 }).filter((value) => value.isWellFormed());
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...asked), text, async ({ name, parameter }, value) => {
        const { method, path, headers } = requestTo(name);
        const query = `${parameter.name}=${encodeURIComponent(value)}`;
        const answer = await client.send({ method, path: `${path}?${query}`, headers });
        if (answer.status !== 200) expectCode(answer, `${name}?${query}`, 'BODY_INVALID', 'NOT_FOUND');
      }),
      FUZZ,
    );
  });
});

test('after all that the journal proves right, and seats are sold as before', async () => {
  expect(await office.verify()).toMatchObject({ shows: world.shows.length, soldTwice: 0, faults: [] });
  const { organiser } = world.people;
  const { status } = await client.send({ method: 'GET', path: '/v1/me', ...asJson(organiser.token, undefined) });
  expect(status).toBe(200);
});
