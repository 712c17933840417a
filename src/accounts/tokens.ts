import { createSecretKey, type KeyObject } from 'node:crypto';
import { compactVerify, errors, SignJWT } from 'jose';
import { isId } from '../ids.ts';
import type { Clock } from '../ports.ts';

export type Role = 'buyer' | 'organiser' | 'admin';

/** Who a token speaks for. */
export interface Principal {
  readonly id: string;
  readonly role: Role;
}

export interface IssuedToken {
  readonly token: string;
  /** ms since the epoch. */
  readonly expiresAt: number;
}

const ALGORITHM = 'HS256';
const ISSUER = 'usher';
const AUDIENCE = 'usher-api';
const LIFETIME_SECONDS = 12 * 3_600;

/** HS256 wants a key at least as long as its hash. */
export const SECRET_BYTES_MIN = 32;

/** Verified tokens that are remembered; the oldest goes first. About 500 bytes each. */
const KNOWN_MAX = 100_000;

interface Known {
  readonly principal: Principal;
  /** Seconds since the epoch. */
  readonly expires: number;
}

const ROLES: ReadonlySet<unknown> = new Set<Role>(['buyer', 'organiser', 'admin']);

/**
 * Session tokens: JWTs signed with HS256. A token whose signature was checked once is remembered, because the check
 * costs more than the rest of a busy request; its expiry is still looked at every time.
 */
export class Tokens {
  readonly #secret: KeyObject;
  readonly #clock: Clock;
  readonly #known = new Map<string, Known>();
  readonly #checking = new Map<string, Promise<Principal | null>>();

  /** @param secret at least {@link SECRET_BYTES_MIN} bytes. */
  constructor(secret: Uint8Array, clock: Clock) {
    if (secret.byteLength < SECRET_BYTES_MIN) throw new RangeError(`The secret needs ${SECRET_BYTES_MIN} bytes`);
    this.#secret = createSecretKey(secret);
    this.#clock = clock;
  }

  /** A new token for this user, valid for 12 hours. */
  async issue(principal: Principal): Promise<IssuedToken> {
    const issued = Math.floor(this.#clock.now() / 1_000);
    const expires = issued + LIFETIME_SECONDS;
    const token = await new SignJWT({ role: principal.role })
      .setProtectedHeader({ alg: ALGORITHM, typ: 'JWT' })
      .setIssuer(ISSUER)
      .setAudience(AUDIENCE)
      .setSubject(principal.id)
      .setIssuedAt(issued)
      .setExpirationTime(expires)
      .sign(this.#secret);
    return { token, expiresAt: expires * 1_000 };
  }

  /** Who a token speaks for if it was verified before and has not expired; answered at once. */
  known(token: string): Principal | null {
    const known = this.#known.get(token);
    if (known === undefined) return null;
    if (known.expires * 1_000 > this.#clock.now()) return known.principal;
    this.#known.delete(token);
    return null;
  }

  /**
   * Who a token speaks for, or `null` if it is not ours, was tampered with or has expired. Requests that bring the same
   * new token at once share one check.
   */
  verify(token: string): Promise<Principal | null> {
    let check = this.#checking.get(token);
    if (check === undefined) {
      check = this.#check(token).finally(() => this.#checking.delete(token));
      this.#checking.set(token, check);
    }
    return check;
  }

  async #check(token: string): Promise<Principal | null> {
    let payload: Uint8Array;
    try {
      ({ payload } = await compactVerify(token, this.#secret, { algorithms: [ALGORITHM] }));
    } catch (error) {
      if (error instanceof errors.JOSEError || error instanceof TypeError) return null;
      throw error;
    }
    const known = readClaims(payload, this.#clock.now() / 1_000);
    if (known === null) return null;
    if (this.#known.size >= KNOWN_MAX) {
      const oldest = this.#known.keys().next();
      if (!oldest.done) this.#known.delete(oldest.value);
    }
    this.#known.set(token, known);
    return known.principal;
  }
}

/** What a token claims, or `null` if that is not for us or not for now (seconds since the epoch). */
function readClaims(payload: Uint8Array, now: number): Known | null {
  let claims: unknown;
  try {
    claims = JSON.parse(new TextDecoder().decode(payload));
  } catch {
    return null;
  }
  if (typeof claims !== 'object' || claims === null) return null;
  const { iss, aud, sub, role, exp, nbf } = claims as Record<string, unknown>;
  if (iss !== ISSUER || aud !== AUDIENCE) return null;
  if (typeof sub !== 'string' || !isId('usr', sub) || !ROLES.has(role)) return null;
  if (typeof exp !== 'number' || !Number.isFinite(exp) || exp <= now) return null;
  if (nbf !== undefined && !(typeof nbf === 'number' && nbf <= now)) return null;
  return { principal: { id: sub, role: role as Role }, expires: exp };
}
