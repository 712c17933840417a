import { describe, expect, test } from 'vitest';
import { fromStripe, stripeAmountFault, toStripe } from '../../src/payments/stripe/stripe-amounts.ts';

describe('amounts in Stripe’s units', () => {
  test.each([
    // [currency, ISO minor units, Stripe's]
    ['EUR', 4_550, 4_550],
    ['USD', 50, 50],
    ['HUF', 20_000, 20_000],
    ['TWD', 20_000, 20_000],
    ['JPY', 500, 500],
    ['XOF', 500, 500],
    ['KWD', 5_120, 5_120],
    ['TND', 10_000, 10_000],
    // Told with two decimals that must be 00, though they have none.
    ['ISK', 5, 500],
    ['UGX', 5, 500],
    // A fifth of an ariary is ISO's minor unit, to two decimals; Stripe counts whole ones.
    ['MGA', 500, 5],
  ])('%s: %i is %i, and back', (currency, ours, stripes) => {
    expect(toStripe(ours, currency)).toBe(stripes);
    expect(fromStripe(stripes, currency)).toBe(ours);
  });

  test('that are no whole amounts of ours are not believed', () => {
    expect(() => fromStripe(550, 'ISK')).toThrow('no whole amount');
  });
});

describe('what Stripe takes no payment of', () => {
  test.each([
    ['IRR', 100_000, 'Stripe takes no payments in IRR'],
    ['XAU', 100, 'Stripe takes no payments in XAU'],
    ['LYD', 10_000, 'Stripe takes no payments in LYD'],
    ['EUR', 49, 'must be at least 50'],
    ['GBP', 29, 'must be at least 30'],
    ['JPY', 49, 'must be at least 50'],
    ['EUR', 100_000_000, 'must be at most 99999999'],
    ['ISK', 1_000_000, 'must be at most 999999'],
    ['KWD', 5_124, 'must be a multiple of 10'],
    ['MGA', 550, 'must be a multiple of 100'],
  ])('%s %i: %s', (currency, amount, fault) => {
    expect(stripeAmountFault(amount, currency)).toContain(fault);
  });

  test.each([
    ['EUR', 50],
    ['EUR', 99_999_999],
    ['GBP', 30],
    ['JPY', 50],
    ['KWD', 5_120],
    ['ISK', 999_999],
    ['UGX', 1],
    ['MGA', 500],
  ])('%s %i is none', (currency, amount) => {
    expect(stripeAmountFault(amount, currency)).toBeNull();
  });
});
