import Stripe from 'stripe';
import type { Timers } from '../../../src/ports.ts';
import type { ApiRequest, Dropped, Reply } from './api-handler.ts';

/** A request as it is seen on its way. */
export interface StripeCall {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  /** The query of a GET, the body of a POST. */
  readonly form: string;
  readonly idempotencyKey: string | null;
}

/**
 * The way between a client and the API: `send` brings the request there and tells the answer. Whoever stands in between may
 * wait before and after, keep an answer back, or break the connection by `'dropped'`; rejecting means that no connection came
 * about. What never resolves hangs until the caller gives up.
 */
export type Wire = (call: StripeCall, send: () => Promise<Reply | Dropped>) => Promise<Reply | Dropped>;

/**
 * The package repeats a call once whose connection broke, also when it is told to repeat nothing: with the same key, and after
 * 500 ms exactly (`RequestSender.ts`: `_shouldRetry`, `_getSleepTimeInMS`). It would do so by `setTimeout`; here it follows the
 * timers, and the package hears only of the second break.
 */
const REPEAT_AFTER_MS = 500;
/** The package draws a key at random for each POST without one; a counted one takes its place. */
const RANDOM_KEY = 'stripe-node-retry-';

interface Parts {
  readonly answer: (request: ApiRequest) => Promise<Reply | Dropped>;
  readonly secretKey: string;
  readonly wire: Wire;
  /** Of the process whose client it is. */
  readonly timers: Timers;
  readonly nextKey: () => string;
}

/** The seller's client as `stripeClient` makes it, but for its connections: there are none, and no time passes by itself. */
export function inProcessClient({ secretKey, ...parts }: Parts): Stripe {
  return new Stripe(secretKey, {
    httpClient: new InProcessHttpClient(parts),
    maxNetworkRetries: 0,
    telemetry: false,
  });
}

class InProcessHttpClient implements Stripe.HttpClient {
  readonly #parts: Omit<Parts, 'secretKey'>;

  constructor(parts: Omit<Parts, 'secretKey'>) {
    this.#parts = parts;
  }

  getClientName(): string {
    return 'in-process';
  }

  async makeRequest(
    _host: string,
    _port: string,
    url: string,
    method: string,
    headers: Readonly<Record<string, unknown>>,
    body: string,
  ): Promise<Stripe.HttpClientResponse> {
    const { wire, timers, nextKey } = this.#parts;
    const cut = url.indexOf('?');
    const path = cut < 0 ? url : url.slice(0, cut);
    const form = method === 'POST' ? body : cut < 0 ? '' : url.slice(cut + 1);
    const given = headers['Idempotency-Key'] as string | undefined;
    const key = given?.startsWith(RANDOM_KEY) ? `${RANDOM_KEY}${nextKey()}` : given;
    const request: ApiRequest = {
      method,
      path,
      form,
      headers: {
        authorization: headers.Authorization as string,
        'idempotency-key': key,
        'stripe-version': headers['Stripe-Version'] as string,
      },
    };
    const call: StripeCall = { method, path, form, idempotencyKey: key ?? null };
    const send = (): Promise<Reply | Dropped> => this.#send(request);
    let reply = await connect(wire(call, send));
    if (reply === 'dropped') {
      await new Promise<void>((resolve) => timers.after(REPEAT_AFTER_MS, resolve));
      reply = await connect(wire(call, send));
    }
    if (reply === 'dropped') throw new Error('the connection broke, and broke again');
    return new InProcessResponse(reply);
  }

  async #send(request: ApiRequest): Promise<Reply | Dropped> {
    try {
      return await this.#parts.answer(request);
    } catch (error) {
      // A bug of the stand-in, or a test's hook: told to whoever runs it, as by the HTTP server, and not to the package.
      void Promise.reject(error);
      return 'dropped';
    }
  }
}

/** The package repeats by itself, in real time, what rejects with certain codes. */
async function connect<T>(connecting: Promise<T>): Promise<T> {
  try {
    return await connecting;
  } catch (error) {
    throw new Error('no connection', { cause: error });
  }
}

class InProcessResponse implements Stripe.HttpClientResponse {
  readonly #reply: Reply;

  constructor(reply: Reply) {
    this.#reply = reply;
  }

  getStatusCode(): number {
    return this.#reply.status;
  }

  getHeaders(): Record<string, string> {
    return { ...this.#reply.headers };
  }

  /** What the package makes `lastResponse` of. */
  getRawResponse(): object {
    return { statusCode: this.#reply.status, headers: this.#reply.headers };
  }

  toStream(): never {
    throw new Error('nothing of the API is streamed');
  }

  async toJSON(): Promise<unknown> {
    return JSON.parse(this.#reply.body);
  }
}
