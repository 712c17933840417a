import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const SRC = fileURLToPath(new URL('../../src/', import.meta.url));

/** What every room may use: names, ports and formats, which use nothing but each other. */
const GROUND = ['backoff.ts', 'database-time.ts', 'errors.ts', 'formats.ts', 'ids.ts', 'ports.ts', 'rfc3339.ts'];
const SERVICES = ['payments', 'catalog', 'accounts', 'tickets'];

/**
 * The rooms that a room may use, besides the ground and itself. The chain is allocator ← journal ← actors ← cluster ← http;
 * of `system` (the real parts) most may name only the type of the log.
 */
const MAY_USE: Readonly<Record<string, readonly string[]>> = {
  allocator: [],
  system: [],
  postgres: ['system'],
  journal: ['allocator', 'system/log.ts'],
  payments: ['allocator', 'journal', 'actors', 'system/log.ts'],
  catalog: ['allocator', 'actors', 'system/log.ts'],
  accounts: ['system/log.ts'],
  tickets: ['allocator', 'system/log.ts'],
  actors: ['allocator', 'journal', 'system/log.ts'],
  mail: ['allocator', 'journal', 'actors', 'tickets', 'system/log.ts'],
  webhooks: ['system/log.ts'],
  projector: ['allocator', 'journal', 'actors', 'webhooks', 'system/log.ts'],
  cluster: ['allocator', 'journal', 'actors', 'system/log.ts'],
  http: ['allocator', 'journal', 'actors', 'cluster', ...SERVICES, 'mail', 'projector', 'webhooks', 'system/log.ts'],
  demo: ['allocator', 'actors', ...SERVICES, 'system/log.ts'],
  'settings.ts': ['system/log.ts'],
  ops: [
    'allocator',
    'journal',
    'actors',
    'cluster',
    ...SERVICES,
    'projector',
    'demo',
    'postgres',
    'system',
    'settings.ts',
  ],
  'dev-cluster': ['demo', 'postgres', 'system', 'settings.ts'],
  'box-office.ts': ['*'],
  'selling-node.ts': ['*'],
  'main.ts': ['*'],
};

interface Import {
  readonly from: string;
  readonly to: string;
}

function importsOf(file: string): Import[] {
  const text = readFileSync(join(SRC, file), 'utf8');
  const specifiers = [...text.matchAll(/(?:from|import|import\()\s*'(\.{1,2}\/[^']+)'/g)].map((match) => match[1]);
  return specifiers.map((specifier) => ({ from: file, to: relative(SRC, join(SRC, dirname(file), specifier)) }));
}

const room = (file: string): string => file.split('/')[0];

function isAllowed({ from, to }: Import): boolean {
  if (room(from) === room(to) && from.includes('/')) return true;
  if (GROUND.includes(to)) return true;
  const allowed = MAY_USE[room(from)] ?? [];
  return to !== 'main.ts' && (allowed.includes('*') || allowed.includes(room(to)) || allowed.includes(to));
}

const FILES = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));

test('every room is known here', () => {
  const unknown = FILES.map(room).filter((name) => !(name in MAY_USE) && !GROUND.includes(name));
  expect([...new Set(unknown)]).toEqual([]);
});

test('dependencies point one way', () => {
  const wrong = FILES.flatMap(importsOf)
    .filter((each) => !isAllowed(each))
    .map(({ from, to }) => `${from} must not use ${to}`);
  expect(wrong).toEqual([]);
});

test.each([
  ['allocator/decide.ts', 'journal/journal.ts'],
  ['allocator/decide.ts', 'system/clock.ts'],
  ['actors/shows.ts', 'http/server.ts'],
  ['actors/shows.ts', 'system/clock.ts'],
  ['payments/settlement.ts', 'http/problem.ts'],
  ['mail/compose.ts', 'cluster/routing/router.ts'],
  ['journal/append-statement.ts', 'mail/outbox.ts'],
  ['actors/turns.ts', 'projector/projector.ts'],
  ['projector/fold.ts', 'http/server.ts'],
  ['ops/cli.ts', 'main.ts'],
  ['ids.ts', 'allocator/hall.ts'],
])('%s using %s would be caught', (from, to) => {
  expect(isAllowed({ from, to })).toBe(false);
});
