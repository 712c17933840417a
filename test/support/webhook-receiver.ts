import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

export interface ReceivedWebhook {
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export interface WebhookReceiver {
  readonly url: string;
  readonly received: ReceivedWebhook[];
  /** How it answers: a status, or null for never. */
  answer: number | null;
}

/** An organiser's system, on loopback; ends with the test. */
export async function webhookReceiver(): Promise<WebhookReceiver> {
  const receiver = { url: '', received: [] as ReceivedWebhook[], answer: 200 as number | null };
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (part: string) => {
      body += part;
    });
    request.on('end', () => {
      receiver.received.push({ headers: request.headers, body });
      if (receiver.answer === null) return;
      response.writeHead(receiver.answer, { location: '/elsewhere' });
      response.end('ok');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  receiver.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hooks`;
  return receiver;
}
