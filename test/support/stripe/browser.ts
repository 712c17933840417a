import type Stripe from 'stripe';
import type { ApiRequest, Dropped, Reply } from './api-handler.ts';

/** What Stripe.js answers: the payment, or why not. */
export interface BrowserAnswer {
  readonly status: number;
  readonly paymentIntent: Stripe.PaymentIntent | null;
  readonly error: Stripe.StripeRawError | null;
}

/** A buyer's browser: it knows the publishable key, and the client secret that the seller gave it. */
export interface Browser {
  /** Pays with a payment method; it rejects if the connection fails. */
  confirm(clientSecret: string, paymentMethod: string): Promise<BrowserAnswer>;
  look(clientSecret: string): Promise<BrowserAnswer>;
}

/** How a browser's requests get to the API. */
type Send = (request: ApiRequest) => Promise<Pick<Reply, 'status' | 'body'> | Dropped>;

/** @param send rejects if the connection fails */
export function browser(send: Send, publishableKey: string): Browser {
  const headers = { authorization: `Bearer ${publishableKey}` };
  const pathOf = (clientSecret: string): string => `/v1/payment_intents/${clientSecret.split('_secret_')[0]}`;
  return {
    async confirm(clientSecret, paymentMethod) {
      const form = new URLSearchParams({
        client_secret: clientSecret,
        payment_method: paymentMethod,
        return_url: 'https://usher.example/paid',
      }).toString();
      return answerOf(await send({ method: 'POST', path: `${pathOf(clientSecret)}/confirm`, form, headers }));
    },
    async look(clientSecret) {
      const form = new URLSearchParams({ client_secret: clientSecret }).toString();
      return answerOf(await send({ method: 'GET', path: pathOf(clientSecret), form, headers }));
    },
  };
}

/** @param url of the API, without a path */
export function overHttp(url: string): Send {
  return async ({ method, path, form, headers: { authorization = '' } }) => {
    const response =
      method === 'GET'
        ? await fetch(`${url}${path}?${form}`, { headers: { authorization } })
        : await fetch(`${url}${path}`, {
            method,
            headers: { authorization, 'content-type': 'application/x-www-form-urlencoded' },
            body: form,
          });
    return { status: response.status, body: await response.text() };
  };
}

function answerOf(reply: Pick<Reply, 'status' | 'body'> | Dropped): BrowserAnswer {
  if (reply === 'dropped') throw new Error('the connection broke');
  const { status } = reply;
  const body = JSON.parse(reply.body) as { readonly error?: Stripe.StripeRawError };
  return body.error === undefined
    ? { status, paymentIntent: body as Stripe.PaymentIntent, error: null }
    : { status, paymentIntent: (body.error.payment_intent ?? null) as Stripe.PaymentIntent | null, error: body.error };
}
