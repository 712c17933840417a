import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { keyIdOf } from '../../src/tickets/codes.ts';
import type { TicketKeys } from '../../src/tickets/keys.ts';

/** Signing keys without a database. */
export function ticketKeysInMemory(): TicketKeys {
  const { privateKey } = generateKeyPairSync('ed25519');
  const publicKey = createPublicKey(privateKey);
  const x = publicKey.export({ format: 'jwk' }).x ?? '';
  const kid = keyIdOf(Buffer.from(x, 'base64url'));
  return {
    signer: { kid, privateKey },
    jwks: { keys: [{ kty: 'OKP', crv: 'Ed25519', x, kid, alg: 'EdDSA', use: 'sig' }] },
    findPublicKey: async (wanted) => (wanted === kid ? publicKey : undefined),
    publicKeyOf: (wanted) => (wanted === kid ? publicKey : undefined),
  };
}
