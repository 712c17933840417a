import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import type { Logger } from 'pino';
import type { Clock, Timer, Timers } from '../ports.ts';
import type { CodeSigner } from './codes.ts';
import type { KeyRing, PublicJwk, PublishedKey } from './key-ring.ts';

/** A node looks so often whether keys were rotated or retired. */
export const KEYS_LOOK_MS = 15_000;
/** A code of a key that is not known here makes it look at once, but no oftener than this. */
const KEYS_LOOK_AGAIN_MS = 1_000;

/** The keys of this box office, as they are now: one signs, all prove. */
export interface TicketKeys {
  readonly signer: CodeSigner;
  readonly jwks: { readonly keys: readonly PublicJwk[] };
  readonly publicKeyOf: (kid: string) => KeyObject | undefined;
  /** The same after a look at the database, if the key is not known here: it may be new. */
  readonly findPublicKey: (kid: string) => Promise<KeyObject | undefined>;
}

interface Known {
  readonly signer: CodeSigner;
  readonly jwks: { readonly keys: readonly PublicJwk[] };
  readonly publicKeys: ReadonlyMap<string, KeyObject>;
}

function knownOf(keys: readonly PublishedKey[]): Known {
  const active = keys.find(({ pkcs8 }) => pkcs8 !== null);
  if (active === undefined || active.pkcs8 === null) throw new Error('no active signing key');
  return {
    signer: {
      kid: active.jwk.kid,
      privateKey: createPrivateKey({ key: active.pkcs8, format: 'der', type: 'pkcs8' }),
    },
    jwks: { keys: keys.map(({ jwk }) => jwk) },
    publicKeys: new Map(
      keys.map(({ jwk: { kid, kty, crv, x } }) => [kid, createPublicKey({ key: { kty, crv, x }, format: 'jwk' })]),
    ),
  };
}

/** The keys that a node uses: those of the key ring, looked at again every {@link KEYS_LOOK_MS}. */
export class LookedUpKeys implements TicketKeys {
  readonly #ring: KeyRing;
  readonly #clock: Clock;
  readonly #log: Pick<Logger, 'warn'>;
  readonly #timer: Timer;
  #known: Known;
  #looking: Promise<void> | null = null;
  #lookedAt: number;

  /** Makes the first key if there is none. */
  static async open(ring: KeyRing, clock: Clock, timers: Timers, log: Pick<Logger, 'warn'>): Promise<LookedUpKeys> {
    await ring.ensureActive();
    return new LookedUpKeys(ring, knownOf(await ring.published()), clock, timers, log);
  }

  private constructor(ring: KeyRing, known: Known, clock: Clock, timers: Timers, log: Pick<Logger, 'warn'>) {
    this.#ring = ring;
    this.#known = known;
    this.#clock = clock;
    this.#log = log;
    this.#lookedAt = clock.now();
    this.#timer = timers.every(KEYS_LOOK_MS, () => void this.#look());
  }

  get signer(): CodeSigner {
    return this.#known.signer;
  }

  get jwks(): Known['jwks'] {
    return this.#known.jwks;
  }

  readonly publicKeyOf = (kid: string): KeyObject | undefined => this.#known.publicKeys.get(kid);

  readonly findPublicKey = async (kid: string): Promise<KeyObject | undefined> => {
    const known = this.publicKeyOf(kid);
    if (known !== undefined) return known;
    if (this.#looking !== null || this.#clock.now() - this.#lookedAt >= KEYS_LOOK_AGAIN_MS) await this.#look();
    return this.publicKeyOf(kid);
  };

  /** Looks no more; resolves when the look under way is over. */
  async close(): Promise<void> {
    this.#timer.cancel();
    await this.#looking;
  }

  /** One look at a time. A failed one leaves the keys as they are. */
  #look(): Promise<void> {
    this.#looking ??= this.#ring
      .published()
      .then((keys) => {
        this.#known = knownOf(keys);
      })
      .catch((err: unknown) => this.#log.warn({ err }, 'the keys of ticket codes cannot be read'))
      .finally(() => {
        this.#lookedAt = this.#clock.now();
        this.#looking = null;
      });
    return this.#looking;
  }
}
