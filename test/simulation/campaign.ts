import { REQUIRED } from './required-dangers.ts';
import type { Result } from './simulation.ts';
import { Trace } from './trace.ts';

/** What many seeds come to: figures, violations, and which dangers were met. */
export class Campaign {
  /** Of all that happened, in all worlds. */
  readonly #trace = new Trace();
  readonly #firstSeed: number;
  readonly #startedAt = performance.now();
  readonly #cpuAtStart = process.cpuUsage();
  readonly #violations: { seed: number; invariant: string }[] = [];
  readonly #met = new Map<string, number>();
  #seeds = 0;
  #commands = 0;
  #events = 0;
  #simulatedMs = 0;

  constructor(firstSeed: number) {
    this.#firstSeed = firstSeed;
  }

  add({ options, violations, commands, events, simulatedMs, hash, dangers }: Result): void {
    this.#seeds++;
    this.#commands += commands;
    this.#events += events;
    this.#simulatedMs += simulatedMs;
    this.#trace.text(hash);
    if (violations.length > 0) this.#violations.push({ seed: options.seed, invariant: violations[0].invariant });
    for (const [danger, count] of dangers.met) this.#met.set(danger, (this.#met.get(danger) ?? 0) + count);
  }

  /** How often each fault happened, and in the midst of what. */
  get met(): ReadonlyMap<string, number> {
    return this.#met;
  }

  /** Dangers that must happen in many seeds and never did: what they would have shown is not known. */
  dangersMissed(): string[] {
    return REQUIRED.filter((danger) => !this.#met.has(danger));
  }

  summary() {
    const { user, system } = process.cpuUsage(this.#cpuAtStart);
    return {
      seeds: this.#seeds,
      firstSeed: this.#firstSeed,
      commands: this.#commands,
      // Of this process's own time: it computes on one core and waits for nothing.
      commandsPerSecond: Math.round(this.#commands / ((user + system) / 1e6)),
      simulatedHours: Math.round(this.#simulatedMs / 36_000) / 100,
      violations: this.#violations,
      trace: this.#trace.hash,
    };
  }

  told(): string {
    const { seeds, commands, commandsPerSecond, simulatedHours, violations, trace } = this.summary();
    const seconds = (performance.now() - this.#startedAt) / 1_000;
    return (
      `${seeds} seeds from ${this.#firstSeed} in ${seconds.toFixed(1)} s: ${violations.length} failed; ` +
      `${commands} commands (${commandsPerSecond} a second of CPU), ${this.#events} events, ${simulatedHours} h simulated, ` +
      `${this.#met.size} kinds of danger met; trace ${trace}\n`
    );
  }
}
