import { banksOf } from '../allocator/banks.ts';
import { isReplacedTooOften } from '../allocator/decide-plan.ts';
import { type Hall, laterPlanIds } from '../allocator/hall.ts';
import { NO_SUCH_PLAN, NO_SUCH_SHOW, NOT_COMPILED, type NotBegun, TOO_LATE, TOO_MANY_PLANS } from './not-begun.ts';
import { Places } from './places.ts';
import type { SeatMap } from './seat-map.ts';
import type { SharedParts } from './shared-parts.ts';
import { TimeLimit } from './time-limit.ts';

/** So many plans are compiled at once: the shows that sell come first. */
const COMPILED_AT_ONCE = 1;
/** So many wait for that. */
const WAITING_PLANS_MAX = 16;

/** Compiles the plans that are to replace others, before the turns that decide it: none waits for that. */
export class ComingPlans {
  readonly #options: SharedParts['options'];
  readonly #places = new Places(COMPILED_AT_ONCE);

  constructor(options: SharedParts['options']) {
    this.#options = options;
  }

  /**
   * The hall of a show with one more plan. Null where none is needed: the plan is in force, or no other can be. Never rejects.
   * The seats are those that the show published last.
   */
  async hallWith(
    showId: string,
    { hall, planId: inForce }: Pick<SeatMap, 'hall' | 'planId'>,
    planId: string,
    deadline: number,
  ): Promise<{ readonly coming: Hall | null } | NotBegun> {
    if (inForce === planId || isReplacedTooOften(hall)) return { coming: null };
    if (this.#places.waiting >= WAITING_PLANS_MAX) return TOO_MANY_PLANS;
    const { timers, clock, log } = this.#options;
    const limit = new TimeLimit(timers, Math.max(0, deadline - clock.now()));
    let answer: { readonly coming: Hall } | NotBegun = TOO_LATE;
    const compiling = this.#places
      .run(() => {
        // It takes seconds, in which nothing else is done here, no timer either: not for those who left while they waited.
        if (clock.now() >= deadline) return Promise.resolve(TOO_LATE);
        return this.#compile(showId, [...laterPlanIds(hall), planId]);
      })
      .then(
        (compiled) => {
          answer = compiled;
        },
        (error: unknown) => {
          log.warn({ err: error, showId, planId }, 'the plan that is to replace another could not be compiled');
          answer = NOT_COMPILED;
        },
      );
    await limit.wait(compiling);
    limit.cancel();
    return answer;
  }

  async #compile(showId: string, planIds: readonly string[]): Promise<{ readonly coming: Hall } | NotBegun> {
    const made = await this.#options.source.load(showId);
    if (made === null) return NO_SUCH_SHOW;
    const coming = await made.laterHall(planIds);
    if (coming === null) return NO_SUCH_PLAN;
    // Kept with the hall: the turn finds them there.
    banksOf(coming);
    return { coming };
  }
}
