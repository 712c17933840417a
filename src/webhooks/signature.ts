import { createHmac } from 'node:crypto';
import type { Random } from '../ports.ts';

/** Standard Webhooks (standardwebhooks.com): what receivers need to know that it was we who sent it, and when. */

const SECRET_PREFIX = 'whsec_';
const SECRET_BYTES = 32;

export function newSecret(random: Random): string {
  return `${SECRET_PREFIX}${Buffer.from(random.bytes(SECRET_BYTES)).toString('base64')}`;
}

/**
 * The headers of a message that is sent now.
 * @param id the same at every attempt; receivers know a repeat by it
 * @param now ms since the epoch
 */
export function signedHeaders(secret: string, id: string, now: number, body: string): Record<string, string> {
  const timestamp = String(Math.floor(now / 1_000));
  const key = Buffer.from(secret.slice(SECRET_PREFIX.length), 'base64');
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${signature}` };
}
