import type { Turn } from '../../src/journal/journal.ts';
import { type Appended, type LaneConnection, TurnFault } from '../../src/journal/lane-connection.ts';
import type { Database } from './database.ts';
import { type DatabaseWire, STALL_MS, type WireFault } from './database-wire.ts';
import type { SimulatedProcess } from './simulated-process.ts';

interface SessionParts {
  readonly database: Database;
  readonly wire: DatabaseWire;
  readonly owner: string;
  /** The SELECT that guards appends: what it says is what it does here. */
  readonly fence: string;
  readonly onLost: (error: Error) => void;
}

/**
 * A lane's session at the simulated Postgres. An append goes: sent → executed (its fence read, and what that locks is
 * locked) → committed → answered; the client or the server may end, and the wire fail, between any two of these.
 */
export class LaneSession implements LaneConnection {
  readonly owner: string;
  readonly process: SimulatedProcess;
  readonly #parts: SessionParts;
  /** The client's end. */
  #isConnected = true;
  /** The server's end: what it executes still, it may commit. */
  #isServed = true;
  /** Undoes the statement that is executed and not yet committed. */
  #rollBack: (() => void) | null = null;
  /** Ends the exchange under way, as far as the client knows. */
  #break: (error: Error) => void = () => {};

  constructor(parts: SessionParts) {
    this.#parts = parts;
    this.owner = parts.owner;
    this.process = parts.wire.process;
    parts.database.open(this);
  }

  append(turns: readonly Turn[]): Promise<Appended> {
    const { database, wire } = this.#parts;
    const { time, dangers } = database.parts;
    const { host } = wire;
    return new Promise((resolve, reject) => {
      this.#break = reject;
      const fault = wire.fault();
      if (fault === 'lost') return this.#lose();
      const arrival = wire.arrival(fault);
      dangers.enter(host, 'append sent');
      if (arrival === null) return;
      time.after(arrival, () => {
        dangers.leave(host, 'append sent');
        // A server process goes on with what it has received, though its client is gone.
        if (!this.#isServed || database.server.isDown) return this.#refuse();
        this.#execute(turns, fault, (tell) => this.#answer(tell), resolve, reject);
      });
    });
  }

  canary(): Promise<boolean> {
    const { database, wire } = this.#parts;
    const { time } = database.parts;
    return new Promise((resolve, reject) => {
      this.#break = reject;
      const fault = wire.fault();
      if (fault === 'lost' || fault === 'ambiguous') return this.#lose();
      const arrival = wire.arrival(fault);
      if (arrival === null) return;
      time.after(arrival, () => {
        if (!this.#isServed || database.server.isDown) return this.#refuse();
        this.#answer(() => resolve(true));
      });
    });
  }

  destroy(): void {
    this.#isConnected = false;
    this.#break(new Error('the connection was destroyed'));
  }

  async end(): Promise<void> {
    this.#isConnected = false;
    this.#isServed = false;
    this.#parts.database.closed(this);
  }

  /** Its process has ended, and the kernel closes its connections. */
  endByClient(): void {
    this.#isConnected = false;
    this.#parts.database.closed(this);
  }

  endByServer(why: string): void {
    this.#isServed = false;
    this.#rollBack?.();
    this.#parts.database.closed(this);
    if (this.#parts.wire.hearsAnswers) this.#lose(`the server process ${why}`);
  }

  #execute(
    turns: readonly Turn[],
    fault: WireFault,
    answer: (tell: () => void) => void,
    resolve: (appended: Appended) => void,
    reject: (error: Error) => void,
  ): void {
    const { database, wire } = this.#parts;
    const { time, dice, dangers } = database.parts;
    const { weather } = database;
    const held = turns.filter((turn) => this.#fenceHolds(turn));
    const fenced = turns.flatMap((turn, place) => (held.includes(turn) ? [] : [place + 1]));
    const locked = this.#parts.fence.endsWith('for share') ? held.map(({ shard }) => shard) : [];
    for (const shard of locked) database.lock(shard);
    dangers.enter(wire.host, 'append executed');
    const end = (): void => {
      this.#rollBack = null;
      commit.task = null;
      dangers.leave(wire.host, 'append executed');
      for (const shard of locked) database.unlock(shard);
    };
    const [least, most] = weather.commitMs;
    const isStalled = weather.stalled > 0 && dice.chance(weather.stalled);
    const commitMs = isStalled ? dice.roll() * STALL_MS : least + dice.roll() * (most - least);
    const commit = time.after(commitMs, () => {
      end();
      const isConflict = held.some(({ showId, seq }) => database.has(showId, seq));
      if (isConflict) {
        database.parts.onViolation('I2', `a second row ${held[0].seq} was to be written under one epoch`);
        return answer(() => reject(new TurnFault(new Error('duplicate key'), true)));
      }
      for (const turn of held) database.write(turn);
      if (fault === 'ambiguous') return this.#lose();
      if (!wire.hearsAnswers) return;
      dangers.enter(wire.host, 'append committed, answer on its way');
      answer(() => {
        dangers.leave(wire.host, 'append committed, answer on its way');
        resolve({ written: held.length, fenced });
      });
    });
    this.#rollBack = end;
  }

  #fenceHolds(turn: Turn): boolean {
    const { database, fence } = this.#parts;
    if (!fence.includes('from shard')) return true;
    const row = database.tables.shards[turn.shard];
    return row.epoch === turn.epoch && (!fence.includes('owner = $2') || row.owner === this.owner);
  }

  /** The server has nothing to do with this connection: its machine says so. */
  #refuse(): void {
    if (this.#parts.wire.hearsAnswers) this.#lose('the connection was reset');
  }

  /** The connection breaks on the way, and the process hears that. */
  #lose(why = 'the connection was lost'): void {
    this.#tell(() => {
      const error = new Error(why);
      this.#break(error);
      this.#parts.onLost(error);
    });
  }

  #answer(tell: () => void): void {
    this.#tell(() => {
      if (this.#isConnected) tell();
    });
  }

  #tell(tell: () => void): void {
    const { database, wire } = this.#parts;
    database.parts.time.after(wire.latency, tell, this.process);
  }
}
