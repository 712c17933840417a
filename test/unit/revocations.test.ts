import { expect, test } from 'vitest';
import { Revocations } from '../../src/accounts/revocations.ts';
import { LIFETIME_SECONDS, Tokens } from '../../src/accounts/tokens.ts';
import { newId } from '../../src/ids.ts';
import { manualTime } from '../support/manual-time.ts';
import { seededRandom } from '../support/seeded-random.ts';

const MINUTE = 60_000;
const token = (parts: Partial<{ id: string; session: string; generation: number; expiresAt: number }> = {}) => ({
  id: 'usr_1',
  session: 'a',
  generation: 0,
  expiresAt: 10 * MINUTE,
  ...parts,
});
const session = (key: string, expiresAt = 10 * MINUTE) => ({ key, generation: null, expiresAt });
const user = (generation: number, expiresAt = 10 * MINUTE) => ({ key: 'usr_1', generation, expiresAt });

test('a session that is revoked is refused, and no other of its user', () => {
  const revocations = new Revocations();
  revocations.add(session('a'));
  expect(revocations.isRevoked(token())).toBe(true);
  expect(revocations.isRevoked(token({ session: 'b' }))).toBe(false);
});

test('tokens of an earlier generation are refused, in whichever order the generations become known', () => {
  const revocations = new Revocations();
  revocations.add(user(2));
  revocations.add(user(1, 11 * MINUTE));
  expect([0, 1, 2, 3].map((generation) => revocations.isRevoked(token({ generation })))).toEqual([
    ...[true, true, false, false],
  ]);
  expect(revocations.isRevoked(token({ id: 'usr_2' }))).toBe(false);
});

test('revocations are forgotten when their tokens have expired, and not before', () => {
  const revocations = new Revocations();
  revocations.add(session('a', 2 * MINUTE));
  revocations.add(session('b', 5 * MINUTE));
  revocations.forget(2 * MINUTE);
  expect(revocations.size).toBe(2);
  revocations.forget(3 * MINUTE);
  expect(revocations.size).toBe(1);
  expect(revocations.isRevoked(token({ session: 'b' }))).toBe(true);
});

test('without room for more, tokens that expire first are refused altogether: none that is revoked passes', () => {
  const revocations = new Revocations(3);
  for (let i = 1; i <= 10; i++) revocations.add(session(`s${i}`, i * MINUTE));
  expect(revocations.size).toBeLessThanOrEqual(3);
  for (let i = 1; i <= 10; i++) {
    expect(revocations.isRevoked(token({ session: `s${i}`, expiresAt: i * MINUTE })), `${i}`).toBe(true);
  }
  expect(revocations.isRevoked(token({ session: 'other', expiresAt: 12 * MINUTE }))).toBe(false);
});

test('what is told again changes nothing, and what is new is looked up again', () => {
  const revocations = new Revocations();
  revocations.add(user(1));
  const { version } = revocations;
  revocations.add(user(1));
  expect(revocations.version).toBe(version);
  revocations.add(user(2));
  expect(revocations.version).not.toBe(version);
});

test('a token that was verified is refused as soon as it is revoked, and goes on being known while others are', async () => {
  const { clock } = manualTime();
  const revocations = new Revocations();
  const tokens = new Tokens(Buffer.alloc(32, 1), clock, revocations);
  const id = newId('usr', seededRandom());
  const issue = async (claims: { generation?: number; session?: string }) =>
    (await tokens.issue({ id, role: 'buyer', ...claims })).token;
  const [one, two, later] = [
    await issue({ session: 'one' }),
    await issue({ session: 'two' }),
    await issue({ generation: 1 }),
  ];
  for (const each of [one, two, later]) expect(await tokens.verify(each)).toMatchObject({ id, role: 'buyer' });
  const expiresAt = clock.now() + LIFETIME_SECONDS * 1_000;
  revocations.add({ key: 'one', generation: null, expiresAt });
  expect([tokens.known(one), tokens.known(two)?.session]).toEqual([null, 'two']);
  expect(await tokens.verify(one)).toBeNull();
  revocations.add({ key: id, generation: 1, expiresAt });
  expect([tokens.known(two), tokens.known(later)?.generation]).toEqual([null, 1]);
  expect(await tokens.verify(two)).toBeNull();
});
