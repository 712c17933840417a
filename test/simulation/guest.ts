import type { AdmissionView, OrderView, UploadedScan } from '../../src/actors/shows.ts';
import type { Command, Scan } from '../../src/allocator/commands.ts';
import { parseScopedId } from '../../src/ids.ts';
import { fromRfc3339 } from '../../src/rfc3339.ts';
import type { HistoryLine } from '../judge/history.ts';
import { Dice } from '../support/dice.ts';
import { onceOf } from '../support/small-show.ts';
import type { Insist } from './client.ts';
import type { SimulatedShow, World } from './world.ts';

const GATES = ['north', 'south', 'east'] as const;
/** A gate that is offline uploads what it has so often, until it is told what became of it. */
const UPLOADS_MAX = 4;
const THINK_MS = 400;
/** Keys of guests are none of those that buyers use. */
const FIRST_KEY = 3_000_000;

interface Ticket {
  readonly show: SimulatedShow;
  readonly id: string;
  readonly number: number;
  readonly at: number;
}

/** In so many cases a gate without a network lets a guest in with a ticket that was bought just now. */
const AT_ONCE = 0.2;

interface OfflineScan {
  readonly ticket: Ticket;
  readonly at: number;
  readonly gate: string;
}

/**
 * A buyer who has bought, or was given a ticket, and comes to the doors, late in the sale: with each ticket once or again, at gates that ask at
 * once, and at gates that are offline and upload later, more than once and in another order. Now and then the organiser
 * undoes an admission, and the guest comes again.
 */
export class Guest {
  readonly #world: World;
  readonly #user: string;
  readonly #insist: Insist;
  readonly #stamp: () => number;
  readonly #write: (line: HistoryLine) => void;
  readonly #dice: Dice;
  readonly #number: number;
  readonly #tickets: Ticket[] = [];
  readonly #offline: OfflineScan[] = [];
  #keys = 0;

  constructor(
    world: World,
    { user, number }: { readonly user: string; readonly number: number },
    insist: Insist,
    record: { stamp(): number; write(line: HistoryLine): void },
  ) {
    this.#world = world;
    this.#user = user;
    this.#number = number;
    this.#insist = insist;
    this.#stamp = () => record.stamp();
    this.#write = (line) => record.write(line);
    this.#dice = new Dice(Math.imul(world.options.seed, 0x632be59b) ^ Math.imul(number + 1, 0x1f83d9ab));
  }

  /** It has paid for these. */
  bought(show: SimulatedShow, { lines }: OrderView): void {
    for (const { ticketId } of lines) {
      const ticket = this.#take(show, ticketId);
      const { doors } = this.#world.options;
      // Long before the gate tells: by then the ticket may have moved.
      if (doors > 0 && this.#dice.chance(AT_ONCE))
        this.#offline.push({ ticket, at: this.#now(), gate: this.#dice.one(GATES) });
    }
  }

  /** Somebody else has given it this one. */
  received(show: SimulatedShow, id: string): void {
    this.#take(show, id);
  }

  #take(show: SimulatedShow, id: string): Ticket {
    const parsed = parseScopedId('tkt', id);
    if (parsed === null) throw new Error(`${id} is no ticket`);
    const ticket = { show, id, number: parsed.number, at: parsed.at };
    this.#tickets.push(ticket);
    return ticket;
  }

  /** Comes to the doors with all that it has bought, whatever has become of it. */
  async come(): Promise<void> {
    const { doors } = this.#world.options;
    if (!(doors > 0)) return;
    const offline = this.#offline;
    for (const ticket of this.#tickets) {
      if (!this.#dice.chance(doors)) continue;
      for (let entry = this.#dice.between(1, 3); entry > 0; entry--) {
        await this.#think();
        const gate = this.#dice.one(GATES);
        if (this.#dice.chance(0.4)) offline.push({ ticket, at: this.#now(), gate });
        else await this.#admit(ticket, this.#dice.chance(0.8) ? gate : undefined);
        if (this.#dice.chance(0.25)) await this.#undo(ticket);
      }
    }
    // Gates come back one by one, the last scans first.
    for (const gate of GATES) {
      const scans = offline.filter((scan) => scan.gate === gate).reverse();
      for (const [show, ofShow] of Map.groupBy(scans, ({ ticket }) => ticket.show)) {
        await this.#upload(show, gate, ofShow);
        if (this.#dice.chance(0.3))
          await this.#upload(show, gate, ofShow.slice(this.#dice.between(0, ofShow.length - 1)));
      }
    }
    for (const ticket of this.#tickets) if (this.#dice.chance(doors * 0.5)) await this.#admit(ticket, 'late');
  }

  async #admit({ show, id, number, at }: Ticket, gate: string | undefined): Promise<void> {
    const once = onceOf(FIRST_KEY + this.#number * 1_000 + this.#keys++);
    const command: Command = { type: 'admit', once, ticket: number, at, ...(gate === undefined ? {} : { gate }) };
    const { intention, value } = await this.#insist<AdmissionView>(show, command);
    const line = {
      op: 'admit',
      show: show.id,
      client: this.#user,
      key: once.id,
      ticket: id,
      ...(gate === undefined ? {} : { gate }),
      ...intention,
    } as const;
    if (value !== null && value.ticketId !== id)
      this.#world.violated('I14', `${this.#user} came with ${id} and heard of ${value.ticketId}`);
    this.#write(value === null ? line : { ...line, admittedAt: fromRfc3339(value.admittedAt) });
  }

  async #undo({ show, id, number, at }: Ticket): Promise<void> {
    const line = { op: 'undo-admission', show: show.id, client: this.#user, ticket: id } as const;
    const command: Command = { type: 'undo-admission', ticket: number, at };
    const { intention } = await this.#insist(show, command, (lost) => this.#write({ ...line, ...lost }));
    this.#write({ ...line, ...intention });
  }

  async #upload(
    show: SimulatedShow,
    gate: string,
    entries: readonly { readonly ticket: Ticket; readonly at: number }[],
  ): Promise<void> {
    if (entries.length === 0) return;
    const scans = entries.map(({ ticket, at }): Scan => ({ ticket: ticket.number, at: ticket.at, scannedAt: at }));
    const from = this.#stamp();
    for (let upload = 0; upload < UPLOADS_MAX; upload++) {
      const command: Command = { type: 'merge-scans', gate, scans };
      const { intention, value } = await this.#insist<{ scans: UploadedScan[] }>(show, command);
      this.#write({
        op: 'scans',
        show: show.id,
        client: this.#user,
        ...intention,
        from,
        gate,
        scans: entries.map(({ ticket, at }, i) => {
          const result = value?.scans[i].result;
          return result === undefined ? { ticket: ticket.id, at } : { ticket: ticket.id, at, result };
        }),
      });
      if (intention.outcome !== 'unknown') return;
    }
  }

  /** By the one true clock: that of a gate, which the nodes' may be ahead of. */
  #now(): number {
    return Math.floor(this.#world.time.now);
  }

  #think(): Promise<void> {
    return new Promise((resolve) => void this.#world.time.after(THINK_MS * this.#dice.roll(), resolve));
  }
}
