import { setTimeout as pause } from 'node:timers/promises';
import { newBuyer, type Person, type ShowOnSale } from './box-office.ts';
import { Door } from './buyer-door.ts';
import type { Dice } from './dice.ts';
import { type Answer, answerOf, type History, isDefinite, type Operation, outcomeOf } from './sale-history.ts';

export const CARDS = {
  good: '4242424242424242',
  declined: '4000000000000002',
  challenged: '4000000000003220',
  failsAtCapture: '4000000000000341',
} as const;

export interface BuyerSetting {
  /** Of the nodes that a buyer may turn to: to the next one whenever one gives no definite answer. May grow. */
  readonly ports: readonly number[];
  readonly shows: readonly ShowOnSale[];
  /** How often each show is chosen, beside the others. */
  readonly weights: readonly number[];
  readonly dice: Dice;
  /** How often a user buys before the next one comes; as often as it is allowed if not given. */
  readonly purchases?: number;
  /** Where everything is written down, shared by all buyers. */
  readonly history: History;
  /** Most ms between two requests. */
  readonly thinkMs: number;
  /** How often a buyer looks at the seat map before choosing: a probability; 0 if not given. */
  readonly looks?: number;
  /** How often a buyer reads an order that was paid, and all own tickets in the show: a probability; 0 if not given. */
  readonly reads?: number;
  /** How often a buyer walks away from a hold that was just given, without a word: a probability; 0 if not given. */
  readonly walksAway?: number;
  /**
   * How often a buyer without a definite answer does not ask again but leaves for good: a probability. If not given, all
   * ask until they are answered, and a server that does not for too long ends the test.
   */
  readonly leaves?: number;
  /** Asked before each new purchase; a purchase that was begun is finished. */
  readonly goesOn: () => boolean;
}

/** A request that is not answered for so long, while there is a server to ask, ends the test. */
const GIVE_UP_MS = 60_000;
const RETRY_FIRST_MS = 40;
const RETRY_MOST_MS = 320;

/** Refusals that any choice of seats can meet when others buy too. */
const CONTENTION = ['409 SEATS_TAKEN', '409 NOT_ENOUGH_SEATS', '409 ORPHAN_SEAT'];

interface HoldBody {
  readonly id: string;
  readonly total: { readonly amount: number };
}
interface OrderBody {
  readonly id: string;
  readonly total: { readonly amount: number };
  readonly lines: readonly { readonly ticketId: string }[];
  readonly payment?: { readonly id: string };
}

/** A buyer leaves, and will never know what became of the last request. */
class Left extends Error {}

/**
 * Buys at one keep-alive connection at a time until told to stop, one user after the other, through whatever happens to the
 * server: an operation without a definite answer is sent again, with the same key, until it has one.
 */
export async function buy(setting: BuyerSetting): Promise<void> {
  const door = new Door(setting.ports, setting.dice);
  try {
    while (setting.goesOn()) {
      door.any();
      const visit = new Visit(setting, door, await newBuyer());
      let stays = true;
      for (let left = setting.purchases ?? Number.POSITIVE_INFINITY; stays && left > 0 && setting.goesOn(); left--) {
        stays = await visit.purchase().catch((error: Error) => {
          if (error instanceof Left) return false;
          throw error;
        });
      }
    }
  } finally {
    door.close();
  }
}

/** One user's purchases in one show. */
class Visit {
  readonly #setting: BuyerSetting;
  readonly #door: Door;
  readonly #user: Person;
  readonly #show: ShowOnSale;
  /** Places held, in payment or bought: what the limit per buyer counts. */
  #places = 0;
  #keys = 0;

  constructor(setting: BuyerSetting, door: Door, user: Person) {
    this.#setting = setting;
    this.#door = door;
    this.#user = user;
    this.#show = chooseShow(setting);
  }

