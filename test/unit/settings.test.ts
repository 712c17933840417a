import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { StartError } from '../../src/errors.ts';
import { readSettings, SETTING_NAMES } from '../../src/settings.ts';

const SECRET = 's'.repeat(32);

test('nothing set gives one node on embedded Postgres', () => {
  expect(readSettings({}, 'myhost')).toEqual({
    databaseUrl: null,
    natsUrl: null,
    port: 8080,
    adminPort: 8081,
    adminHost: '127.0.0.1',
    adminToken: null,
    adminActions: false,
    node: 'myhost-8080',
    nodeWeight: 1,
    nodeUrl: null,
    format: 5,
    trustedProxies: [],
    holdsPerMinute: {},
    dataDir: resolve('data'),
    jwtSecret: null,
    smtpUrl: null,
    mailFrom: { name: 'Usher', address: 'no-reply@localhost' },
    logLevel: 'info',
    stripe: null,
    demo: true,
    webhookTargets: 'any',
  });
});

test('everything set is taken, and what is not a setting is left alone', () => {
  const settings = readSettings({
    DATABASE_URL: 'postgres://usher@db/usher',
    NATS_URL: 'nats://one:4222,tls://usher:pass@two:4222',
    PORT: '0',
    ADMIN_PORT: '9081',
    ADMIN_HOST: '0.0.0.0',
    ADMIN_TOKEN: 't'.repeat(16),
    ADMIN_ACTIONS: 'on',
    USHER_NODE: 'stage-left-2',
    USHER_NODE_WEIGHT: '2.5',
    USHER_NODE_URL: 'http://stage-left-2:8080',
    USHER_FORMAT: '1',
    USHER_TRUSTED_PROXIES: '10.0.0.0/8, 192.168.7.1,fd00::/8',
    USHER_HOLDS_PER_ACCOUNT: '60',
    USHER_HOLDS_PER_ADDRESS: 'off',
    USHER_DATA_DIR: '/var/lib/usher',
    JWT_SECRET: SECRET,
    SMTP_URL: 'smtps://usher%40example.org:p%2Fss@mail.example.org:465',
    MAIL_FROM: 'Teatro de La Laguna <entradas@teatro.example>',
    USHER_LOG_LEVEL: 'silent',
    USHER_DEMO: 'on',
    STRIPE_SECRET_KEY: 'rk_live_1',
    STRIPE_WEBHOOK_SECRET: 'whsec_1',
    STRIPE_API_BASE: 'https://stripe.example:8443',
    STRIPE_PAYMENT_METHODS: 'card,sepa_debit,card',
    USHER_SANDBOX: 'on',
    HOME: '/root',
  });
  expect(settings).toEqual({
    databaseUrl: 'postgres://usher@db/usher',
    natsUrl: ['nats://one:4222', 'tls://usher:pass@two:4222'],
    port: 0,
    adminPort: 9081,
    adminHost: '0.0.0.0',
    adminToken: 't'.repeat(16),
    adminActions: true,
    node: 'stage-left-2',
    nodeWeight: 2.5,
    nodeUrl: 'http://stage-left-2:8080',
    format: 1,
    trustedProxies: ['10.0.0.0/8', '192.168.7.1', 'fd00::/8'],
    holdsPerMinute: { user: 60, address: Number.POSITIVE_INFINITY },
    dataDir: '/var/lib/usher',
    jwtSecret: SECRET,
    smtpUrl: 'smtps://usher%40example.org:p%2Fss@mail.example.org:465',
    mailFrom: { name: 'Teatro de La Laguna', address: 'entradas@teatro.example' },
    logLevel: 'silent',
    stripe: {
      secretKey: 'rk_live_1',
      webhookSecret: 'whsec_1',
      apiBase: 'https://stripe.example:8443',
      methods: ['card', 'sepa_debit'],
    },
    demo: true,
    webhookTargets: 'any',
  });
});

test('an empty value counts as not set', () => {
  const empty = { DATABASE_URL: '', NATS_URL: '', PORT: '', ADMIN_HOST: '', USHER_NODE: '', JWT_SECRET: '' };
  expect(readSettings(empty)).toEqual(readSettings({}));
});

