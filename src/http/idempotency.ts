import { hash } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Once } from '../allocator/commands.ts';
import { RefusedError } from '../errors.ts';

export const IDEMPOTENCY_KEY_HEADER = 'idempotency-key';

export const KEY_LENGTH_MAX = 255;
export const VISIBLE = /^[\x21-\x7e]+$/;

/** Characters of the hash, in base64url, that name a command: of the last one only the first two bits count. */
const ID_LENGTH = 22;

const HASH_START = 0x811c9dc5;
const HASH_PRIME = 0x01000193;

/** FNV-1a over UTF-16 code units, then mixed: enough to tell apart two requests that one client sent under one key. */
function fingerprint(text: string): number {
  let value = HASH_START;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), HASH_PRIME);
  value ^= value >>> 16;
  value = Math.imul(value, 0x85ebca6b);
  value ^= value >>> 13;
  return value >>> 0;
}

/** JSON with the members of every object in one order, so that the order a client wrote them in does not matter. */
function canonical(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? '';
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  const names = Object.keys(value).sort();
  let text = '{';
  for (const name of names) text += `${JSON.stringify(name)}:${canonical((value as Record<string, unknown>)[name])},`;
  return `${text}}`;
}

/** What names the command of this user's request with this `Idempotency-Key`, in the journal too. */
export function commandId(userId: string, key: string): string {
  return hash('sha256', `${userId}\n${key}`, 'base64url').slice(0, ID_LENGTH);
}

/**
 * Reads what makes a request safe to repeat. The id comes from the user and the `Idempotency-Key`, so two users may use
 * the same key; the fingerprint from the operation, what it is about and the body.
 * @param operation a name of the operation, such as `hold`, never changed once released.
 * @param subject the id in the path.
 * @throws RefusedError `IDEMPOTENCY_KEY_MISSING` or `IDEMPOTENCY_KEY_INVALID`
 */
export function readOnce(request: FastifyRequest, operation: string, subject: string): Once {
  const key = request.headers[IDEMPOTENCY_KEY_HEADER];
  if (key === undefined || key === '') {
    throw new RefusedError({
      code: 'IDEMPOTENCY_KEY_MISSING',
      detail: 'Send an Idempotency-Key header, new for each intention.',
    });
  }
  if (typeof key !== 'string' || key.length > KEY_LENGTH_MAX || !VISIBLE.test(key)) {
    throw new RefusedError({
      code: 'IDEMPOTENCY_KEY_INVALID',
      detail: `Use 1 to ${KEY_LENGTH_MAX} visible ASCII characters.`,
    });
  }
  return {
    id: commandId(request.user.id, key),
    fingerprint: fingerprint(`${operation}\n${subject}\n${canonical(request.body)}`),
  };
}

/** Tells the client that this is the first answer, told again. */
export function markReplayed(reply: FastifyReply, replayed: boolean): void {
  if (replayed) reply.header('idempotency-replayed', 'true');
}
