import type Stripe from 'stripe';

/**
 * Methods whose money can be authorised first and captured later: docs.stripe.com/payments/place-a-hold-on-a-payment-method,
 * and docs.stripe.com/changelog/clover/2025-09-30/checkout-capture-method-per-payment-method.
 */
const CAPTURED_LATER: ReadonlySet<string> = new Set([
  'affirm',
  'afterpay_clearpay',
  'alma',
  'amazon_pay',
  'billie',
  'card',
  'cashapp',
  'klarna',
  'link',
  'mobilepay',
  'paypal',
  'revolut_pay',
  'satispay',
]);

type MethodParams = Pick<
  Stripe.PaymentIntentCreateParams,
  'allowed_payment_method_types' | 'capture_method' | 'payment_method_options'
>;

/**
 * How an intent is to be paid. Whatever can be captured later is; a method that takes the money at once is offered beside
 * only where the operator has named it.
 */
export function methodParams(methods: readonly string[]): MethodParams {
  const allowed_payment_method_types = [...methods];
  if (methods.every((method) => CAPTURED_LATER.has(method))) {
    return { allowed_payment_method_types, capture_method: 'manual' };
  }
  const later = methods.filter((method) => CAPTURED_LATER.has(method));
  return {
    allowed_payment_method_types,
    capture_method: 'automatic_async',
    ...(later.length === 0
      ? {}
      : { payment_method_options: Object.fromEntries(later.map((method) => [method, { capture_method: 'manual' }])) }),
  };
}
