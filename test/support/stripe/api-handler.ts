import type { Clock, Timers } from '../../../src/ports.ts';
import type { Account } from './account.ts';
import {
  ApiError,
  invalid,
  lockTimeout,
  noKey,
  rateLimited,
  refusal,
  secretKeyRequired,
  serverError,
  unavailable,
  unknownUrl,
  wrongKey,
} from './errors.ts';
import type { Fault, Faults, RequestInfo } from './faults.ts';
import { canonicalForm, type FormObject, parseForm } from './form.ts';
import { type Answer, IdempotencyKeys, MAX_KEY_LENGTH } from './idempotency.ts';
import type { Caller, Route, Routes } from './routes.ts';

/** A request to the API, however it came. */
export interface ApiRequest {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  /** The query of a GET, the body of a POST. */
  readonly form: string;
  readonly headers: {
    readonly authorization?: string | undefined;
    readonly 'idempotency-key'?: string | undefined;
    readonly 'stripe-version'?: string | undefined;
  };
}

export interface Reply {
  readonly status: number;
  /** JSON. */
  readonly body: string;
  /** With names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Instead of a reply: the connection breaks, whether or not the request was carried out. */
export type Dropped = 'dropped';

interface Parts {
  readonly account: Account;
  readonly routes: Routes;
  readonly faults: Faults;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly secretKey: string;
  readonly publishableKey: string;
}

/** Thrown to break the connection instead of an answer. */
const DROPPED = Symbol('dropped');

interface Request extends ApiRequest {
  readonly method: 'GET' | 'POST';
  readonly id: string;
}

interface Carried extends Answer {
  readonly headers?: Readonly<Record<string, string>>;
}

/** Answers as api.stripe.com does. What it does follows the clock and the timers, and nothing else. */
export class ApiHandler {
  /** How often each route was asked for; `other`: what is no route. */
  readonly requests = new Map<string, number>();
  readonly #parts: Parts;
  readonly #keys = new IdempotencyKeys();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Rejects only where the stand-in itself is wrong, or a hook of a test. */
  async answer(request: ApiRequest): Promise<Reply | Dropped> {
    const { account, faults } = this.#parts;
    account.tick();
    if (faults.outage === 'reset') return 'dropped';
    const id = account.newId('req');
    let carried: Carried;
    try {
      carried = await this.#carryOut({ ...request, method: request.method as Request['method'], id });
    } catch (error) {
      if (error === DROPPED) return 'dropped';
      if (!(error instanceof ApiError)) throw error;
      carried = answerOf(error, id);
    }
    const version = request.headers['stripe-version'];
    const { status, body } = carried;
    return {
      status,
      body,
      headers: {
        'request-id': id,
        ...(version === undefined ? {} : { 'stripe-version': version }),
        ...carried.headers,
      },
    };
  }

  async #carryOut(request: Request): Promise<Carried> {
    const { faults, routes } = this.#parts;
    const { method, path, form, headers, id } = request;
    if (faults.outage === 'unavailable') throw unavailable();
    const [key, objectId] = routeOf(method, path);
    const route = routes.get(key);
    this.#count(route === undefined ? 'other' : key);
    const caller = this.#callerOf(headers.authorization);
    if (route === undefined) throw unknownUrl(method, path);
    if (caller === 'publishable' && !route.isPublic) throw secretKeyRequired();
    const idempotencyKey = method === 'POST' ? headers['idempotency-key'] : undefined;
    if (idempotencyKey !== undefined && (idempotencyKey === '' || idempotencyKey.length > MAX_KEY_LENGTH)) {
      throw invalid(`Idempotency keys have 1 to ${MAX_KEY_LENGTH} characters.`);
    }

    const info: RequestInfo = {
      method,
      path,
      route: key.slice(method.length + 1),
      idempotencyKey: idempotencyKey ?? null,
    };
    const fault = faults.take(info);
    await this.#sufferBefore(fault);

