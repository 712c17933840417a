import type { Listed, ListingView, OrderView, TicketView } from '../../src/actors/shows.ts';
import type { Command } from '../../src/allocator/commands.ts';
import { parseScopedId } from '../../src/ids.ts';
import { Dice } from '../support/dice.ts';
import { onceOf, userOf } from '../support/small-show.ts';
import type { Insist } from './client.ts';
import type { Record } from './record.ts';
import type { SimulatedShow, World } from './world.ts';

/** Takes whatever it is given. */
const GREEDY = userOf(1);
/** Of what it is offered it looks at so many. */
const OFFERS_SEEN = 20;
/** Keys of their own, apart from those of purchases and whims. */
const FIRST_KEY = 2_000_000;

/**
 * What a buyer does with tickets that it has, besides keeping them: gives them away, accepts or declines what others give,
 * lists seats for resale, and takes back what it has offered or listed. What it buys of others' listings it buys as any seat.
 */
export class TicketMover {
  readonly #world: World;
  readonly #record: Record;
  readonly #user: string;
  readonly #number: number;
  readonly #insist: Insist;
  readonly #dice: Dice;
  readonly #onAccepted: (show: SimulatedShow, ticket: string) => void;
  #keys = 0;

  constructor(
    world: World,
    record: Record,
    { user, number }: { readonly user: string; readonly number: number },
    insist: Insist,
    onAccepted: (show: SimulatedShow, ticket: string) => void,
  ) {
    this.#onAccepted = onAccepted;
    this.#world = world;
    this.#record = record;
    this.#user = user;
    this.#number = number;
    this.#insist = insist;
    this.#dice = new Dice(Math.imul(world.options.seed, 0x3c6ef372) ^ Math.imul(number + 1, 0x1b873593));
  }

  /** A seat that somebody resells, if it would have one. */
  async listedSeat(show: SimulatedShow): Promise<string | null> {
    if (!this.#chance(this.#world.options.whims.moves)) return null;
    const told = await this.#insist<Listed<ListingView>>(show, { type: 'list-listings', offset: 0, limit: 5 });
    const items = told.value?.items ?? [];
    return items.length === 0 ? null : (this.#dice.one(items).seat.id ?? null);
  }

  /** Does something with one of the tickets that it has bought just now. */
  async move(show: SimulatedShow, order: OrderView): Promise<void> {
    const { moves } = this.#world.options.whims;
    if (!this.#chance(moves)) return;
    // Many give theirs to the same one, who can have only so many.
    if (this.#dice.chance(0.4)) {
      for (const line of order.lines) await this.#transfer(show, order, line.ticketId, GREEDY);
      return;
    }
    const line = this.#dice.one(order.lines);
    const named = { buyer: this.#user, ...scoped(line.ticketId) };
    if (this.#dice.chance(0.3)) {
      await this.#transfer(show, order, line.ticketId, userOf(this.#dice.between(1, this.#world.options.buyers)));
      if (this.#dice.chance(0.3)) await this.#insist(show, { type: 'withdraw-transfer', ...named });
      return;
    }
    const once = this.#once();
    const { amount } = line.price;
    const price = this.#dice.one([amount, amount, Math.floor(amount / 2), 0, amount + 1]);
    const listed = await this.#write(show, order, line.ticketId, { type: 'resell', once, ...named, price });
    if (listed && price > amount)
      this.#world.violated('I11', `${this.#user} listed ${line.ticketId}, which cost ${amount}, for ${price}`);
    if (this.#dice.chance(0.2)) await this.#insist(show, { type: 'withdraw-listing', ...named });
  }

  async #transfer(show: SimulatedShow, order: OrderView, id: string, to: string): Promise<void> {
    const named = { buyer: this.#user, ...scoped(id), address: addressOf(to) };
    await this.#write(show, order, id, { type: 'transfer', once: this.#once(), ...named });
  }

  #once(): ReturnType<typeof onceOf> {
    return onceOf(FIRST_KEY + this.#number * 1_000 + this.#keys++);
  }

  /** Looks at what it is given. */
  async receive(show: SimulatedShow): Promise<void> {
    const { moves } = this.#world.options.whims;
    if (moves === 0 || !(this.#user === GREEDY || this.#chance(moves))) return;
    const address = addressOf(this.#user);
    const told = await this.#insist<Listed<TicketView>>(show, {
      type: 'list-offers',
      address,
      offset: 0,
      limit: OFFERS_SEEN,
    });
    for (const { id, orderId } of told.value?.items ?? []) {
      if (orderId !== undefined) this.#world.violated('I14', `${this.#user} is offered ${id} and told of ${orderId}`);
      const { ticket, at } = scoped(id);
      if (this.#dice.chance(0.2)) await this.#insist(show, { type: 'decline-transfer', address, ticket, at });
      else {
        const accept = { type: 'accept-transfer', buyer: this.#user, address, ticket, at } as const;
        if ((await this.#insist(show, accept)).value !== null) this.#onAccepted(show, id);
      }
    }
  }

  /** @returns whether it took effect. */
  async #write(
    show: SimulatedShow,
    { id: order }: OrderView,
    ticket: string,
    command: Extract<Command, { type: 'transfer' | 'resell' }>,
  ): Promise<boolean> {
    const { intention } = await this.#insist(show, command);
    const line = { show: show.id, client: this.#user, order, tickets: [ticket], key: command.once.id } as const;
    this.#record.write({ op: 'move', ...line, ...intention });
    return intention.outcome === 'ok';
  }

  #chance(probability: number): boolean {
    return probability > 0 && this.#dice.chance(probability);
  }
}

/** What the show knows a user's address by. */
function addressOf(user: string): string {
  return `address of ${user}`;
}

function scoped(id: string): { readonly ticket: number; readonly at: number } {
  const parsed = parseScopedId('tkt', id);
  if (parsed === null) throw new Error(`${id} is no ticket`);
  return { ticket: parsed.number, at: parsed.at };
}
