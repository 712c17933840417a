import { connect, type Socket } from 'node:net';

export interface HttpAnswer {
  readonly status: number;
  /** One character a byte (latin1). */
  readonly body: string;
}

const READ_BUFFER_BYTES = 64 * 1024;
/** A response larger than this is taken for a fault of the server. */
const RESPONSE_BYTES_AT_MOST = 64 * 1024 * 1024;
const HEAD_END = '\r\n\r\n';

/**
 * One keep-alive HTTP/1.1 connection to loopback with at most one request in flight. Written for load: requests go
 * out as ready text, responses are read from one reused buffer and parsed only as far as status and length.
 */
export class KeepAliveConnection {
  readonly #socket: Socket;
  #partial = '';
  #waiting: { resolve(answer: HttpAnswer): void; reject(error: Error): void } | null = null;
  #lost: Error | null = null;

  private constructor(port: number, onConnect: () => void, onFailure: (error: Error) => void) {
    this.#socket = connect({
      host: '127.0.0.1',
      port,
      noDelay: true,
      onread: {
        buffer: Buffer.allocUnsafeSlow(READ_BUFFER_BYTES),
        callback: (bytes, buffer) => {
          this.#read((buffer as Buffer).toString('latin1', 0, bytes));
          return true;
        },
      },
    });
    this.#socket.once('connect', onConnect);
    this.#socket.on('error', (error) => {
      onFailure(error);
      this.#lose(error);
    });
    this.#socket.on('close', () => this.#lose(new Error('the server closed the connection')));
  }

  static open(port: number): Promise<KeepAliveConnection> {
    return new Promise((resolve, reject) => {
      const connection: KeepAliveConnection = new KeepAliveConnection(port, () => resolve(connection), reject);
    });
  }

  /** Sends a whole HTTP request (ASCII text); resolves with its answer, rejects if the connection is lost first. */
  request(text: string): Promise<HttpAnswer> {
    return new Promise((resolve, reject) => {
      if (this.#lost) return reject(this.#lost);
      if (this.#waiting) return reject(new Error('a request is already in flight'));
      this.#waiting = { resolve, reject };
      this.#socket.write(text, 'latin1');
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #lose(error: Error): void {
    this.#lost ??= error;
    this.#waiting?.reject(this.#lost);
    this.#waiting = null;
  }

  #read(text: string): void {
    const received = this.#partial === '' ? text : this.#partial + text;
    const answer = parseResponse(received);
    if (answer === null) {
      this.#partial = received;
      if (received.length > RESPONSE_BYTES_AT_MOST) this.#socket.destroy(new Error('the response is too large'));
      return;
    }
    this.#partial = '';
    const waiting = this.#waiting;
    this.#waiting = null;
    waiting?.resolve(answer);
  }
}

/** The response that `received` holds, or `null` while it is not complete. One character a byte. */
export function parseResponse(received: string): HttpAnswer | null {
  const headEnd = received.indexOf(HEAD_END);
  if (headEnd < 0) return null;
  const status = Number(received.slice(9, 12));
  const head = received.slice(0, headEnd);
  const bodyStart = headEnd + HEAD_END.length;
  const length = /\r\ncontent-length: *(\d+)/i.exec(head);
  if (length) {
    const bodyEnd = bodyStart + Number(length[1]);
    return received.length < bodyEnd ? null : { status, body: received.slice(bodyStart, bodyEnd) };
  }
  if (/\r\ntransfer-encoding: *chunked/i.test(head)) {
    const body = parseChunks(received, bodyStart);
    return body === null ? null : { status, body };
  }
  return { status, body: '' };
}

function parseChunks(received: string, start: number): string | null {
  let body = '';
  let at = start;
  for (;;) {
    const lineEnd = received.indexOf('\r\n', at);
    if (lineEnd < 0) return null;
    const size = Number.parseInt(received.slice(at, lineEnd), 16);
    const next = lineEnd + 2 + size + 2;
    if (received.length < next) return null;
    if (size === 0) return body;
    body += received.slice(lineEnd + 2, lineEnd + 2 + size);
    at = next;
  }
}
