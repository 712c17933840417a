import type { Fault } from '../errors.ts';

/**
 * The prices that nobody could pay, by where they stand; what costs nothing is never charged.
 * @param faultOf what is wrong with an amount (minor units), or null.
 */
export function unpayable(
  prices: readonly (readonly [pointer: string, price: number])[],
  faultOf: (amount: number) => string | null,
): Fault[] {
  return prices.flatMap(([pointer, price]) => {
    const detail = price === 0 ? null : faultOf(price);
    return detail === null ? [] : [{ pointer, detail }];
  });
}
