import type Stripe from 'stripe';
import type { Account, CaptureFault, ChargeRecord, PaymentRecord } from './account.ts';
import { Collection } from './collection.ts';
import { checkCharge, checkCurrency, checkDigits } from './currencies.ts';
import { openDispute } from './disputes.ts';
import {
  type ApiError,
  cardError,
  invalid,
  missing,
  paymentError,
  resourceMissing,
  unexpectedState,
  unknownParameter,
} from './errors.ts';
import { newCharge, newIntent } from './objects.ts';
import { changed, type MetadataChange } from './parameters.ts';
import { kindOf, METHOD_KINDS, type MethodType, methodOf, methodOfType, type TestMethod } from './payment-methods.ts';
import { release } from './refunds.ts';

/*
 * The state machine of a PaymentIntent (docs.stripe.com/payments/paymentintents/lifecycle):
 *
 *   requires_payment_method  no method yet, or the last one failed     update, confirm, cancel
 *   requires_confirmation    a method is attached                      update, confirm, cancel
 *   requires_action          the buyer is at her bank                  confirm with another method, cancel
 *   processing               delayed: days until it is decided         (cancel, «in rare cases»)
 *   requires_capture         authorised                                capture, cancel; expires
 *   succeeded                the money is taken                        refund
 *   canceled                 final
 */

type CaptureMethod = 'automatic' | 'automatic_async' | 'manual';
type MethodOptions = Readonly<Record<string, { readonly capture_method?: string | undefined } | undefined>>;

interface MethodChoice {
  readonly payment_method?: string | undefined;
  readonly payment_method_data?: { readonly type: MethodType } | undefined;
  readonly payment_method_options?: MethodOptions | undefined;
}

export interface ConfirmParams extends MethodChoice {
  readonly capture_method?: CaptureMethod | undefined;
  readonly return_url?: string | undefined;
  readonly off_session?: boolean | undefined;
  readonly receipt_email?: string | undefined;
  /** Stripe.js brings the buyer back by itself. */
  readonly use_stripe_sdk?: boolean | undefined;
}

export interface UpdateParams extends MethodChoice {
  readonly amount?: number | undefined;
  readonly currency?: string | undefined;
  readonly capture_method?: CaptureMethod | undefined;
  readonly description?: string | undefined;
  readonly metadata?: MetadataChange | undefined;
  readonly receipt_email?: string | undefined;
  readonly statement_descriptor?: string | undefined;
  readonly statement_descriptor_suffix?: string | undefined;
}

export interface CreateParams extends UpdateParams, ConfirmParams {
  readonly amount: number;
  readonly currency: string;
  readonly confirm?: boolean | undefined;
  readonly confirmation_method?: 'automatic' | 'manual' | undefined;
  readonly allowed_payment_method_types?: readonly MethodType[] | undefined;
  readonly excluded_payment_method_types?: readonly MethodType[] | undefined;
  readonly automatic_payment_methods?:
    | { readonly enabled: boolean; readonly allow_redirects?: 'always' | 'never' | undefined }
    | undefined;
}

const BEFORE_CONFIRMATION = ['requires_payment_method', 'requires_confirmation', 'requires_action'];
const CANCELABLE = [
  'requires_payment_method',
  'requires_capture',
  'requires_confirmation',
  'requires_action',
  'processing',
];

// --- what requests do ------------------------------------------------------------------------------------------------

