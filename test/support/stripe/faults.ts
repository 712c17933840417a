import type { Clock } from '../../../src/ports.ts';
import type { Agenda } from './agenda.ts';

export interface RequestInfo {
  readonly method: 'GET' | 'POST';
  /** As it was sent. */
  readonly path: string;
  /** As `/v1/payment_intents/:id/capture`. */
  readonly route: string;
  readonly idempotencyKey: string | null;
}

/** Which requests; every part that is absent fits all. */
export interface RequestMatch {
  readonly method?: 'GET' | 'POST';
  /** The path or the route as a whole, or an expression that fits the path somewhere. */
  readonly path?: string | RegExp;
}

export type Fault =
  /** Carried out only after this time of the stand-in's timers. */
  | { readonly kind: 'delay'; readonly ms: number }
  /** The connection breaks before anything happened. */
  | { readonly kind: 'drop-before' }
  /** It is carried out, then the connection breaks. */
  | { readonly kind: 'drop-after' }
  /** 429, not carried out. */
  | { readonly kind: 'rate-limit' }
  /** 429 with the code `lock_timeout`, not carried out. */
  | { readonly kind: 'lock-timeout' }
  /** 400 with this code, not carried out; the answer to its idempotency key from then on. */
  | { readonly kind: 'refusal'; readonly code: string }
  /** 500; the answer to its idempotency key from then on, unless `stored` is false. */
  | { readonly kind: 'error'; readonly acts: boolean; readonly stored?: boolean };

/** How Stripe is out of reach: connections are reset, or requests get 503. */
export type OutageMode = 'reset' | 'unavailable';

type Hook = (request: RequestInfo) => void | Promise<void>;

interface Rule<T> {
  readonly match: RequestMatch;
  readonly what: T;
  left: number;
}

/** What goes wrong, and what a test wants to do in the midst of requests. */
export class Faults {
  readonly #clock: Clock;
  readonly #agenda: Agenda;
  #faults: Rule<Fault>[] = [];
  #before: Rule<Hook>[] = [];
  #after: Rule<Hook>[] = [];
  /** Called when an outage is over. */
  onOutageOver: () => void = () => {};
  #outage: { readonly mode: OutageMode; readonly until: number } | null = null;

  /** @param agenda of the same clock */
  constructor(clock: Clock, agenda: Agenda) {
    this.#clock = clock;
    this.#agenda = agenda;
  }

  /** The next `times` matching requests suffer it; a request suffers one fault at most, the one added first. */
  add(match: RequestMatch, fault: Fault, times = 1): void {
    this.#faults.push({ match, what: fault, left: times });
  }

  /** Awaited before a matching request acts, while it holds its idempotency key. */
  onRequest(match: RequestMatch, hook: Hook, times = Number.POSITIVE_INFINITY): void {
    this.#before.push({ match, what: hook, left: times });
  }

  /** Awaited after a matching request has acted and its answer is stored, before the answer is sent. */
  beforeResponse(match: RequestMatch, hook: Hook, times = Number.POSITIVE_INFINITY): void {
    this.#after.push({ match, what: hook, left: times });
  }

  /** From now on, until `endOutage` or for so many milliseconds of the stand-in's clock. */
  startOutage(mode: OutageMode = 'reset', ms = Number.POSITIVE_INFINITY): void {
    const until = this.#clock.now() + ms;
    this.#outage = { mode, until };
    if (Number.isFinite(until)) this.#agenda.add(until, () => this.onOutageOver());
  }

  endOutage(): void {
    this.#outage = null;
    this.onOutageOver();
  }

  /** How it is out of reach now, if it is. */
  get outage(): OutageMode | null {
    if (this.#outage !== null && this.#clock.now() >= this.#outage.until) this.#outage = null;
    return this.#outage?.mode ?? null;
  }

  /** Takes back all faults, hooks and outages. */
  clear(): void {
    this.#faults = [];
    this.#before = [];
    this.#after = [];
    this.endOutage();
  }

  /** For the server: uses up the fault of a request. */
  take(request: RequestInfo): Fault | null {
    if (this.#faults.length === 0) return null;
    const [rule] = use(this.#faults, request, 1);
    this.#faults = this.#faults.filter(({ left }) => left > 0);
    return rule ?? null;
  }

  /** For the server. */
  async runBefore(request: RequestInfo): Promise<void> {
    for (const hook of use(this.#before, request)) await hook(request);
  }

  /** For the server. */
  async runAfter(request: RequestInfo): Promise<void> {
    for (const hook of use(this.#after, request)) await hook(request);
  }

  get hasHooks(): boolean {
    return this.#before.length > 0 || this.#after.length > 0;
  }
}

function use<T>(rules: readonly Rule<T>[], request: RequestInfo, max = Number.POSITIVE_INFINITY): T[] {
  const used: T[] = [];
  for (const rule of rules) {
    if (used.length >= max) break;
    if (rule.left === 0 || !fits(rule.match, request)) continue;
    rule.left--;
    used.push(rule.what);
  }
  return used;
}

function fits({ method, path }: RequestMatch, request: RequestInfo): boolean {
  if (method !== undefined && method !== request.method) return false;
  if (path === undefined) return true;
  return typeof path === 'string' ? path === request.path || path === request.route : path.test(request.path);
}
