import { createPublicKey, verify } from 'node:crypto';
import { type Kysely, sql } from 'kysely';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { scopedId } from '../../src/ids.ts';
import { keyIdOf, proveCode, ticketCode, verifyCode } from '../../src/tickets/codes.ts';
import { KeyRing, type TicketsTables } from '../../src/tickets/key-ring.ts';
import { KEYS_LOOK_MS, LookedUpKeys } from '../../src/tickets/keys.ts';
import { capturedLog } from '../support/captured-log.ts';
import { manualTime } from '../support/manual-time.ts';
import { salesServer } from '../support/sales-database.ts';
import { seededRandom } from '../support/seeded-random.ts';

const newDatabase = salesServer();
const { clock, timers, advance: passes } = manualTime();
const { log } = capturedLog();

const SHOW = 'shw_01k9zxh3m4q8r2v6w7y0t5b1cd';
const TICKET = scopedId('tkt', 1_790_000_000_123, SHOW, 4_711);

/** As a node has them. */
async function keysOf(kysely: Kysely<TicketsTables>, seed: number): Promise<LookedUpKeys> {
  const keys = await LookedUpKeys.open(new KeyRing(kysely, clock, seededRandom(seed)), clock, timers, log);
  onTestFinished(() => keys.close());
  return keys;
}

async function newKeys(seed = 1) {
  const { kysely } = await newDatabase<TicketsTables>();
  return keysOf(kysely, seed);
}

describe('ticket codes', () => {
  test('say which ticket they are for, are always the same, and fit a small QR code', async () => {
    const keys = await newKeys();
    const code = ticketCode(TICKET, keys.signer);
    expect(code).toMatch(/^[A-Za-z0-9_-]{134}$/);
    expect(ticketCode(TICKET, keys.signer)).toBe(code);
    expect(verifyCode(code, keys.publicKeyOf)).toEqual({ ticketId: TICKET, showId: SHOW, kid: keys.signer.kid });
  });

  test.each([
    ['the smallest', scopedId('tkt', 0, 'shw_00000000000000000000000000', 0)],
    ['the largest', scopedId('tkt', 2 ** 48 - 1, 'shw_7zzzzzzzzzzzzzzzzzzzzzzzzz', 2 ** 35 - 1)],
  ])('carry %s id', async (_, id) => {
    const keys = await newKeys();
    expect(verifyCode(ticketCode(id, keys.signer), keys.publicKeyOf)?.ticketId).toBe(id);
  });

  test('are refused after a change of any one byte', async () => {
    const keys = await newKeys();
    const bytes = Buffer.from(ticketCode(TICKET, keys.signer), 'base64url');
    for (let i = 0; i < bytes.length; i++) {
      const forged = Buffer.from(bytes);
      forged[i] ^= 1;
      expect(verifyCode(forged.toString('base64url'), keys.publicKeyOf)).toBeNull();
    }
  });

  test('are refused when short, long, spelt otherwise or nonsense', async () => {
    const keys = await newKeys();
    const code = ticketCode(TICKET, keys.signer);
    for (const wrong of [
      '',
      'x',
      code.slice(1),
      `${code}A`,
      `${code}=`,
      ` ${code}`,
      code.replace(/.$/, '!'),
      '💺'.repeat(67),
    ]) {
      expect(verifyCode(wrong, keys.publicKeyOf)).toBeNull();
    }
  });

  test('of another box office are refused', async () => {
    const [ours, theirs] = [await newKeys(1), await newKeys(2)];
    expect(verifyCode(ticketCode(TICKET, theirs.signer), ours.publicKeyOf)).toBeNull();
    const impostor = { kid: ours.signer.kid, privateKey: theirs.signer.privateKey };
    expect(verifyCode(ticketCode(TICKET, impostor), ours.publicKeyOf)).toBeNull();
  });

  test('can be checked with nothing but the published keys', async () => {
    const keys = await newKeys();
    const published = JSON.parse(JSON.stringify(keys.jwks)) as {
      keys: { kid: string; x: string; kty: string; crv: string }[];
    };
    const bytes = Buffer.from(ticketCode(TICKET, keys.signer), 'base64url');
    const kid = bytes.toString('base64url', 1, 9);
    const jwk = published.keys.find((key) => key.kid === kid);
    expect(jwk).toMatchObject({ kty: 'OKP', crv: 'Ed25519', alg: 'EdDSA', use: 'sig' });
    expect(keyIdOf(Buffer.from(jwk?.x ?? '', 'base64url'))).toBe(kid);
    const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: jwk?.x ?? '' }, format: 'jwk' });
    const signed = Buffer.concat([Buffer.from('usher-ticket'), bytes.subarray(0, 36)]);
    expect(verify(null, signed, key, bytes.subarray(36))).toBe(true);
    expect(JSON.stringify(published)).not.toContain('"d"');
  });
});

