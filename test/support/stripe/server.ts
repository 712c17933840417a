import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ApiHandler, ApiRequest, Dropped, Reply } from './api-handler.ts';

/** No request of the API is as long as that. */
const MAX_BODY_BYTES = 262_144;

/** Answers to paths under `/_stand-in`, which are none of Stripe's; `null`: neither is it one of these. */
type Control = (path: string, body: string) => object | null;

export interface ApiServer {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Speaks HTTP as api.stripe.com does.
 * @param port any free one if 0
 */
export async function serveApi(handler: ApiHandler, port: number, control?: Control): Promise<ApiServer> {
  const server = createServer((request, response) => void serve(handler, control, request, response));
  // Clients keep their connections; Stripe closes none within seconds.
  server.keepAliveTimeout = 60_000;
  await listen(server, port);
  return {
    port: (server.address() as AddressInfo).port,
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

async function serve(
  handler: ApiHandler,
  control: Control | undefined,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { url = '/', method = 'GET' } = request;
  const cut = url.indexOf('?');
  const path = cut < 0 ? url : url.slice(0, cut);
  const body = await readBody(request);
  if (body === null) return void request.socket.destroy();
  if (path.startsWith('/_stand-in/')) return told(control, path, body, response);
  const form = method === 'POST' ? body : cut < 0 ? '' : url.slice(cut + 1);
  let reply: Reply | Dropped;
  try {
    reply = await handler.answer({ method, path, form, headers: request.headers as ApiRequest['headers'] });
  } catch (error) {
    request.socket.destroy();
    throw error;
  }
  if (reply === 'dropped') request.socket.resetAndDestroy();
  else send(response, reply);
}

function told(control: Control | undefined, path: string, body: string, response: ServerResponse): void {
  let status = 200;
  let answer: object | null;
  try {
    answer = control?.(path, body) ?? null;
    if (answer === null) status = 404;
  } catch (error) {
    status = 400;
    answer = { message: (error as Error).message };
  }
  send(response, { status, body: JSON.stringify(answer), headers: {} });
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

function send(response: ServerResponse, { status, body, headers }: Reply): void {
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    ...headers,
  });
  response.end(body);
}
