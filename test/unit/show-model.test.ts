import { describe, expect, test } from 'vitest';
import { fold, parsed } from '../../src/projector/fold.ts';
import { madeOf } from '../support/made-show.ts';
import { MemoryProjection } from '../support/memory-projection.ts';
import { onceOf, PlayedShow, rowsOfTen, SHOW_ID, userOf } from '../support/small-show.ts';

const HALL = rowsOfTen(1);

/** Two orders, paid; the rows so far, one event each. */
function played() {
  const show = new PlayedShow(HALL);
  const orders = [1, 2].map((n) => {
    const hold = show.hold(n, 2);
    const once = { id: Buffer.alloc(16, n).toString('base64url'), fingerprint: n };
    const event = show.do({ type: 'order', once, buyer: userOf(n), hold, at: show.at });
    if (typeof event !== 'object' || event?.type !== 'ordered') throw new Error('no order');
    show.do({ type: 'commit', order: event.order, amount: event.total, currency: 'EUR' });
    show.do({ type: 'captured', order: event.order });
    return event.order;
  });
  const rows = show.events.map((event, i) => ({ seq: i + 1, at: show.ats[i], events: JSON.stringify([event]) }));
  return { show, orders, rows: rows as never as Parameters<MemoryProjection['changesOf']>[0] };
}

describe('a batch of the journal', () => {
  test('loads once what its events name', async () => {
    const { rows } = played();
    const projection = new MemoryProjection(SHOW_ID, HALL);
    for (const row of rows) {
      projection.write(await projection.changesOf([row]));
      // A hold leads to its order, which its event does not name.
      expect(projection.reloads).toBeLessThanOrEqual(1);
    }
    expect(projection.orders.get(2)).toMatchObject({ state: 'paid', buyer_id: userOf(2) });
    expect(projection.projection).toMatchObject({ sold: 4, tickets: 4, for_sale: 30 });
  });

  test('tells of the last place that goes, and again when it came back and goes again', async () => {
    const { show, rows } = played();
    const projection = new MemoryProjection(SHOW_ID, HALL);
    projection.write(await projection.changesOf(rows));
    projection.projection.for_sale = 4;
    const take = async (seq: number, events: object[]) => {
      const row = { seq, at: show.at, events: JSON.stringify(events) } as never;
      projection.write(await projection.changesOf([row]));
    };
    const told = () => projection.announcements.filter(({ type }) => type === 'show.sold_out').length;
    const next = rows.length + 1;
    await take(next, [{ type: 'extended', hold: 1, until: 0 }]);
    await take(next + 1, [{ type: 'extended', hold: 1, until: 0 }]);
    expect(told()).toBe(1);
    await take(next + 2, [{ type: 'refunding', refund: 1, order: 1, tickets: [1], reason: '' }]);
    projection.projection.for_sale = 3;
    await take(next + 3, [{ type: 'extended', hold: 1, until: 0 }]);
    expect(told()).toBe(2);
  });

  test('is refused if it is not the next', async () => {
    const { rows } = played();
    const projection = new MemoryProjection(SHOW_ID, HALL);
    await expect(projection.changesOf(rows.slice(1))).rejects.toThrow('row 2 follows row 0');
    const load = async () => {
      throw new Error('away');
    };
    await expect(fold(SHOW_ID, madeOf(HALL), rows.map(parsed), load)).rejects.toThrow('away');
  });
});

describe('a listed place that a buyer has', () => {
  /** Buyer 1 lists ticket 1 of two, and buyer 3 takes it; `steps` come after. */
  async function resale(...steps: Parameters<PlayedShow['do']>[0][]) {
    const { show } = played();
    const seat = HALL.seatIds[show.show.tickets.seat[1]];
    const at = show.at;
    const all: Parameters<PlayedShow['do']>[0][] = [
      { type: 'resell', once: onceOf(11), buyer: userOf(1), ticket: 1, at, price: 3_000 },
      { type: 'hold', once: onceOf(12), buyer: userOf(3), seats: [seat] },
      ...steps,
    ];
    for (const step of all) if (typeof show.do(step) !== 'object') throw new Error(`${step.type} was refused`);
    const projection = new MemoryProjection(SHOW_ID, HALL);
    for (const [i, event] of show.events.entries()) {
      const row = { seq: i + 1, at: show.ats[i], events: JSON.stringify([event]) } as never;
      projection.write(await projection.changesOf([row]));
      expect(projection.reloads, event.type).toBeLessThanOrEqual(2);
    }
    const held = [...projection.holds.values()].reduce((sum, { places }) => sum + (places.A ?? 0), 0);
    const ticket = projection.tickets.get(1);
    return { sold: projection.projection.sold, held, state: ticket?.state, taken: ticket?.taken_by };
  }
  const refund = { type: 'refund', once: onceOf(13), order: 1, at: 0, tickets: [1], reason: 'Rain' } as const;
  const order = { type: 'order', once: onceOf(14), buyer: userOf(3), hold: 3, at: 0 } as const;
  const sold = { type: 'commit', order: 3, amount: 3_000, currency: 'EUR' } as const;
  const captured = { type: 'captured', order: 3 } as const;
  const now = <T extends object>(command: T): T => ({ ...command, at: played().show.at });

  test('stays sold until it is resold, and is its seller’s again when the buyer lets go', async () => {
    expect(await resale()).toEqual({ sold: 4, held: 0, state: 'listed', taken: 3 });
    expect(await resale(now(order), sold)).toEqual({ sold: 4, held: 0, state: 'listed', taken: 3 });
    expect(await resale(now(order), sold, captured)).toEqual({ sold: 4, held: 0, state: 'void', taken: null });
    const letGo = now({ type: 'release', buyer: userOf(3), hold: 3, at: 0 } as const);
    expect(await resale(letGo)).toEqual({ sold: 4, held: 0, state: 'listed', taken: null });
    const voided = { type: 'void', order: 3, reason: 'Denied' } as const;
    expect(await resale(now(order), sold, voided)).toEqual({ sold: 4, held: 0, state: 'listed', taken: null });
  });

  test('is the organiser’s to sell once its ticket is taken back', async () => {
    expect(await resale(now(refund))).toEqual({ sold: 3, held: 1, state: 'refunded', taken: null });
    const bought = { sold: 4, held: 0, state: 'refunded', taken: null };
    expect(await resale(now(refund), now(order), sold, captured)).toEqual(bought);
    expect(await resale(now(order), now(refund), sold, captured)).toEqual(bought);
    expect(await resale(now(order), sold, now(refund), captured)).toEqual(bought);
  });
});