describe('signing keys', () => {
  test('are made once by nodes that start together, and kept', async () => {
    const { kysely } = await newDatabase<TicketsTables>();
    const loaded = await Promise.all(Array.from({ length: 8 }, (_, seed) => keysOf(kysely, seed + 1)));
    const later = await keysOf(kysely, 99);
    for (const keys of [...loaded, later]) {
      expect(keys.signer.kid).toBe(loaded[0].signer.kid);
      expect(keys.jwks.keys).toHaveLength(1);
      expect(ticketCode(TICKET, keys.signer)).toBe(ticketCode(TICKET, loaded[0].signer));
    }
  });

  test('still prove what they signed after another took over', async () => {
    const { kysely } = await newDatabase<TicketsTables>();
    const before = await keysOf(kysely, 1);
    const code = ticketCode(TICKET, before.signer);
    await kysely.updateTable('signing_key').set({ active: false }).execute();
    const after = await keysOf(kysely, 2);
    expect(after.signer.kid).not.toBe(before.signer.kid);
    expect(after.jwks.keys).toHaveLength(2);
    expect(verifyCode(code, after.publicKeyOf)?.ticketId).toBe(TICKET);
  });

  test('are followed by running nodes: a new one signs within seconds, or as soon as somebody comes with its code', async () => {
    const { kysely } = await newDatabase<TicketsTables>();
    const [ring, node, other] = [
      new KeyRing(kysely, clock, seededRandom(7)),
      await keysOf(kysely, 1),
      await keysOf(kysely, 2),
    ];
    const first = node.signer.kid;
    const old = ticketCode(TICKET, node.signer);
    const kid = await ring.rotate();
    // One node has heard of it; who shows its code at the other makes that look.
    await passes(KEYS_LOOK_MS);
    await vi.waitFor(() => expect(node.signer.kid).toBe(kid));
    expect(node.jwks.keys.map((key) => key.kid).sort()).toEqual([first, kid].sort());
    const code = ticketCode(TICKET, node.signer);
    expect((await proveCode(code, other.findPublicKey))?.kid).toBe(kid);
    expect((await proveCode(old, other.findPublicKey))?.kid).toBe(first);
    expect((await ring.list()).map(({ state }) => state).sort()).toEqual(['active', 'proving']);
  });

  test('that are retired prove nothing any more, are not published, and cannot be the one that signs', async () => {
    const { kysely } = await newDatabase<TicketsTables>();
    const [ring, node] = [new KeyRing(kysely, clock, seededRandom(7)), await keysOf(kysely, 1)];
    const first = node.signer.kid;
    const code = ticketCode(TICKET, node.signer);
    expect(await ring.retire(first)).toBe('active');
    expect(await ring.retire('unknown')).toBeNull();
    const kid = await ring.rotate();
    expect(await ring.retire(first)).toBe('proving');
    expect(await ring.retire(first)).toBe('retired');
    await passes(KEYS_LOOK_MS);
    await vi.waitFor(() => expect(node.jwks.keys.map((key) => key.kid)).toEqual([kid]));
    expect(await proveCode(code, node.findPublicKey)).toBeNull();
    const [{ rows }] = [
      await sql<{ size: number }>`select length(private_pkcs8) as size from signing_key where kid = ${first}`.execute(
        kysely,
      ),
    ];
    expect(rows).toEqual([{ size: 0 }]);
    expect(await ring.list()).toMatchObject([
      { state: 'active', createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT/) },
      { kid: first, state: 'retired' },
    ]);
  });

  test('of two rotations at once one signs in the end, and both prove', async () => {
    const { kysely } = await newDatabase<TicketsTables>();
    const node = await keysOf(kysely, 1);
    const kids = await Promise.all([2, 3].map((seed) => new KeyRing(kysely, clock, seededRandom(seed)).rotate()));
    const states = (await new KeyRing(kysely, clock, seededRandom(4)).list()).map(({ state }) => state);
    expect(states.sort()).toEqual(['active', 'proving', 'proving']);
    const after = await keysOf(kysely, 5);
    expect(kids).toContain(after.signer.kid);
    expect(after.jwks.keys).toHaveLength(3);
    expect(node.signer.kid).not.toBe(after.signer.kid);
  });
});
