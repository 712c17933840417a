import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import { describe, expect, it } from 'vitest';
import { PublishedSeats } from '../../src/actors/published-seats.ts';
import { CATALOGUE, RefusedError } from '../../src/errors.ts';
import { SeatBodies } from '../../src/http/seat-bodies.ts';
import { expectProblem, pointersOf } from '../support/expect-problem.ts';
import { httpApps } from '../support/http-app.ts';
import { PlayedShow, rowsOfTen } from '../support/small-show.ts';

const newApp = httpApps();

describe('every failure is a problem document', () => {
  it('when there is nothing at the path', async () => {
    const { send } = await newApp();
    expectProblem(await send('GET', '/v2/shows'), 'NOT_FOUND');
    expectProblem(await send('POST', '/nowhere', { a: 1 }), 'NOT_FOUND');
    expectProblem(await send('GET', `/v1/venues/${'x'.repeat(5_000)}`), 'NOT_FOUND');
    expectProblem(await send('GET', '/v1/venues/%zz'), 'BAD_REQUEST');
  });

  it('when the method is wrong, with Allow, before token or body are looked at', async () => {
    const { send } = await newApp();
    const put = await send('PUT', '/v1/venues', { a: 1 });
    expectProblem(put, 'METHOD_NOT_ALLOWED');
    expect(put.headers.allow).toBe('GET, HEAD, POST');
    const get = await send('GET', '/v1/sessions');
    expectProblem(get, 'METHOD_NOT_ALLOWED');
    expect(get.headers.allow).toBe('DELETE, POST');
    expectProblem(await send('DELETE', '/livez'), 'METHOD_NOT_ALLOWED');
    expectProblem(await send('OPTIONS', '/v1/me'), 'METHOD_NOT_ALLOWED');
    expect((await send('HEAD', '/v1/venues')).statusCode).toBe(200);
  });

  it('when the body is no JSON, of another type, empty, poisoned or too large', async () => {
    const { app } = await newApp();
    const post = (payload: string | Buffer, type: string | null = 'application/json') =>
      app.inject({ method: 'POST', url: '/v1/users', payload, headers: type === null ? {} : { 'content-type': type } });
    expectProblem(await post('{"email":'), 'BAD_REQUEST');
    expectProblem(await post(''), 'BAD_REQUEST');
    expectProblem(await post('{"__proto__":{"role":"admin"}}'), 'BAD_REQUEST');
    expectProblem(await post(Buffer.from([0x22, 0xff, 0x22])), 'BAD_REQUEST');
    expectProblem(await post('email=a', 'application/x-www-form-urlencoded'), 'MEDIA_TYPE_UNSUPPORTED');
    expectProblem(await post('hello', 'text/plain'), 'MEDIA_TYPE_UNSUPPORTED');
    expectProblem(await post('{}', 'nonsense'), 'MEDIA_TYPE_UNSUPPORTED');
    expectProblem(await post(JSON.stringify({ email: 'x'.repeat(65_536) })), 'BODY_TOO_LARGE');
    expectProblem(await post(`${'['.repeat(30_000)}${']'.repeat(30_000)}`), 'BODY_INVALID');
    for (const body of ['null', '1', '"x"', '[]', 'true']) {
      expect(pointersOf(expectProblem(await post(body), 'BODY_INVALID'))).toEqual(['']);
    }
    const nothing = await app.inject({ method: 'POST', url: '/v1/users' });
    expect(pointersOf(expectProblem(nothing, 'BODY_INVALID'))).toEqual(['']);
  });

  it('when we are at fault: logged with the request id, and nothing of it is shown', async () => {
    const http = await newApp();
    await http.database.kysely.schema.dropTable('show_performer').execute();
    const problem = expectProblem(await http.send('GET', '/v1/shows'), 'INTERNAL');
    expect(JSON.stringify(problem)).not.toMatch(/show_performer|stack|select/);
    expect(http.log.lines).toContainEqual(
      expect.objectContaining({ level: 50, msg: 'request failed', requestId: problem.requestId, route: '/v1/shows' }),
    );
  });

  it('when it is not even HTTP, or its headers are too large', async () => {
    const { app } = await newApp();
    await app.listen({ host: '127.0.0.1', port: 0 });
    const raw = async (text: string): Promise<string> => {
      const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1');
      let answer = '';
      socket.setEncoding('utf8').on('data', (chunk) => {
        answer += chunk;
      });
      socket.write(text);
      await once(socket, 'close');
      return answer;
    };
    const large = await raw(`GET /livez HTTP/1.1\r\nHost: x\r\nX-Large: ${'x'.repeat(20_000)}\r\n\r\n`);
    expect(large).toMatch(/^HTTP\/1\.1 431 /);
    expect(large).toContain('"code":"HEADERS_TOO_LARGE"');
    const garbage = await raw('what is this\r\n\r\n');
    expect(garbage).toMatch(/^HTTP\/1\.1 400 .*application\/problem\+json.*"code":"BAD_REQUEST"/s);
  });

  it('with the members that its code has, at the top level', async () => {
    const http = await newApp();
    http.catalogue.shows.get = () =>
      Promise.reject(
        new RefusedError({ code: 'SEATS_TAKEN', detail: 'Gone.', extra: { taken: ['s-1'] }, retryAfter: 7 }),
      );
    const response = await http.send('GET', `/v1/shows/shw_${'0'.repeat(26)}`);
    expect(expectProblem(response, 'SEATS_TAKEN').taken).toEqual(['s-1']);
    expect(response.headers['retry-after']).toBe('7');
  });
});