  /** One purchase, or one that is given up half-way. Returns whether the user goes on buying. */
  async purchase(): Promise<boolean> {
    const { dice, looks = 0, walksAway = 0 } = this.#setting;
    if (looks > 0 && dice.chance(looks)) {
      await this.#send('seats', 'GET', `/v1/shows/${this.#show.id}/seats?form=compact`, ['200']);
    }
    const { body, quantity } = this.#wish();
    const overLimit = this.#places + quantity > this.#show.perBuyer;
    const held = await this.#hold(body, overLimit ? ['409 BUYER_LIMIT'] : ['201', ...CONTENTION]);
    if (held.status !== 201) return !overLimit;
    this.#places += quantity;
    const hold = held.body as HoldBody;

    if (walksAway > 0 && dice.chance(walksAway)) return false;
    if (dice.chance(0.04)) await this.#hold({ best: { quantity: 1 } }, ['409 HOLD_LIMIT']);
    if (dice.chance(0.15)) await this.#send('extend', 'POST', `/v1/holds/${hold.id}/extend`, ['200']);
    if (dice.chance(0.03)) return false;
    if (dice.chance(0.12)) {
      await this.#send('release', 'DELETE', `/v1/holds/${hold.id}`, ['204']);
      this.#places -= quantity;
      return true;
    }

    const ordered = await this.#send('order', 'POST', `/v1/holds/${hold.id}/order`, ['201'], { key: this.#newKey() });
    const order = ordered.body as OrderBody;
    if (order.total.amount === 0) return this.#readTicket(order);
    if (dice.chance(0.03)) return false;
    if (dice.chance(0.08)) {
      await this.#send('cancel', 'POST', `/v1/orders/${order.id}/cancel`, ['200']);
      this.#places -= quantity;
      return true;
    }
    const isPaid = await this.#pay(order);
    if (!isPaid) this.#places -= quantity;
    return isPaid ? this.#readTicket(order) : true;
  }

