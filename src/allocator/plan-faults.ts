import type { Fault } from '../errors.ts';

/** Collects faults up to a bound and counts the rest. */
export class FaultList {
  readonly #limit: number;
  readonly #faults: Fault[] = [];
  #more = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get empty(): boolean {
    return this.#faults.length === 0;
  }

  /** `pointer` is a function where building it for a fault that is only counted would be a waste. */
  add(pointer: string | (() => string), detail: string): void {
    if (this.#faults.length === this.#limit) this.#more++;
    else this.#faults.push({ pointer: typeof pointer === 'string' ? pointer : pointer(), detail });
  }

  /** What was collected, closed by "and N more" if there were more than the limit. */
  list(): readonly Fault[] {
    if (this.#more === 0) return this.#faults;
    return [...this.#faults, { pointer: '', detail: `… and ${this.#more} more; mend these first.` }];
  }
}

/** What kind of JSON value this is, in words. */
export function kindOf(value: unknown): string {
  if (value === undefined) return 'missing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object') return 'an object';
  return typeof value === 'string' ? 'a string' : `a ${typeof value}`;
}

const QUOTED = 60;

/** A client's text in quotes, shortened, safe to show. */
export function quote(text: string): string {
  const short = text.length > QUOTED ? `${text.slice(0, QUOTED)}…` : text;
  return JSON.stringify(short.toWellFormed());
}

/** Whether a text has characters that are not to be seen: controls, line separators, direction overrides. */
export function hasInvisible(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 0x20 || (code >= 0x7f && code < 0xa0)) return true;
    if (code >= 0x2028 && (code <= 0x202e || (code >= 0x2066 && code <= 0x2069))) return true;
  }
  return false;
}
