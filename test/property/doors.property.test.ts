import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Command, Scan } from '../../src/allocator/commands.ts';
import { Doors, SCAN_AHEAD_MS } from '../../src/allocator/doors.ts';
import type { ShowEvent } from '../../src/allocator/events.ts';
import { decodeShow, encodeShow } from '../../src/allocator/snapshot.ts';
import { ON_SALE_AT, onceOf, PlayedShow, rowsOfTen, SHOW_ID, userOf } from '../support/small-show.ts';

const HALL = rowsOfTen(2);
const GATES = ['north', 'east', 'west'] as const;
const TICKETS = 4;
const RUNS = Number(process.env.USHER_FC_RUNS ?? 400);

/** The doors open so long after the order, ms. */
const DOORS_AFTER_MS = 60_000;

/** A show of which some tickets are sold, its doors about to open. */
function soldShow(): PlayedShow {
  const played = new PlayedShow(HALL);
  const hold = played.hold(1, TICKETS);
  played.do({ type: 'order', once: onceOf(2), buyer: userOf(1), hold, at: ON_SALE_AT });
  played.do({ type: 'commit', order: 1, amount: TICKETS * 4_550, currency: 'EUR' });
  played.do({ type: 'captured', order: 1 });
  played.at = ON_SALE_AT + DOORS_AFTER_MS;
  return played;
}

/** What the ledger says, whatever the order in which it was told. */
function ledgerOf(doors: Doors): unknown {
  const entries = Array.from(
    { length: doors.count },
    (_, i) => `${doors.ticket[i + 1]} ${doors.at[i + 1]} ${doors.gateName(i + 1)} ${doors.kindOf(i + 1)}`,
  );
  const { admitted, doubles, voids } = doors;
  return { entries: entries.sort(), undone: [...doors.undoneUntil].sort(), admitted, doubles, voids };
}

interface Moment {
  readonly what: 'admit' | 'undo' | 'upload';
  readonly ticket: number;
  readonly gate: number;
  readonly wait: number;
  readonly scans: readonly { readonly ticket: number; readonly second: number }[];
}

const ticket = fc.integer({ min: 1, max: TICKETS });
const scan = fc.record({ ticket, second: fc.constantFrom(0, 1, 2, 30, 60, 61, 62, 100, 179) });
const moment: fc.Arbitrary<Moment> = fc.record({
  what: fc.constantFrom('admit', 'admit', 'undo', 'upload', 'upload'),
  ticket,
  gate: fc.nat({ max: GATES.length - 1 }),
  wait: fc.constantFrom(0, 0, 1, 1_000, 30_000),
  scans: fc.array(scan, { minLength: 1, maxLength: 5 }),
});

let keys = 100;

function commandOf({ what, ticket: number, gate, scans }: Moment): Command {
  if (what === 'admit')
    return { type: 'admit', once: onceOf(keys++), ticket: number, at: ON_SALE_AT, gate: GATES[gate] };
  if (what === 'undo') return { type: 'undo-admission', ticket: number, at: ON_SALE_AT };
  return { type: 'merge-scans', gate: GATES[gate], scans: scans.map(scanOf) };
}

function scanOf(one: { readonly ticket: number; readonly second: number }): Scan {
  return { ticket: one.ticket, at: ON_SALE_AT, scannedAt: ON_SALE_AT + one.second * 1_000 };
}

function play(played: PlayedShow, moments: readonly Moment[]): void {
  for (const one of moments) {
    played.at += one.wait;
    played.do(commandOf(one));
  }
}

/** Tells bare doors what happened, in this order. */
function tell(events: readonly ShowEvent[]): Doors {
  const doors = new Doors();
  for (const event of events) {
    if (event.type === 'admitted') doors.add(event.ticket, event.at, event.gate, false, event.ticket);
    else if (event.type === 'admission-undone') doors.undo(event.ticket, event.until);
    else if (event.type === 'scanned') for (const [one, at] of event.scans) doors.add(one, at, event.gate, false, one);
  }
  return doors;
}

