import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { createAccounts } from '../../src/accounts/create-accounts.ts';
import type { LockoutLimits } from '../../src/accounts/lockout.ts';
import { RESET_LIMITS } from '../../src/accounts/password-resets.ts';
import { FEED_LIMITS, RevocationFeed, writeRevocation } from '../../src/accounts/revocation-feed.ts';
import { Revocations } from '../../src/accounts/revocations.ts';
import { createComposer } from '../../src/mail/compose.ts';
import { type AccountNotice, MailOutbox } from '../../src/mail/outbox.ts';
import type { Parcel } from '../../src/mail/transports.ts';
import { expectProblem } from '../support/expect-problem.ts';
import { type HttpApp, httpApps } from '../support/http-app.ts';
import { seededRandom } from '../support/seeded-random.ts';
import { ticketKeysInMemory } from '../support/ticket-keys.ts';

const newApp = httpApps();

const PASSWORD = 'correct horse';
const NEW_PASSWORD = 'battery staple';

const QUICK: LockoutLimits = {
  free: { account: 2, address: 1_000 },
  firstMs: 60_000,
  maxMs: 150_000,
  leakMs: { account: 10_000_000, address: 10_000_000 },
  forgetMs: 3_600_000,
};

/** Most tests share it, and have users of their own. */
let app: HttpApp;
let people = 0;

beforeAll(async () => {
  app = await newApp({ lockout: QUICK, forFile: true });
});

interface Credentials {
  readonly email: string;
  readonly password: string;
}

/** Somebody who is new here. */
async function signUp({ accounts }: HttpApp = app): Promise<Credentials> {
  const credentials = { email: `person${++people}@example.org`, password: PASSWORD };
  await accounts.create({ ...credentials, firstName: 'Ada', lastName: 'Byron', role: 'buyer' });
  return credentials;
}

/** Logs in, and gives the header that says so. */
async function logIn(credentials: Credentials): Promise<{ authorization: string }> {
  const session = await app.send('POST', '/v1/sessions', credentials);
  expect(session.statusCode, session.body).toBe(200);
  return { authorization: `Bearer ${session.json().token}` };
}

async function expectEnded(headers: { authorization: string }): Promise<void> {
  expectProblem(await app.send('GET', '/v1/me', null, headers), 'UNAUTHENTICATED');
}

async function expectGoesOn(headers: { authorization: string }): Promise<void> {
  expect((await app.send('GET', '/v1/me', null, headers)).statusCode).toBe(200);
}

/** Another node on the same database. */
async function otherNode({ database, time, log }: HttpApp = app) {
  const room = await createAccounts({
    db: database.kysely as never,
    clock: time.clock,
    timers: time.timers,
    random: seededRandom(99),
    log: log.log,
    secret: Buffer.alloc(32, 7),
    cores: 2,
    lockout: QUICK,
  });
  onTestFinished(() => room.close());
  return room;
}

const tokenOf = ({ authorization }: { authorization: string }): string => authorization.slice('Bearer '.length);

