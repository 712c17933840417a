import { expect } from 'vitest';
import type { MoneyWorld, Purchase } from './money-world.ts';

/*
 * Each point at which a payment can be torn: the process that settles is killed exactly there, or the call is cut there;
 * then the same node starts again, or another one takes the show over.
 */

const SECOND = 1_000;
const HOUR = 3_600 * SECOND;
export const PRICE = 4_550;

const CREATE = { method: 'POST', path: '/v1/payment_intents' } as const;
const CAPTURE = { method: 'POST', path: '/v1/payment_intents/:id/capture' } as const;
export const CANCEL = { method: 'POST', path: '/v1/payment_intents/:id/cancel' } as const;
const REFUND = { method: 'POST', path: '/v1/refunds' } as const;

interface Outcome {
  readonly status: string;
  readonly captured: number;
  readonly refunded?: number;
  /** What the buyer is told by mail, in order. */
  readonly told?: readonly string[];
}

export interface PaymentPoint {
  readonly at: string;
  /** Up to where it is torn, and what the buyer does afterwards. @returns the purchase that is looked at. */
  readonly play: (world: MoneyWorld) => Promise<Purchase>;
  readonly ends: Outcome;
}

const PAID: Outcome = { status: 'paid', captured: 2 * PRICE, told: ['paid'] };
const EXPIRED: Outcome = { status: 'expired', captured: 0, told: ['expired'] };

/** The owner is killed when the provider has done this for the first time, and before it answers. */
function killAfter(world: MoneyWorld, match: object): void {
  world.standIn.faults.beforeResponse(match, () => world.killOwner(), 1);
}

/** The next row is not written, or is, and the owner is killed before it hears of it. */
function tearRow(world: MoneyWorld, fault: 'crash-lost' | 'crash-written'): void {
  world.cluster.journal.onCrash = () => void world.killOwner();
  world.cluster.journal.appendFaults.push(fault);
}

/** The buyer orders, pays and goes away; what is torn is torn meanwhile, and somebody recovers. */
async function paysAndGoes(
  world: MoneyWorld,
  { method, before }: { readonly method?: string | undefined; readonly before?: () => void } = {},
): Promise<Purchase> {
  const purchase = await world.order(1);
  await world.confirm(await world.secret(purchase), method);
  before?.();
  world.hint(purchase);
  await world.idle();
  await world.recover();
  return purchase;
}

/** An order that its buyer has paid, with its tickets. */
export async function paid(world: MoneyWorld, method?: string): Promise<Purchase> {
  const purchase = await paysAndGoes(world, { method });
  await world.advance(65 * SECOND);
  expect((await world.view(purchase)).status).toBe('paid');
  return purchase;
}

/** The order expires unpaid, another buyer takes its seats, and then its own buyer pays. */
export async function paysTooLate(world: MoneyWorld, method?: string): Promise<Purchase> {
  const purchase = await world.order(1);
  const secret = await world.secret(purchase);
  // Nobody looks at the provider until it is paid: else it would be cancelled there before.
  world.standIn.faults.add(CANCEL, { kind: 'lock-timeout' }, 40);
  await world.advance(11 * 60 * SECOND);
  const seats = purchase.order.lines.flatMap(({ seat }) => (seat.id === undefined ? [] : [seat.id]));
  await world.order(2, seats.length, seats);
  await world.confirm(secret, method);
  return purchase;
}

let keys = 5_000;
export function refundOf(purchase: Purchase, tickets?: readonly number[]) {
  keys++;
  const at = Date.parse(purchase.order.createdAt);
  const once = { id: String(keys).padEnd(22, 'r'), fingerprint: keys };
  return {
    type: 'refund' as const,
    once,
    order: purchase.number,
    at,
    reason: 'Sorry.',
    ...(tickets === undefined ? {} : { tickets: [...tickets] }),
  };
}