    const now = this.#parts.clock.now();
    const parameters = canonicalForm(form);
    const stored = idempotencyKey === undefined ? null : this.#keys.begin(idempotencyKey, path, parameters, now);
    if (stored !== null) {
      await faults.runAfter(info);
      if (fault?.kind === 'drop-after') throw DROPPED;
      const replayed = { 'idempotent-replayed': 'true', 'original-request': stored.requestId };
      return { ...stored, headers: { 'idempotency-key': idempotencyKey ?? '', ...replayed } };
    }
    const answer = await this.#execute(request, route, objectId, caller, info, fault);
    await faults.runAfter(info);
    if (fault?.kind === 'drop-after') throw DROPPED;
    return idempotencyKey === undefined
      ? answer
      : { ...answer, headers: { 'idempotency-key': idempotencyKey, 'original-request': id } };
  }

  async #execute(
    { form, id }: Request,
    route: Route,
    objectId: string,
    caller: Caller,
    info: RequestInfo,
    fault: Fault | null,
  ): Promise<Answer> {
    const { account, faults } = this.#parts;
    const { idempotencyKey } = info;
    // What fails before execution begins leaves the key free (docs.stripe.com/api/idempotent_requests).
    let hasBegun = false;
    try {
      const act = route.prepare(formOf(form), objectId, caller);
      if (faults.hasHooks) {
        await faults.runBefore(info);
        account.tick();
      }
      hasBegun = true;
      const answer = this.#act(act, account, id, idempotencyKey, fault);
      if (idempotencyKey !== null) {
        if (fault?.kind === 'error' && fault.stored === false) this.#keys.abandon(idempotencyKey);
        else this.#keys.finish(idempotencyKey, answer);
      }
      return answer;
    } finally {
      if (!hasBegun && idempotencyKey !== null) this.#keys.abandon(idempotencyKey);
    }
  }

  /** Carries a request out, in one go: no other one sees it half done. */
  #act(act: () => object, account: Account, id: string, idempotencyKey: string | null, fault: Fault | null): Answer {
    if (fault?.kind === 'error' && !fault.acts) return answerOf(serverError(), id);
    if (fault?.kind === 'refusal') return answerOf(refusal(fault.code), id);
    account.request = { id, idempotency_key: idempotencyKey };
    let answer: Answer;
    try {
      answer = { status: 200, body: JSON.stringify(act()), requestId: id };
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      answer = answerOf(error, id);
    } finally {
      account.request = null;
    }
    return fault?.kind === 'error' ? answerOf(serverError(), id) : answer;
  }

  async #sufferBefore(fault: Fault | null): Promise<void> {
    switch (fault?.kind) {
      case 'delay':
        await new Promise<void>((resolve) => this.#parts.timers.after(fault.ms, resolve));
        return;
      case 'drop-before':
        throw DROPPED;
      case 'rate-limit':
        throw rateLimited();
      case 'lock-timeout':
        throw lockTimeout();
    }
  }

  #callerOf(authorization: string | undefined): Caller {
    if (authorization === undefined) throw noKey();
    const given = /^Bearer (\S+)$/.exec(authorization)?.[1];
    if (given === this.#parts.secretKey) return 'secret';
    if (given === this.#parts.publishableKey) return 'publishable';
    throw wrongKey();
  }

  #count(key: string): void {
    this.requests.set(key, (this.requests.get(key) ?? 0) + 1);
  }
}

/** The key of the route, and the id in the path. */
function routeOf(method: string, path: string): [key: string, id: string] {
  const [, version, resource, id, action, ...rest] = path.split('/');
  if (id === undefined) return [`${method} /${version}/${resource}`, ''];
  const key = `${method} /${version}/${resource}/:id${action === undefined ? '' : `/${action}`}`;
  return [rest.length > 0 ? '' : key, id];
}

function formOf(text: string): FormObject {
  const form = parseForm(text);
  if (form === null) throw invalid('The parameters cannot be read.');
  return form;
}

function answerOf(error: ApiError, requestId: string): Carried {
  const body = JSON.stringify({ error: error.body }, null, 2);
  return { status: error.status, body, requestId, headers: error.headers };
}