describe('a session', () => {
  it('ends by logging out, alone, or with all others of its user', async () => {
    const ada = await signUp();
    const [one, two, three] = [await logIn(ada), await logIn(ada), await logIn(ada)];
    const grace = await logIn(await signUp());
    expect((await app.send('DELETE', '/v1/sessions/current', null, one)).statusCode).toBe(204);
    await expectEnded(one);
    expectProblem(await app.send('DELETE', '/v1/sessions/current', null, one), 'UNAUTHENTICATED');
    await expectGoesOn(two);
    expect((await app.send('DELETE', '/v1/sessions', null, two)).statusCode).toBe(204);
    for (const each of [two, three]) await expectEnded(each);
    await expectGoesOn(await logIn(ada));
    await expectGoesOn(grace);
  });

  it('has ended on every other node a second later, and on one that starts', async () => {
    const ada = await signUp();
    const other = await otherNode();
    const [one, two, three] = [await logIn(ada), await logIn(ada), await logIn(ada)];
    for (const each of [one, two, three]) expect(await other.tokens.verify(tokenOf(each))).not.toBeNull();
    await app.send('DELETE', '/v1/sessions/current', null, one);
    expect(other.tokens.known(tokenOf(one))).not.toBeNull();
    await app.time.advance(FEED_LIMITS.pollMs);
    await vi.waitFor(() => expect(other.tokens.known(tokenOf(one))).toBeNull());
    expect(other.tokens.known(tokenOf(two))).not.toBeNull();
    await app.send('DELETE', '/v1/sessions', null, two);
    await app.time.advance(FEED_LIMITS.pollMs);
    await vi.waitFor(() => expect(other.tokens.known(tokenOf(three))).toBeNull());
    const late = await otherNode();
    for (const each of [one, two, three]) expect(await late.tokens.verify(tokenOf(each))).toBeNull();
  });

  it('ends with a new role', async () => {
    const ada = await signUp();
    const buyer = await logIn(ada);
    await app.accounts.grant(ada.email, 'organiser');
    await app.time.advance(FEED_LIMITS.pollMs);
    await vi.waitFor(() => expectEnded(buyer));
    expect((await app.send('GET', '/v1/me', null, await logIn(ada))).json().role).toBe('organiser');
  });

  it('of which the end commits late is not missed', async () => {
    const { database, time, log } = app;
    const db = database.kysely as never;
    const revocations = new Revocations();
    const feed = new RevocationFeed({ db, revocations, clock: time.clock, timers: time.timers, log: log.log });
    await feed.read();
    const before = revocations.size;
    const revocation = (key: string) => ({ key, generation: null, expiresAt: time.clock.now() + 60_000 });
    const { promise: committed, resolve: commit } = Promise.withResolvers<void>();
    const { promise: written, resolve: wrote } = Promise.withResolvers<void>();
    const slow = database.kysely.transaction().execute(async (trx) => {
      await writeRevocation(trx as never, revocation('slow'));
      wrote();
      await committed;
    });
    await written;
    await writeRevocation(db, revocation('quick'));
    await feed.read();
    expect(revocations.size).toBe(before + 1);
    commit();
    await slow;
    await feed.read();
    expect(revocations.size).toBe(before + 2);
    await writeRevocation(db, revocation('next'));
    await feed.read();
    expect(revocations.size).toBe(before + 3);
  });
});

describe('a new password', () => {
  const change = (headers: { authorization: string }, currentPassword: string) =>
    app.send('PUT', '/v1/me/password', { currentPassword, password: NEW_PASSWORD }, headers);

  it('needs the current one, ends all sessions and begins one', async () => {
    const ada = await signUp();
    const [one, two] = [await logIn(ada), await logIn(ada)];
    expectProblem(await change(one, 'wrong'), 'BAD_CREDENTIALS');
    await expectGoesOn(one);
    const changed = await change(one, PASSWORD);
    expect(changed.statusCode).toBe(200);
    for (const each of [one, two]) await expectEnded(each);
    await expectGoesOn({ authorization: `Bearer ${changed.json().token}` });
    expectProblem(await app.send('POST', '/v1/sessions', ada), 'BAD_CREDENTIALS');
    await logIn({ ...ada, password: NEW_PASSWORD });
  });

  it('is set by one of two who change it at once, and no session of before goes on', async () => {
    const ada = await signUp();
    const [one, two] = [await logIn(ada), await logIn(ada)];
    const [first, second, late] = await Promise.all([change(one, PASSWORD), change(two, PASSWORD), logIn(ada)]);
    expect([first.statusCode, second.statusCode].sort()).toEqual([200, 401]);
    const winner = first.statusCode === 200 ? first : second;
    await expectGoesOn({ authorization: `Bearer ${winner.json().token}` });
    for (const each of [one, two, late]) await expectEnded(each);
  });

  it('is guessed at no quicker with a stolen session', async () => {
    const ada = await signUp();
    const stolen = await logIn(ada);
    for (let i = 0; i < 3; i++) expectProblem(await change(stolen, 'wrong'), 'BAD_CREDENTIALS');
    expectProblem(await change(stolen, PASSWORD), 'TOO_MANY_REQUESTS');
    expectProblem(await app.send('POST', '/v1/sessions', ada), 'TOO_MANY_REQUESTS');
  });
});