describe('the ledger of the doors', () => {
  test('is the same set in whatever order it is told of admissions, undos and uploads', () => {
    const trial = fc
      .array(moment, { maxLength: 16 })
      .chain((moments) => fc.tuple(fc.constant(moments), fc.infiniteStream(fc.nat({ max: 1_000 }))));
    fc.assert(
      fc.property(trial, ([moments, dice]) => {
        const played = soldShow();
        play(played, moments);
        const order = played.events.map((event) => ({ event, place: dice.next().value as number }));
        const shuffled = order.sort((a, b) => a.place - b.place).map(({ event }) => event);
        expect(ledgerOf(tell(shuffled))).toEqual(ledgerOf(played.show.doors));
      }),
      { numRuns: RUNS },
    );
  });

  test('does not depend on the order, the batches and the repeats of late uploads', () => {
    const uploads = fc.array(fc.record({ gate: fc.nat({ max: 2 }), scan }), { minLength: 1, maxLength: 10 });
    const trial = fc
      .tuple(fc.array(moment, { maxLength: 6 }), uploads)
      .chain(([moments, scans]) =>
        fc.tuple(
          fc.constant(moments),
          fc.constant(scans),
          fc.shuffledSubarray([...scans, ...scans], { minLength: 2 * scans.length }),
        ),
      );
    fc.assert(
      fc.property(trial, ([moments, scans, again]) => {
        const ledgers = [scans, again].map((list, batch) => {
          const played = soldShow();
          play(played, moments);
          played.at = ON_SALE_AT + 600_000;
          const ofGate = (gate: number): Scan[] =>
            list.filter((one) => one.gate === gate).map((one) => scanOf(one.scan));
          for (const [gate, name] of GATES.entries()) {
            if (batch === 0) played.do({ type: 'merge-scans', gate: name, scans: ofGate(gate) });
            else for (const one of ofGate(gate)) played.do({ type: 'merge-scans', gate: name, scans: [one] });
          }
          return ledgerOf(played.show.doors);
        });
        expect(ledgers[1]).toEqual(ledgers[0]);
      }),
      { numRuns: RUNS },
    );
  });

  test('never lets a ticket in twice, and comes out of a snapshot as it was', () => {
    fc.assert(
      fc.property(fc.array(moment, { maxLength: 20 }), (moments) => {
        const played = soldShow();
        play(played, moments);
        const { doors } = played.show;
        for (let one = 1; one <= TICKETS; one++) {
          const kinds = [...doors.of(one)].map((entry) => doors.kindOf(entry));
          expect(kinds.filter((kind) => kind === 'admission').length).toBeLessThanOrEqual(1);
          const times = played.events.filter((event) => event.type === 'admitted' && event.ticket === one).length;
          const undos = played.events.filter((event) => event.type === 'admission-undone' && event.ticket === one);
          expect(times).toBeLessThanOrEqual(undos.length + 1);
        }
        const restored = decodeShow(encodeShow(played.show), SHOW_ID, HALL);
        expect(ledgerOf(restored.doors)).toEqual(ledgerOf(doors));
        expect(Buffer.compare(encodeShow(restored), encodeShow(played.show))).toBe(0);
      }),
      { numRuns: RUNS },
    );
  });

  test('takes no scan from before the order, and none from further ahead than clocks of gates may be', () => {
    const played = soldShow();
    const at = (scannedAt: number): Scan => ({ ticket: 1, at: ON_SALE_AT, scannedAt });
    const scans = [at(ON_SALE_AT - 1), at(played.at + SCAN_AHEAD_MS + 1)];
    expect(played.do({ type: 'merge-scans', gate: 'north', scans })).toBeNull();
    played.do({ type: 'merge-scans', gate: 'north', scans: [at(ON_SALE_AT), at(played.at + SCAN_AHEAD_MS)] });
    expect(played.show.doors.count).toBe(2);
  });
});
