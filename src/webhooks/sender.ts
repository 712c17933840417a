import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { guardedLookup, type TargetPolicy, urlFault } from './targets.ts';

/** Sends a body and resolves with the status of the answer; rejects if there is none. Follows no redirect. */
export type WebhookSender = (
  url: string,
  headers: Readonly<Record<string, string>>,
  body: string,
  signal: AbortSignal,
) => Promise<number>;

const USER_AGENT = 'Usher-Webhooks/1';

export function createWebhookSender(policy: TargetPolicy): WebhookSender {
  const lookup = guardedLookup(policy);
  return (url, headers, body, signal) =>
    new Promise((resolve, reject) => {
      // What was allowed when it was registered may not be so any more.
      const fault = urlFault(url, policy);
      if (fault !== null) {
        reject(new Error(`the address ${fault}`));
        return;
      }
      const request = url.startsWith('https:') ? httpsRequest : httpRequest;
      const sending = request(
        url,
        {
          method: 'POST',
          agent: false,
          lookup,
          signal,
          headers: {
            ...headers,
            'content-type': 'application/json',
            'content-length': String(Buffer.byteLength(body)),
            'user-agent': USER_AGENT,
          },
        },
        (answer) => {
          resolve(answer.statusCode ?? 0);
          // The status says it all; nobody may keep us busy with a body.
          answer.destroy();
        },
      );
      sending.on('error', reject);
      // Also after an answer that is no answer, such as 101, of which nothing else is told.
      sending.on('close', () => reject(new Error('there was no answer')));
      sending.end(body);
    });
}