  /** Pays as one of four kinds of buyer; returns whether the order is paid. */
  async #pay(order: OrderBody): Promise<boolean> {
    const { dice } = this.#setting;
    const kind = dice.roll();
    if (kind < 0.1) {
      // 200 says that the money is on its way, and no more.
      const { status, body } = await this.#confirm(order, CARDS.failsAtCapture, ['402 CAPTURE_FAILED', '200']);
      if (status === 200) throw new Error(`order ${order.id} was paid with no money: ${JSON.stringify(body)}`);
      return false;
    }
    if (kind < 0.2) {
      await this.#confirm(order, CARDS.declined, ['402 CARD_DECLINED']);
    } else if (kind < 0.3) {
      // The first sending may have been the challenge, and the second of the same confirmation its passing.
      const first = await this.#confirm(order, CARDS.challenged, ['200']);
      if ((first.body as { status: string }).status === 'succeeded') return true;
      await this.#confirm(order, CARDS.challenged, ['200']);
      return true;
    }
    await this.#confirm(order, CARDS.good, ['200']);
    return true;
  }

  async #readTicket(order: OrderBody): Promise<boolean> {
    const { ticketId } = this.#setting.dice.one(order.lines);
    await this.#send('ticket', 'GET', `/v1/tickets/${ticketId}`, ['200']);
    const { dice, reads = 0 } = this.#setting;
    if (reads > 0 && dice.chance(reads)) {
      await this.#send('read-order', 'GET', `/v1/orders/${order.id}`, ['200']);
      await this.#send('read-tickets', 'GET', `/v1/tickets?showId=${this.#show.id}&limit=100`, ['200']);
    }
    return true;
  }

  /** Confirms, again while all that is said is that the money is on its way. */
  async #confirm(order: OrderBody, card: string, expected: readonly string[]): Promise<Answer> {
    if (order.payment === undefined) throw new Error(`order ${order.id} cannot be paid`);
    const path = `/v1/sandbox/payments/${order.payment.id}/confirm`;
    // What is on its way may come to nothing.
    const isLast = ({ status, body }: Answer) => status !== 200 || (body as { status: string }).status !== 'processing';
    for (;;) {
      const answer = await this.#send('confirm', 'POST', path, expected, { body: { card } });
      if (isLast(answer)) return answer;
    }
  }

  #hold(body: unknown, expected: readonly string[]): Promise<Answer> {
    return this.#send('hold', 'POST', `/v1/shows/${this.#show.id}/holds`, expected, { key: this.#newKey(), body });
  }

  /** Neighbours picked by hand, mostly far in front; the best available; standing places; or best and standing together. */
  #wish(): { body: unknown; quantity: number } {
    const { dice } = this.#setting;
    const { rows, areas } = this.#show;
    const kind = dice.roll();
    const quantity = dice.between(1, 4);
    if (areas.length > 0 && kind < 0.25) {
      const area = { id: dice.one(areas).id, quantity };
      if (kind < 0.15) return { body: { areas: [area] }, quantity };
      return { body: { best: { quantity: 2 }, areas: [area] }, quantity: quantity + 2 };
    }
    if (kind < 0.6) return { body: { best: { quantity } }, quantity };
    const row = rows[Math.floor(dice.roll() ** 2 * rows.length)];
    const from = dice.between(0, row.length - 1);
    const seats = row.slice(from, from + quantity);
    return { body: { seats }, quantity: seats.length };
  }

  #newKey(): string {
    return `${this.#user.id}-${++this.#keys}`;
  }

  /** Sends until the answer is definite, then (with a key) sometimes once more. */
  async #send(
    kind: Operation['kind'],
    method: Operation['method'],
    path: string,
    expected: readonly string[],
    { key = null, body = null }: { key?: string | null; body?: unknown } = {},
  ): Promise<Answer> {
    const { dice, history, thinkMs } = this.#setting;
    const operation: Operation = {
      kind,
      user: this.#user.id,
      showId: this.#show.id,
      method,
      path,
      key,
      requestBody: body,
      expected,
      attempts: [],
    };
    history.push(operation);
    await pause(dice.roll() * thinkMs);
    let wait = RETRY_FIRST_MS;
    let waited = 0;
    for (let since = performance.now(); !isDefinite(await this.#attempt(operation)); since = performance.now()) {
      const { leaves } = this.#setting;
      if (leaves !== undefined && (waited > GIVE_UP_MS || dice.chance(leaves))) throw new Left();
      this.#door.next();
      await pause(wait * (0.5 + dice.roll()));
      wait = Math.min(wait * 2, RETRY_MOST_MS);
      if (operation.attempts.at(-1)?.wasSent) waited += performance.now() - since;
      if (waited > GIVE_UP_MS) throw new Error(`${kind} ${path} got no answer in ${GIVE_UP_MS / 1_000} s`);
    }
    if (key !== null && dice.chance(0.05)) await this.#attempt(operation);
    const answer = answerOf(operation);
    if (!expected.includes(outcomeOf(answer))) {
      throw new Error(`${method} ${path}: ${JSON.stringify({ expected, attempts: operation.attempts, body })}`);
    }
    return answer;
  }

  async #attempt(operation: Operation): Promise<Answer | null> {
    const sentAt = performance.now();
    const { method, path, key, requestBody } = operation;
    const { client, port } = this.#door;
    let answer: Answer | null = null;
    let wasSent = true;
    try {
      const { status, headers, body } = await client.send({
        method,
        path,
        token: this.#user.token,
        key,
        body: requestBody,
      });
      answer = { status, body, replayed: headers['idempotency-replayed'] === 'true' };
    } catch (error) {
      wasSent = (error as NodeJS.ErrnoException).code !== 'ECONNREFUSED';
    }
    operation.attempts.push({ sentAt, endedAt: performance.now(), answer, wasSent, port });
    return answer;
  }
}

function chooseShow({ shows, weights, dice }: BuyerSetting): ShowOnSale {
  let left = dice.roll() * weights.reduce((sum, weight) => sum + weight, 0);
  for (const [i, weight] of weights.entries()) {
    left -= weight;
    if (left < 0) return shows[i];
  }
  return shows[shows.length - 1];
}
