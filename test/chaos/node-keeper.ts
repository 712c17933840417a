import type { ChildProcess } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import type { Absence } from '../support/cluster-audit.ts';
import type { TestNode } from '../support/cluster-processes.ts';

/** Between two tries of starting a node whose database is away. */
const START_AGAIN_MS = 500;
/** Lines of a node's last words. */
const LAST_WORDS = 5;

/**
 * Keeps one node running as a supervisor of processes does: whatever ends is started again.
 *
 * running → (killed, or ended by itself) → down → starting → running; what ends while it starts is started again.
 */
export class NodeKeeper {
  readonly node: TestNode;
  /** When its process was not there or stood still. */
  readonly absences: Absence[] = [];
  /** That it ended although nobody killed it, as sentences. */
  readonly endedByItself: string[] = [];
  #goesOn = true;
  #restartAfterMs = 0;
  #killedAt = 0;
  #killed: ChildProcess | null = null;
  readonly #kept: Promise<void>;

  /** @param node one that runs */
  constructor(node: TestNode) {
    this.node = node;
    this.#kept = this.#keep();
  }

  /** SIGKILL. @returns false if there is no process at the moment. */
  kill(restartAfterMs: number): boolean {
    const { child } = this.node.process;
    if (!this.node.isRunning || child === this.#killed) return false;
    this.#killed = child;
    this.#restartAfterMs = restartAfterMs;
    this.#killedAt = performance.now();
    this.node.signal('SIGKILL');
    return true;
  }

  /** SIGSTOP, and SIGCONT after so long if the process is still there. */
  async standStill(forMs: number): Promise<void> {
    const { child } = this.node.process;
    const from = performance.now();
    child.kill('SIGSTOP');
    await pause(forMs);
    child.kill('SIGCONT');
    this.absences.push({ port: this.node.port, from, to: performance.now(), kind: 'still' });
  }

  /** What ends from now on is not started again. Resolves when a start that is under way is over. */
  async release(): Promise<void> {
    this.#goesOn = false;
    this.node.signal('SIGKILL');
    await this.#kept;
  }

  async #keep(): Promise<void> {
    for (;;) {
      const { process } = this.node;
      const { code, signal } = await process.ended;
      if (!this.#goesOn) return;
      const from = signal === 'SIGKILL' ? this.#killedAt : performance.now();
      if (signal !== 'SIGKILL') {
        const words = process.stderr().trimEnd().split('\n').slice(-LAST_WORDS).join(' / ');
        this.endedByItself.push(`${this.node.id} ended by itself (${signal ?? `exit code ${code}`}): ${words}`);
      }
      await this.#startAgain();
      if (!this.#goesOn) return;
      this.absences.push({ port: this.node.port, from, to: performance.now(), kind: 'gone' });
    }
  }

  async #startAgain(): Promise<void> {
    for (let waitMs = this.#restartAfterMs; this.#goesOn; waitMs = START_AGAIN_MS) {
      await pause(waitMs);
      if (!this.#goesOn) return;
      // It may be killed while it starts, or find no database.
      const isOpen = await this.node.start().then(
        () => true,
        () => false,
      );
      if (isOpen) return;
    }
  }
}
