import { Agent, type IncomingHttpHeaders, request } from 'node:http';

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Parsed JSON; null for an empty body. */
  readonly body: unknown;
}

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly path: string;
  readonly token?: string;
  readonly key?: string | null;
  /** Sent as JSON; none if null or absent. */
  readonly body?: unknown;
}

/** A request without an answer for so long counts as lost. */
const PATIENCE_MS = 30_000;

/** One client with one keep-alive connection to a server on this machine, and one request at a time. */
export class HttpClient {
  readonly #port: number;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });

  constructor(port: number) {
    this.#port = port;
  }

  /** Rejects when the connection is refused, or lost before the whole answer has arrived. */
  send({ method, path, token, key, body }: HttpRequest): Promise<HttpAnswer> {
    return new Promise((resolve, reject) => {
      const text = body === undefined || body === null ? null : JSON.stringify(body);
      const headers: Record<string, string | number> = {};
      if (token !== undefined) headers.authorization = `Bearer ${token}`;
      if (key !== undefined && key !== null) headers['idempotency-key'] = key;
      if (text !== null) {
        headers['content-type'] = 'application/json';
        headers['content-length'] = Buffer.byteLength(text);
      }
      const sent = request(
        { host: '127.0.0.1', port: this.#port, method, path, headers, agent: this.#agent, timeout: PATIENCE_MS },
        (answer) => {
          let received = '';
          answer.setEncoding('utf8');
          answer.on('data', (chunk: string) => {
            received += chunk;
          });
          answer.on('error', reject);
          answer.on('end', () => {
            if (!answer.complete) return reject(new Error('the answer broke off'));
            const parsed: unknown = received === '' ? null : JSON.parse(received);
            resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: parsed });
          });
        },
      );
      sent.on('timeout', () => sent.destroy(new Error(`no answer within ${PATIENCE_MS} ms`)));
      sent.on('error', reject);
      sent.end(text ?? undefined);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}
