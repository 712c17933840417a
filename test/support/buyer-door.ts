import type { Dice } from './dice.ts';
import { HttpClient } from './http-client.ts';

/** The connection to one node, for each user to any of them, and after a disappointment to another. */
export class Door {
  readonly #ports: readonly number[];
  readonly #dice: Dice;
  #at: number;
  #client: HttpClient;

  constructor(ports: readonly number[], dice: Dice) {
    this.#ports = ports;
    this.#dice = dice;
    this.#at = dice.between(0, ports.length - 1);
    this.#client = new HttpClient(ports[this.#at]);
  }

  get client(): HttpClient {
    return this.#client;
  }

  get port(): number {
    return this.#ports[this.#at];
  }

  any(): void {
    this.#turnTo(this.#dice.between(0, this.#ports.length - 1));
  }

  next(): void {
    this.#turnTo((this.#at + 1) % this.#ports.length);
  }

  #turnTo(at: number): void {
    if (at === this.#at) return;
    this.#client.close();
    this.#at = at;
    this.#client = new HttpClient(this.#ports[at]);
  }

  close(): void {
    this.#client.close();
  }
}
