import { createPrivateKey, createPublicKey } from 'node:crypto';
import { type ColumnType, type Kysely, sql } from 'kysely';
import type { Clock, Random } from '../ports.ts';
import { rfc3339 } from '../rfc3339.ts';
import { keyIdOf } from './codes.ts';

/*
 * The keys that sign ticket codes, as the database has them.
 *
 *     active ──► proving ──► retired      another key signs | the codes that it signed are worthless
 *
 * One is active. An active and a proving key are published; a retired one is not, and its private part is erased.
 */

/** A public key as `/.well-known/usher-keys.json` lists it (RFC 8037). */
export interface PublicJwk {
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
  /** RFC 3339, null while it is published. */
  retired_at: string | null;
}

export interface TicketsTables {
  signing_key: SigningKeyTable;
}

export type KeyState = 'active' | 'proving' | 'retired';

export interface KeyStatus {
  readonly kid: string;
  readonly state: KeyState;
  /** RFC 3339. */
  readonly createdAt: string;
}

/** A published key. */
export interface PublishedKey {
  readonly jwk: PublicJwk;
  /** PKCS #8, of the active key only. */
  readonly pkcs8: Buffer | null;
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

export class KeyRing {
  readonly #db: Kysely<TicketsTables>;
  readonly #clock: Clock;
  readonly #random: Random;

  constructor(db: Kysely<TicketsTables>, clock: Clock, random: Random) {
    this.#db = db;
    this.#clock = clock;
    this.#random = random;
  }

  /** The keys that are published, newest first; one of them is active, once {@link ensureActive} was called. */
  async published(): Promise<readonly PublishedKey[]> {
    const rows = await this.#db
      .selectFrom('signing_key')
      .select(['public_jwk', 'private_pkcs8', 'active'])
      .where('retired_at', 'is', null)
      .orderBy('created_at', 'desc')
      .orderBy('kid')
      .execute();
    return rows.map((row) => ({ jwk: row.public_jwk, pkcs8: row.active ? row.private_pkcs8 : null }));
  }

  /** Makes the first key if none is active; of several nodes that start at once one makes it. */
  async ensureActive(): Promise<void> {
    const active = await this.#db.selectFrom('signing_key').select('kid').where('active', '=', true).executeTakeFirst();
    if (active !== undefined) return;
    await this.#db
      .insertInto('signing_key')
      .values(this.#row())
      .onConflict((conflict) => conflict.column('active').where('active', '=', true).doNothing())
      .execute();
  }

  /** A new key signs from now on; the others go on proving what they signed. Returns its id. */
  async rotate(): Promise<string> {
    const row = this.#row();
    await this.#db.transaction().execute(async (trx) => {
      // Of two rotations at once, the later one takes the other's key out of use.
      await sql`lock table signing_key in share row exclusive mode`.execute(trx);
      await trx.updateTable('signing_key').set({ active: false }).where('active', '=', true).execute();
      await trx.insertInto('signing_key').values(row).execute();
    });
    return row.kid;
  }

  /** Ends a key that does not sign any more, for good. Returns what the key was; null for an unknown one. */
  async retire(kid: string): Promise<KeyState | null> {
    const { numUpdatedRows } = await this.#db
      .updateTable('signing_key')
      .set({ retired_at: rfc3339(this.#clock.now()), private_pkcs8: Buffer.alloc(0) })
      .where('kid', '=', kid)
      .where('active', '=', false)
      .where('retired_at', 'is', null)
      .executeTakeFirst();
    if (numUpdatedRows === 1n) return 'proving';
    return (await this.list()).find((key) => key.kid === kid)?.state ?? null;
  }

  /** All keys there ever were, the one that signs first, then the newest. */
  async list(): Promise<readonly KeyStatus[]> {
    const rows = await this.#db
      .selectFrom('signing_key')
      .select(['kid', 'active', 'retired_at', sql<number>`extract(epoch from created_at) * 1000`.as('created_ms')])
      .orderBy('active', 'desc')
      .orderBy('created_at', 'desc')
      .orderBy('kid')
      .execute();
    return rows.map((row) => ({
      kid: row.kid,
      state: row.active ? 'active' : row.retired_at === null ? 'proving' : 'retired',
      createdAt: rfc3339(Number(row.created_ms)),
    }));
  }

  #row() {
    const { jwk, pkcs8 } = newKey(this.#random);
    return {
      kid: jwk.kid,
      public_jwk: JSON.stringify(jwk),
      private_pkcs8: pkcs8,
      active: true,
      created_at: rfc3339(this.#clock.now()),
      retired_at: null,
    };
  }
}
