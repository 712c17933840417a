import { Agent, request } from 'node:http';
import type { Post } from './webhooks.ts';

/** Posts events over HTTP, on connections that are kept until `close`; its time is the real one. */
export function httpPost(): { readonly post: Post; close(): void } {
  const agent = new Agent({ keepAlive: true });
  const post: Post = (endpoint, body, headers, timeoutMs) =>
    new Promise((resolve) => {
      const sent = request(
        endpoint.url,
        {
          method: 'POST',
          agent,
          timeout: timeoutMs,
          headers: { ...headers, 'content-length': Buffer.byteLength(body) },
        },
        (answer) => {
          const status = answer.statusCode ?? 0;
          answer.resume();
          answer.once('close', () => resolve(answer.complete && status >= 200 && status < 300));
        },
      );
      sent.on('timeout', () => sent.destroy());
      sent.on('error', () => resolve(false));
      sent.end(body);
    });
  return { post, close: () => agent.destroy() };
}
