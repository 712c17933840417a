/** What can be under way on a node, or anywhere, when something goes wrong. */
export const PHASES = [
  'append sent',
  'append executed',
  'append committed, answer on its way',
  'recovery reads',
  'snapshot kept',
  'heartbeat',
  'joining',
  'taking shards',
  'giving shards up',
  'new epoch after a doubt',
  'request on its way to the owner',
  'shard without owner',
  'buyer waits',
  'order awaits payment',
  'payment opened',
  'payment looked at',
  'capture under way',
  'cancellation under way',
  'refund under way',
  'plan applied',
] as const;
export type Phase = (typeof PHASES)[number];

/** Where a phase is of the whole world, not of one node. */
export const WORLD = '*';

/** Counts each fault by what was under way where it struck: what never happened was never tested. */
export class Dangers {
  readonly #underWay = new Map<string, Map<Phase, number>>();
  readonly #met = new Map<string, number>();

  enter(where: string, phase: Phase): void {
    const here = this.#here(where);
    here.set(phase, (here.get(phase) ?? 0) + 1);
  }

  leave(where: string, phase: Phase): void {
    const here = this.#here(where);
    here.set(phase, Math.max(0, (here.get(phase) ?? 0) - 1));
  }

  /** What a node was in the midst of is over with it. */
  forget(where: string): void {
    this.#underWay.delete(where);
  }

  /** A fault strikes a node, or, without one, everything. */
  strike(fault: string, where: string | null): void {
    this.#count(fault);
    const met = new Set<Phase>();
    for (const [place, phases] of this.#underWay) {
      if (where !== null && place !== where && place !== WORLD) continue;
      for (const [phase, count] of phases) if (count > 0) met.add(phase);
    }
    for (const phase of met) this.#count(`${fault} × ${phase}`);
  }

  /** How often each fault happened, and each in each phase. */
  get met(): ReadonlyMap<string, number> {
    return this.#met;
  }

  #count(cell: string): void {
    this.#met.set(cell, (this.#met.get(cell) ?? 0) + 1);
  }

  #here(where: string): Map<Phase, number> {
    let here = this.#underWay.get(where);
    if (here === undefined) {
      here = new Map();
      this.#underWay.set(where, here);
    }
    return here;
  }
}