export const PAYMENT_POINTS: readonly PaymentPoint[] = [
  {
    at: 'before the payment is created',
    async play(world) {
      const purchase = await world.order(1);
      world.killBefore('open');
      void world.open(purchase);
      await world.idle();
      await world.recover();
      await world.confirm(await world.secret(purchase));
      world.hint(purchase);
      return purchase;
    },
    ends: PAID,
  },
  {
    at: 'when the payment is created and the response is lost',
    async play(world) {
      const purchase = await world.order(1);
      killAfter(world, CREATE);
      void world.open(purchase);
      await world.idle();
      await world.recover();
      await world.confirm(await world.secret(purchase));
      world.hint(purchase);
      return purchase;
    },
    ends: PAID,
  },
  {
    at: 'when the id of the payment is not yet kept',
    async play(world) {
      const purchase = await world.order(1);
      world.table.beforeKeep = () => world.killOwner();
      void world.open(purchase);
      await world.idle();
      await world.recover();
      await world.confirm(await world.secret(purchase));
      return purchase;
    },
    ends: PAID,
  },
  {
    at: 'when the client is gone before the payment was created',
    async play(world) {
      const purchase = await world.order(1);
      await world.killOwner();
      await world.recover();
      return purchase;
    },
    ends: EXPIRED,
  },
  {
    at: 'when the client is gone with the secret, unpaid',
    async play(world) {
      const purchase = await world.order(1);
      await world.secret(purchase);
      await world.killOwner();
      await world.recover();
      return purchase;
    },
    ends: EXPIRED,
  },
  {
    at: 'when the client is gone after paying, and no webhook ever comes',
    async play(world) {
      const purchase = await world.order(1);
      await world.confirm(await world.secret(purchase));
      await world.killOwner();
      await world.recover();
      return purchase;
    },
    ends: PAID,
  },
  {
    at: 'when the webhook comes before the order',
    async play(world) {
      const { settlement } = world.owner;
      await settlement.settle({ showId: world.showId, order: 1 });
      return paysAndGoes(world);
    },
    ends: PAID,
  },
  {
    at: 'when the owner is killed before the commit is written',
    play: (world) => paysAndGoes(world, { before: () => tearRow(world, 'crash-lost') }),
    ends: PAID,
  },
  {
    at: 'when the commit is written and its reply is lost with the owner',
    play: (world) => paysAndGoes(world, { before: () => tearRow(world, 'crash-written') }),
    ends: PAID,
  },
  {
    at: 'when nobody knows whether the commit was written',
    play: (world) => paysAndGoes(world, { before: () => void world.cluster.journal.appendFaults.push('written') }),
    ends: PAID,
  },
  {
    at: 'before the capture',
    async play(world) {
      world.killBefore('capture');
      return paysAndGoes(world);
    },
    ends: PAID,
  },
  {
    at: 'when the response to the capture is lost with the owner',
    async play(world) {
      killAfter(world, CAPTURE);
      return paysAndGoes(world);
    },
    ends: PAID,
  },
  {
    at: 'when only the response to the capture is lost',
    async play(world) {
      world.standIn.faults.add(CAPTURE, { kind: 'drop-after' }, 2);
      return paysAndGoes(world);
    },
    ends: PAID,
  },
  {
    at: 'when the capture is done and answered with a 500 that is told again for its key',
    async play(world) {
      world.standIn.faults.add(CAPTURE, { kind: 'error', acts: true });
      return paysAndGoes(world);
    },
    ends: PAID,
  },
  {
    at: 'when the money is captured and there is no ticket yet',
    async play(world) {
      world.standIn.faults.beforeResponse(CAPTURE, () => tearRow(world, 'crash-lost'), 1);
      return paysAndGoes(world);
    },
    ends: PAID,
  },
  {
    at: 'when the ticket is valid and its mail not yet sent: the notice is in the same row',
    async play(world) {
      world.standIn.faults.beforeResponse(CAPTURE, () => tearRow(world, 'crash-written'), 1);
      return paysAndGoes(world);
    },
    ends: PAID,
  },
  {
    at: 'before the cancellation of what was paid too late',
    async play(world) {
      const purchase = await paysTooLate(world);
      world.clearFaults();
      world.killBefore('cancel');
      await world.advance(70 * SECOND);
      await world.recover();
      return purchase;
    },
    ends: { status: 'expired', captured: 0, told: ['expired', 'late', 'expired'] },
  },
  {
    at: 'when the response to that cancellation is lost',
    async play(world) {
      const purchase = await paysTooLate(world);
      world.clearFaults();
      killAfter(world, CANCEL);
      await world.advance(70 * SECOND);
      await world.recover();
      return purchase;
    },
    ends: { status: 'expired', captured: 0, told: ['expired', 'late', 'expired'] },
  },
  {
    at: 'when the buyer confirms while the payment is being cancelled, and is first',
    async play(world) {
      const purchase = await world.order(1);
      const secret = await world.secret(purchase);
      world.standIn.faults.onRequest(CANCEL, async () => void (await world.confirm(secret)), 1);
      await world.advance(13 * 60 * SECOND);
      return purchase;
    },
    ends: { ...EXPIRED, captured: 0 },
  },
  {
    at: 'when the buyer confirms while the payment is being cancelled, and is second',
    async play(world) {
      const purchase = await world.order(1);
      const secret = await world.secret(purchase);
      let answer = 0;
      world.standIn.faults.beforeResponse(
        CANCEL,
        async () => {
          answer = (await world.confirm(secret)).status;
        },
        1,
      );
      await world.advance(13 * 60 * SECOND);
      expect(answer).toBe(400);
      return purchase;
    },
    ends: EXPIRED,
  },
  {
    at: 'before a refund',
    async play(world) {
      const purchase = await paid(world);
      world.killBefore('refund');
      await world.ask(refundOf(purchase));
      await world.advance(SECOND);
      await world.recover();
      return purchase;
    },
    ends: { status: 'refunded', captured: 2 * PRICE, refunded: 2 * PRICE, told: ['paid', 'refund'] },
  },
  {
    at: 'when the response to a refund is lost with the owner',
    async play(world) {
      const purchase = await paid(world);
      killAfter(world, REFUND);
      await world.ask(refundOf(purchase));
      await world.advance(SECOND);
      await world.recover();
      return purchase;
    },
    ends: { status: 'refunded', captured: 2 * PRICE, refunded: 2 * PRICE, told: ['paid', 'refund'] },
  },
  {
    at: 'when only the response to a refund is lost',
    async play(world) {
      const purchase = await paid(world);
      world.standIn.faults.add(REFUND, { kind: 'drop-after' }, 2);
      await world.ask(refundOf(purchase, [1]));
      return purchase;
    },
    ends: { status: 'partially_refunded', captured: 2 * PRICE, refunded: PRICE, told: ['paid', 'refund'] },
  },
  {
    at: 'when a refund is pending while the owner changes',
    async play(world) {
      const purchase = await paid(world, 'pm_card_pendingRefund');
      await world.ask(refundOf(purchase));
      await world.advance(SECOND);
      await world.killOwner();
      await world.recover();
      const [{ id }] = world.standIn.books.payments()[0].refunds;
      world.standIn.finishRefund(id, 'succeed');
      return purchase;
    },
    ends: { status: 'refunded', captured: 2 * PRICE, refunded: 2 * PRICE, told: ['paid', 'refund'] },
  },
  {
    at: 'when a refund fails: it is tried anew',
    async play(world) {
      const purchase = await paid(world, 'pm_card_pendingRefund');
      await world.ask(refundOf(purchase));
      await world.advance(SECOND);
      const [{ id }] = world.standIn.books.payments()[0].refunds;
      world.standIn.finishRefund(id, 'fail');
      await world.killOwner();
      await world.recover();
      await world.advance(65 * SECOND);
      const again = world.standIn.books.payments()[0].refunds.find(({ status }) => status === 'pending');
      if (again !== undefined) world.standIn.finishRefund(again.id, 'succeed');
      return purchase;
    },
    ends: { status: 'refunded', captured: 2 * PRICE, refunded: 2 * PRICE, told: ['paid', 'refund'] },
  },
  {
    at: 'when a refund that was given comes back days later: it is given anew',
    async play(world) {
      const purchase = await paid(world, 'pm_card_pendingRefund');
      await world.ask(refundOf(purchase));
      await world.advance(SECOND);
      const first = world.standIn.books.payments()[0].refunds[0].id;
      world.standIn.finishRefund(first, 'succeed');
      await world.advance(65 * SECOND);
      expect((await world.view(purchase)).refunds).toMatchObject([{ status: 'succeeded' }]);
      world.standIn.finishRefund(first, 'fail');
      await world.ask({ type: 'refund-returned', order: purchase.number });
      await world.advance(SECOND);
      await world.killOwner();
      await world.recover();
      const again = world.standIn.books.payments()[0].refunds.find(({ status }) => status === 'pending');
      world.standIn.finishRefund(again?.id ?? '', 'succeed');
      return purchase;
    },
    ends: { status: 'refunded', captured: 2 * PRICE, refunded: 2 * PRICE, told: ['paid', 'refund'] },
  },
  {
    at: 'when a dispute is opened, and won after the owner changed',
    async play(world) {
      const purchase = await paid(world);
      const dispute = world.standIn.dispute(world.intent(purchase));
      await world.ask({ type: 'dispute', order: purchase.number, dispute, status: 'open' });
      expect((await world.tickets()).items.map(({ status }) => status)).toEqual(['suspended', 'suspended']);
      await world.expectBalanced();
      await world.killOwner();
      await world.recover();
      world.standIn.closeDispute(dispute, 'won');
      await world.ask({ type: 'dispute', order: purchase.number, dispute, status: 'won' });
      return purchase;
    },
    ends: PAID,
  },
  {
    at: 'when a dispute is opened, and lost after the owner changed: the seats are free',
    async play(world) {
      const purchase = await paid(world);
      const dispute = world.standIn.dispute(world.intent(purchase));
      await world.ask({ type: 'dispute', order: purchase.number, dispute, status: 'open' });
      await world.killOwner();
      await world.recover();
      world.standIn.closeDispute(dispute, 'lost');
      await world.ask({ type: 'dispute', order: purchase.number, dispute, status: 'lost' });
      expect((await world.tickets()).items.map(({ status }) => status)).toEqual(['void', 'void']);
      return purchase;
    },
    ends: PAID,
  },
  {
    at: 'when money that was given back for a late payment comes back: it is given back anew',
    async play(world) {
      const purchase = await paysTooLate(world, 'pm_ideal_authorised');
      world.clearFaults();
      await world.advance(70 * SECOND);
      const intent = world.intent(purchase);
      const [{ id }] = world.standIn.books.payment(intent)?.refunds ?? [];
      await world.advance(65 * SECOND);
      world.standIn.finishRefund(id, 'fail');
      await world.ask({ type: 'refund-returned', order: purchase.number });
      await world.killOwner();
      await world.recover();
      return purchase;
    },
    ends: { status: 'expired', captured: 2 * PRICE, refunded: 2 * PRICE },
  },
  {
    at: 'when the authorisation expires before the capture: the sale is void, and the seats are free',
    async play(world) {
      world.standIn.faults.onRequest(
        CAPTURE,
        () => {
          const [{ id }] = world.standIn.books.payments();
          world.standIn.expireAuthorisation(id);
        },
        1,
      );
      return paysAndGoes(world);
    },
    ends: { status: 'cancelled', captured: 0, told: ['failed'] },
  },
  {
    at: 'while the provider is away for thirty minutes from the capture on',
    async play(world) {
      world.standIn.faults.onRequest(CAPTURE, () => world.standIn.faults.startOutage('reset', 1_800 * SECOND), 1);
      world.standIn.faults.add(CAPTURE, { kind: 'drop-before' }, 2);
      const purchase = await paysAndGoes(world);
      await world.advance(1_800 * SECOND);
      return purchase;
    },
    ends: PAID,
  },
  {
    at: 'while the provider is away for thirty minutes from before the payment on',
    async play(world) {
      const purchase = await world.order(1);
      world.standIn.faults.startOutage('unavailable', 1_800 * SECOND);
      await expect(world.open(purchase)).rejects.toThrow('UNAVAILABLE');
      await world.killOwner();
      await world.recover();
      await world.advance(1_900 * SECOND);
      return purchase;
    },
    ends: EXPIRED,
  },
  {
    at: 'while the provider answers 429',
    async play(world) {
      world.standIn.faults.add(CAPTURE, { kind: 'rate-limit' }, 5);
      world.standIn.faults.add({ method: 'GET' }, { kind: 'rate-limit' }, 5);
      return paysAndGoes(world);
    },
    ends: PAID,
  },
  {
    at: 'when the payment was created, its response lost, and its key pruned a day later',
    async play(world) {
      const purchase = await world.order(1);
      killAfter(world, CREATE);
      void world.open(purchase);
      await world.idle();
      for (const node of world.cluster.nodes.values()) if (!node.process.isDead) await node.kill();
      await world.time.advance(25 * HOUR);
      await world.recover();
      return purchase;
    },
    ends: EXPIRED,
  },
  {
    at: 'when a refund was given, its response lost, and its key pruned a day later',
    async play(world) {
      const purchase = await paid(world);
      killAfter(world, REFUND);
      await world.ask(refundOf(purchase, [2]));
      await world.advance(SECOND);
      for (const node of world.cluster.nodes.values()) if (!node.process.isDead) await node.kill();
      await world.time.advance(25 * HOUR);
      await world.recover();
      return purchase;
    },
    ends: { status: 'partially_refunded', captured: 2 * PRICE, refunded: PRICE, told: ['paid', 'refund'] },
  },
];
