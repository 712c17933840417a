import type { ClusterView, NodeState } from '../view.ts';
import type { PinChange } from './pin-changes.ts';
import { changedNodes, changedPins } from './plan-drift.ts';
import type { PlanRunnerParts } from './plan-runner.ts';
import { type PlanStep, stepsOf } from './plan-steps.ts';
import type { MoveDone, StoredPlan } from './plan-store.ts';
import type { PlanMove } from './plans.ts';

/** How often a step looks whether its shards have arrived. */
export const POLL_MS = 100;
/** A step none of whose moves has finished for so long fails; so does the wait for the database. */
export const MOVE_LIMIT_MS = 30_000;
/** A shard that has arrived for so long counts as moved although nobody noted when it answered again. */
export const PAUSE_LIMIT_MS = 5_000;
/** The reason of a node that ops drain. No node ends such a drain by itself. */
export const DRAINED_BY_OPS = 'drained by an operator';

const STOPPED = 'The node that applied it stopped.';
const TAKEN_OVER = 'Another node has taken the plan over.';

/** Why a run ends before its plan does. */
class Halt extends Error {
  /** `lost`: somebody else has the plan now. */
  readonly outcome: 'failed' | 'left' | 'lost';
  constructor(outcome: 'failed' | 'left' | 'lost', message: string) {
    super(message);
    this.outcome = outcome;
  }
}

/**
 * One try to apply a plan, by one incarnation. Each step is written, then waited for, then noted; all of it may be done
 * again without harm, so a run that resumes begins with the first step and finds most of them done.
 */
export class PlanRun {
  readonly #parts: PlanRunnerParts;
  readonly #stored: StoredPlan;
  readonly #by: string;
  readonly #moves: ReadonlyMap<number, PlanMove>;
  /** By shard: the moves that are over. */
  readonly #done: Map<number, MoveDone>;
  #isInterrupted = false;

  constructor(parts: PlanRunnerParts, stored: StoredPlan, by: string) {
    this.#parts = parts;
    this.#stored = stored;
    this.#by = by;
    this.#moves = new Map(stored.plan.moves.map((move) => [move.shard, move]));
    this.#done = new Map(stored.done.map((done) => [done.shard, done]));
  }

  /** Ends the run within a moment, also in the middle of a step. */
  interrupt(): void {
    this.#isInterrupted = true;
  }

