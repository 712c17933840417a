import { SignJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import { expectProblem, pointersOf } from '../support/expect-problem.ts';
import { httpApps } from '../support/http-app.ts';

const newApp = httpApps();

const ADA = { email: 'ada@example.org', password: 'correct horse', firstName: 'Ada', lastName: 'Byron', role: 'buyer' };

describe('signing up', () => {
  it('creates an account and never shows the password or its hash', async () => {
    const { send, database } = await newApp();
    const created = await send('POST', '/v1/users', {
      ...ADA,
      address: { street: '1', city: 'London', country: 'UK' },
    });
    expect(created.statusCode).toBe(201);
    expect(created.json()).toEqual({
      id: expect.stringMatching(/^usr_[0-9a-z]{26}$/),
      email: 'ada@example.org',
      firstName: 'Ada',
      lastName: 'Byron',
      role: 'buyer',
      address: { street: '1', city: 'London', country: 'UK' },
      createdAt: '2026-09-21T14:13:20.000Z',
    });
    const stored = await database.kysely.selectFrom('usher_user').select('password_hash').executeTakeFirstOrThrow();
    expect(stored.password_hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/);
  });

  it('takes two spellings of an e-mail for one', async () => {
    const { send } = await newApp();
    expect((await send('POST', '/v1/users', { ...ADA, email: ' Zoë@Example.org ' })).statusCode).toBe(201);
    expectProblem(await send('POST', '/v1/users', { ...ADA, email: 'zoe\u0308@example.ORG' }), 'EMAIL_TAKEN');
  });

  it('lets nobody make themselves an admin', async () => {
    const { send } = await newApp();
    const refused = expectProblem(await send('POST', '/v1/users', { ...ADA, role: 'admin' }), 'BODY_INVALID');
    expect(refused.errors).toEqual([{ pointer: '/role', detail: 'must be one of buyer, organiser' }]);
  });

  it('names every fault with a pointer', async () => {
    const { send, database } = await newApp();
    const body = {
      email: 'no address',
      password: 'short',
      firstName: 'A\u0000',
      role: 'buyer',
      extra: 1,
      address: { street: '' },
    };
    const problem = expectProblem(await send('POST', '/v1/users', body), 'BODY_INVALID');
    expect(pointersOf(problem)).toEqual(
      ['/address/city', '/address/country', '/address/street', '/extra', '/firstName', '/lastName', '/password'].sort(),
    );
    const email = expectProblem(await send('POST', '/v1/users', { ...ADA, email: 'a@b' }), 'BODY_INVALID');
    expect(pointersOf(email)).toEqual(['/email']);
    expect(await database.kysely.selectFrom('usher_user').selectAll().execute()).toEqual([]);
  });

  it('refuses numbers where text belongs instead of converting them', async () => {
    const { send } = await newApp();
    const problem = expectProblem(await send('POST', '/v1/users', { ...ADA, password: 1234567890 }), 'BODY_INVALID');
    expect(pointersOf(problem)).toEqual(['/password']);
  });

  it('limits the sign-ups of one address and says so', async () => {
    const { send } = await newApp({ settings: { signUpsPerMinute: 2 } });
    const first = await send('POST', '/v1/users', {});
    expect(first.headers['ratelimit-policy']).toBe('"sign-ups";q=2;w=60');
    expect(first.headers.ratelimit).toMatch(/^"sign-ups";r=1;t=\d+$/);
    await send('POST', '/v1/users', {});
    expectProblem(await send('POST', '/v1/users', ADA), 'TOO_MANY_REQUESTS');
  });
});

describe('logging in', () => {
  it('gives a token that opens the own account for 12 hours', async () => {
    const { send, time } = await newApp();
    await send('POST', '/v1/users', ADA);
    const session = await send('POST', '/v1/sessions', { email: 'ADA@example.org', password: ADA.password });
    expect(session.statusCode).toBe(200);
    const { token, expiresAt, user } = session.json();
    expect(expiresAt).toBe('2026-09-22T02:13:20.000Z');
    expect(user.email).toBe('ada@example.org');
    const authorization = `Bearer ${token}`;
    expect((await send('GET', '/v1/me', null, { authorization })).json()).toEqual(user);
    await time.advance(12 * 3_600_000 - 1_000);
    expect((await send('GET', '/v1/me', null, { authorization })).statusCode).toBe(200);
    await time.advance(1_000);
    expectProblem(await send('GET', '/v1/me', null, { authorization }), 'UNAUTHENTICATED');
  });

  it('tells a wrong password and an unknown e-mail in the same words', async () => {
    const { send } = await newApp();
    await send('POST', '/v1/users', ADA);
    const wrong = expectProblem(
      await send('POST', '/v1/sessions', { ...LOG_IN, password: 'wrong' }),
      'BAD_CREDENTIALS',
    );
    const unknown = expectProblem(
      await send('POST', '/v1/sessions', { ...LOG_IN, email: 'x@y.org' }),
      'BAD_CREDENTIALS',
    );
    expect({ ...wrong, requestId: '' }).toEqual({ ...unknown, requestId: '' });
  });

  it('turns a storm of log-ins away with 503 and still serves the first of them', async () => {
    const { send } = await newApp({ settings: { logInsPerMinute: 1_000 } });
    await send('POST', '/v1/users', ADA);
    const storm = await Promise.all(Array.from({ length: 400 }, () => send('POST', '/v1/sessions', LOG_IN)));
    const refused = storm.filter(({ statusCode }) => statusCode === 503);
    expect(refused.length).toBeGreaterThan(0);
    for (const response of refused) expectProblem(response, 'OVERLOADED');
    expect(storm.filter(({ statusCode }) => statusCode === 200)).toHaveLength(400 - refused.length);
    expect((await send('POST', '/v1/sessions', LOG_IN)).statusCode).toBe(200);
  });
});

const LOG_IN = { email: ADA.email, password: ADA.password };

describe('tokens', () => {
  it('are refused when absent, malformed, forged, of another issuer or audience, or unsigned', async () => {
    const { send, as, time } = await newApp();
    const { userId, token } = await as('buyer');
    const now = time.clock.now() / 1_000;
    const sign = (secret: Uint8Array, claims: Record<string, unknown>, alg = 'HS256') =>
      new SignJWT({ iss: 'usher', aud: 'usher-api', sub: userId, role: 'buyer', exp: now + 60, ...claims })
        .setProtectedHeader({ alg })
        .sign(secret);
    const secret = Buffer.alloc(32, 7);
    const good = await sign(secret, {});
    expect((await send('GET', '/v1/me', null, { authorization: `bearer ${good}` })).statusCode).toBe(200);

    const [header, payload, signature] = token.split('.');
    const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${payload}.`;
    const admin = Buffer.from(
      JSON.stringify({ ...JSON.parse(Buffer.from(payload, 'base64url').toString()), role: 'admin' }),
    );
    const bad = [
      'Bearer',
      'Bearer x',
      `Basic ${token}`,
      `Bearer ${'x'.repeat(5_000)}`,
      `Bearer ${none}`,
      `Bearer ${header}.${admin.toString('base64url')}.${signature}`,
      `Bearer ${await sign(Buffer.alloc(32, 8), {})}`,
      `Bearer ${await sign(Buffer.alloc(64, 7), {}, 'HS512')}`,
      `Bearer ${await sign(secret, { iss: 'other' })}`,
      `Bearer ${await sign(secret, { aud: 'other' })}`,
      `Bearer ${await sign(secret, { exp: now - 1 })}`,
      `Bearer ${await sign(secret, { exp: undefined })}`,
      `Bearer ${await sign(secret, { sub: 'usr_1' })}`,
      `Bearer ${await sign(secret, { role: 'root' })}`,
    ];
    for (const authorization of bad) {
      const response = await send('GET', '/v1/me', null, { authorization });
      expectProblem(response, 'UNAUTHENTICATED');
      expect(response.headers['www-authenticate']).toBe('Bearer');
    }
    expectProblem(await send('GET', '/v1/me'), 'UNAUTHENTICATED');
  });

  it('are asked for before the body is looked at', async () => {
    const { send, as } = await newApp();
    expectProblem(await send('POST', '/v1/venues', { wrong: true }), 'UNAUTHENTICATED');
    const buyer = await as('buyer');
    expectProblem(await buyer('POST', '/v1/venues', { wrong: true }), 'FORBIDDEN');
    const admin = await as('admin');
    expectProblem(await admin('POST', '/v1/venues', { wrong: true }), 'BODY_INVALID');
  });
});

describe('the own account', () => {
  it('can be changed in part, and an address taken away', async () => {
    const { as } = await newApp();
    const ada = await as('buyer');
    const address = { street: 'St James’s Square 12', city: 'London', country: 'UK', postalCode: 'SW1Y' };
    expect((await ada('PATCH', '/v1/me', { lastName: 'Lovelace', address })).json()).toMatchObject({
      firstName: 'Ada',
      lastName: 'Lovelace',
      address,
    });
    expect((await ada('PATCH', '/v1/me', {})).json()).toMatchObject({ lastName: 'Lovelace', address });
    expect((await ada('PATCH', '/v1/me', { address: null })).json()).not.toHaveProperty('address');
    const wrong = expectProblem(await ada('PATCH', '/v1/me', { role: 'admin', email: 'a@b.org' }), 'BODY_INVALID');
    expect(pointersOf(wrong)).toEqual(['/email', '/role']);
  });
});
