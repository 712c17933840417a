import { createHmac } from 'node:crypto';
import { systemClock } from '../src/system/clock.ts';
import { KeepAliveConnection } from './keep-alive-connection.ts';
import { Latencies } from './latencies.ts';

export interface WebhookLoadOrder {
  readonly kind: 'webhooks';
  readonly port: number;
  readonly secret: string;
  /** Events as JSON, each posted once. */
  readonly events: readonly string[];
  readonly connections: number;
}

export interface WebhookLoadReport {
  /** From sending the first to having all answers. */
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly wrong: number;
  readonly firstWrong: string | null;
}

/** Posts signed events as Stripe does, each connection its next one when the last is answered. */
export async function runWebhookLoad(order: WebhookLoadOrder): Promise<WebhookLoadReport> {
  const { port, secret, events } = order;
  const clock = systemClock();
  const connections = await Promise.all(
    Array.from({ length: order.connections }, () => KeepAliveConnection.open(port)),
  );
  const latencies = new Latencies();
  let next = 0;
  let wrong = 0;
  let firstWrong: string | null = null;
  const start = performance.now();
  const loop = async (connection: KeepAliveConnection): Promise<void> => {
    while (next < events.length) {
      const text = webhookText(events[next++], secret, Math.floor(clock.now() / 1_000));
      const sent = performance.now();
      const { status, body } = await connection.request(text);
      latencies.record(performance.now() - sent);
      if (status === 200) continue;
      wrong++;
      firstWrong ??= `${status} ${body}`;
    }
  };
  await Promise.all(connections.map(loop));
  const seconds = (performance.now() - start) / 1_000;
  for (const connection of connections) connection.close();
  return { seconds, p50Ms: latencies.percentile(0.5), p99Ms: latencies.percentile(0.99), wrong, firstWrong };
}

/** @param at seconds */
function webhookText(event: string, secret: string, at: number): string {
  const signature = createHmac('sha256', secret).update(`${at}.${event}`).digest('hex');
  return (
    'POST /v1/webhooks/stripe HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json; charset=utf-8\r\n' +
    `Stripe-Signature: t=${at},v1=${signature}\r\nContent-Length: ${event.length}\r\n\r\n${event}`
  );
}