describe('health', () => {
  it('says that the process lives without looking at anything', async () => {
    const { send, database } = await newApp({ readiness: { database: () => Promise.reject(new Error('down')) } });
    await database.kysely.schema.dropTable('show_performer').execute();
    expect((await send('GET', '/livez')).json()).toEqual({ status: 'ok' });
  });

  it('is ready when every check passes, and names those that fail', async () => {
    const ready = await newApp({ readiness: { database: async () => {}, actors: async () => {} } });
    expect((await ready.send('GET', '/readyz')).json()).toEqual({ status: 'ok' });
    expect((await ready.send('GET', '/readyz?verbose')).json()).toEqual({
      status: 'ok',
      checks: { database: 'ok', actors: 'ok' },
    });
    const not = await newApp({
      readiness: { database: () => Promise.reject(new Error('secret')), actors: async () => {} },
    });
    const problem = expectProblem(await not.send('GET', '/readyz'), 'UNAVAILABLE');
    expect(problem.checks).toEqual({ database: 'failed', actors: 'ok' });
  });

  it('does not wait for a check that hangs', async () => {
    const http = await newApp({ readiness: { database: () => new Promise(() => {}) } });
    const answer = http.send('GET', '/readyz');
    await http.app.ready();
    await http.time.advance(0);
    await http.time.advance(2_000);
    expect(expectProblem(await answer, 'UNAVAILABLE').checks).toEqual({ database: 'no answer in time' });
  });
});

describe('metrics', () => {
  it('count requests by route and class of status', async () => {
    const { send } = await newApp();
    await send('GET', '/v1/venues');
    await send('GET', '/v1/venues?limit=0');
    await send('GET', `/v1/venues/${'ven_1'}`);
    const text = (await send('GET', '/metrics')).body;
    const name = 'usher_http_request_duration_seconds';
    expect(text).toContain(`# TYPE ${name} histogram`);
    expect(text).toContain(`${name}_count{method="GET",route="/v1/venues",status="2xx"} 1`);
    expect(text).toContain(`${name}_count{method="GET",route="/v1/venues",status="4xx"} 1`);
    expect(text).toContain(`${name}_bucket{method="GET",route="/v1/venues/:id",status="4xx",le="+Inf"} 1`);
  });
});

