import type { StripeBehind } from './behind-api.ts';

/**
 * `POST /_stand-in/<name>` with the arguments as a JSON array calls the method of that name; the answer is
 * `{ "result": … }`. `null` if there is no such method.
 */
export function control(behind: StripeBehind, path: string, body: string): { readonly result: unknown } | null {
  const { books, faults, webhooks } = behind;
  const methods: Readonly<Record<string, (...args: never[]) => unknown>> = {
    'books/payment': books.payment.bind(books),
    'books/payments': () => books.payments(),
    'books/totals': () => books.totals(),
    'faults/add': faults.add.bind(faults),
    'faults/clear': faults.clear.bind(faults),
    'faults/start-outage': faults.startOutage.bind(faults),
    'faults/end-outage': faults.endOutage.bind(faults),
    'webhooks/counts': () => webhooks.counts,
    authenticate: behind.authenticate,
    'settle-delayed': behind.settleDelayed,
    'expire-authorisation': behind.expireAuthorisation,
    'fail-next-capture': behind.failNextCapture,
    'finish-refund': behind.finishRefund,
    dispute: behind.dispute,
    'close-dispute': behind.closeDispute,
  };
  const name = path.slice('/_stand-in/'.length);
  if (!Object.hasOwn(methods, name)) return null;
  const args = body === '' ? [] : JSON.parse(body);
  return { result: methods[name](...(args as never[])) ?? null };
}
