import { type Role, Tokens } from '../src/accounts/tokens.ts';
import { newId } from '../src/ids.ts';
import { systemClock } from '../src/system/clock.ts';
import { systemRandom } from '../src/system/random.ts';

const SECRET_BYTES = 32;

/** Settings under which a whole audience may come from one address. */
export const UNLIMITED = { USHER_HOLDS_PER_ACCOUNT: 'off', USHER_HOLDS_PER_ADDRESS: 'off' } as const;

/** A secret for `JWT_SECRET`, new for each run. */
export function newJwtSecret(): string {
  return Buffer.from(systemRandom.bytes(SECRET_BYTES)).toString('hex');
}

/**
 * Bearer tokens of `count` different buyers, or people of another role, signed with the server's own secret: signing up and logging in thousands
 * of people would measure the password hash.
 */
export async function mintTokens(count: number, jwtSecret: string, role: Role = 'buyer'): Promise<string[]> {
  const tokens = new Tokens(Buffer.from(jwtSecret), systemClock());
  const minted: string[] = [];
  for (let i = 0; i < count; i++) {
    const { token } = await tokens.issue({ id: newId('usr', systemRandom), role });
    minted.push(token);
  }
  return minted;
}
