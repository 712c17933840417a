import { INBOX_LIMIT } from '../../src/actors/inbox.ts';
import { TURN_LIMIT } from '../../src/actors/turns.ts';
import { PARKED_MAX } from '../../src/cluster/routing/carrier.ts';
import { shardOf } from '../../src/cluster/shards.ts';
import { ANSWERED_MS } from './simulated-node.ts';
import type { World } from './world.ts';

/** Questions that come to one node at once: more than may wait for a show. */
const QUESTIONS = INBOX_LIMIT + TURN_LIMIT + PARKED_MAX + 400;
/** How often it is looked whether a show has no owner, which is the moment for a flood, ms. */
const LOOK_MS = 20;

/**
 * I13: however many ask at once, no more wait for a show, or for an owner of its shard, than is allowed; the others are
 * refused at once.
 */
export class Flood {
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
  }

  /** One flood at a show that is sold, and one at a show that nobody owns at the moment, if there is such a moment. */
  plan(atMs: number, untilMs: number): void {
    const { time } = this.#world;
    time.after(atMs, () => this.#come());
    const look = (): void => {
      if (time.now > end) return;
      const owner = this.#world.database.tables.shards[shardOf(this.#show)].owner;
      if (owner === null) this.#come();
      else time.after(LOOK_MS, look);
    };
    const end = time.now + untilMs;
    time.after(atMs + LOOK_MS, look);
  }

  get #show(): string {
    return this.#world.shows[0].id;
  }

  #come(): void {
    const { time, hosts } = this.#world;
    const node = this.#world.ownerOf(this.#show) ?? this.#world.someNode(time.events % hosts.length);
    if (node === null) return;
    const showId = this.#show;
    time.soon(() => {
      const { selling, process } = node;
      let unanswered = 0;
      const deadline = process.clock.now() + 10_000;
      const before = selling.node.figures().forwarded;
      for (let i = 0; i < QUESTIONS; i++) {
        unanswered++;
        void selling.node.shows.ask(showId, { type: 'get-summary' }, deadline).then(() => {
          unanswered--;
        });
      }
      const startedAt = process.resumes;
      time.soon(() => {
        const { forwarded, parked } = selling.node.figures();
        const waiting = unanswered - (forwarded - before);
        const most = INBOX_LIMIT + TURN_LIMIT + PARKED_MAX;
        if (waiting > most) this.#world.violated('I13', `${waiting} requests wait for a show, ${most} may`);
        const mostParked = PARKED_MAX * this.#world.shows.length;
        if (parked > mostParked) this.#world.violated('I13', `${parked} requests wait for an owner, ${mostParked} may`);
      }, process);
      process.timers.after(ANSWERED_MS, () => {
        if (unanswered > 0 && process.resumes === startedAt)
          this.#world.violated('I13', `${unanswered} requests of a flood have no answer after ${ANSWERED_MS} ms`);
      });
    }, node.process);
  }
}
