import { setTimeout as pause } from 'node:timers/promises';
import { SHARDS } from '../../src/cluster/shards.ts';
import type { TestCluster, TestNode } from '../support/cluster-processes.ts';
import { Dice } from '../support/dice.ts';
import { Lifetime } from '../support/lifetime.ts';
import { startUsher } from '../support/usher-process.ts';

/** One command may take so long; then it is ended, as by an operator who loses patience. */
const COMMAND_LIMIT_MS = 60_000;
/** How long a command is given again and again until it succeeds. */
const INSIST_MS = 120_000;
const TRY_AGAIN_MS = 300;
/** Of the shards, so many are moved or pinned at once in some of the commands. */
const MANY_SHARDS = 60;

const PINNED = 'select id from shard where pin is not null order by id';

/** Gives commands of the command line while nodes die under it, and takes everything back in the end. */
export class Operator {
  readonly #cluster: TestCluster;
  readonly #shows: readonly string[];

  /** @param shows ids of those that are on sale, which are what is moved most often */
  constructor(cluster: TestCluster, shows: readonly string[]) {
    this.#cluster = cluster;
    this.#shows = shows;
  }

  /** @returns whether the command succeeded. */
  move(to: TestNode, dice: Dice): Promise<boolean> {
    return this.#insist(['move', ...this.#some(dice), '--to', to.id], dice);
  }

  /** Pins something to a node for so long. @returns whether it was pinned. */
  async pin(to: TestNode, dice: Dice, forMs: number): Promise<boolean> {
    const names = this.#some(dice);
    const isDone = await this.#insist(
      ['pin', ...names, '--to', to.id, ...(dice.chance(0.2) ? ['--exclusive'] : [])],
      dice,
    );
    if (!isDone) return false;
    await pause(forMs);
    await this.#insist(['pin', ...names, '--none'], dice);
    return true;
  }

  /** Drains a node for so long. @returns whether it was drained. */
  async drain(node: TestNode, dice: Dice, forMs: number): Promise<boolean> {
    const isDone = await this.#insist(['drain', node.id], dice);
    if (!isDone) return false;
    await pause(forMs);
    await this.#insist(['undrain', node.id], dice);
    return true;
  }

  /** Takes all drains and pins back. @returns what could not be taken back, as sentences. */
  async takeBack(): Promise<string[]> {
    const dice = new Dice(0);
    const faults: string[] = [];
    const insist = async (args: string[]): Promise<void> => {
      if (!(await this.#insist(args, dice))) faults.push(`usher ${args.join(' ')} never succeeded at rest`);
    };
    for (const { id } of this.#cluster.nodes) await insist(['undrain', id]);
    const pinned = await this.#cluster.query<{ id: number }>(PINNED);
    if (pinned.length > 0) await insist(['pin', ...pinned.map(({ id }) => `${id}`), '--none']);
    return faults;
  }

  /** Some shows, or many shards. */
  #some(dice: Dice): string[] {
    if (dice.chance(0.7)) return [...new Set(dice.some(this.#shows, dice.between(1, 3)))];
    const shards = Array.from({ length: dice.between(1, MANY_SHARDS) }, () => `${dice.between(0, SHARDS - 1)}`);
    return [...new Set(shards)];
  }

  /** Gives the command at one open node after the other until it succeeds. @returns false when it did not in time. */
  async #insist(args: readonly string[], dice: Dice): Promise<boolean> {
    for (const until = performance.now() + INSIST_MS; performance.now() < until; ) {
      const open = this.#cluster.nodes.filter((node) => node.isOpen);
      if (open.length > 0 && (await succeeds(args, dice.one(open)))) return true;
      await pause(TRY_AGAIN_MS);
    }
    return false;
  }
}

async function succeeds(args: readonly string[], at: TestNode): Promise<boolean> {
  const lifetime = new Lifetime();
  const usher = startUsher([...args, '--json'], at.operator, lifetime.atEnd);
  const limit = setTimeout(() => usher.child.kill('SIGKILL'), COMMAND_LIMIT_MS);
  const { code } = await usher.ended;
  clearTimeout(limit);
  await lifetime.end();
  return code === 0;
}