export function createPayment(account: Account, params: CreateParams): PaymentRecord {
  const { amount, currency, automatic_payment_methods: automatic } = params;
  checkCurrency(currency);
  checkCharge(amount, currency);
  const captureMethod = params.capture_method ?? 'automatic_async';
  checkOptions(params.payment_method_options);
  const offered = offeredTypes(account, params);
  const methodTypes = usableTypes(offered, currency, captureMethod);
  const method = chosenMethod(params);
  if (method !== undefined && !methodTypes.includes(method.type)) throw incompatible(method, methodTypes);

  const id = account.newId('pi');
  const intent = newIntent({
    id,
    clientSecret: `${id}_secret_${account.newId('cs').slice(3)}`,
    created: account.seconds(),
    amount,
    currency,
    captureMethod,
    confirmationMethod: params.confirmation_method ?? 'automatic',
    automaticMethods:
      params.allowed_payment_method_types === undefined && automatic?.enabled !== false
        ? { enabled: true, allow_redirects: automatic?.allow_redirects ?? 'always' }
        : null,
    allowedTypes: params.allowed_payment_method_types ?? null,
    excludedTypes: params.excluded_payment_method_types ?? null,
    methodTypes,
    methodOptions: (params.payment_method_options ?? {}) as Stripe.PaymentIntent.PaymentMethodOptions,
    metadata: changed({}, params.metadata),
    description: params.description ?? null,
    receiptEmail: params.receipt_email ?? null,
    statementDescriptor: params.statement_descriptor ?? null,
    statementDescriptorSuffix: params.statement_descriptor_suffix ?? null,
  });
  const payment: PaymentRecord = {
    id,
    created: intent.created,
    intent,
    offered,
    method: null,
    charge: null,
    refunds: new Collection(),
    captures: 0,
    captureFault: null,
  };
  if (params.confirm === true) {
    if (method === undefined) throw missing('payment_method');
    checkReturnUrl(intent, method, params);
  }
  account.payments.add(payment);
  if (method !== undefined) attach(payment, method);
  account.emit('payment_intent.created', intent);
  if (params.confirm === true) confirmPayment(account, payment, { ...params, payment_method_data: undefined });
  return payment;
}

export function updatePayment(payment: PaymentRecord, params: UpdateParams): void {
  const { intent } = payment;
  const { amount = intent.amount, currency = intent.currency, description, receipt_email } = params;
  const changesPrice =
    params.amount !== undefined ||
    params.currency !== undefined ||
    params.capture_method !== undefined ||
    params.payment_method !== undefined ||
    params.payment_method_data !== undefined ||
    params.payment_method_options !== undefined;
  if (changesPrice && !BEFORE_CONFIRMATION.includes(intent.status)) {
    throw unexpectedState(
      `This PaymentIntent's amount could not be updated because it has a status of ${intent.status}. ` +
        `You may only update the amount of a PaymentIntent with one of the following statuses: ${BEFORE_CONFIRMATION.join(', ')}.`,
      intent,
    );
  }
  if (changesPrice) {
    checkCurrency(currency);
    checkCharge(amount, currency);
    checkOptions(params.payment_method_options);
  }
  const captureMethod = params.capture_method ?? (intent.capture_method as CaptureMethod);
  const methodTypes = changesPrice
    ? usableTypes(payment.offered, currency, captureMethod)
    : (intent.payment_method_types as MethodType[]);
  const method = chosenMethod(params);
  if (method !== undefined && !methodTypes.includes(method.type)) throw incompatible(method, methodTypes, intent);
  const metadata = changed(intent.metadata, params.metadata);

  intent.metadata = metadata;
  intent.amount = amount;
  intent.currency = currency;
  intent.capture_method = captureMethod;
  intent.payment_method_types = [...methodTypes];
  if (description !== undefined) intent.description = description === '' ? null : description;
  if (receipt_email !== undefined) intent.receipt_email = receipt_email === '' ? null : receipt_email;
  if (params.statement_descriptor !== undefined) intent.statement_descriptor = params.statement_descriptor;
  if (params.statement_descriptor_suffix !== undefined) {
    intent.statement_descriptor_suffix = params.statement_descriptor_suffix;
  }
  mergeOptions(intent, params.payment_method_options);
  if (method !== undefined) attach(payment, method);
}

