import type { StandIn } from './stand-in.ts';

/** What can be told to a stand-in in another process. */
type Handles = Pick<
  StandIn,
  | 'authenticate'
  | 'settleDelayed'
  | 'expireAuthorisation'
  | 'failNextCapture'
  | 'finishRefund'
  | 'dispute'
  | 'closeDispute'
  | 'faults'
  | 'webhooks'
  | 'books'
>;

/**
 * `POST /_stand-in/<name>` with the arguments as a JSON array calls the method of that name; the answer is
 * `{ "result": … }`. `null` if there is no such method.
 */
export function control(handles: Handles, path: string, body: string): { readonly result: unknown } | null {
  const { books, faults, webhooks } = handles;
  const methods: Readonly<Record<string, (...args: never[]) => unknown>> = {
    'books/payment': books.payment.bind(books),
    'books/payments': () => books.payments(),
    'books/totals': () => books.totals(),
    'faults/add': faults.add.bind(faults),
    'faults/clear': faults.clear.bind(faults),
    'faults/start-outage': faults.startOutage.bind(faults),
    'faults/end-outage': faults.endOutage.bind(faults),
    'webhooks/counts': () => webhooks.counts,
    authenticate: handles.authenticate,
    'settle-delayed': handles.settleDelayed,
    'expire-authorisation': handles.expireAuthorisation,
    'fail-next-capture': handles.failNextCapture,
    'finish-refund': handles.finishRefund,
    dispute: handles.dispute,
    'close-dispute': handles.closeDispute,
  };
  const name = path.slice('/_stand-in/'.length);
  if (!Object.hasOwn(methods, name)) return null;
  const args = body === '' ? [] : JSON.parse(body);
  return { result: methods[name](...(args as never[])) ?? null };
}
