import { beforeEach, describe, expect, test } from 'vitest';
import { answerOfCommand } from '../../src/actors/answers.ts';
import type { Command } from '../../src/allocator/commands.ts';
import { decide } from '../../src/allocator/decide.ts';
import { ON_SALE_AT, onceOf, PlayedShow, rowsOfTen, userOf } from '../support/small-show.ts';

/** Ann's tickets, of seats; she buys them at the opening. */
const TICKETS = 3;
const MINUTE = 60_000;
const ANN = { buyer: userOf(1), at: ON_SALE_AT };

let played: PlayedShow;
let keys: number;
/** When what moves does so. */
const MOVED_AT = ON_SALE_AT + 10 * MINUTE;

function buy(n: number, wanted: object, amount: number): number {
  played.do({ type: 'hold', once: onceOf(++keys), buyer: userOf(n), ...wanted });
  const order = played.show.orders.count + 1;
  const hold = played.show.holds.next - 1;
  played.do({ type: 'order', once: onceOf(++keys), buyer: userOf(n), hold, at: played.at });
  played.do({ type: 'commit', order, amount, currency: 'EUR' });
  played.do({ type: 'captured', order });
  return order;
}

beforeEach(() => {
  keys = 0;
  played = new PlayedShow(rowsOfTen(2));
  buy(1, { best: { quantity: TICKETS } }, TICKETS * 4_550);
  played.at = MOVED_AT;
});

const transfer = (ticket: number): void =>
  void played.do({ type: 'transfer', once: onceOf(++keys), ...ANN, ticket, address: 'bob' });
const accept = (ticket: number): void =>
  void played.do({ type: 'accept-transfer', buyer: userOf(2), address: 'bob', ticket, at: ON_SALE_AT });
const list = (ticket: number): void =>
  void played.do({ type: 'resell', once: onceOf(++keys), ...ANN, ticket, price: 4_550 });
const dispute = (status: 'open' | 'won' | 'lost'): void =>
  void played.do({ type: 'dispute', order: 1, dispute: 'dp_1', status });

/** What an upload by a gate is answered of a scan of this ticket at this time. */
function upload(ticket: number, scannedAt: number): object | undefined {
  const at = played.show.orders.at[played.show.tickets.order[ticket]];
  const command: Command = { type: 'merge-scans', gate: 'north', scans: [{ ticket, at, scannedAt }] };
  played.do(command);
  const answer = answerOfCommand(played.show, command, played.at);
  return answer.ok ? (answer.value as { scans: object[] }).scans[0] : undefined;
}

function admit(ticket: number): unknown {
  const at = played.show.orders.at[played.show.tickets.order[ticket]];
  const command: Command = { type: 'admit', once: onceOf(++keys), ticket, at, gate: 'south' };
  const decision = decide(played.show, command, played.at);
  played.do(command);
  return decision.kind === 'refused' ? decision.refusal : 'admitted';
}

const undo = (ticket: number): void => void played.do({ type: 'undo-admission', ticket, at: ON_SALE_AT });

describe('a scan that is told late', () => {
  test.each<[string, () => void]>([
    ['transferred', () => transfer(1)],
    ['transferred and accepted', () => [transfer(1), accept(TICKETS + 1)]],
    ['listed', () => list(1)],
    [
      'resold',
      () => {
        list(1);
        buy(3, { seats: [played.show.hall.seatIds[played.show.tickets.seat[1]]] }, 4_550);
      },
    ],
    ['suspended by a dispute', () => dispute('open')],
    ['lost with a dispute', () => [dispute('open'), dispute('lost')]],
    [
      'refunded',
      () => played.do({ type: 'refund', once: onceOf(++keys), order: 1, at: ON_SALE_AT, reason: 'rain', tickets: [1] }),
    ],
  ])('counts if it is of before its ticket was %s, and is void from then on', (_, moves) => {
    moves();
    expect(upload(1, MOVED_AT - 1)).toMatchObject({ result: 'admission' });
    expect(upload(1, MOVED_AT)).toMatchObject({ result: 'void' });
  });

  test.each<[string, () => void]>([
    ['listing was withdrawn', () => [list(1), played.do({ type: 'withdraw-listing', ...ANN, ticket: 1 })]],
    ['dispute was won', () => [dispute('open'), dispute('won')]],
  ])('counts whenever it was, once the %s', (_, moves) => {
    moves();
    played.at += MINUTE;
    expect(upload(1, MOVED_AT + 1)).toMatchObject({ result: 'admission' });
  });

  test('of a ticket that was only offered was of a void one all the time', () => {
    transfer(1);
    dispute('open');
    expect(upload(TICKETS + 1, MOVED_AT - 1)).toMatchObject({ result: 'void' });
  });
});

describe('the codes of one place', () => {
  test('let nobody in by the new one when the old one was used before it was given away', () => {
    transfer(1);
    accept(TICKETS + 1);
    upload(1, MOVED_AT - 1);
    const [old, next] = [1, TICKETS + 1].map((ticket) => expect.stringMatching(new RegExp(`^tkt_.*${ticket}$`)));
    expect(admit(TICKETS + 1)).toMatchObject({
      code: 'ALREADY_ADMITTED',
      extra: { ticketId: next, gate: 'north', admittedTicketId: old },
    });
    expect(
      played.do({
        type: 'transfer',
        once: onceOf(++keys),
        ...ANN,
        buyer: userOf(2),
        ticket: TICKETS + 1,
        address: 'c',
      }),
    ).toBe('TICKET_NOT_MOVABLE');
    undo(1);
    expect(admit(TICKETS + 1)).toBe('admitted');
  });

  test('are a double entry when the new one was used before the gate told of the old one', () => {
    transfer(1);
    accept(TICKETS + 1);
    expect(admit(TICKETS + 1)).toBe('admitted');
    expect(upload(1, MOVED_AT - 1)).toMatchObject({ result: 'admission' });
    const { doors } = played.show;
    expect([1, TICKETS + 1].map((ticket) => doors.kindOf(doors.admissionOf(ticket)))).toEqual(['admission', 'double']);
    expect([doors.admitted, doors.doubles]).toEqual([1, 1]);
    undo(1);
    expect([doors.admitted, doors.doubles]).toEqual([1, 0]);
  });

  test('are a double entry, and nobody is kept out, when the seat was taken back and sold anew', () => {
    const refund = { order: 1, at: ON_SALE_AT, reason: 'rain', tickets: [1] };
    const seat = played.show.hall.seatIds[played.show.tickets.seat[1]];
    played.do({ type: 'refund', once: onceOf(++keys), ...refund });
    buy(3, { seats: [seat] }, 4_550);
    expect(upload(1, MOVED_AT - 1)).toMatchObject({ result: 'admission' });
    expect(admit(TICKETS + 1)).toBe('admitted');
    const { doors } = played.show;
    expect([1, TICKETS + 1].map((ticket) => doors.kindOf(doors.admissionOf(ticket)))).toEqual(['admission', 'double']);
  });

  test('of an area are those of one line of an order', () => {
    buy(4, { areas: [{ id: 'floor', quantity: 2 }] }, 2 * 4_550);
    const first = TICKETS + 1;
    const at = { buyer: userOf(4), at: played.at };
    played.do({ type: 'transfer', once: onceOf(++keys), ...at, ticket: first, address: 'bob' });
    played.do({ type: 'accept-transfer', buyer: userOf(2), address: 'bob', ticket: first + 2, at: played.at });
    played.at += MINUTE;
    expect(admit(first + 2)).toBe('admitted');
    expect(admit(first + 1)).toBe('admitted');
    expect(played.show.doors.admitted).toBe(2);
  });
});