export function confirmPayment(account: Account, payment: PaymentRecord, params: ConfirmParams): void {
  const { intent } = payment;
  if (!BEFORE_CONFIRMATION.includes(intent.status)) {
    throw unexpectedState(
      intent.status === 'succeeded' || intent.status === 'requires_capture'
        ? 'You cannot confirm this PaymentIntent because it has already succeeded after being previously confirmed.'
        : `This PaymentIntent could not be confirmed because it has a status of ${intent.status}.`,
      intent,
    );
  }
  checkOptions(params.payment_method_options);
  const method = chosenMethod(params) ?? payment.method;
  if (method === null) {
    throw unexpectedState("You cannot confirm this PaymentIntent because it's missing a payment method.", intent);
  }
  const capture = params.capture_method ?? (intent.capture_method as CaptureMethod);
  if (!intent.payment_method_types.includes(method.type) || !fits(method.type, intent.currency, capture)) {
    throw incompatible(method, intent.payment_method_types, intent);
  }
  checkReturnUrl(intent, method, params);

  mergeOptions(intent, params.payment_method_options);
  if (params.capture_method !== undefined) intent.capture_method = params.capture_method;
  if (params.receipt_email !== undefined) intent.receipt_email = params.receipt_email;
  attach(payment, method);
  const { behaviour } = method;
  if (behaviour.does !== 'challenge') {
    attempt(account, payment, method);
    return;
  }
  if (params.off_session === true) {
    throw failAttempt(account, payment, newAttempt(account, payment, method), {
      code: 'authentication_required',
      decline_code: 'authentication_required',
      message: 'Your card was declined. This transaction requires authentication.',
    });
  }
  intent.status = 'requires_action';
  intent.next_action = nextAction(intent, method, params.return_url ?? null);
  account.emit('payment_intent.requires_action', intent);
}

/** @param amount all that can be captured if absent; the rest is let go */
export function capturePayment(account: Account, payment: PaymentRecord, amount: number | undefined): void {
  const { intent, charge } = payment;
  if (intent.status !== 'requires_capture' || charge === null) {
    throw unexpectedState(
      intent.status === 'succeeded'
        ? 'This PaymentIntent could not be captured because it has already been captured.'
        : `This PaymentIntent could not be captured because it has a status of ${intent.status}. ` +
            'Only a PaymentIntent with one of the following statuses may be captured: requires_capture.',
      intent,
    );
  }
  const taken = amount ?? intent.amount_capturable;
  checkDigits(taken, intent.currency, 'amount_to_capture');
  if (taken > intent.amount_capturable) {
    throw paymentError(
      {
        code: 'amount_too_large',
        message: 'The amount to capture is greater than the amount that was authorised.',
        param: 'amount_to_capture',
      },
      intent,
    );
  }
  if (payment.captureFault !== null) failCapture(account, payment, charge, payment.captureFault);
  take(account, payment, charge, taken);
  account.emit('charge.captured', charge.charge);
  succeed(account, payment, charge);
}

export function cancelPayment(
  account: Account,
  payment: PaymentRecord,
  reason: Stripe.PaymentIntent.CancellationReason | null,
): void {
  const { intent } = payment;
  const isCancelable =
    CANCELABLE.includes(intent.status) && (intent.status !== 'processing' || account.settings.cancelsProcessing);
  if (!isCancelable) {
    throw unexpectedState(
      `You cannot cancel this PaymentIntent because it has a status of ${intent.status}. ` +
        `Only a PaymentIntent with one of the following statuses may be canceled: ${CANCELABLE.join(', ')}.`,
      intent,
    );
  }
  endUnpaid(account, payment, reason);
}

// --- what buyers, banks and time do ----------------------------------------------------------------------------------

/** The buyer passes her challenge, or fails it. */
export function authenticate(account: Account, payment: PaymentRecord, outcome: 'ok' | 'fail'): void {
  const { intent, method } = payment;
  if (intent.status !== 'requires_action' || method === null) {
    throw new Error(`${intent.id} has no challenge: it is ${intent.status}`);
  }
  if (outcome === 'ok') {
    attempt(account, payment, method);
    return;
  }
  intent.status = 'requires_payment_method';
  intent.next_action = null;
  detach(payment);
  intent.last_payment_error = {
    type: 'invalid_request_error',
    code: 'payment_intent_authentication_failure',
    message: 'The provided PaymentMethod has failed authentication.',
  };
  account.emit('payment_intent.payment_failed', intent);
}

