import { type Argon2Parameters, argon2, timingSafeEqual } from 'node:crypto';
import { RefusedError } from '../errors.ts';
import type { Random } from '../ports.ts';

/** Argon2id as OWASP recommends it: 19 MiB, two passes, one lane. */
const MEMORY_KIB = 19_456;
const PASSES = 2;
const LANES = 1;
const SALT_BYTES = 16;
const HASH_BYTES = 32;

export interface HashLimits {
  /** Hashes under way at once. Each keeps a thread busy, and the cores are there for selling. */
  readonly concurrent: number;
  /** Hashes that wait: each takes 20 to 40 ms, so that the last waits a few seconds. */
  readonly waiting: number;
}

const CONCURRENT_MAX = 2;
const WAITING_FOR_EACH = 125;

/** For so many cores: at least one of them, or half of the only one, is left to sell. */
export function hashLimits(cores: number): HashLimits {
  const concurrent = Math.max(1, Math.min(CONCURRENT_MAX, Math.floor(cores / 2)));
  return { concurrent, waiting: concurrent * WAITING_FOR_EACH };
}

const RETRY_AFTER_SECONDS = 2;

/** `$argon2id$v=19$m=19456,t=2,p=1$salt$hash`, base 64 without padding. */
const PHC = /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,2})\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/;

function derive(parameters: Argon2Parameters): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    argon2('argon2id', parameters, (error, key) => (error === null ? resolve(key) : reject(error)));
  });
}

function unpadded(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64').replaceAll('=', '');
}

/**
 * Hashes and checks passwords, a few at a time: when people storm the log-in, they wait for each other and the sale
 * does not wait for them. Beyond {@link HashLimits.waiting} the answer is `OVERLOADED`.
 */
export class Passwords {
  readonly #random: Random;
  readonly #limits: HashLimits;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(random: Random, limits: HashLimits = hashLimits(1)) {
    this.#random = random;
    this.#limits = limits;
  }

  /** The hash of a new password in PHC string format. */
  async hash(password: string): Promise<string> {
    const nonce = this.#random.bytes(SALT_BYTES);
    const key = await this.#inTurn({
      message: password.normalize('NFC'),
      nonce,
      parallelism: LANES,
      tagLength: HASH_BYTES,
      memory: MEMORY_KIB,
      passes: PASSES,
    });
    return `$argon2id$v=19$m=${MEMORY_KIB},t=${PASSES},p=${LANES}$${unpadded(nonce)}$${unpadded(key)}`;
  }

  /**
   * Whether this is the password of that hash. With `null` (nobody has that e-mail) the same work is done for nothing,
   * so that the time of the answer tells no more than its text.
   */
  async matches(password: string, hash: string | null): Promise<boolean> {
    const parts = PHC.exec(hash ?? NOBODY);
    if (parts === null) throw new Error('A stored password hash is not in PHC format');
    const expected = Buffer.from(parts[5], 'base64');
    const key = await this.#inTurn({
      message: password.normalize('NFC'),
      nonce: Buffer.from(parts[4], 'base64'),
      parallelism: Number(parts[3]),
      tagLength: expected.length,
      memory: Number(parts[1]),
      passes: Number(parts[2]),
    });
    return timingSafeEqual(key, expected) && hash !== null;
  }

  async #inTurn(parameters: Argon2Parameters): Promise<Buffer> {
    if (this.#running >= this.#limits.concurrent) {
      if (this.#waiting.length >= this.#limits.waiting) {
        throw new RefusedError({
          code: 'OVERLOADED',
          detail: 'Too many people are logging in.',
          retryAfter: RETRY_AFTER_SECONDS,
        });
      }
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    } else {
      this.#running++;
    }
    try {
      return await derive(parameters);
    } finally {
      // The place passes straight to the next in line, so `#running` stays as it is.
      const next = this.#waiting.shift();
      if (next === undefined) this.#running--;
      else next();
    }
  }
}

/** A hash that no password has, of the same cost as a real one. */
const NOBODY = `$argon2id$v=19$m=${MEMORY_KIB},t=${PASSES},p=${LANES}$${unpadded(new Uint8Array(SALT_BYTES))}$${unpadded(new Uint8Array(HASH_BYTES))}`;