describe('a wrong value is refused by name, with what it has to be and without itself', () => {
  test.each([
    ['PORT', 'eighty', 'a port number from 0 to 65535'],
    ['PORT', '65536', 'a port number from 0 to 65535'],
    ['PORT', '80.5', 'a port number from 0 to 65535'],
    ['PORT', '-1', 'a port number from 0 to 65535'],
    ['ADMIN_PORT', 'none', 'a port number from 0 to 65535'],
    ['ADMIN_HOST', 'http://host/', 'the address or name of an interface'],
    ['ADMIN_TOKEN', 'hunter22', 'at least 16 visible characters'],
    ['ADMIN_TOKEN', 'with spaces in its middle', 'at least 16 visible characters'],
    ['ADMIN_ACTIONS', 'yes', 'on, or not set'],
    ['DATABASE_URL', 'mysql://root:hunter22@db/x', 'an address such as postgresql://'],
    ['NATS_URL', 'http://hunter22@nats', 'an address such as nats://'],
    ['NATS_URL', 'nats://hunter22,two', 'an address such as nats://'],
    ['USHER_NODE', 'Node_1', '1 to 63 small letters, digits and hyphens'],
    ['USHER_NODE', '-first', '1 to 63 small letters, digits and hyphens'],
    ['USHER_NODE', 'n'.repeat(64), '1 to 63 small letters, digits and hyphens'],
    ['USHER_NODE_WEIGHT', '0.0', 'a number above 0 and at most 100'],
    ['USHER_NODE_WEIGHT', '100.5', 'a number above 0 and at most 100'],
    ['USHER_NODE_WEIGHT', 'heavy', 'a number above 0 and at most 100'],
    ['USHER_NODE_URL', 'stage-2:8080', 'an address such as http://node-1:8080'],
    ['USHER_FORMAT', '6', 'a whole number from 1 to 5'],
    ['USHER_FORMAT', '1.5', 'a whole number from 1 to 5'],
    ['USHER_TRUSTED_PROXIES', 'everybody', 'addresses or ranges such as 10.0.0.0/8'],
    ['USHER_TRUSTED_PROXIES', '10.0.0.0/33', 'addresses or ranges such as 10.0.0.0/8'],
    ['USHER_HOLDS_PER_ACCOUNT', '0', 'a number from 1 to 9999999, off for no limit'],
    ['USHER_HOLDS_PER_ADDRESS', 'none', 'a number from 1 to 9999999, off for no limit'],
    ['JWT_SECRET', 'hunter22', 'at least 32 characters'],
    ['SMTP_URL', 'mail.example.org:25', 'an address such as smtp://'],
    ['SMTP_URL', 'https://hunter22@mail.example.org', 'an address such as smtp://'],
    ['SMTP_URL', 'smtp://mail.example.org/?tls.rejectUnauthorized=false', 'an address such as smtp://'],
    ['SMTP_URL', 'smtp://user:%zz@mail.example.org', 'an address such as smtp://'],
    ['SMTP_URL', 'smtp://mail.example.org:99999', 'an address such as smtp://'],
    ['MAIL_FROM', 'nobody', 'an e-mail address, such as'],
    ['MAIL_FROM', 'a@example.org, b@example.org', 'an e-mail address, such as'],
    ['MAIL_FROM', 'Box <a@example.org> <b@example.org>', 'an e-mail address, such as'],
    ['MAIL_FROM', 'Box\r\nBcc: a <b@example.org>', 'an e-mail address, such as'],
    ['USHER_LOG_LEVEL', 'loud', 'one of trace, debug, info'],
    ['USHER_DEMO', 'true', 'on or off'],
    ['STRIPE_SECRET_KEY', 'pk_test_hunter22', 'a secret or restricted key of Stripe'],
    ['STRIPE_WEBHOOK_SECRET', 'hunter22', 'the signing secret'],
    ['STRIPE_API_BASE', 'https://stripe.example/v1', 'an address such as https://api.stripe.com, without a path'],
    ['STRIPE_API_BASE', 'https://root:hunter22@stripe', 'an address such as https://api.stripe.com'],
    ['STRIPE_PAYMENT_METHODS', 'card, ideal', "Stripe's names of payment methods"],
    ['USHER_SANDBOX', 'yes', 'on, or not set'],
  ])('%s=%s', (name, value, expected) => {
    expect(() => readSettings({ [name]: value })).toThrow(StartError);
    expect(() => readSettings({ [name]: value })).toThrow(`${name} must be ${expected}`);
    expect(() => readSettings({ [name]: value })).not.toThrow(value);
  });

  test('all of them at once', () => {
    expect(() => readSettings({ PORT: 'x', JWT_SECRET: 'y', USHER_LOG_LEVEL: 'z' })).toThrow(
      /PORT must be .*\nJWT_SECRET must be .*\nUSHER_LOG_LEVEL must be /,
    );
  });
});

test.each([
  ['tickets@example.org', { name: '', address: 'tickets@example.org' }],
  ['<tickets@example.org>', { name: '', address: 'tickets@example.org' }],
  ['Café Nº 1, at the port <tickets@example.org>', { name: 'Café Nº 1, at the port', address: 'tickets@example.org' }],
])('mail comes from %s', (MAIL_FROM, mailFrom) => {
  expect(readSettings({ MAIL_FROM })).toMatchObject({ mailFrom });
});

describe('the name of a node that has none', () => {
  test.each([
    ['myhost', '8080', 'myhost-8080'],
    ['Box.Office.example', '81', 'box-office-example-81'],
    ['__näme__', '0', 'n-me-0'],
    ['', '8080', 'node-8080'],
    ['host-'.repeat(20), '65000', `${'host-'.repeat(11)}ho-65000`],
  ])('on the host %o with port %s is %s', (host, PORT, name) => {
    const { node } = readSettings({ PORT }, host);
    expect(node).toBe(name);
    expect(readSettings({ USHER_NODE: node }).node).toBe(name);
  });
});