/** The bank decides on a delayed payment. */
export function settleDelayed(account: Account, payment: PaymentRecord, outcome: 'succeed' | 'fail'): void {
  const { intent, charge } = payment;
  if (intent.status !== 'processing' || charge === null) {
    throw new Error(`${intent.id} waits for no bank: it is ${intent.status}`);
  }
  intent.processing = null;
  if (outcome === 'fail') {
    // Nobody waits for an answer: only the events tell of it.
    failAttempt(account, payment, charge, { code: 'payment_method_provider_decline', message: 'The bank declined.' });
    return;
  }
  charge.charge.paid = true;
  charge.charge.status = 'succeeded';
  take(account, payment, charge, intent.amount);
  account.emit('charge.succeeded', charge.charge);
  succeed(account, payment, charge);
}

/** The time to capture is over. */
export function expireAuthorisation(account: Account, payment: PaymentRecord): void {
  if (payment.intent.status !== 'requires_capture') {
    throw new Error(`${payment.id} has no authorisation: it is ${payment.intent.status}`);
  }
  endUnpaid(account, payment, 'automatic');
}

// --- parts -----------------------------------------------------------------------------------------------------------

function chosenMethod(choice: MethodChoice): TestMethod | undefined {
  const { payment_method: id, payment_method_data: data } = choice;
  if (id !== undefined && data !== undefined) {
    throw invalid(
      'You may only specify one of these parameters: payment_method, payment_method_data.',
      'payment_method',
    );
  }
  const chosen = data === undefined ? id : methodOfType[data.type];
  if (chosen === undefined) return undefined;
  const method = methodOf(chosen);
  if (method === undefined) throw resourceMissing('PaymentMethod', chosen, 'payment_method', 400);
  return method;
}

function fits(type: MethodType, currency: string, capture: CaptureMethod): boolean {
  const kind = kindOf(type);
  return (kind.currency ?? currency) === currency && (capture !== 'manual' || kind.capturesManually);
}

/** The payment methods that the seller offers, whether or not they can pay this payment. */
function offeredTypes(account: Account, params: CreateParams): MethodType[] {
  const { allowed_payment_method_types: allowed, excluded_payment_method_types: excluded = [] } = params;
  const { automatic_payment_methods: automatic } = params;
  // docs.stripe.com/changelog/dahlia/2026-07-29/allowed-payment-method-types-parameter
  for (const other of ['excluded_payment_method_types', 'automatic_payment_methods'] as const) {
    if (allowed !== undefined && params[other] !== undefined) {
      throw invalid(`You may only specify one of these parameters: allowed_payment_method_types, ${other}.`, other);
    }
  }
  if (allowed !== undefined) return [...allowed];
  const types = automatic?.enabled === false ? (['card'] satisfies MethodType[]) : account.settings.methodTypes;
  const allowsRedirects = automatic?.allow_redirects !== 'never';
  return types.filter((type) => !excluded.includes(type) && (allowsRedirects || !kindOf(type).redirects));
}

/** Those that can pay it: the others are left out without a word, unless none is left. */
function usableTypes(offered: readonly MethodType[], currency: string, capture: CaptureMethod): MethodType[] {
  const types = offered.filter((type) => fits(type, currency, capture));
  if (types.length > 0) return types;
  throw invalid(
    `No valid payment method types for this PaymentIntent: of ${offered.join(', ')} none can pay ${currency} with ` +
      `capture_method ${capture}.`,
    'allowed_payment_method_types',
  );
}

/** Only methods that can be captured later have a capture method of their own. */
function checkOptions(options: MethodOptions | undefined): void {
  for (const type in options) {
    if (options[type]?.capture_method !== undefined && !METHOD_KINDS[type as MethodType].capturesManually) {
      throw unknownParameter(`payment_method_options[${type}][capture_method]`);
    }
  }
}

