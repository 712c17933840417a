import { describe, expect, onTestFinished, test } from 'vitest';
import { FINAL_MS, MoneyWorld } from '../support/money-world.ts';
import { CANCEL, PAYMENT_POINTS, PRICE, paid, paysTooLate, refundOf } from '../support/payment-points.ts';

/*
 * Wherever a payment is torn, afterwards I10 to I12 hold, compared with the provider's own books.
 */

const SECOND = 1_000;

/** Where the show is after the fault. */
const PLACES = [
  { where: 'on one node, started again', nodes: ['a'], owner: 'a' },
  { where: 'with another node as its owner', nodes: ['a', 'b'], owner: 'b' },
] as const;

async function worldOf(nodes: readonly string[]): Promise<MoneyWorld> {
  const world = await MoneyWorld.start(nodes);
  onTestFinished(() => world.close());
  return world;
}

describe.each(PLACES)('$where', ({ nodes, owner }) => {
  test.each(PAYMENT_POINTS)('$at', async ({ play, ends }) => {
    const world = await worldOf(nodes);
    const purchase = await play(world);
    world.standIn.faults.endOutage();
    // Where nobody was killed the show is handed over as it is, in the midst of what is to be repeated.
    if (world.cluster.ownerOf(world.showId) !== owner) await world.moveTo(owner);
    expect(world.cluster.ownerOf(world.showId)).toBe(owner);
    expect(world.left).toEqual({ torn: false, appends: 0 });
    await world.advance(FINAL_MS);

    const view = await world.view(purchase);
    const books = world.standIn.books.payments(({ usher_payment }) => usher_payment === purchase.order.payment?.id);
    const sum = (of: 'captured' | 'refunded') => books.reduce((total, book) => total + book[of], 0);
    expect({ status: view.status, captured: sum('captured'), refunded: sum('refunded') }).toEqual({
      status: ends.status,
      captured: ends.captured,
      refunded: ends.refunded ?? 0,
    });
    if (ends.told !== undefined) expect(world.notices()).toEqual(ends.told);
    await world.expectBalanced();
  });
});

describe('paid too late', () => {
  test('while the hold is still there within its grace: it is a sale', async () => {
    const world = await worldOf(['a']);
    const purchase = await world.order(1);
    const secret = await world.secret(purchase);
    await world.advance(10 * 60 * SECOND + 30 * SECOND);
    await world.confirm(secret);
    world.hint(purchase);
    await world.advance(FINAL_MS);
    expect((await world.view(purchase)).status).toBe('paid');
    await world.expectBalanced();
  });

  test('when the same seats are still free, they are taken again and sold', async () => {
    const world = await worldOf(['a']);
    const purchase = await world.order(1);
    const secret = await world.secret(purchase);
    world.standIn.faults.add(CANCEL, { kind: 'lock-timeout' }, 40);
    await world.advance(11 * 60 * SECOND + SECOND);
    expect((await world.view(purchase)).status).toBe('expired');
    await world.confirm(secret);
    world.clearFaults();
    await world.advance(FINAL_MS);
    expect((await world.view(purchase)).status).toBe('paid');
    expect(world.notices()).toEqual(['expired', 'paid']);
    await world.expectBalanced();
  });

  test('when others have the seats, nothing is charged, and the buyer is told so', async () => {
    const world = await worldOf(['a']);
    const purchase = await paysTooLate(world);
    world.clearFaults();
    await world.advance(FINAL_MS);
    const { status, reason } = await world.view(purchase);
    expect({ status, reason }).toEqual({
      status: 'expired',
      reason: 'The payment came too late: others had the seats by then. Nothing was charged.',
    });
    await world.expectBalanced();
  });

  test('by a method that settles at once, the money goes back once, and the buyer is told so', async () => {
    const world = await worldOf(['a']);
    const purchase = await paysTooLate(world, 'pm_ideal_authorised');
    world.clearFaults();
    await world.advance(FINAL_MS);
    const { status, reason } = await world.view(purchase);
    expect({ status, reason }).toEqual({
      status: 'expired',
      reason: 'The payment came too late: others had the seats by then. The money is on its way back.',
    });
    const book = world.standIn.books.payment(world.intent(purchase));
    expect(book).toMatchObject({ captured: 2 * PRICE, refunded: 2 * PRICE });
    expect(book?.refunds).toHaveLength(1);
    await world.expectBalanced();
  });
});

test('a refund that the bank takes days over does not hold up the next one of its order', async () => {
  const world = await worldOf(['a']);
  const purchase = await paid(world, 'pm_card_pendingRefund');
  const [first, second] = [1, 2];
  await world.ask(refundOf(purchase, [first]));
  await world.advance(SECOND);
  await world.ask(refundOf(purchase, [second]));
  await world.advance(SECOND);
  const { refunds } = world.standIn.books.payments()[0];
  expect(refunds.map(({ status }) => status)).toEqual(['pending', 'pending']);
  for (const { id } of refunds) world.standIn.finishRefund(id, 'succeed');
  await world.advance(FINAL_MS);
  expect((await world.view(purchase)).status).toBe('refunded');
  await world.expectBalanced();
});

describe('a method that takes days', () => {
  test('holds its seats meanwhile, and they are sold when the bank has paid', async () => {
    const world = await worldOf(['a']);
    const purchase = await world.order(1);
    await world.confirm(await world.secret(purchase), 'pm_success_de');
    world.hint(purchase);
    await world.advance(30 * 60 * SECOND);
    expect((await world.view(purchase)).status).toBe('processing');
    world.standIn.settleDelayed(world.intent(purchase), 'succeed');
    await world.advance(FINAL_MS);
    expect((await world.view(purchase)).status).toBe('paid');
    await world.expectBalanced();
  });

  test('frees its seats when the bank refuses', async () => {
    const world = await worldOf(['a']);
    const purchase = await world.order(1);
    const secret = await world.secret(purchase);
    await world.confirm(secret, 'pm_success_de');
    world.hint(purchase);
    await world.idle();
    world.standIn.settleDelayed(world.intent(purchase), 'fail');
    await world.advance(FINAL_MS);
    expect(await world.view(purchase)).toMatchObject({ status: 'cancelled', reason: 'the bank refused the payment' });
    // Whoever still has the page open cannot pay once more for an order that has ended.
    expect((await world.confirm(secret, 'pm_ideal_authorised')).status).toBe(400);
    await world.expectBalanced();
  });
});
