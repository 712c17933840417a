import { type ActorSystemRef, dispatch, type Ref, spawn, start, stop } from 'nact';

/**
 * nact behind one typed door. What its sources (7.6.2) make necessary:
 *
 * - it schedules each message with its own `setImmediate` and its mailboxes have no bound, so an actor here gets a single
 *   kind of message, "turn", at most one of which waits; requests wait in the show's own bounded inbox;
 * - `query()` can give a reply to the wrong caller: answers go through the request itself, never through nact;
 * - `stop()` neither awaits the running handler nor answers the mailbox: `stop` here does the first, the inbox's owner
 *   the second;
 * - a reference is only a name: what is sent to an actor that has ended reaches the next one of that name, so no two
 *   actors here have the same;
 * - `onCrash` must not throw and always answers "stop"; `afterStop` may run twice, so what it calls runs once;
 * - a parent copies its list of children for every message it handles: parents here handle none.
 */
export interface TurnActor {
  /** Asks for a turn; asking again before it began changes nothing. */
  schedule(): void;
  /** Resolves at the end of the turn under way, before the next begins; at once between turns. */
  turnOver(): Promise<void>;
  /** Ends the actor after the turn under way, if there is one. Resolves when it has ended. */
  stop(): Promise<void>;
  /** Ends the actor now. A turn under way goes on by itself, but nobody hears how it ends. */
  kill(): void;
}

const TURN = 'turn';

export class ActorSystem {
  readonly #system: ActorSystemRef = start();
  /** One supervisor a shard keeps the lists of children short. */
  readonly #supervisors = new Map<number, Ref<never>>();
  #spawned = 0;

  /**
   * Starts an actor.
   * @param name what its own name begins with.
   * @param turn does one turn and says whether more work waits. When it throws, the actor stops.
   * @param ended called exactly once, with the error that ended the actor, or null after `stop` or `kill`.
   */
  spawn(shard: number, name: string, turn: () => Promise<boolean>, ended: (error: Error | null) => void): TurnActor {
    let scheduled = false;
    let stopping = false;
    let failure: Error | null = null;
    let running: Promise<void> = Promise.resolve();
    let finish = (): void => {};
    const finished = new Promise<void>((resolve) => {
      finish = resolve;
    });
    let over = false;
    const end = (): void => {
      if (over) return;
      over = true;
      ended(failure);
      finish();
    };

    const runTurn = async (): Promise<void> => {
      scheduled = false;
      if (stopping) return;
      let more = false;
      try {
        more = await turn();
      } catch (error) {
        failure = error instanceof Error ? error : new Error(String(error));
        throw failure;
      }
      if (more && !stopping) schedule();
    };
    const ref: Ref<typeof TURN> = spawn(
      this.#supervisor(shard),
      async () => {
        const turnDone = runTurn();
        running = turnDone.catch(() => {});
        await turnDone;
      },
      `${name}-${++this.#spawned}`,
      {
        onCrash: (_message: unknown, _error: unknown, context: { stop: symbol }) => context.stop,
        afterStop: end,
      } as never,
    ) as Ref<typeof TURN>;

    const schedule = (): void => {
      if (scheduled || stopping || failure !== null) return;
      scheduled = true;
      dispatch(ref, TURN);
    };
    const kill = (): void => {
      stopping = true;
      stop(ref);
      end();
    };
    return {
      schedule,
      turnOver: () => running,
      stop: async () => {
        stopping = true;
        await running;
        // After a failure it ends by itself, and tells of it.
        if (failure === null) kill();
        await finished;
      },
      kill,
    };
  }

  /** Ends the system; its actors must have been stopped. */
  close(): void {
    stop(this.#system);
  }

  #supervisor(shard: number): Ref<never> {
    let supervisor = this.#supervisors.get(shard);
    if (supervisor === undefined) {
      supervisor = spawn(this.#system, () => undefined, `shard-${shard}`) as unknown as Ref<never>;
      this.#supervisors.set(shard, supervisor);
    }
    return supervisor;
  }
}
