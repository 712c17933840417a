import type Stripe from 'stripe';

interface ErrorBody {
  readonly type: 'api_error' | 'card_error' | 'idempotency_error' | 'invalid_request_error';
  readonly message: string;
  readonly code?: string;
  readonly decline_code?: string;
  readonly param?: string;
  readonly charge?: string;
  readonly payment_intent?: Stripe.PaymentIntent;
}

/** A refusal, as the API words it. */
export class ApiError extends Error {
  readonly status: number;
  readonly body: ErrorBody;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, body: ErrorBody, headers: Readonly<Record<string, string>> = {}) {
    super(body.message);
    this.status = status;
    this.body = body;
    this.headers = headers;
  }
}

const invalidRequest = (status: number, details: Omit<ErrorBody, 'type'>): ApiError =>
  new ApiError(status, { type: 'invalid_request_error', ...details });

export const unknownUrl = (method: string, path: string): ApiError =>
  invalidRequest(404, { message: `Unrecognized request URL (${method}: ${path}).` });

export const refusal = (code: string): ApiError => invalidRequest(400, { code, message: `Refused: ${code}.` });

export const noKey = (): ApiError => invalidRequest(401, { message: 'You did not provide an API key.' });

export const wrongKey = (): ApiError => invalidRequest(401, { message: 'Invalid API Key provided.' });

export const secretKeyRequired = (): ApiError =>
  invalidRequest(403, {
    code: 'secret_key_required',
    message: 'This API call cannot be made with a publishable API key. Please use a secret API key.',
  });

/** A parameter is wrong. */
export const invalid = (message: string, param?: string, code?: string): ApiError =>
  invalidRequest(400, {
    message,
    ...(param === undefined ? {} : { param }),
    ...(code === undefined ? {} : { code }),
  });

export const missing = (param: string): ApiError =>
  invalid(`Missing required param: ${param}.`, param, 'parameter_missing');

export const unknownParameter = (param: string): ApiError =>
  invalid(`Received unknown parameter: ${param}`, param, 'parameter_unknown');

/** `status`: 404 for the object in the URL, 400 for one that a parameter names. */
export const resourceMissing = (kind: string, id: string, param: string, status: 400 | 404): ApiError =>
  invalidRequest(status, { code: 'resource_missing', message: `No such ${kind}: '${id}'`, param });

export const unexpectedState = (message: string, paymentIntent: Stripe.PaymentIntent): ApiError =>
  invalidRequest(400, { code: 'payment_intent_unexpected_state', message, payment_intent: paymentIntent });

/** Refused for the payment itself, which is shown as it now is. */
export const paymentError = (
  details: { readonly message: string; readonly code?: string; readonly param?: string; readonly charge?: string },
  paymentIntent: Stripe.PaymentIntent,
): ApiError => invalidRequest(400, { ...details, payment_intent: paymentIntent });

export const cardError = (
  details: {
    readonly message: string;
    readonly code: string;
    readonly decline_code?: string;
    readonly charge?: string;
  },
  paymentIntent: Stripe.PaymentIntent,
): ApiError => new ApiError(402, { type: 'card_error', ...details, payment_intent: paymentIntent });

export const rateLimited = (): ApiError =>
  new ApiError(
    429,
    { type: 'invalid_request_error', code: 'rate_limit', message: 'Request rate limit exceeded.' },
    { 'stripe-rate-limited-reason': 'global-rate', 'retry-after': '1' },
  );

export const lockTimeout = (): ApiError =>
  new ApiError(429, {
    type: 'invalid_request_error',
    code: 'lock_timeout',
    message: 'This object cannot be accessed right now because another API request is currently accessing it.',
  });

export const serverError = (): ApiError =>
  new ApiError(500, { type: 'api_error', message: 'An unknown error occurred.' });

export const unavailable = (): ApiError =>
  new ApiError(503, { type: 'api_error', message: 'The service is temporarily unavailable.' });

export const keyInUse = (key: string): ApiError =>
  new ApiError(409, {
    type: 'idempotency_error',
    code: 'idempotency_key_in_use',
    message: `There is currently another in-progress request using this idempotency key (${key}).`,
  });

export const keyReused = (key: string, what: string): ApiError =>
  new ApiError(400, {
    type: 'idempotency_error',
    message:
      `Keys for idempotent requests can only be used ${what} they were first used with. ` +
      `Try using a key other than '${key}' if you meant to execute a different request.`,
  });