describe('the docs', () => {
  it('describe every route: operations, answers, problems, and who may call it', async () => {
    const { send } = await newApp();
    const response = await send('GET', '/openapi.json');
    expect(response.headers['content-type']).toContain('application/json');
    const openapi = response.json();
    expect(openapi.openapi).toBe('3.1.0');
    const operations = Object.entries<Record<string, Record<string, unknown>>>(openapi.paths).flatMap(
      ([path, methods]) =>
        Object.entries(methods).map(([method, operation]) => ({ name: `${method} ${path}`, operation })),
    );
    const names = operations.map(({ name }) => name);
    for (const name of [
      'post /v1/users',
      'post /v1/sessions',
      'get /v1/me',
      'patch /v1/me',
      'post /v1/venues',
      'get /v1/venues',
      'get /v1/venues/{id}',
      'post /v1/venues/{id}/plans',
      'get /v1/plans/{id}',
      'post /v1/performers',
      'get /v1/performers',
      'post /v1/shows',
      'get /v1/shows',
      'get /v1/shows/{id}',
      'get /livez',
      'get /readyz',
      'get /metrics',
    ]) {
      expect(names).toContain(name);
    }
    for (const { name, operation } of operations) {
      expect([name, operation.summary]).toEqual([name, expect.any(String)]);
      const responses = operation.responses as Record<string, { content?: Record<string, { schema?: object }> }>;
      const good = Object.entries(responses).filter(([status]) => status.startsWith('2'));
      expect([name, good.length]).toEqual([name, 1]);
      // Those that tell nothing but that it is done, or will be.
      if (!['202', '204'].includes(good[0][0])) {
        const schemas = Object.values(good[0][1].content ?? {}).map(({ schema }) => schema);
        expect([name, schemas]).toEqual([name, [expect.any(Object)]]);
      }
      if (!name.includes('/v1/')) continue;
      expect([name, responses.default.content]).toEqual([name, { 'application/problem+json': expect.any(Object) }]);
      if (name.startsWith('post') && !/users|sessions|password-resets/.test(name)) {
        expect([name, operation.security]).toEqual([name, [{ bearer: [] }]]);
      }
    }
  });

  it('open in a browser without any other host, under a policy that lets their own scripts run', async () => {
    const { send } = await newApp();
    const { statusCode, headers } = await send('GET', '/docs');
    expect([statusCode, headers.location]).toEqual([301, '/docs/']);
    for (const method of ['GET', 'POST'] as const) expectProblem(await send(method, '/docs/nothing'), 'NOT_FOUND');
    const page = await send('GET', '/docs/');
    expect(page.body).toContain('"url": "/openapi.json"');
    expect(page.body).not.toMatch(/(src|href)="https?:/);
    const policy = String(page.headers['content-security-policy']);
    expect(policy).toMatch(/script-src 'self' 'sha256-[A-Za-z0-9+/]{43}='/);
    expect(policy).not.toMatch(/script-src[^;]*unsafe/);
    const script = await send('GET', '/docs/js/scalar.js', null, { 'accept-encoding': 'gzip' });
    expect(script.statusCode).toBe(200);
    expect(script.headers['content-encoding']).toBe('gzip');
    expect(script.headers['content-type']).toBe('application/javascript; charset=utf-8');
  });

  it.each([
    'post /v1/holds/{id}/order',
    'get /v1/orders',
    'get /v1/orders/{id}',
    'post /v1/orders/{id}/cancel',
    'post /v1/orders/{id}/refund',
    'post /v1/shows/{id}/cancel',
    'get /v1/shows/{id}/cancellation',
  ])('say of %s that its show may be busy, or not there now', async (name) => {
    const { send } = await newApp();
    const [method, path] = name.split(' ');
    const { responses } = (await send('GET', '/openapi.json')).json().paths[path][method];
    expect(responses['503'].description.split(', ')).toEqual(expect.arrayContaining(['OVERLOADED', 'UNAVAILABLE']));
  });

  it('name each part of a seat map, which is written by hand', async () => {
    const { send } = await newApp();
    const { responses } = (await send('GET', '/openapi.json')).json().paths['/v1/shows/{id}/seats'].get;
    const { properties } = responses['200'].content['application/json'].schema;
    const map = new PublishedSeats(new PlayedShow(rowsOfTen(1)).show);
    const body = JSON.parse(new SeatBodies().body(map, 'list').toString());
    expect(Object.keys(properties).sort()).toEqual(Object.keys(body).sort());
  });

  it('describe the route of webhooks where there is one', async () => {
    const path = '/v1/webhooks/stripe';
    const { send } = await newApp({ webhooks: { receive: async () => {} } });
    const { post } = (await send('GET', '/openapi.json')).json().paths[path];
    expect(Object.keys(post.responses)).toEqual(expect.arrayContaining(['200', '400', '503', 'default']));
    expect(post.security).toBeUndefined();
    const without = await newApp();
    expect((await without.send('GET', '/openapi.json')).json().paths).not.toHaveProperty(path);
    expectProblem(await without.send('POST', path, {}), 'NOT_FOUND');
  });

  it('have a page where the type of every problem leads', async () => {
    const { send } = await newApp();
    const page = await send('GET', '/docs/errors');
    for (const code of Object.keys(CATALOGUE)) expect(page.body).toContain(`id="${code}"`);
  });

  it('refuse a Host header that is none', async () => {
    const { send } = await newApp();
    expectProblem(await send('GET', '/docs/', null, { host: '[' }), 'BAD_REQUEST');
  });
});