describe('a password that was forgotten', () => {
  /** What is in the table of mail, as it would be sent, by its e-mail. */
  async function mailed({ database, time, resets }: HttpApp = app): Promise<Map<string, Parcel | string>> {
    await database.pool.query('update mail set next_at = 0');
    const compose = createComposer({
      shows: { ask: () => Promise.reject(new Error('no shows here')) },
      clock: time.clock,
      keys: ticketKeysInMemory(),
      emailOf: async () => null,
      showOf: async () => null,
      resetToken: (email, askedAt) => resets.tokenFor(email, askedAt),
    });
    const { claims } = await new MailOutbox(database.pool).claim(10, 60_000);
    const letters = claims.map(async (claim) => [(claim as AccountNotice).email, await compose(claim)] as const);
    return new Map(await Promise.all(letters));
  }

  const codeIn = (parcel: Parcel | string | undefined): string =>
    /^[A-Za-z0-9_-]{43}$/m.exec((parcel as Parcel).letter.text)?.[0] ?? '';

  const setWith = (code: string) => app.send('POST', `/v1/password-resets/${code}`, { password: NEW_PASSWORD });

  const codeFor = async (email: string): Promise<string> => {
    const reset = await app.resets.tokenFor(email, app.time.clock.now());
    return (reset as { token: string }).token;
  };

  it('is set anew with the code of a mail, once; sessions, other codes and locks end', async () => {
    const ada = await signUp();
    const session = await logIn(ada);
    const ask = (email: string) => app.send('POST', '/v1/password-resets', { email });
    const answers = [await ask(` ${ada.email.toUpperCase()}`), await ask('nobody@example.org'), await ask(ada.email)];
    for (const { statusCode, body } of answers) expect([statusCode, body]).toEqual([202, '']);
    const letters = await mailed();
    expect([...letters.keys()].sort()).toEqual(['nobody@example.org', ada.email]);
    expect(letters.get('nobody@example.org')).toBe('no account has this e-mail');
    expect(letters.get(ada.email)).toMatchObject({ to: ada.email });
    const code = codeIn(letters.get(ada.email));
    // Of the code nothing is kept, and a letter that is written again has another.
    const stored = await app.database.pool.query('select t::text as row from password_reset t');
    expect(stored.rows).toHaveLength(1);
    expect(stored.rows[0].row).not.toContain(code);
    const another = await codeFor(ada.email);
    for (let i = 0; i < 3; i++) await app.send('POST', '/v1/sessions', { ...ada, password: 'wrong' });
    expectProblem(await app.send('POST', '/v1/sessions', ada), 'TOO_MANY_REQUESTS');

    expectProblem(await app.send('POST', `/v1/password-resets/${code}`, { password: 'short' }), 'BODY_INVALID');
    expectProblem(await setWith(code.replace(/^./, (first) => (first === 'a' ? 'b' : 'a'))), 'NOT_FOUND');
    expect((await setWith(code)).statusCode).toBe(204);
    await expectEnded(session);
    await logIn({ ...ada, password: NEW_PASSWORD });
    for (const used of [code, another]) expectProblem(await setWith(used), 'NOT_FOUND');
  });

  it('is not set with a code that has expired, nor by two at once', async () => {
    const ada = await signUp();
    const expired = await codeFor(ada.email);
    await app.time.advance(RESET_LIMITS.tokenMs);
    expectProblem(await setWith(expired), 'NOT_FOUND');
    const [code, another] = [await codeFor(ada.email), await codeFor(ada.email)];
    const answers = await Promise.all([code, code, another, another].map(setWith));
    expect(answers.map(({ statusCode }) => statusCode).sort()).toEqual([204, 404, 404, 404]);
  });

  it('is asked for so often by one address, and mailed no later than an hour after', async () => {
    const strict = await newApp({ settings: { resetsPerMinute: 1 } });
    const { email } = await signUp(strict);
    const ask = () => strict.send('POST', '/v1/password-resets', { email });
    expect((await ask()).headers['ratelimit-policy']).toBe('"password-resets";q=1;w=60');
    const refused = await ask();
    expectProblem(refused, 'TOO_MANY_REQUESTS');
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    await strict.time.advance(RESET_LIMITS.askedMs + 1);
    expect((await mailed(strict)).get(email)).toBe('it was asked for too long ago');
  });
});

