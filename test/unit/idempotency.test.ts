import { createHash } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { describe, expect, it } from 'vitest';
import type { Once } from '../../src/allocator/commands.ts';
import { RefusedError } from '../../src/errors.ts';
import { readOnce } from '../../src/http/idempotency.ts';

function once(key: string | undefined, body: unknown, user = 'usr_1', subject = 'shw_1', operation = 'hold'): Once {
  const request = { headers: { 'idempotency-key': key }, user: { id: user, role: 'buyer' }, body };
  return readOnce(request as unknown as FastifyRequest, operation, subject);
}

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof RefusedError) return error.refusal.code;
    throw error;
  }
  return 'none';
}

describe('the idempotency key', () => {
  it('becomes the first 128 bits of a hash of user and key', () => {
    const { id } = once('key-1', {});
    const digest = createHash('sha256').update('usr_1\nkey-1').digest('base64url');
    expect(id).toBe(digest.slice(0, 22));
    expect(id).toHaveLength(22);
  });

  it('of one user is another command than that of another', () => {
    expect(once('k', {}, 'usr_1').id).not.toBe(once('k', {}, 'usr_2').id);
  });

  it('must be there, and be 1 to 255 visible characters', () => {
    expect(codeOf(() => once(undefined, {}))).toBe('IDEMPOTENCY_KEY_MISSING');
    expect(codeOf(() => once('', {}))).toBe('IDEMPOTENCY_KEY_MISSING');
    for (const key of ['a b', 'ä', 'a\u007f', 'x'.repeat(256)]) {
      expect([key, codeOf(() => once(key, {}))]).toEqual([key, 'IDEMPOTENCY_KEY_INVALID']);
    }
    expect(codeOf(() => once('x'.repeat(255), {}))).toBe('none');
  });
});

describe('the fingerprint', () => {
  it('is an unsigned 32-bit number that does not depend on the order of members', () => {
    const first = once('k', { seats: ['a', 'b'], areas: [{ id: 'x', quantity: 1 }] }).fingerprint;
    expect(first).toBe(once('k', { areas: [{ quantity: 1, id: 'x' }], seats: ['a', 'b'] }).fingerprint);
    expect(first).toBeGreaterThanOrEqual(0);
    expect(first).toBeLessThan(2 ** 32);
    expect(Number.isInteger(first)).toBe(true);
  });

  it('differs when body, subject or operation do', () => {
    const all = [
      once('k', { seats: ['a', 'b'] }),
      once('k', { seats: ['b', 'a'] }),
      once('k', { seats: ['a,b'] }),
      once('k', { seats: [['a', 'b']] }),
      once('k', { best: { quantity: 2 } }),
      once('k', { best: { quantity: '2' } }),
      once('k', {}),
      once('k', undefined),
      once('k', { seats: ['a', 'b'] }, 'usr_1', 'shw_2'),
      once('k', { seats: ['a', 'b'] }, 'usr_1', 'shw_1', 'order'),
    ].map(({ fingerprint }) => fingerprint);
    expect(new Set(all).size).toBe(all.length);
  });
});
