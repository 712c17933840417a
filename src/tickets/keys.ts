import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import type { ColumnType, Kysely } from 'kysely';
import type { Clock, Random } from '../ports.ts';
import { rfc3339 } from '../rfc3339.ts';
import { type CodeSigner, keyIdOf } from './codes.ts';

/** A public key as `/.well-known/usher-keys.json` lists it (RFC 8037). */
interface PublicJwk {
  readonly kty: 'OKP';
  readonly crv: 'Ed25519';
  readonly x: string;
  readonly kid: string;
  readonly alg: 'EdDSA';
  readonly use: 'sig';
}

interface SigningKeyTable {
  kid: string;
  /** Written as JSON text. */
  public_jwk: ColumnType<PublicJwk, string, never>;
  private_pkcs8: Buffer;
  active: boolean;
  /** RFC 3339. */
  created_at: string;
}

export interface TicketsTables {
  signing_key: SigningKeyTable;
}

/** The keys of this box office: one signs, all prove. */
export interface TicketKeys {
  readonly signer: CodeSigner;
  readonly jwks: { readonly keys: readonly PublicJwk[] };
  publicKeyOf(kid: string): KeyObject | undefined;
}

/** A PKCS #8 Ed25519 private key is this, then its 32-byte seed. */
const PKCS8_PREFIX = Buffer.from('302e020100300506032b657004220420', 'hex');
const SEED_LENGTH = 32;

/** A new Ed25519 key pair; its seed comes through the port, so that simulated runs repeat. */
function newKey(random: Random): { readonly jwk: PublicJwk; readonly pkcs8: Buffer } {
  const pkcs8 = Buffer.concat([PKCS8_PREFIX, random.bytes(SEED_LENGTH)]);
  const { x } = createPublicKey(createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' })).export({
    format: 'jwk',
  });
  if (x === undefined) throw new Error('an Ed25519 key exports without x');
  const kid = keyIdOf(Buffer.from(x, 'base64url'));
  return { jwk: { kty: 'OKP', crv: 'Ed25519', x, kid, alg: 'EdDSA', use: 'sig' }, pkcs8 };
}

/** Reads the signing keys, after making the first one if there is none; of several nodes that start at once one makes it. */
export async function loadTicketKeys(db: Kysely<TicketsTables>, clock: Clock, random: Random): Promise<TicketKeys> {
  const read = () =>
    db
      .selectFrom('signing_key')
      .select(['kid', 'public_jwk', 'private_pkcs8', 'active'])
      .orderBy('created_at', 'desc')
      .execute();
  let rows = await read();
  if (!rows.some((row) => row.active)) {
    const { jwk, pkcs8 } = newKey(random);
    await db
      .insertInto('signing_key')
      .values({
        kid: jwk.kid,
        public_jwk: JSON.stringify(jwk),
        private_pkcs8: pkcs8,
        active: true,
        created_at: rfc3339(clock.now()),
      })
      .onConflict((conflict) => conflict.column('active').where('active', '=', true).doNothing())
      .execute();
    rows = await read();
  }
  const active = rows.find((row) => row.active);
  if (active === undefined) throw new Error('no active signing key');
  const jwks = rows.map((row) => row.public_jwk);
  const publicKeys = new Map(
    jwks.map((jwk) => [jwk.kid, createPublicKey({ key: { kty: jwk.kty, crv: jwk.crv, x: jwk.x }, format: 'jwk' })]),
  );
  return {
    signer: {
      kid: active.kid,
      privateKey: createPrivateKey({ key: active.private_pkcs8, format: 'der', type: 'pkcs8' }),
    },
    jwks: { keys: jwks },
    publicKeyOf: (kid) => publicKeys.get(kid),
  };
}
