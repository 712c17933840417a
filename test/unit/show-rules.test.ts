import { expect, test } from 'vitest';
import { checkShow, type NewShow, type PayableAmounts } from '../../src/catalog/show-rules.ts';
import { stripeAmountFault } from '../../src/payments/stripe/stripe-amounts.ts';

const NOW = Date.UTC(2026, 9, 1);
const stripe: PayableAmounts = { amountFault: stripeAmountFault };
const anything: PayableAmounts = { amountFault: () => null };
const categories = ['Stalls', 'Royal/Box', 'Standing'].map((name) => ({ name, seats: 10, places: 0 }));

function faultsOf(prices: NewShow['prices'], currency: string, amounts: PayableAmounts): object {
  const show: NewShow = {
    ...{ title: 'Macbeth', venueId: 'ven_1', planId: 'pln_1', prices, currency },
    ...{ startsAt: '2026-12-01T20:00:00Z', onSaleAt: '2026-10-02T10:00:00Z' },
  };
  const checked = checkShow(show, categories as never, NOW, amounts);
  return 'startsAt' in checked ? [] : checked;
}

test('a price that the payment provider could never take is refused, with a pointer to it', () => {
  expect(faultsOf({ Stalls: 49, 'Royal/Box': 5_000 }, 'EUR', stripe)).toEqual([
    { pointer: '/prices/Stalls', detail: expect.stringContaining('at least 50') },
  ]);
  expect(faultsOf({ Stalls: 5_120, 'Royal/Box': 5_124 }, 'KWD', stripe)).toEqual([
    { pointer: '/prices/Royal~1Box', detail: expect.stringContaining('multiple of 10') },
  ]);
  expect(faultsOf({ Stalls: 5_000, Standing: 6_000 }, 'IRR', stripe)).toMatchObject([
    { pointer: '/prices/Stalls' },
    { pointer: '/prices/Standing' },
  ]);
});

test('what costs nothing is never charged, and so never refused', () => {
  expect(faultsOf({ Stalls: 5_000, Standing: 0 }, 'EUR', stripe)).toEqual([]);
  expect(faultsOf({ Standing: 0 }, 'IRR', stripe)).toEqual([]);
});

test('a provider that takes anything refuses nothing', () => {
  expect(faultsOf({ Stalls: 1 }, 'IRR', anything)).toEqual([]);
});
