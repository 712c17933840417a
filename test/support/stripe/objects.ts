import type Stripe from 'stripe';
import type { MethodType, TestMethod } from './payment-methods.ts';

// New objects as the API shows them, with `null` for all that the stand-in has no part in.

export interface NewPayment {
  readonly id: string;
  readonly clientSecret: string;
  readonly created: number;
  readonly amount: number;
  readonly currency: string;
  readonly captureMethod: 'automatic' | 'automatic_async' | 'manual';
  readonly confirmationMethod: 'automatic' | 'manual';
  readonly automaticMethods: Stripe.PaymentIntent.AutomaticPaymentMethods | null;
  readonly methodTypes: readonly MethodType[];
  readonly allowedTypes: readonly MethodType[] | null;
  readonly excludedTypes: readonly MethodType[] | null;
  readonly methodOptions: Stripe.PaymentIntent.PaymentMethodOptions;
  readonly metadata: Record<string, string>;
  readonly description: string | null;
  readonly receiptEmail: string | null;
  readonly statementDescriptor: string | null;
  readonly statementDescriptorSuffix: string | null;
}

export function newIntent(payment: NewPayment): Stripe.PaymentIntent {
  return {
    id: payment.id,
    object: 'payment_intent',
    allowed_payment_method_types: payment.allowedTypes === null ? null : [...payment.allowedTypes],
    amount: payment.amount,
    amount_capturable: 0,
    amount_details: { tip: {} },
    amount_received: 0,
    application: null,
    application_fee_amount: null,
    automatic_payment_methods: payment.automaticMethods,
    canceled_at: null,
    cancellation_reason: null,
    capture_method: payment.captureMethod,
    client_secret: payment.clientSecret,
    confirmation_method: payment.confirmationMethod,
    created: payment.created,
    currency: payment.currency,
    customer: null,
    customer_account: null,
    description: payment.description,
    excluded_payment_method_types: payment.excludedTypes === null ? null : [...payment.excludedTypes],
    last_payment_error: null,
    latest_charge: null,
    livemode: false,
    managed_payments: null,
    metadata: payment.metadata,
    next_action: null,
    on_behalf_of: null,
    payment_method: null,
    payment_method_configuration_details: null,
    payment_method_options: payment.methodOptions,
    payment_method_types: [...payment.methodTypes],
    payment_record: null,
    processing: null,
    receipt_email: payment.receiptEmail,
    review: null,
    setup_future_usage: null,
    shipping: null,
    source: null,
    statement_descriptor: payment.statementDescriptor,
    statement_descriptor_suffix: payment.statementDescriptorSuffix,
    status: 'requires_payment_method',
    transfer_data: null,
    transfer_group: null,
  };
}

/** What a publishable key may see. */
export function clientView(intent: Stripe.PaymentIntent): Partial<Stripe.PaymentIntent> {
  const { id, object, amount, amount_details, automatic_payment_methods, canceled_at, cancellation_reason } = intent;
  const { capture_method, client_secret, confirmation_method, created, currency, description } = intent;
  const { last_payment_error, livemode, next_action, payment_method, payment_method_types, processing } = intent;
  const { receipt_email, setup_future_usage, shipping, source, status } = intent;
  return {
    ...{ id, object, amount, automatic_payment_methods, canceled_at, cancellation_reason, capture_method },
    ...{ client_secret, confirmation_method, created, currency, description, last_payment_error, livemode },
    ...{ next_action, payment_method, payment_method_types, processing, receipt_email, setup_future_usage },
    ...{ shipping, source, status },
    ...(amount_details === undefined ? {} : { amount_details }),
  };
}

/** A charge whose fate is not known yet. */
export function newCharge(
  id: string,
  created: number,
  intent: Stripe.PaymentIntent,
  method: TestMethod,
  captureBefore: number | null,
): Stripe.Charge {
  const details = {
    type: method.type,
    [method.type]: method.type === 'card' ? { brand: 'visa', last4: '4242', capture_before: captureBefore } : {},
  };
  return {
    id,
    object: 'charge',
    amount: intent.amount,
    amount_captured: 0,
    amount_refunded: 0,
    application: null,
    application_fee: null,
    application_fee_amount: null,
    balance_transaction: null,
    billing_details: { address: null, email: null, name: null, phone: null, tax_id: null },
    calculated_statement_descriptor: intent.statement_descriptor,
    captured: false,
    created,
    currency: intent.currency,
    customer: null,
    description: intent.description,
    disputed: false,
    failure_balance_transaction: null,
    failure_code: null,
    failure_message: null,
    fraud_details: {},
    livemode: false,
    metadata: { ...intent.metadata },
    on_behalf_of: null,
    outcome: null,
    paid: false,
    payment_intent: intent.id,
    payment_method: method.id,
    payment_method_details: details as unknown as Stripe.Charge.PaymentMethodDetails,
    receipt_email: intent.receipt_email,
    receipt_number: null,
    receipt_url: null,
    refunded: false,
    review: null,
    shipping: null,
    source: null,
    source_transfer: null,
    statement_descriptor: intent.statement_descriptor,
    statement_descriptor_suffix: intent.statement_descriptor_suffix,
    status: 'pending',
    transfer_data: null,
    transfer_group: null,
  };
}

export function newRefund(
  id: string,
  created: number,
  charge: Stripe.Charge,
  details: Pick<Stripe.Refund, 'amount' | 'balance_transaction' | 'metadata' | 'reason' | 'status'>,
): Stripe.Refund {
  return {
    id,
    object: 'refund',
    ...details,
    charge: charge.id,
    created,
    currency: charge.currency,
    customer: null,
    customer_account: null,
    payment_intent: charge.payment_intent,
    payment_method: charge.payment_method,
    receipt_number: null,
    source_transfer_reversal: null,
    transfer_reversal: null,
  };
}

/** How long one has to answer a dispute. */
const EVIDENCE_SECONDS = 7 * 86_400;

export function newDispute(id: string, created: number, charge: Stripe.Charge): Stripe.Dispute {
  return {
    id,
    object: 'dispute',
    amount: charge.amount_captured,
    balance_transactions: [],
    charge: charge.id,
    created,
    currency: charge.currency,
    enhanced_eligibility_types: [],
    evidence: {} as Stripe.Dispute.Evidence,
    evidence_details: {
      due_by: created + EVIDENCE_SECONDS,
      enhanced_eligibility: {},
      has_evidence: false,
      past_due: false,
      submission_count: 0,
    } as unknown as Stripe.Dispute.EvidenceDetails,
    intended_submission_method: null,
    is_charge_refundable: false,
    livemode: false,
    metadata: {},
    payment_intent: charge.payment_intent,
    reason: 'fraudulent',
    status: 'needs_response',
  };
}