  /** Never rejects. */
  async run(): Promise<void> {
    const { log, store } = this.#parts;
    const { id, plan } = this.#stored;
    log.info({ plan: id, request: plan.request, moves: plan.moves.length, done: this.#done.size }, 'a plan is applied');
    try {
      for (const step of stepsOf(plan)) {
        await this.#begin(step);
        await this.#await(step);
      }
      if (!(await this.#persist(() => store.end(id, this.#by, 'applied', null)))) throw new Halt('lost', TAKEN_OVER);
      log.info({ plan: id }, 'a plan was applied');
    } catch (error) {
      const halt = error instanceof Halt ? error : new Halt('left', (error as Error).message);
      log.warn({ plan: id, outcome: halt.outcome, reason: halt.message }, 'a plan was not applied to its end');
      await this.#end(halt).catch((failure: Error) => {
        // It stays in this incarnation's name, which whoever resumes it sees through.
        log.warn({ plan: id, err: failure }, 'the end of a plan could not be noted');
      });
    }
  }

  async #end({ outcome, message }: Halt): Promise<void> {
    const { store } = this.#parts;
    const { id } = this.#stored;
    if (outcome === 'left') await store.leave(id, this.#by, message);
    if (outcome === 'failed') {
      const count = `${this.#done.size} of ${this.#moves.size} moves are done.`;
      const stays = 'What was set stays, and nodes may still move shards accordingly; nothing is rolled back.';
      await store.end(id, this.#by, 'failed', `${message} ${count} ${stays}`);
    }
  }

  // --- one step ------------------------------------------------------------------------------------------------------

  async #begin({ undrain, pins, drain }: PlanStep): Promise<void> {
    const { registry, nudge } = this.#parts;
    const { plan, base } = this.#stored;
    await this.#note();
    const view = await this.#persist(() => registry.read());
    const changes = [...changedNodes(base, plan.changes, view).values(), ...changedPins(base, plan.changes, view)];
    if (changes.length > 0) throw new Halt('failed', `The cluster has changed meanwhile: ${changes.join(' ')}`);
    if (undrain !== null) await this.#setState(view, undrain, ['draining', 'up'], 'up', null);
    const missing = pins.filter((pin) => !isSet(pin, view));
    if (missing.length > 0) await this.#persist(() => registry.setPins(missing));
    if (drain !== null) await this.#setState(view, drain, ['up', 'draining'], 'draining', DRAINED_BY_OPS);
    nudge();
  }

  async #setState(
    view: ClusterView,
    id: string,
    from: readonly NodeState[],
    to: NodeState,
    reason: string | null,
  ): Promise<void> {
    const { registry } = this.#parts;
    const incarnation = view.nodes.find((node) => node.id === id)?.incarnation ?? '';
    if (!(await this.#persist(() => registry.setState(incarnation, from, to, reason))))
      throw new Halt('failed', `Node ${id} cannot be ${to} any more.`);
  }

  /** Waits until every shard of the step answers at its target. */
  async #await({ shards }: PlanStep): Promise<void> {
    const { clock, registry } = this.#parts;
    const waiting = new Set(shards.filter((shard) => !this.#done.has(shard)));
    const arrivedAt = new Map<number, number>();
    const hopeless = new Set<string>();
    let progressAt = clock.now();
    while (waiting.size > 0) {
      const view = await this.#persist(() => registry.read());
      for (const reason of this.#giveUp(waiting, view)) hopeless.add(reason);
      const done = await this.#finished(waiting, view, arrivedAt);
      for (const each of done) {
        waiting.delete(each.shard);
        this.#done.set(each.shard, each);
      }
      if (done.length > 0) {
        progressAt = clock.now();
        await this.#note({ mayStop: false });
      }
      if (waiting.size === 0) break;
      if (clock.now() - progressAt >= MOVE_LIMIT_MS) {
        throw new Halt(
          'failed',
          `For ${MOVE_LIMIT_MS / 1_000} s no move has finished; ${waiting.size} were under way.`,
        );
      }
      await this.#pause();
    }
    if (hopeless.size > 0) throw new Halt('failed', [...hopeless].join(' '));
  }

  /** Takes out those whose target will not take them. @returns why. */
  #giveUp(waiting: Set<number>, view: ClusterView): string[] {
    const { plan, base } = this.#stored;
    const changed = changedNodes(base, plan.changes, view);
    const reasons: string[] = [];
    for (const shard of waiting) {
      const reason = changed.get(this.#moveOf(shard).to);
      if (reason === undefined) continue;
      waiting.delete(shard);
      reasons.push(reason);
    }
    return reasons;
  }

  async #finished(
    waiting: ReadonlySet<number>,
    view: ClusterView,
    arrivedAt: Map<number, number>,
  ): Promise<MoveDone[]> {
    const { clock, registry } = this.#parts;
    const incarnations = new Map(view.nodes.map(({ id, incarnation }) => [id, incarnation]));
    const arrived = [...waiting].filter((shard) => view.owners[shard] === incarnations.get(this.#moveOf(shard).to));
    if (arrived.length === 0) return [];
    const pauses = await this.#persist(() => registry.pauses(arrived));
    return arrived.flatMap((shard, i): MoveDone[] => {
      // A shard that nobody had was not handed over: what stands there is of an earlier time.
      if (this.#moveOf(shard).from === null) return [{ shard, pauseMs: null }];
      const pauseMs = pauses[i];
      if (pauseMs !== null) return [{ shard, pauseMs }];
      const since = arrivedAt.get(shard) ?? clock.now();
      arrivedAt.set(shard, since);
      return clock.now() - since >= PAUSE_LIMIT_MS ? [{ shard, pauseMs: null }] : [];
    });
  }

  #moveOf(shard: number): PlanMove {
    const move = this.#moves.get(shard);
    if (move === undefined) throw new Error(`shard ${shard} is not among the plan's moves`);
    return move;
  }

  // --- between two looks ---------------------------------------------------------------------------------------------

  /** Writes down how far it is, and finds out whether to go on. */
  async #note({ mayStop } = { mayStop: true }): Promise<void> {
    const { store } = this.#parts;
    const noted = await this.#persist(() => store.note(this.#stored.id, this.#by, [...this.#done.values()]));
    if (noted === null) throw new Halt('lost', TAKEN_OVER);
    if (this.#isInterrupted) throw new Halt('left', STOPPED);
    if (noted.isStopAsked && mayStop) throw new Halt('left', 'Stopped between two steps.');
  }

  async #pause(): Promise<void> {
    await new Promise<void>((resolve) => this.#parts.timers.after(POLL_MS, resolve));
    if (this.#isInterrupted) throw new Halt('left', STOPPED);
  }

  /** The database may be away for a while. What is asked for is done twice without harm. */
  async #persist<T>(work: () => Promise<T>): Promise<T> {
    const { clock } = this.#parts;
    const since = clock.now();
    for (;;) {
      try {
        return await work();
      } catch (error) {
        if (clock.now() - since >= MOVE_LIMIT_MS) {
          throw new Halt('left', `The database does not answer: ${(error as Error).message}`);
        }
        await this.#pause();
      }
    }
  }
}

function isSet(change: PinChange, { pins }: ClusterView): boolean {
  const pin = pins.find(({ shard }) => shard === change.shard);
  if (change.node === null) return pin === undefined;
  return pin?.node === change.node && pin.exclusive === change.exclusive;
}
