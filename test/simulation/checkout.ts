import type { OrderView } from '../../src/actors/shows.ts';
import type { Question } from '../../src/allocator/commands.ts';
import { parseScopedId } from '../../src/ids.ts';
import type { Dice } from '../support/dice.ts';
import { type Client, pauseBefore, SENDINGS_MAX } from './client.ts';
import type { Record } from './record.ts';
import { LOST } from './simulated-node.ts';
import type { SimulatedShow, World } from './world.ts';

/** A buyer looks so often whether its order is paid. */
const LOOKS_MAX = 12;
const LOOK_MS = 2_000;

/** How a buyer pays: its browser gets the secret of the payment, confirms at the provider, and looks what came of it. */
export class Checkout {
  readonly #world: World;
  readonly #record: Record;
  readonly #user: string;
  readonly #client: Client;
  readonly #dice: Dice;

  constructor(world: World, record: Record, user: string, client: Client, dice: Dice) {
    this.#world = world;
    this.#record = record;
    this.#user = user;
    this.#client = client;
    this.#dice = dice;
  }

  /** When it was told that it has paid; null if it never was. */
  async pay(show: SimulatedShow, order: OrderView): Promise<number | null> {
    const id = parseScopedId('ord', order.id);
    if (id === null) throw new Error(`${order.id} is no order`);
    if (order.payment !== undefined && !(await this.#confirm(show, order))) return null;
    const viewer = { user: this.#user, all: false };
    const question: Question = { type: 'get-order', viewer, order: id.number, at: id.at };
    for (let look = 0; look < LOOKS_MAX; look++) {
      await this.#client.pause(LOOK_MS * (0.2 + this.#dice.roll()));
      const { intention, value } = await this.#client.insist<OrderView>(show, question);
      const line = { op: 'order-state', show: show.id, client: this.#user, order: order.id, ...intention } as const;
      this.#record.write(value === null ? line : { ...line, state: value.status });
      if (value === null || value.status === 'awaiting_payment' || value.status === 'processing') continue;
      return value.status === 'paid' ? (intention.to ?? null) : null;
    }
    return null;
  }

  /** What the buyer's browser does at the provider. @returns whether the payment may come to something. */
  async #confirm(show: SimulatedShow, order: OrderView): Promise<boolean> {
    const { provider, options } = this.#world;
    const secret = await this.#secret(show, order);
    if (secret === null) return false;
    const method = this.#dice.one(options.habits.methods);
    await this.#client.pause(50 + this.#dice.roll() * 400);
    return provider.confirm(secret, method);
  }

  /** What the browser needs to pay: as the route has it, from the node's gateway. */
  async #secret(show: SimulatedShow, order: OrderView): Promise<string | null> {
    for (let sending = 0; sending < SENDINGS_MAX; sending++) {
      const node = this.#client.node();
      const paymentId = order.payment?.id ?? '';
      const opened = await (node?.request(() =>
        node.gateway.open({ paymentId, orderId: order.id, showId: show.id, ...order.total }).then(
          ({ clientSecret }) => clientSecret,
          () => null,
        ),
      ) ?? null);
      if (opened !== null && opened !== LOST) return opened;
      await this.#client.pause(pauseBefore(sending));
    }
    return null;
  }
}
