import type { ShowFigures } from '../../actors/shows.ts';
import { backoffMs } from '../../backoff.ts';
import type { Random, Timer, Timers } from '../../ports.ts';
import { FIGURES_PER_STATEMENT, type FiguresOf } from './show-figures.ts';

/** How long the changes of shows are gathered before they are told. */
const GATHER_MS = 200;
const RETRY_FIRST_MS = 500;
const RETRY_MAX_MS = 10_000;
/** Shows whose figures wait to be written; of further ones only this node's list hears. */
const WAITING_MAX = 50_000;

/** A show's own figures, always those of its last durable turn. */
export interface FiguresSource {
  readonly showId: string;
  figures(): ShowFigures;
}

export interface FiguresWriterDeps {
  /** Keeps them for all nodes. */
  readonly write: (batch: readonly FiguresOf[]) => Promise<void>;
  /** This node's list hears first. */
  readonly tellHere: (showId: string, figures: ShowFigures) => void;
  readonly timers: Timers;
  readonly random: Random;
  readonly log: { warn(fields: object, message: string): void };
}

/**
 * Tells what lists show of this node's shows: what changed is gathered for a moment and written in a few statements, however
 * many turns there were. Nothing waits for it; what cannot be written is tried again.
 */
export class FiguresWriter {
  readonly #deps: FiguresWriterDeps;
  readonly #changed = new Map<string, FiguresSource>();
  #timer: Timer | null = null;
  #writing: Promise<void> | null = null;
  #failures = 0;
  #isClosed = false;

  constructor(deps: FiguresWriterDeps) {
    this.#deps = deps;
  }

  /** A turn of this show is durable. */
  note(source: FiguresSource): void {
    if (this.#isClosed) return;
    if (this.#changed.size >= WAITING_MAX && !this.#changed.has(source.showId)) {
      this.#deps.tellHere(source.showId, source.figures());
      return;
    }
    this.#changed.set(source.showId, source);
    if (this.#timer === null && this.#writing === null) this.#writeIn(GATHER_MS);
  }

  /** Writes what waits, in one try. Never rejects. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#timer?.cancel();
    await this.#writing;
    await this.#write();
  }

  #writeIn(ms: number): void {
    this.#timer = this.#deps.timers.after(ms, () => {
      this.#timer = null;
      this.#writing = this.#write().finally(() => {
        this.#writing = null;
        if (this.#changed.size > 0 && !this.#isClosed) this.#writeIn(this.#pauseMs());
      });
    });
  }

  #pauseMs(): number {
    if (this.#failures === 0) return GATHER_MS;
    return backoffMs(this.#deps.random, RETRY_FIRST_MS, RETRY_MAX_MS, this.#failures - 1);
  }

  /** All that waits now, until a statement fails. Never rejects. */
  async #write(): Promise<void> {
    const sources = [...this.#changed.values()];
    this.#changed.clear();
    for (let from = 0; from < sources.length; from += FIGURES_PER_STATEMENT) {
      const part = sources.slice(from, from + FIGURES_PER_STATEMENT);
      const batch = part.map((source) => ({ showId: source.showId, figures: source.figures() }));
      for (const { showId, figures } of batch) this.#deps.tellHere(showId, figures);
      try {
        await this.#deps.write(batch);
        this.#failures = 0;
      } catch (error) {
        if (this.#failures++ === 0) this.#deps.log.warn({ err: error }, 'figures of shows were not kept; trying again');
        for (const source of sources.slice(from)) {
          if (!this.#changed.has(source.showId)) this.#changed.set(source.showId, source);
        }
        return;
      }
    }
  }
}