describe('the demo', () => {
  test.each([
    ['a new embedded database', {}, true],
    ['an embedded database in production', { NODE_ENV: 'production', USHER_SANDBOX: 'on' }, false],
    ['a database of somebody else', { DATABASE_URL: 'postgresql://db/usher' }, false],
    ['what asks for it', { DATABASE_URL: 'postgresql://db/usher', USHER_DEMO: 'on' }, true],
    ['what asks to be left alone', { USHER_DEMO: 'off' }, false],
  ])('%s: %o', (_, environment, demo) => {
    expect(readSettings(environment)).toMatchObject({ demo });
  });
});

describe('the admin listener', () => {
  const token = 'a'.repeat(16);

  test.each(['127.0.0.1', '127.8.8.8', '::1', 'localhost'])('on loopback (%s) needs no token', (ADMIN_HOST) => {
    expect(readSettings({ ADMIN_HOST })).toMatchObject({ adminHost: ADMIN_HOST, adminToken: null });
  });

  test.each(['0.0.0.0', '::', '10.1.2.3', 'office', '128.0.0.1'])('elsewhere (%s) needs one', (ADMIN_HOST) => {
    expect(() => readSettings({ ADMIN_HOST })).toThrow('ADMIN_TOKEN must be set with this ADMIN_HOST');
    expect(readSettings({ ADMIN_HOST, ADMIN_TOKEN: token })).toMatchObject({ adminToken: token });
  });

  test('has a port of its own', () => {
    expect(() => readSettings({ PORT: '8081' })).toThrow(/ADMIN_PORT must be .* another than PORT/);
    expect(readSettings({ PORT: '0', ADMIN_PORT: '0' })).toMatchObject({ port: 0, adminPort: 0 });
  });
});

describe('who takes the money', () => {
  const account = { STRIPE_SECRET_KEY: 'sk_test_1' };
  const production = { NODE_ENV: 'production' };

  test('is the sandbox where there is no key, and Stripe where there is one', () => {
    expect(readSettings({})).toMatchObject({ stripe: null });
    expect(readSettings(account)).toMatchObject({
      stripe: { secretKey: 'sk_test_1', webhookSecret: null, apiBase: 'https://api.stripe.com', methods: ['card'] },
    });
    expect(readSettings({ ...account, ...production })).toMatchObject({ stripe: { secretKey: 'sk_test_1' } });
  });

  test('is the sandbox in production only where that is said outright', () => {
    expect(() => readSettings(production)).toThrow(StartError);
    expect(() => readSettings(production)).toThrow('STRIPE_SECRET_KEY must be set with NODE_ENV=production');
    expect(readSettings({ ...production, USHER_SANDBOX: 'on' })).toMatchObject({ stripe: null });
  });

  test('is never the sandbox by a slip, with half of an account', () => {
    expect(() => readSettings({ STRIPE_WEBHOOK_SECRET: 'whsec_1' })).toThrow('STRIPE_SECRET_KEY must be set with');
  });

  test.each(['sk_live_hunter22', 'rk_live_hunter22'])('with a live key (%s) needs signed webhooks and https', (key) => {
    const live = { STRIPE_SECRET_KEY: key };
    const signed = { ...live, STRIPE_WEBHOOK_SECRET: 'whsec_1' };
    expect(() => readSettings(live)).toThrow('STRIPE_WEBHOOK_SECRET must be set with a live STRIPE_SECRET_KEY');
    expect(() => readSettings(live)).not.toThrow('hunter22');
    expect(readSettings(signed)).toMatchObject({ stripe: { secretKey: key } });
    expect(() => readSettings({ ...signed, STRIPE_API_BASE: 'http://stripe.example' })).toThrow(
      'must be an https address',
    );
  });
});

describe('a node of a cluster', () => {
  const cluster = { NATS_URL: 'nats://n:4222', DATABASE_URL: 'postgresql://db/usher', JWT_SECRET: SECRET };

  test('shares the database and the secret with the others', () => {
    expect(readSettings(cluster)).toMatchObject({ natsUrl: ['nats://n:4222'], jwtSecret: SECRET });
  });

  test.each(['DATABASE_URL', 'JWT_SECRET'])('is refused without %s', (name) => {
    expect(() => readSettings({ ...cluster, [name]: '' })).toThrow(StartError);
    expect(() => readSettings({ ...cluster, [name]: '' })).toThrow(`${name} must be set with NATS_URL`);
  });
});

test('the README lists every setting, and no other', () => {
  const text = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
  const [, chapter] = text.split('\n## Settings\n');
  const listed = [...chapter.split('\n## ')[0].matchAll(/^\| `([A-Z_]+)`/gm)].map(([, name]) => name);
  expect(listed.toSorted()).toEqual(SETTING_NAMES.toSorted());
});
