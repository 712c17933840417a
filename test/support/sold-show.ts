import { scopedId } from '../../src/ids.ts';
import type { Timer, Timers } from '../../src/ports.ts';
import { systemTimers } from '../../src/system/timers.ts';
import { ShowNode } from './show-node.ts';
import { ON_SALE_AT, onceOf, SHOW_ID, userOf } from './small-show.ts';

/** What a ticket costs in a small show. */
const PRICE = 4_550;
/** The doors open so long after the order. */
const DOORS_AFTER_MS = 3_600_000;

/** A node whose time stands where it is put, while what it does goes on. */
export class DoorNode extends ShowNode {
  readonly #clock: { at: number };

  constructor(clock: { at: number } = { at: ON_SALE_AT }) {
    super({ time: { clock: { now: () => clock.at }, timers: atOnce, advance: async () => {} } });
    this.#clock = clock;
  }

  wait(ms: number): void {
    this.#clock.at += ms;
  }
}

const NEVER: Timer = { cancel: () => {} };
/** What is to be done soon is done; what is to be done some time is not. */
const atOnce: Timers = {
  after: () => NEVER,
  every: () => NEVER,
  soon: (task) => systemTimers.soon(task),
};

/** A node with a show of which user 1 has bought tickets 1 to `tickets`, in order 1, an hour before. */
export async function soldShow(tickets: number): Promise<DoorNode> {
  const node = new DoorNode();
  const buyer = userOf(1);
  const hold = { type: 'hold', once: onceOf(1), buyer, best: { quantity: tickets } } as const;
  const order = { type: 'order', once: onceOf(2), buyer, hold: 1, at: ON_SALE_AT } as const;
  const commit = { type: 'commit', order: 1, amount: tickets * PRICE, currency: 'EUR' } as const;
  for (const command of [hold, order, commit, { type: 'captured', order: 1 } as const]) {
    const answer = await node.ask(SHOW_ID, command);
    if (!answer.ok) throw new Error(`${command.type} was refused: ${answer.refusal.detail}`);
  }
  node.wait(DOORS_AFTER_MS);
  return node;
}

/** The id of its ticket of this number. */
export function soldTicket(number: number): string {
  return scopedId('tkt', ON_SALE_AT, SHOW_ID, number);
}
