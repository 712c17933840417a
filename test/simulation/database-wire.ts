import type { Registry } from '../../src/cluster/registry/registry.ts';
import type { Dice } from '../support/dice.ts';
import type { Dangers, Phase } from './dangers.ts';
import type { SimulatedProcess } from './simulated-process.ts';
import type { VirtualTime } from './virtual-time.ts';

/** How statements fare between a process and the database; drawn once a seed, and calm once faults stop. */
export interface DatabaseWeather {
  /** One way, ms. */
  readonly latencyMs: readonly [least: number, most: number];
  /** From the execution of an append to its being durable. */
  readonly commitMs: readonly [least: number, most: number];
  /** The connection breaks before the statement arrives. */
  readonly lost: number;
  /** It is carried out, and the connection breaks before the answer arrives. */
  readonly ambiguous: number;
  /** It never arrives, and nobody is told. */
  readonly hung: number;
  /** It arrives only after up to `lateMs`, when nobody waits for it any more. */
  readonly late: number;
  readonly lateMs: number;
  /** Its commit takes up to {@link STALL_MS}, with its locks held. */
  readonly stalled: number;
  /** What is kept of a snapshot is torn, or has a bit flipped. */
  readonly torn: number;
}

export const CALM_DATABASE: DatabaseWeather = {
  latencyMs: [0.1, 0.4],
  commitMs: [0.5, 3],
  lost: 0,
  ambiguous: 0,
  hung: 0,
  late: 0,
  lateMs: 0,
  stalled: 0,
  torn: 0,
};

/** The server gives a statement up after so long (`statement_timeout` of a lane). */
export const STALL_MS = 4_000;

export type WireFault = 'lost' | 'ambiguous' | 'hung' | 'late' | null;

/**
 * Which way between a process and the database is open: `mute`: nothing arrives there; `deaf`: no answer comes back;
 * `cut`: neither. Nobody is told; what waits runs into its deadline.
 */
export type WayState = 'open' | 'mute' | 'deaf' | 'cut';

/** What all wires of a world share. */
export interface WireParts {
  readonly time: VirtualTime;
  readonly dice: Dice;
  readonly dangers: Dangers;
  /** Null while the server takes no connections. */
  readonly server: () => ServerState;
}

export interface ServerState {
  readonly weather: DatabaseWeather;
  readonly isDown: boolean;
  /** It answers nothing before, ms since the epoch. */
  readonly frozenUntil: number;
  /** Counts its starts: what was begun before a stop is not answered after it. */
  readonly starts: number;
}

const PHASE_OF: Partial<Record<keyof Registry, Phase>> = {
  beat: 'heartbeat',
  join: 'joining',
  acquire: 'taking shards',
  release: 'giving shards up',
  advance: 'new epoch after a doubt',
};

export function phaseOf(kind: keyof Registry): Phase | null {
  return PHASE_OF[kind] ?? null;
}

/** A process's way to the database. */
export class DatabaseWire {
  way: WayState = 'open';
  readonly host: string;
  readonly process: SimulatedProcess;
  readonly #parts: WireParts;

  constructor(parts: WireParts, host: string, process: SimulatedProcess) {
    this.#parts = parts;
    this.host = host;
    this.process = process;
  }

  get latency(): number {
    const [least, most] = this.#parts.server().weather.latencyMs;
    return least + this.#parts.dice.roll() * (most - least);
  }

  /** What befalls the next statement by itself. */
  fault(): WireFault {
    const { weather } = this.#parts.server();
    const { dice } = this.#parts;
    if (weather.lost + weather.ambiguous + weather.hung + weather.late === 0) return null;
    let roll = dice.roll() - weather.lost;
    if (roll < 0) return 'lost';
    roll -= weather.ambiguous;
    if (roll < 0) return 'ambiguous';
    roll -= weather.hung;
    if (roll < 0) return 'hung';
    return roll < weather.late ? 'late' : null;
  }

  /** When what is sent now arrives, ms from now; null: never. */
  arrival(fault: WireFault): number | null {
    if (fault === 'hung' || this.way === 'cut' || this.way === 'mute') return null;
    const { time, dice, server } = this.#parts;
    const { weather, frozenUntil } = server();
    const late = fault === 'late' ? dice.roll() * weather.lateMs : 0;
    return Math.max(this.latency + late, frozenUntil - time.now);
  }

  get hearsAnswers(): boolean {
    return this.way === 'open' || this.way === 'mute';
  }

  /**
   * Has `work` done at the database. Rejects at the latest after `deadlineMs` by the process's clock; what was asked may
   * then have been done, or be done yet.
   */
  ask<T>(phase: Phase | null, deadlineMs: number, work: () => T | Promise<T>): Promise<T> {
    const { time, dangers, server } = this.#parts;
    return new Promise((resolve, reject) => {
      let isOver = false;
      const over = (tell: () => void): void => {
        if (isOver) return;
        isOver = true;
        deadline.cancel();
        if (phase !== null) dangers.leave(this.host, phase);
        tell();
      };
      const deadline = this.process.timers.after(deadlineMs, () =>
        over(() => reject(new Error(`no answer from the database within ${deadlineMs} ms`))),
      );
      const back = (tell: () => void): void => void time.after(this.latency, () => over(tell), this.process);
      if (phase !== null) dangers.enter(this.host, phase);
      const fault = this.fault();
      if (fault === 'lost') return back(() => reject(new Error('the connection was lost')));
      const arrival = this.arrival(fault);
      if (arrival === null) return;
      time.after(arrival, async () => {
        if (server().isDown) return back(() => reject(new Error('connection refused')));
        const { starts } = server();
        try {
          const value = await work();
          if (server().starts !== starts) return back(() => reject(new Error('the server has stopped')));
          if (fault === 'ambiguous') return back(() => reject(new Error('the connection was lost')));
          if (this.hearsAnswers) back(() => resolve(value));
        } catch (error) {
          if (this.hearsAnswers) back(() => reject(error));
        }
      });
    });
  }
}
