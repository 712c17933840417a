import type { Command, Question } from '../../src/allocator/commands.ts';
import type { Letter, LetterAnswer, LetterRequest, Wanted } from '../../src/cluster/messages/letter.ts';
import { onceOf, SHOW_ID, userOf } from './small-show.ts';

export const FROM = 'nod_01995f2c-8a80-7000-8000-000000000001';
export const BUYER = userOf(1);
const VIEWER = { user: BUYER, all: false };

/** One of each command and question. */
export const MESSAGES: readonly (Command | Question)[] = [
  { type: 'hold', once: onceOf(1), buyer: BUYER, seats: ['A-1', 'Ñ–2', '座席'] },
  {
    type: 'hold',
    once: onceOf(2),
    buyer: BUYER,
    best: { quantity: 2, category: 'A', maxPrice: 5_000, accessible: true },
  },
  { type: 'hold', once: onceOf(3), buyer: BUYER, best: { quantity: 1 }, areas: [{ id: 'floor', quantity: 3 }] },
  { type: 'extend', buyer: BUYER, hold: 7, at: 1 },
  { type: 'release', buyer: BUYER, hold: 7, at: 1 },
  { type: 'expire' },
  { type: 'order', once: onceOf(4), buyer: BUYER, hold: 7, at: 1 },
  { type: 'cancel', buyer: BUYER, order: 7, at: 1 },
  { type: 'commit', order: 7, amount: 4_550, currency: 'EUR' },
  { type: 'reject', order: 7, reason: 'declined' },
  { type: 'captured', order: 7 },
  { type: 'void', order: 7, reason: 'gone' },
  { type: 'settled', order: 7 },
  { type: 'get-hold', buyer: BUYER, hold: 7, at: 1 },
  { type: 'get-hold', buyer: BUYER, all: true, hold: 7, at: 1 },
  { type: 'get-order', viewer: VIEWER, order: 7, at: 1 },
  { type: 'get-ticket', viewer: { user: BUYER, all: true }, ticket: 7, at: 1 },
  { type: 'list-orders', buyer: BUYER },
  { type: 'list-tickets', viewer: VIEWER, offset: 0, limit: 100 },
  { type: 'get-payment', order: 7 },
  { type: 'get-summary' },
  { type: 'order', once: onceOf(5), buyer: BUYER, hold: 7, at: 1, comp: true },
  { type: 'pending', order: 7 },
  { type: 'commit', order: 7, amount: 4_550, currency: 'EUR', late: true },
  { type: 'settled', order: 7, reason: 'too late – 座席' },
  { type: 'refund', once: onceOf(6), order: 7, at: 1, reason: 'asked for' },
  { type: 'refund', once: onceOf(7), order: 7, at: 1, tickets: [3, 4], reason: 'asked for' },
  { type: 'refunded', refund: 7 },
  { type: 'refund-failed', refund: 7, reason: 'no such card' },
  { type: 'refund-returned', order: 7 },
  { type: 'dispute', order: 7, dispute: 'dp_1', status: 'open' },
  { type: 'dispute', order: 7, dispute: 'dp_1', status: 'won' },
  { type: 'dispute', order: 7, dispute: 'dp_1', status: 'lost' },
  { type: 'cancel-show', reason: 'rain' },
  { type: 'refund-next' },
  { type: 'get-cancellation' },
  { type: 'admit', once: onceOf(8), ticket: 7, at: 1 },
  { type: 'admit', once: onceOf(9), ticket: 7, at: 1, gate: 'Nord – 座席', scannedAt: 2 },
  { type: 'undo-admission', ticket: 7, at: 1 },
  { type: 'undo-admission', ticket: 7, at: 1, admittedAt: 2 },
  { type: 'merge-scans', gate: 'north', scans: [{ ticket: 7, at: 1, scannedAt: 2 }] },
  { type: 'list-admissions', only: 'double', offset: 0, limit: 100 },
  { type: 'get-voided' },
  { type: 'transfer', once: onceOf(8), buyer: BUYER, ticket: 7, at: 1, address: 'digest' },
  { type: 'accept-transfer', buyer: BUYER, address: 'digest', ticket: 7, at: 1 },
  { type: 'withdraw-transfer', buyer: BUYER, ticket: 7, at: 1 },
  { type: 'decline-transfer', address: 'digest', ticket: 7, at: 1 },
  { type: 'resell', once: onceOf(9), buyer: BUYER, ticket: 7, at: 1, price: 4_550 },
  { type: 'withdraw-listing', buyer: BUYER, ticket: 7, at: 1 },
  { type: 'list-offers', address: 'digest', offset: 0, limit: 30 },
  { type: 'list-listings', offset: 0, limit: 30 },
  { type: 'reschedule' },
  { type: 'reschedule', onSaleAt: 1_790_000_000_000, offSaleAt: 1_790_000_000_001, publishAt: 1_790_000_000_002 },
  { type: 'reschedule', publishAt: 'now' },
  { type: 'stock', once: onceOf(8) },
  {
    type: 'stock',
    once: onceOf(9),
    add: [
      { seat: 'A-1', category: 'A', price: 4_550 },
      { area: 'floor', count: 3, category: 'Ñ', price: 0 },
    ],
    remove: ['A-2', { area: 'floor', count: 1 }],
    block: ['座席'],
    unblock: [{ area: 'floor', count: 2 }],
    reprice: { A: 4_550, Ñ: 0 },
  },
  { type: 'replace-plan', once: onceOf(12), planId: 'pln_1' },
  { type: 'replace-plan', once: onceOf(13), planId: 'pln_1', prices: { A: 4_550 } },
  { type: 'get-inventory' },
  { type: 'get-inventory', seats: { are: 'blocked', offset: 0, limit: 100 } },
];

const WANTED: readonly Wanted[] = [
  ...MESSAGES.map((message) => ({ kind: 'ask', message }) as const),
  { kind: 'counts' },
  { kind: 'seats', since: null },
  { kind: 'seats', since: { version: 12, owner: FROM } },
];

export function request(wanted: Wanted, number = 1): LetterRequest {
  return { number, showId: SHOW_ID, shard: 1_023, epoch: 12, deadline: 1_790_000_000_000, wanted };
}

const ANSWERS: readonly LetterAnswer[] = [
  { number: 1, value: { id: 'hld_1', seats: [{ price: { amount: 4_550 } }] }, replayed: false },
  { number: 2, value: null, replayed: true },
  { number: 3, value: undefined, replayed: false },
  { number: 4, refusal: { code: 'NOT_FOUND', detail: 'no "such" thing – 座席' }, replayed: false },
  {
    number: 5,
    refusal: {
      code: 'SEATS_TAKEN',
      detail: 'taken',
      retryAfter: 1,
      errors: [{ pointer: '/seats/0', detail: 'taken' }],
      extra: { taken: ['A-1'] },
    },
    replayed: true,
  },
  { number: 6, moved: true, epoch: 13 },
];

export const FULL: Letter = {
  from: FROM,
  requests: WANTED.map((wanted, i) => request(wanted, i + 1)),
  answers: ANSWERS,
  owned: [
    { shard: 0, epoch: 4 },
    { shard: 1_023, epoch: 5 },
  ],
  nudges: [{ shard: 5, epoch: 6, awake: [SHOW_ID] }],
  look: true,
  prepare: [{ number: 1, shows: [SHOW_ID] }],
  prepared: [2, 3],
};
