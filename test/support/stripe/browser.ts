import type Stripe from 'stripe';

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

export function browser(url: string, publishableKey: string): Browser {
  const headers = { authorization: `Bearer ${publishableKey}` };
  const pathOf = (clientSecret: string): string => `${url}/v1/payment_intents/${clientSecret.split('_secret_')[0]}`;
  return {
    async confirm(clientSecret, paymentMethod) {
      const body = new URLSearchParams({
        client_secret: clientSecret,
        payment_method: paymentMethod,
        return_url: 'https://usher.example/paid',
      });
      return answerOf(await fetch(`${pathOf(clientSecret)}/confirm`, { method: 'POST', headers, body }));
    },
    async look(clientSecret) {
      const query = new URLSearchParams({ client_secret: clientSecret });
      return answerOf(await fetch(`${pathOf(clientSecret)}?${query}`, { headers }));
    },
  };
}

async function answerOf(response: Response): Promise<BrowserAnswer> {
  const body = (await response.json()) as { readonly error?: Stripe.StripeRawError };
  const { status } = response;
  return body.error === undefined
    ? { status, paymentIntent: body as Stripe.PaymentIntent, error: null }
    : { status, paymentIntent: (body.error.payment_intent ?? null) as Stripe.PaymentIntent | null, error: body.error };
}