function mergeOptions(intent: Stripe.PaymentIntent, options: MethodOptions | undefined): void {
  const merged: Record<string, object> = { ...intent.payment_method_options };
  for (const type in options) {
    if (options[type] === undefined) continue;
    // An empty capture method takes back the one that was set.
    merged[type] = options[type].capture_method === '' ? {} : options[type];
  }
  intent.payment_method_options = merged;
}

function incompatible(method: TestMethod, types: readonly string[], intent?: Stripe.PaymentIntent): ApiError {
  const message = `The PaymentMethod provided (${method.type}) is not allowed for this PaymentIntent: ${types.join(', ')}.`;
  const code = 'payment_intent_incompatible_payment_method';
  return intent === undefined ? invalid(message, 'payment_method', code) : paymentError({ message, code }, intent);
}

function checkReturnUrl(intent: Stripe.PaymentIntent, method: TestMethod | undefined, params: ConfirmParams): void {
  const mayRedirect =
    intent.automatic_payment_methods?.allow_redirects === 'always' ||
    (method !== undefined && kindOf(method.type).redirects);
  if (mayRedirect && params.return_url === undefined && params.use_stripe_sdk !== true) {
    throw invalid('This payment may redirect the buyer: you must provide a `return_url`.', 'return_url');
  }
}

function attach(payment: PaymentRecord, method: TestMethod): void {
  payment.method = method;
  payment.intent.payment_method = method.id;
  if (payment.intent.status === 'requires_payment_method') payment.intent.status = 'requires_confirmation';
}

/** A method that failed is not tried again: the buyer has to bring one. */
function detach(payment: PaymentRecord): void {
  payment.method = null;
  payment.intent.payment_method = null;
}

function nextAction(
  intent: Stripe.PaymentIntent,
  method: TestMethod,
  returnUrl: string | null,
): Stripe.PaymentIntent.NextAction {
  const url = `https://hooks.stripe.com/redirect/authenticate/${intent.id}`;
  return method.type === 'card' && returnUrl === null
    ? { type: 'use_stripe_sdk', use_stripe_sdk: { type: 'three_d_secure_redirect', stripe_js: url } }
    : { type: 'redirect_to_url', redirect_to_url: { return_url: returnUrl, url } };
}

const captureMethodFor = (intent: Stripe.PaymentIntent, type: MethodType): string => {
  const options = intent.payment_method_options as MethodOptions | null;
  return options?.[type]?.capture_method ?? intent.capture_method;
};

function newAttempt(account: Account, payment: PaymentRecord, method: TestMethod): ChargeRecord {
  const { intent } = payment;
  const isManual = captureMethodFor(intent, method.type) === 'manual';
  const before = isManual ? Math.floor((account.now() + account.settings.authorisationMs) / 1000) : null;
  const object = newCharge(account.newId('ch'), account.seconds(), intent, method, before);
  const charge: ChargeRecord = { id: object.id, created: object.created, charge: object, payment, dispute: null };
  account.charges.add(charge);
  payment.charge = charge;
  intent.latest_charge = object.id;
  intent.next_action = null;
  return charge;
}

/** The method pays, or is declined. */
function attempt(account: Account, payment: PaymentRecord, method: TestMethod): void {
  const { intent } = payment;
  const charge = newAttempt(account, payment, method);
  const { behaviour } = method;
  if (behaviour.does === 'decline') {
    throw failAttempt(account, payment, charge, {
      code: 'card_declined',
      decline_code: behaviour.declineCode,
      message: 'Your card was declined.',
    });
  }
  intent.last_payment_error = null;
  if (behaviour.does === 'delay') {
    intent.status = 'processing';
    account.emit('charge.pending', charge.charge);
    account.emit('payment_intent.processing', intent);
    const { delayedMs } = account.settings;
    if (delayedMs !== null) {
      account.agenda.add(account.now() + delayedMs, () => {
        if (intent.status === 'processing' && payment.charge === charge) {
          settleDelayed(account, payment, behaviour.outcome);
        }
      });
    }
    return;
  }
  charge.charge.paid = true;
  charge.charge.status = 'succeeded';
  if (captureMethodFor(intent, method.type) === 'manual') {
    intent.status = 'requires_capture';
    intent.amount_capturable = intent.amount;
    account.emit('charge.succeeded', charge.charge);
    account.emit('payment_intent.amount_capturable_updated', intent);
    account.agenda.add(account.now() + account.settings.authorisationMs, () => {
      if (intent.status === 'requires_capture' && payment.charge === charge) expireAuthorisation(account, payment);
    });
    return;
  }
  take(account, payment, charge, intent.amount);
  account.emit('charge.succeeded', charge.charge);
  succeed(account, payment, charge);
}

