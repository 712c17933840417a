import { Agent, type IncomingHttpHeaders, type OutgoingHttpHeaders, request } from 'node:http';
import { connect } from 'node:net';

export interface RawAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface RawRequest {
  readonly method: string;
  /** Sent as it is, valid or not. */
  readonly path: string;
  readonly headers?: OutgoingHttpHeaders | undefined;
  /** Sent as it is; its length is announced unless `headers` say otherwise. */
  readonly body?: string | Uint8Array;
}

/** Milliseconds after which a silent server is a failure. */
const ANSWER_LIMIT_MS = 20_000;

/** A client that sends whatever it is told to, to a server on this machine. */
export class RawClient {
  readonly #port: number;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 16 });

  constructor(port: number) {
    this.#port = port;
  }

  send({ method, path, headers = {}, body }: RawRequest): Promise<RawAnswer> {
    return new Promise((resolve, reject) => {
      const announced =
        body === undefined || 'transfer-encoding' in headers ? {} : { 'content-length': Buffer.byteLength(body) };
      const sent = request(
        {
          host: '127.0.0.1',
          port: this.#port,
          agent: this.#agent,
          method,
          path,
          headers: { ...announced, ...headers },
          timeout: ANSWER_LIMIT_MS,
        },
        (response) => {
          let text = '';
          response.setEncoding('utf8');
          response.on('data', (chunk: string) => {
            text += chunk;
          });
          response.once('error', reject);
          response.once('end', () =>
            resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }),
          );
        },
      );
      sent.once('timeout', () => sent.destroy(new Error(`no answer to ${method} ${path.slice(0, 100)}`)));
      // A server that refuses a body need not read it: once it has answered, a broken pipe is no news.
      sent.on('error', reject);
      sent.end(body);
    });
  }

  /**
   * Sends bytes on a connection of their own, and resolves with all that came until the server closed it.
   * @param ends whether the server hears that nothing more will come
   */
  sendBytes(bytes: string | Uint8Array, { ends = false } = {}): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port: this.#port });
      let text = '';
      socket.setTimeout(ANSWER_LIMIT_MS, () => socket.destroy(new Error('the connection was left open')));
      socket.setEncoding('utf8');
      socket.on('data', (chunk: string) => {
        text += chunk;
      });
      socket.once('error', (error) => (text === '' ? reject(error) : resolve(text)));
      socket.once('close', () => resolve(text));
      if (ends) socket.end(bytes);
      else socket.write(bytes);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}
