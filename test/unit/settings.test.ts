import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { StartError } from '../../src/errors.ts';
import { readSettings } from '../../src/settings.ts';

test('nothing set gives one node on embedded Postgres', () => {
  expect(readSettings({})).toEqual({
    databaseUrl: null,
    port: 8080,
    dataDir: resolve('data'),
    jwtSecret: null,
    logLevel: 'info',
  });
});

test('everything set is taken, and what is not a setting is left alone', () => {
  const settings = readSettings({
    DATABASE_URL: 'postgres://usher@db/usher',
    PORT: '0',
    USHER_DATA_DIR: '/var/lib/usher',
    JWT_SECRET: 's'.repeat(32),
    USHER_LOG_LEVEL: 'silent',
    HOME: '/root',
  });
  expect(settings).toEqual({
    databaseUrl: 'postgres://usher@db/usher',
    port: 0,
    dataDir: '/var/lib/usher',
    jwtSecret: 's'.repeat(32),
    logLevel: 'silent',
  });
});

test('an empty value counts as not set', () => {
  const empty = { DATABASE_URL: '', PORT: '', USHER_DATA_DIR: '', JWT_SECRET: '', USHER_LOG_LEVEL: '' };
  expect(readSettings(empty)).toEqual(readSettings({}));
});

describe('a wrong value is refused by name, with what it has to be and without itself', () => {
  test.each([
    ['PORT', 'eighty', 'a port number from 0 to 65535'],
    ['PORT', '65536', 'a port number from 0 to 65535'],
    ['PORT', '80.5', 'a port number from 0 to 65535'],
    ['PORT', '-1', 'a port number from 0 to 65535'],
    ['DATABASE_URL', 'mysql://root:hunter22@db/x', 'an address such as postgresql://'],
    ['JWT_SECRET', 'hunter22', 'at least 32 characters'],
    ['USHER_LOG_LEVEL', 'loud', 'one of trace, debug, info'],
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