describe('guessing at passwords', () => {
  const guess = (email: string, password = 'wrong', at: HttpApp = app) =>
    at.send('POST', '/v1/sessions', { email, password });

  /** Lets time pass for locks, which go by the database's clock. */
  const letPass = (ms: number) =>
    app.database.pool.query('update log_in_failure set locked_until = locked_until - $1, last_at = last_at - $1', [ms]);

  it('is slowed down, whether or not anybody has the e-mail, for the right one too, and on every node', async () => {
    const ada = await signUp();
    const answers: Record<string, unknown>[] = [];
    for (const email of [ada.email, 'somebody@example.org']) {
      for (let i = 0; i < 3; i++) expectProblem(await guess(email), 'BAD_CREDENTIALS');
      for (const password of ['wrong', PASSWORD]) {
        const locked = await guess(email, password);
        answers.push({ ...expectProblem(locked, 'TOO_MANY_REQUESTS'), requestId: '' });
        expect(Number(locked.headers['retry-after'])).toBeGreaterThan(0);
        expect(Number(locked.headers['retry-after'])).toBeLessThanOrEqual(60);
      }
    }
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
    const other = await otherNode();
    await expect(other.logIns.logIn(ada.email, PASSWORD, '192.0.2.1')).rejects.toThrow('TOO_MANY_REQUESTS');
    // Nobody's e-mail is kept.
    const { rows } = await app.database.pool.query('select t::text as row from log_in_failure t');
    expect(rows.map(({ row }) => row).join()).not.toContain('example');
  });

  it('locks for twice as long each time, up to a bound; the right password then opens all again', async () => {
    const ada = await signUp();
    const spans: number[] = [];
    for (let i = 0; i < 6; i++) {
      expectProblem(await guess(ada.email), 'BAD_CREDENTIALS');
      const { rows } = await app.database.pool.query(
        `select greatest(locked_until - last_at, 0) as span from log_in_failure
         where kind = 'account' order by last_at desc limit 1`,
      );
      spans.push(Number(rows[0].span));
      await letPass(QUICK.maxMs);
    }
    expect(spans).toEqual([0, 0, 60_000, 120_000, 150_000, 150_000]);
    await logIn(ada);
    for (let i = 0; i < 2; i++) expectProblem(await guess(ada.email), 'BAD_CREDENTIALS');
    await logIn(ada);
  });

  it('is forgotten bit by bit, and wholly after a while without', async () => {
    const ada = await signUp();
    const failed = async () => {
      await guess(ada.email);
      const last = `select failures from log_in_failure where kind = 'account' order by last_at desc limit 1`;
      return Number((await app.database.pool.query(last)).rows[0].failures);
    };
    expect(await failed()).toBe(1);
    await letPass(QUICK.leakMs.account / 4);
    expect(await failed()).toBeCloseTo(1.75, 2);
    await letPass(QUICK.forgetMs);
    expect(await failed()).toBe(1);
    for (let i = 0; i < 3; i++) await guess(ada.email);
    await letPass(QUICK.forgetMs);
    for (let i = 0; i < 2; i++) expectProblem(await guess(ada.email), 'BAD_CREDENTIALS');
    await logIn(ada);
  });

  it('is not helped by guessing many at once', async () => {
    const ada = await signUp();
    const guesses = Array.from({ length: 8 }, (_, i) => guess(ada.email, `guess ${i}`));
    guesses.push(guess(ada.email, PASSWORD));
    const codes = (await Promise.all(guesses)).map((answer) => answer.json().code ?? 'a session');
    expect(codes).not.toContain('a session');
    expect(codes.at(-1)).toBe('TOO_MANY_REQUESTS');
  });

  it('is slowed down from an address that tries many e-mails, and nobody is kept out elsewhere', async () => {
    const strict = await newApp({ lockout: { ...QUICK, free: { account: 10, address: 3 } } });
    const ada = await signUp(strict);
    for (let i = 0; i < 4; i++) expectProblem(await guess(`user${i}@example.org`, 'wrong', strict), 'BAD_CREDENTIALS');
    expectProblem(await guess(ada.email, PASSWORD, strict), 'TOO_MANY_REQUESTS');
    const other = await otherNode(strict);
    expect((await other.logIns.logIn(ada.email, PASSWORD, '192.0.2.1')).user.email).toBe(ada.email);
  });
});

describe('holds', () => {
  it('are limited per account and per address, and say so when refused', async () => {
    const { as } = await newApp({ settings: { holdsPerMinute: { user: 2, address: 3 } } });
    const [ada, grace] = [await as('buyer'), await as('buyer')];
    const hold = (send: typeof ada) =>
      send('POST', '/v1/shows/unknown/holds', { best: { quantity: 1 } }, { 'idempotency-key': 'a' });
    for (let i = 0; i < 2; i++) {
      const answer = await hold(ada);
      expectProblem(answer, 'NOT_FOUND');
      expect(answer.headers).not.toHaveProperty('ratelimit');
    }
    const tooMany = await hold(ada);
    expectProblem(tooMany, 'TOO_MANY_REQUESTS');
    expect(tooMany.headers['ratelimit-policy']).toBe('"holds-account";q=2;w=60');
    expect(tooMany.headers.ratelimit).toMatch(/^"holds-account";r=0;t=\d+$/);
    expect(Number(tooMany.headers['retry-after'])).toBeGreaterThan(0);
    // What was refused is not counted for the address.
    expectProblem(await hold(grace), 'NOT_FOUND');
    const refused = await hold(grace);
    expectProblem(refused, 'TOO_MANY_REQUESTS');
    expect(refused.headers['ratelimit-policy']).toBe('"holds-address";q=3;w=60');
  });
});
