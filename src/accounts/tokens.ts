import { createSecretKey, hash, type KeyObject } from 'node:crypto';
import { compactVerify, errors, SignJWT } from 'jose';
import { isId } from '../ids.ts';
import type { Clock } from '../ports.ts';
import { Revocations } from './revocations.ts';

export type Role = 'buyer' | 'organiser' | 'admin';

/** Who a token speaks for. */
export interface Principal {
  readonly id: string;
  readonly role: Role;
}

/** What a token is made of. */
export interface TokenClaims extends Principal {
  /** Of the user's tokens; see {@link Revocations}. 0 if absent. */
  readonly generation?: number;
  /** An unpredictable id of this token alone; a digest of it if absent. */
  readonly session?: string;
}

/** What a verified token says. */
export interface Bearer extends Required<TokenClaims> {
  /** ms since the epoch. */
  readonly expiresAt: number;
}

export interface IssuedToken {
  readonly token: string;
  /** ms since the epoch. */
  readonly expiresAt: number;
}

const ALGORITHM = 'HS256';
const ISSUER = 'usher';
const AUDIENCE = 'usher-api';
export const LIFETIME_SECONDS = 12 * 3_600;

/** HS256 wants a key at least as long as its hash. */
export const SECRET_BYTES_MIN = 32;

/** Verified tokens that are remembered; the oldest goes first. About 500 bytes each. */
const KNOWN_MAX = 100_000;

/** Ids of sessions, and digests that stand for them: 128 bits in base64url. */
const SESSION_LENGTH = 22;

interface Known {
  readonly bearer: Bearer;
  /** The version of the revocations under which it was found not to be revoked. */
  version: number;
}

const ROLES: ReadonlySet<unknown> = new Set<Role>(['buyer', 'organiser', 'admin']);

/**
 * Session tokens: JWTs signed with HS256. A token whose signature was checked once is remembered, because the check
 * costs more than the rest of a busy request; its expiry is still looked at every time, and whether it is revoked whenever
 * that may have changed.
 */
export class Tokens {
  readonly #secret: KeyObject;
  readonly #clock: Clock;
  readonly #revocations: Revocations;
  readonly #known = new Map<string, Known>();
  readonly #checking = new Map<string, Promise<Bearer | null>>();

  /** @param secret at least {@link SECRET_BYTES_MIN} bytes. */
  constructor(secret: Uint8Array, clock: Clock, revocations: Revocations = new Revocations()) {
    if (secret.byteLength < SECRET_BYTES_MIN) throw new RangeError(`The secret needs ${SECRET_BYTES_MIN} bytes`);
    this.#secret = createSecretKey(secret);
    this.#clock = clock;
    this.#revocations = revocations;
  }

  /** A new token for this user, valid for 12 hours. */
  async issue({ id, role, generation = 0, session }: TokenClaims): Promise<IssuedToken> {
    const issued = Math.floor(this.#clock.now() / 1_000);
    const expires = issued + LIFETIME_SECONDS;
    const jwt = new SignJWT({ role, gen: generation })
      .setProtectedHeader({ alg: ALGORITHM, typ: 'JWT' })
      .setIssuer(ISSUER)
      .setAudience(AUDIENCE)
      .setSubject(id)
      .setIssuedAt(issued)
      .setExpirationTime(expires);
    if (session !== undefined) jwt.setJti(session);
    return { token: await jwt.sign(this.#secret), expiresAt: expires * 1_000 };
  }

  /** What a token says if it was verified before, has not expired and is not revoked; answered at once. */
  known(token: string): Bearer | null {
    const known = this.#known.get(token);
    if (known === undefined) return null;
    if (known.bearer.expiresAt > this.#clock.now()) {
      const { version } = this.#revocations;
      if (known.version === version) return known.bearer;
      if (!this.#revocations.isRevoked(known.bearer)) {
        known.version = version;
        return known.bearer;
      }
    }
    this.#known.delete(token);
    return null;
  }

  /**
   * What a token says, or `null` if it is not ours, was tampered with, has expired or is revoked. Requests that bring the
   * same new token at once share one check.
   */
  verify(token: string): Promise<Bearer | null> {
    let check = this.#checking.get(token);
    if (check === undefined) {
      check = this.#check(token).finally(() => this.#checking.delete(token));
      this.#checking.set(token, check);
    }
    return check;
  }

  async #check(token: string): Promise<Bearer | null> {
    let payload: Uint8Array;
    try {
      ({ payload } = await compactVerify(token, this.#secret, { algorithms: [ALGORITHM] }));
    } catch (error) {
      if (error instanceof errors.JOSEError || error instanceof TypeError) return null;
      throw error;
    }
    const bearer = readClaims(token, payload, this.#clock.now() / 1_000);
    if (bearer === null || this.#revocations.isRevoked(bearer)) return null;
    if (this.#known.size >= KNOWN_MAX) {
      const oldest = this.#known.keys().next();
      if (!oldest.done) this.#known.delete(oldest.value);
    }
    this.#known.set(token, { bearer, version: this.#revocations.version });
    return bearer;
  }
}

/** What a token claims, or `null` if that is not for us or not for now (seconds since the epoch). */
function readClaims(token: string, payload: Uint8Array, now: number): Bearer | null {
  let claims: unknown;
  try {
    claims = JSON.parse(new TextDecoder().decode(payload));
  } catch {
    return null;
  }
  if (typeof claims !== 'object' || claims === null) return null;
  // Tokens of before there were generations and sessions have neither.
  const { iss, aud, sub, role, exp, nbf, gen = 0, jti } = claims as Record<string, unknown>;
  if (iss !== ISSUER || aud !== AUDIENCE) return null;
  if (typeof sub !== 'string' || !isId('usr', sub) || !ROLES.has(role)) return null;
  if (typeof exp !== 'number' || !Number.isFinite(exp) || exp <= now) return null;
  if (nbf !== undefined && !(typeof nbf === 'number' && nbf <= now)) return null;
  if (typeof gen !== 'number' || !Number.isSafeInteger(gen)) return null;
  const session = typeof jti === 'string' ? jti : hash('sha256', token, 'base64url').slice(0, SESSION_LENGTH);
  return { id: sub, role: role as Role, generation: gen, session, expiresAt: exp * 1_000 };
}
