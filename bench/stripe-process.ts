import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** Money at the stand-in, in minor units of one currency. */
export interface StripeTotals {
  readonly payments: number;
  readonly authorised: number;
  readonly captured: number;
  readonly refunded: number;
  /** The most times that one payment was taken. */
  readonly mostCaptures: number;
}

/** The stand-in for Stripe of the tests, as a process of its own. */
export interface StripeProcess {
  readonly port: number;
  /** What makes a server use it. */
  readonly settings: Readonly<Record<string, string>>;
  readonly publishableKey: string;
  /** What its books say; nothing while nobody has paid. */
  totals(): Promise<StripeTotals | undefined>;
  /** A page of its API, as the seller sees it. */
  list(path: string): Promise<{ readonly data: readonly { readonly id: string }[]; readonly has_more: boolean }>;
  stop(): Promise<void>;
}

const MAIN = fileURLToPath(new URL('../test/support/stripe/main.ts', import.meta.url));
const SECRET_KEY = 'sk_test_bench';
const PUBLISHABLE_KEY = 'pk_test_bench';
const CURRENCY = 'eur';
export const WEBHOOK_SECRET = 'whsec_bench';

/** The event that says that a payment waits to be captured. */
export const AUTHORISED_EVENT = 'payment_intent.amount_capturable_updated';

/** @param webhookUrl where it sends its {@link AUTHORISED_EVENT}s; none if absent */
export async function startStripeProcess(webhookUrl?: string): Promise<StripeProcess> {
  const endpoint = ['--webhook-secret', WEBHOOK_SECRET, '--webhook-types', AUTHORISED_EVENT];
  const webhooks = webhookUrl === undefined ? [] : ['--webhook-url', webhookUrl, ...endpoint];
  const child = spawn(
    process.execPath,
    [MAIN, '--key', SECRET_KEY, '--publishable-key', PUBLISHABLE_KEY, ...webhooks],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const killWithUs = () => child.kill('SIGKILL');
  process.once('exit', killWithUs);
  const ended = once(child, 'exit').finally(() => process.off('exit', killWithUs));
  const [line] = (await Promise.race([
    once(createInterface(child.stdout), 'line'),
    ended.then(([code, signal]) =>
      Promise.reject(new Error(`the stand-in for Stripe ended early (${signal ?? code})`)),
    ),
  ])) as [string];
  const { url } = JSON.parse(line) as { url: string };
  const answered = async <T>(path: string, init?: RequestInit): Promise<T> => {
    const answer = await fetch(url + path, { headers: { authorization: `Bearer ${SECRET_KEY}` }, ...init });
    if (!answer.ok) throw new Error(`the stand-in for Stripe: ${path}: ${answer.status} ${await answer.text()}`);
    return (await answer.json()) as T;
  };
  return {
    port: Number(new URL(url).port),
    publishableKey: PUBLISHABLE_KEY,
    settings: { STRIPE_SECRET_KEY: SECRET_KEY, STRIPE_WEBHOOK_SECRET: WEBHOOK_SECRET, STRIPE_API_BASE: url },
    async totals() {
      const books = await answered<{ result: Record<string, StripeTotals> }>('/_stand-in/books/totals', {
        method: 'POST',
        body: '[]',
      });
      return books.result[CURRENCY];
    },
    list: (path) => answered(path),
    async stop() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}
