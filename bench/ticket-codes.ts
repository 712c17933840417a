import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { scopedId } from '../src/ids.ts';
import { keyIdOf, ticketCode } from '../src/tickets/codes.ts';

/** Codes of tickets 1 to `count` of a show, by a new key, and that key's public part in base64url. */
export function newTicketCodes(show: string, at: number, count: number): { codes: string[]; publicKey: string } {
  const { privateKey } = generateKeyPairSync('ed25519');
  const publicKey = createPublicKey(privateKey).export({ format: 'jwk' }).x ?? '';
  const signer = { kid: keyIdOf(Buffer.from(publicKey, 'base64url')), privateKey };
  const codes = Array.from({ length: count }, (_, i) => ticketCode(scopedId('tkt', at, show, i + 1), signer));
  return { codes, publicKey };
}

export function publicKeyFrom(x: string): KeyObject {
  return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
}
