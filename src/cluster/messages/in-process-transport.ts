import type { Timers } from '../../ports.ts';
import { type Line, MESSAGE_BYTES_MAX, type Receiver, type Transport } from './transport.ts';

/** Bytes that may be on their way in one hub. */
export const HUB_BYTES_MAX = 64_000_000;

/** Where the transports of one process meet. */
export class InProcessHub {
  readonly timers: Timers;
  readonly lines = new Map<string, InProcessLine>();
  #queue: (() => void)[] = [];
  #bytes = 0;

  constructor(timers: Timers) {
    this.timers = timers;
  }

  /** Runs `task` once what has arrived was handled, in the order of the calls; false when too much is on its way. */
  post(bytes: number, task: () => void): boolean {
    if (this.#bytes + bytes > HUB_BYTES_MAX) return false;
    this.#bytes += bytes;
    if (this.#queue.push(task) === 1) this.timers.soon(() => this.#deliver());
    return true;
  }

  #deliver(): void {
    const queue = this.#queue;
    this.#queue = [];
    this.#bytes = 0;
    for (const task of queue) task();
  }
}

/**
 * One node's way to the others of the same process. A node without NATS has it, with nobody else at the hub; in tests and
 * the simulator it can be cut.
 */
export class InProcessTransport implements Transport {
  readonly kind: Transport['kind'];
  readonly #hub: InProcessHub;
  readonly #lines = new Set<InProcessLine>();
  readonly #onLink: ((isLinked: boolean) => void)[] = [];
  #isLinked = true;

  /** @param kind `nats` for several nodes in one process, which only tests and simulations have. */
  constructor(hub: InProcessHub, kind: Transport['kind'] = 'local') {
    this.#hub = hub;
    this.kind = kind;
  }

  get isLinked(): boolean {
    return this.#isLinked;
  }

  async listen(incarnation: string, receiver: Receiver): Promise<Line> {
    if (!this.#isLinked) throw new Error('the transport is cut off');
    if (this.#hub.lines.has(incarnation)) throw new Error(`${incarnation} listens already`);
    const line = new InProcessLine(this.#hub, this, incarnation, receiver);
    this.#hub.lines.set(incarnation, line);
    this.#lines.add(line);
    return line;
  }

  onLink(changed: (isLinked: boolean) => void): void {
    this.#onLink.push(changed);
  }

  /** Nothing comes or goes any more, what is on its way is lost, and nobody is told. */
  cut(): void {
    this.#setLinked(false);
  }

  mend(): void {
    this.#setLinked(true);
  }

  async close(): Promise<void> {
    for (const line of this.#lines) await line.stop();
    this.#isLinked = false;
  }

  #setLinked(isLinked: boolean): void {
    if (this.#isLinked === isLinked) return;
    this.#isLinked = isLinked;
    for (const changed of this.#onLink) changed(isLinked);
  }
}

class InProcessLine implements Line {
  readonly #hub: InProcessHub;
  readonly #transport: InProcessTransport;
  readonly #incarnation: string;
  readonly #receiver: Receiver;

  constructor(hub: InProcessHub, transport: InProcessTransport, incarnation: string, receiver: Receiver) {
    this.#hub = hub;
    this.#transport = transport;
    this.#incarnation = incarnation;
    this.#receiver = receiver;
  }

  send(to: string, bytes: Uint8Array, number: number): boolean {
    if (!this.#isLive || bytes.length > MESSAGE_BYTES_MAX) return false;
    // The receiver may keep what it gets, and the sender write on in what it has sent. A Buffer's `slice` copies nothing.
    const copy = new Uint8Array(bytes);
    return this.#hub.post(bytes.length, () => {
      if (!this.#isLive) return;
      const line = this.#hub.lines.get(to);
      if (line === undefined) this.#receiver.unreachable(to, number);
      else line.#take(copy);
    });
  }

  broadcast(bytes: Uint8Array): boolean {
    if (!this.#isLive || bytes.length > MESSAGE_BYTES_MAX) return false;
    const copy = new Uint8Array(bytes);
    return this.#hub.post(bytes.length, () => {
      if (!this.#isLive) return;
      for (const line of [...this.#hub.lines.values()]) if (line !== this) line.#take(copy.slice());
    });
  }

  async stop(): Promise<void> {
    if (this.#hub.lines.get(this.#incarnation) === this) this.#hub.lines.delete(this.#incarnation);
  }

  #take(bytes: Uint8Array): void {
    if (this.#isLive) this.#receiver.message(bytes);
  }

  get #isLive(): boolean {
    return this.#transport.isLinked && this.#hub.lines.get(this.#incarnation) === this;
  }
}
