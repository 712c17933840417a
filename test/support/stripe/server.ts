import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
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

/** No request of the API is as long as that. */
const MAX_BODY_BYTES = 262_144;

interface Parts {
  readonly account: Account;
  readonly routes: Routes;
  readonly faults: Faults;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly secretKey: string;
  readonly publishableKey: string;
  /** Lets time do its work, before each request. */
  readonly tick: () => void;
  /** Answers to paths under `/_stand-in`, which are none of Stripe's; `null`: neither is it one of these. */
  readonly control?: (path: string, body: string) => object | null;
}

/** Thrown to break the connection instead of an answer. */
const DROPPED = Symbol('dropped');

export interface ApiServer {
  readonly port: number;
  /** How often each route was asked for; `other`: what is no route. */
  readonly requests: ReadonlyMap<string, number>;
  close(): Promise<void>;
}

/** Speaks HTTP as api.stripe.com does. */
export async function serveApi(parts: Parts, port: number): Promise<ApiServer> {
  const handler = new Handler(parts);
  const server = createServer((request, response) => void handler.handle(request, response));
  // Clients keep their connections; Stripe closes none within seconds.
  server.keepAliveTimeout = 60_000;
  await listen(server, port);
  return {
    port: (server.address() as AddressInfo).port,
    requests: handler.requests,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve());
  });
}

interface Request {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  /** The query of a GET, the body of a POST. */
  readonly form: string;
  readonly headers: IncomingMessage['headers'];
  readonly id: string;
}

interface Reply extends Answer {
  readonly headers?: Readonly<Record<string, string>>;
}

class Handler {
  readonly requests = new Map<string, number>();
  readonly #parts: Parts;
  readonly #keys = new IdempotencyKeys();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { account, faults, tick } = this.#parts;
    const url = request.url ?? '/';
    const cut = url.indexOf('?');
    const path = cut < 0 ? url : url.slice(0, cut);
    const body = await readBody(request);
    if (body === null) return void request.socket.destroy();
    if (path.startsWith('/_stand-in/')) {
      this.#control(path, body, response);
      return;
    }
    tick();
    if (faults.outage === 'reset') return void request.socket.resetAndDestroy();
    const id = account.newId('req');
    const method = request.method as Request['method'];
    const form = request.method === 'POST' ? body : cut < 0 ? '' : url.slice(cut + 1);
    let reply: Reply;
    try {
      reply = await this.#answer({ method, path, form, headers: request.headers, id });
    } catch (error) {
      if (error === DROPPED) return void request.socket.resetAndDestroy();
      if (!(error instanceof ApiError)) {
        request.socket.destroy();
        throw error;
      }
      reply = replyOf(error, id);
    }
    const version = request.headers['stripe-version'];
    send(response, reply.status, reply.body, {
      'request-id': id,
      ...(typeof version === 'string' ? { 'stripe-version': version } : {}),
      ...reply.headers,
    });
  }

  #control(path: string, body: string, response: ServerResponse): void {
    let status = 200;
    let answer: object | null;
    try {
      answer = this.#parts.control?.(path, body) ?? null;
      if (answer === null) status = 404;
    } catch (error) {
      status = 400;
      answer = { message: (error as Error).message };
    }
    send(response, status, JSON.stringify(answer), {});
  }

  async #answer(request: Request): Promise<Reply> {
    const { faults, routes } = this.#parts;
    const { method, path, form, headers, id } = request;
    if (faults.outage === 'unavailable') throw unavailable();
    const [key, objectId] = routeOf(method, path);
    const route = routes.get(key);
    this.#count(route === undefined ? 'other' : key);
    const caller = this.#callerOf(headers.authorization);
    if (route === undefined) throw unknownUrl(method, path);
    if (caller === 'publishable' && !route.isPublic) throw secretKeyRequired();
    const idempotencyKey = method === 'POST' ? (headers['idempotency-key'] as string | undefined) : undefined;
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
    const { account, faults, tick } = this.#parts;
    const { idempotencyKey } = info;
    // What fails before execution begins leaves the key free (docs.stripe.com/api/idempotent_requests).
    let hasBegun = false;
    try {
      const act = route.prepare(formOf(form), objectId, caller);
      if (faults.hasHooks) {
        await faults.runBefore(info);
        tick();
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
    if (fault?.kind === 'error' && !fault.acts) return replyOf(serverError(), id);
    if (fault?.kind === 'refusal') return replyOf(refusal(fault.code), id);
    account.request = { id, idempotency_key: idempotencyKey };
    let answer: Answer;
    try {
      answer = { status: 200, body: JSON.stringify(act()), requestId: id };
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      answer = replyOf(error, id);
    } finally {
      account.request = null;
    }
    return fault?.kind === 'error' ? replyOf(serverError(), id) : answer;
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

function replyOf(error: ApiError, requestId: string): Reply {
  const body = JSON.stringify({ error: error.body }, null, 2);
  return { status: error.status, body, requestId, headers: error.headers };
}

/** `null` if it is too long, or breaks off. */
async function readBody(request: IncomingMessage): Promise<string | null> {
  if (request.method === 'GET') return '';
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of request) {
      length += chunk.length;
      if (length > MAX_BODY_BYTES) return null;
      chunks.push(chunk);
    }
  } catch {
    return null;
  }
  return Buffer.concat(chunks).toString();
}

function send(response: ServerResponse, status: number, body: string, headers: Readonly<Record<string, string>>): void {
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    ...headers,
  });
  response.end(body);
}