/** Ends an attempt without money; returns the error that tells so. */
function failAttempt(
  account: Account,
  payment: PaymentRecord,
  { charge }: ChargeRecord,
  failure: { readonly code: string; readonly decline_code?: string; readonly message: string },
): ApiError {
  const { intent } = payment;
  charge.paid = false;
  charge.status = 'failed';
  charge.failure_code = failure.code;
  charge.failure_message = failure.message;
  intent.status = 'requires_payment_method';
  intent.amount_capturable = 0;
  detach(payment);
  const error = { ...failure, charge: charge.id };
  intent.last_payment_error = { type: 'card_error', ...error } as Stripe.PaymentIntent.LastPaymentError;
  account.emit('charge.failed', charge);
  account.emit('payment_intent.payment_failed', intent);
  return cardError(error, intent);
}

function take(account: Account, payment: PaymentRecord, { charge }: ChargeRecord, amount: number): void {
  const { intent } = payment;
  payment.captures++;
  const rest = charge.amount - amount;
  charge.captured = true;
  charge.amount_captured = amount;
  // An asynchronous capture shows its entry in the balance only later.
  charge.balance_transaction = intent.capture_method === 'automatic_async' ? null : account.newId('txn');
  intent.amount_received = amount;
  intent.amount_capturable = 0;
  intent.status = 'succeeded';
  if (rest > 0) release(account, payment, rest, null);
}

function succeed(account: Account, payment: PaymentRecord, charge: ChargeRecord): void {
  account.emit('payment_intent.succeeded', payment.intent);
  const behaviour = payment.method?.behaviour;
  if (behaviour?.does === 'authorise' && behaviour.later === 'dispute') openDispute(account, charge);
}

function failCapture(account: Account, payment: PaymentRecord, charge: ChargeRecord, fault: CaptureFault): never {
  payment.captureFault = null;
  if (fault === 'declined') {
    throw failAttempt(account, payment, charge, {
      code: 'card_declined',
      decline_code: 'generic_decline',
      message: 'Your card was declined.',
    });
  }
  expireAuthorisation(account, payment);
  throw paymentError(
    {
      code: 'charge_expired_for_capture',
      message:
        `Charge ${charge.id} cannot be captured because the charge has expired ` +
        '(a charge must be captured within 7 days).',
      charge: charge.id,
    },
    payment.intent,
  );
}

/** Cancels; what was authorised is let go. */
function endUnpaid(
  account: Account,
  payment: PaymentRecord,
  reason: Stripe.PaymentIntent.CancellationReason | null,
): void {
  const { intent, charge } = payment;
  const held = intent.amount_capturable;
  const wasProcessing = intent.status === 'processing';
  intent.status = 'canceled';
  intent.amount_capturable = 0;
  intent.canceled_at = account.seconds();
  intent.cancellation_reason = reason;
  intent.next_action = null;
  intent.processing = null;
  if (charge !== null && wasProcessing) charge.charge.status = 'failed';
  if (charge !== null && held > 0) {
    release(account, payment, held, reason === 'automatic' ? 'expired_uncaptured_charge' : null);
    account.emit(reason === 'automatic' ? 'charge.expired' : 'charge.refunded', charge.charge);
  }
  account.emit('payment_intent.canceled', intent);
}
