import { join } from 'node:path';
import { expect, test } from 'vitest';
import { commandId } from '../../src/http/idempotency.ts';
import { operationLines, planLine } from '../chaos/history-lines.ts';
import { judgedFaults, writeHistory } from '../chaos/judged.ts';
import type { RowEvent, RowLine } from '../judge/history.ts';
import type { ShowOnSale } from '../support/box-office.ts';
import type { Operation, OperationKind } from '../support/sale-history.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

/*
 * The chaos run's way from what buyers wrote down to a verdict: a sound sale passes it, the same one with an answer that was
 * tampered with does not.
 */

const SHOW: ShowOnSale = {
  id: 'shw_1',
  title: 'Two Seats',
  rows: [['A-1', 'A-2']],
  areas: [{ id: 'area-1', name: 'Standing', capacity: 2 }],
  capacity: 4,
  perBuyer: 4,
};
const HOLD_SECONDS = 600;

let clock = 0;

function operation(
  kind: OperationKind,
  user: string,
  path: string,
  answer: { status: number; body: unknown } | null,
  { key = null, requestBody = null }: { key?: string | null; requestBody?: unknown } = {},
): Operation {
  const sentAt = clock++;
  const attempt = {
    sentAt,
    endedAt: clock++,
    answer: answer && { ...answer, replayed: false },
    wasSent: true,
    port: 1,
  };
  return { kind, user, showId: SHOW.id, method: 'POST', path, key, requestBody, expected: [], attempts: [attempt] };
}

/** One buyer buys a seat, and is told that it is this one. */
function purchase(user: string, seat: string): Operation[] {
  const hold = {
    id: `hld_${user}`,
    seats: [{ id: seat }],
    areas: [],
    expiresAt: new Date(HOLD_SECONDS * 1_000).toISOString(),
  };
  const line = { ticketId: `tkt_${user}`, seat: { id: seat }, price: { amount: 100 } };
  const order = { id: `ord_${user}`, lines: [line], total: { amount: 100 }, payment: { id: `pay_${user}` } };
  return [
    operation(
      'hold',
      user,
      `/v1/shows/${SHOW.id}/holds`,
      { status: 201, body: hold },
      {
        key: 'one',
        requestBody: { best: { quantity: 1 } },
      },
    ),
    operation('order', user, `/v1/holds/${hold.id}/order`, { status: 201, body: order }, { key: 'two' }),
    operation('confirm', user, `/v1/sandbox/payments/pay_${user}/confirm`, {
      status: 200,
      body: { status: 'succeeded' },
    }),
  ];
}

async function verdictOn(history: readonly Operation[], rows: readonly RowLine[] = []): Promise<string[]> {
  const file = join(temporaryDirectory(), 'history.jsonl');
  await writeHistory(file, [planLine(SHOW), ...operationLines([...history], [SHOW], HOLD_SECONDS), ...rows]);
  return judgedFaults(file);
}

test('a sale in which every buyer has another seat is sound, also where an outcome is unknown', async () => {
  const lost = operation('hold', 'cleo', `/v1/shows/${SHOW.id}/holds`, null, {
    key: 'one',
    requestBody: { areas: [{ id: 'area-1', quantity: 1 }] },
  });
  expect(await verdictOn([...purchase('ada', 'A-1'), lost, ...purchase('bob', 'A-2')])).toEqual([]);
});

test('a seat that two buyers were told is theirs is found', async () => {
  const faults = await verdictOn([...purchase('ada', 'A-1'), ...purchase('bob', 'A-1')]);
  expect(faults.join('\n')).toMatch(/I[17]: .*A-1/);
});

test('a paid order that its buyer reads as cancelled is found', async () => {
  const read = operation('read-order', 'ada', '/v1/orders/ord_ada', { status: 200, body: { status: 'cancelled' } });
  expect(await verdictOn([...purchase('ada', 'A-1'), read])).not.toEqual([]);
});

test('an extension that was sent twice may have extended twice, and one that was sent once may not', async () => {
  const [held] = purchase('ada', 'A-1');
  const hold = { ...(held.attempts[0].answer?.body as object), expiresAt: new Date(700_000).toISOString() };
  const extended = operation('extend', 'ada', '/v1/holds/hld_ada/extend', { status: 200, body: hold });
  const lost = { sentAt: extended.attempts[0].sentAt - 0.5, endedAt: extended.attempts[0].sentAt, answer: null };
  extended.attempts.unshift({ ...lost, wasSent: true, port: 1 });
  const row = (seq: number, event: RowEvent): RowLine => ({ row: SHOW.id, seq, epoch: 1, events: [event] });
  const key = commandId('ada', 'one');
  const places = { seats: ['A-1'], areas: [], until: HOLD_SECONDS * 1_000 };
  const rows = [
    row(1, { event: 'held', hold: 'hld_ada', client: 'ada', ...places, key }),
    row(2, { event: 'extended', hold: 'hld_ada', until: 650_000 }),
    row(3, { event: 'extended', hold: 'hld_ada', until: 700_000 }),
  ];
  expect(await verdictOn([held, extended], rows)).toEqual([]);
  const sentOnce = { ...extended, attempts: extended.attempts.slice(1) };
  expect((await verdictOn([held, sentOnce], rows)).join()).toMatch(/extended, though nobody asked/);
});
