import { type Line, MESSAGE_BYTES_MAX, type Receiver, type Transport } from '../../src/cluster/messages/transport.ts';
import type { Dice } from '../support/dice.ts';
import type { Dangers } from './dangers.ts';
import type { SimulatedProcess } from './simulated-process.ts';
import type { Trace } from './trace.ts';
import type { VirtualTime } from './virtual-time.ts';

/** How messages fare between the nodes; drawn once a seed, and calm once faults stop. */
export interface NetworkWeather {
  /** From sending to arrival, ms. */
  readonly latencyMs: readonly [least: number, most: number];
  readonly drop: number;
  readonly duplicate: number;
  /** A message overtakes, or is overtaken: it takes up to so much longer. */
  readonly reorder: number;
  readonly reorderMs: number;
}

export const CALM_NETWORK: NetworkWeather = {
  latencyMs: [0.2, 1.5],
  drop: 0,
  duplicate: 0,
  reorder: 0,
  reorderMs: 0,
};

interface Parts {
  readonly time: VirtualTime;
  readonly dice: Dice;
  readonly trace: Trace;
  readonly dangers: Dangers;
}

/** The hub between the nodes, and what befalls what passes through it. */
export class Network {
  weather = CALM_NETWORK;
  readonly lines = new Map<string, SimulatedLine>();
  readonly parts: Parts;
  /** Ways on which nothing arrives: `from>to`, by host. */
  readonly #cut = new Set<string>();
  /** Ways on which everything waits until then. */
  readonly #clogged = new Map<string, number>();
  /** Arrival of the last message of a way: what comes later arrives later. */
  readonly #last = new Map<string, number>();

  constructor(parts: Parts) {
    this.parts = parts;
  }

  cut(from: string, to: string): void {
    this.#cut.add(`${from}>${to}`);
  }

  clog(from: string, to: string, ms: number): void {
    this.#clogged.set(`${from}>${to}`, this.parts.time.now + ms);
  }

  /** All ways are free again. */
  heal(): void {
    this.#cut.clear();
    this.#clogged.clear();
  }

  /** Has it arrive, late, twice or never. */
  carry(from: string, to: string, arrive: () => void): void {
    const { time, dice } = this.parts;
    const way = `${from}>${to}`;
    const { weather } = this;
    if (this.#cut.has(way)) return;
    if (weather.drop > 0 && dice.chance(weather.drop)) return;
    const copies = weather.duplicate > 0 && dice.chance(weather.duplicate) ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      let at = time.now + latencyOf(weather, dice);
      if (weather.reorder > 0 && dice.chance(weather.reorder)) at += dice.roll() * weather.reorderMs;
      else {
        at = Math.max(at, this.#last.get(way) ?? 0, this.#clogged.get(way) ?? 0);
        this.#last.set(way, at);
      }
      time.after(at - time.now, arrive);
    }
  }

  /** Of a process that has ended: its server sees the connections close. */
  hangUp(process: SimulatedProcess): void {
    for (const [incarnation, line] of this.lines) if (line.process === process) this.lines.delete(incarnation);
  }
}

function latencyOf({ latencyMs: [least, most] }: NetworkWeather, dice: Dice): number {
  return least + dice.roll() * (most - least);
}

/** A process's connection to the hub. */
export class SimulatedTransport implements Transport {
  readonly kind = 'nats';
  readonly host: string;
  readonly process: SimulatedProcess;
  readonly #network: Network;
  readonly #onLink: ((isLinked: boolean) => void)[] = [];
  #isLinked = true;

  constructor(network: Network, host: string, process: SimulatedProcess) {
    this.#network = network;
    this.host = host;
    this.process = process;
  }

  get isLinked(): boolean {
    return this.#isLinked;
  }

  /** The connection is lost, or back, and the process is told. */
  set isLinked(isLinked: boolean) {
    if (this.#isLinked === isLinked) return;
    this.#isLinked = isLinked;
    this.#network.parts.time.soon(() => {
      for (const changed of this.#onLink) changed(isLinked);
    }, this.process);
  }

  listen(incarnation: string, receiver: Receiver): Promise<Line> {
    return new Promise((resolve, reject) => {
      const { time } = this.#network.parts;
      time.after(
        1,
        () => {
          if (!this.#isLinked) return reject(new Error('there is no link to the other nodes'));
          const line = new SimulatedLine(this.#network, this, incarnation, receiver);
          this.#network.lines.set(incarnation, line);
          resolve(line);
        },
        this.process,
      );
    });
  }

  onLink(changed: (isLinked: boolean) => void): void {
    this.#onLink.push(changed);
  }

  async close(): Promise<void> {
    this.#network.hangUp(this.process);
  }
}

class SimulatedLine implements Line {
  readonly process: SimulatedProcess;
  readonly #network: Network;
  readonly #transport: SimulatedTransport;
  readonly #incarnation: string;
  readonly #receiver: Receiver;

  constructor(network: Network, transport: SimulatedTransport, incarnation: string, receiver: Receiver) {
    this.#network = network;
    this.#transport = transport;
    this.#incarnation = incarnation;
    this.#receiver = receiver;
    this.process = transport.process;
  }

  send(to: string, bytes: Uint8Array, number: number): boolean {
    if (!this.#isLive || bytes.length > MESSAGE_BYTES_MAX) return false;
    const { lines, parts } = this.#network;
    // The sender writes on in what it has sent.
    const copy = new Uint8Array(bytes);
    const target = lines.get(to);
    const { host } = this.#transport;
    if (target === undefined) {
      this.#network.carry(host, host, () => {
        if (!lines.has(to)) this.#unreachable(to, number);
      });
      return true;
    }
    parts.dangers.enter(host, 'request on its way to the owner');
    this.#network.carry(host, target.#transport.host, () => {
      parts.dangers.leave(host, 'request on its way to the owner');
      const now = lines.get(to);
      if (now === undefined) this.#unreachable(to, number);
      else now.#take(copy);
    });
    return true;
  }

  broadcast(bytes: Uint8Array): boolean {
    if (!this.#isLive || bytes.length > MESSAGE_BYTES_MAX) return false;
    const copy = new Uint8Array(bytes);
    for (const [incarnation, line] of this.#network.lines) {
      if (line === this) continue;
      this.#network.carry(this.#transport.host, line.#transport.host, () => {
        const now = this.#network.lines.get(incarnation);
        if (now !== undefined) now.#take(copy.slice());
      });
    }
    return true;
  }

  async stop(): Promise<void> {
    if (this.#isLive) this.#network.lines.delete(this.#incarnation);
  }

  #take(bytes: Uint8Array): void {
    const { time, trace } = this.#network.parts;
    if (!this.#transport.isLinked) return;
    trace.number(time.now);
    trace.number(bytes.length);
    time.into(this.process, () => this.#receiver.message(bytes));
  }

  #unreachable(to: string, number: number): void {
    this.#network.parts.time.into(this.process, () => this.#receiver.unreachable(to, number));
  }

  get #isLive(): boolean {
    return this.#transport.isLinked && this.#network.lines.get(this.#incarnation) === this;
  }
}
