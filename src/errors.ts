/**
 * Every refusal that a client can meet: its stable code, HTTP status and title. The one catalogue; `docs/errors.md`
 * lists it and a test keeps the two equal.
 */
export const CATALOGUE = {
  // What was sent is not right
  BAD_REQUEST: [400, 'The request cannot be read'],
  BODY_INVALID: [400, 'The request does not match its schema'],
  IDEMPOTENCY_KEY_MISSING: [400, 'An Idempotency-Key header is required'],
  IDEMPOTENCY_KEY_INVALID: [400, 'The Idempotency-Key header must have 1 to 255 visible characters'],
  IDEMPOTENCY_KEY_REUSED: [422, 'The Idempotency-Key was used with another request'],
  BODY_TOO_LARGE: [413, 'The body is too large'],
  MEDIA_TYPE_UNSUPPORTED: [415, 'The content type is not supported'],
  HEADERS_TOO_LARGE: [431, 'The headers are too large'],
  REQUEST_TIMEOUT: [408, 'The request was not sent in time'],
  METHOD_NOT_ALLOWED: [405, 'The method is not allowed here'],
  // Who asks
  UNAUTHENTICATED: [401, 'A valid bearer token is required'],
  BAD_CREDENTIALS: [401, 'The e-mail or the password is wrong'],
  FORBIDDEN: [403, 'Your role does not allow this'],
  EMAIL_TAKEN: [409, 'An account with this e-mail exists'],
  // What is not there
  NOT_FOUND: [404, 'Not found'],
  // Plans and shows
  PLAN_INVALID: [422, 'The seating plan is not valid'],
  SHOW_INVALID: [422, 'The show is not valid'],
  STOCK_INVALID: [422, 'The change of the stock is not valid'],
  SEAT_IN_USE: [409, 'Some of the places are held or sold'],
  // Seats
  NOT_ON_SALE: [403, 'The show is not on sale now'],
  UNKNOWN_SEAT: [422, 'The plan has no such seat'],
  HOLD_INVALID: [422, 'The hold is not valid'],
  SEATS_TAKEN: [409, 'Some of the seats are taken'],
  NOT_ENOUGH_SEATS: [409, 'There are not enough such seats'],
  ORPHAN_SEAT: [409, 'The choice would leave a single seat between taken ones'],
  HOLD_LIMIT: [409, 'Too many seats in one hold, or another hold is live'],
  BUYER_LIMIT: [409, 'The limit of tickets per buyer is reached'],
  HOLD_EXPIRED: [410, 'The hold has ended'],
  HOLD_IN_PAYMENT: [409, 'The hold has an order in payment'],
  EXTENSION_LIMIT: [409, 'The hold cannot be extended further'],
  // Orders and money
  ORDER_NOT_PAYABLE: [409, 'The order can no longer be paid'],
  ORDER_NOT_CANCELLABLE: [409, 'The order can no longer be cancelled'],
  ORDER_NOT_REFUNDABLE: [409, 'The order has nothing to refund, or not these tickets'],
  // Tickets that move
  TICKET_NOT_MOVABLE: [409, 'The ticket cannot be transferred or listed now'],
  TRANSFER_INVALID: [422, 'The ticket cannot be transferred to this address'],
  TRANSFER_LIMIT: [409, 'The ticket was transferred too often'],
  ABOVE_PURCHASE_PRICE: [422, 'A ticket is never resold above what was paid for it'],
  LISTING_NEEDS_SEAT: [422, 'Only a ticket with a seat can be listed for resale'],
  LISTING_IN_USE: [409, 'A buyer has the listed seat'],
  OWN_LISTING: [409, 'You list this seat for resale yourself'],
  // Payments
  CARD_DECLINED: [402, 'The card was declined'],
  CAPTURE_FAILED: [402, 'The payment could not be captured; the seats are free again'],
  WEBHOOK_INVALID: [400, 'The webhook is not one of the payment provider'],
  // Outgoing webhooks
  WEBHOOK_URL_INVALID: [422, 'Webhooks cannot be sent to this address'],
  WEBHOOK_ENDPOINT_LIMIT: [409, 'There are too many webhook endpoints'],
  WEBHOOK_ENDPOINT_DISABLED: [409, 'The webhook endpoint is disabled'],
  // Doors
  CODE_INVALID: [422, 'The code is not one of ours'],
  CODE_OF_ANOTHER_SHOW: [422, 'The code is of another show'],
  TICKET_NOT_VALID: [409, 'The ticket is not valid'],
  ALREADY_ADMITTED: [409, 'The ticket was admitted already'],
  SCAN_TIME_INVALID: [422, 'The time of the scan is not possible'],
  SCAN_LIMIT: [409, 'The ledger of the doors is full'],
  // The cluster, at the admin listener
  NODE_UNKNOWN: [404, 'The cluster has no such node'],
  CLUSTER_PLAN_INVALID: [422, 'The plan for the cluster cannot be made'],
  CLUSTER_CHANGED: [409, 'The cluster has changed since the plan was made'],
  CLUSTER_PLAN_BUSY: [409, 'A plan is being applied'],
  CLUSTER_PLAN_ENDED: [409, 'The plan has ended'],
  // Not now
  TOO_MANY_REQUESTS: [429, 'Too many requests'],
  OVERLOADED: [503, 'Too busy; try again shortly'],
  UNAVAILABLE: [503, 'Not available now; try again shortly'],
  OUTCOME_UNKNOWN: [503, 'The outcome is unknown; retry with the same Idempotency-Key'],
  INTERNAL: [500, 'Something went wrong on our side'],
} as const satisfies Record<string, readonly [status: number, title: string]>;

export type ErrorCode = keyof typeof CATALOGUE;

/** One fault in what was sent: where (a JSON pointer) and what to mend. */
export interface Fault {
  readonly pointer: string;
  readonly detail: string;
}

/** The JSON pointer (RFC 6901) to a value, by the names of the members on the way. */
export function pointerTo(...names: readonly string[]): string {
  return names.map((name) => `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

/** A refusal as data: what the core returns, the journal keeps and HTTP turns into a problem document. */
export interface Refusal {
  readonly code: ErrorCode;
  /** What is wrong and how to mend it, for a person. */
  readonly detail: string;
  /** Seconds after which a retry makes sense. */
  readonly retryAfter?: number;
  readonly errors?: readonly Fault[];
  /** Members that the contract adds to this code's problem document, such as `taken` and `alternatives`. */
  readonly extra?: Readonly<Record<string, unknown>>;
}

/** A refusal on its way up to the edge. */
export class RefusedError extends Error {
  readonly refusal: Refusal;
  constructor(refusal: Refusal) {
    super(`${refusal.code}: ${refusal.detail}`);
    this.name = 'RefusedError';
    this.refusal = refusal;
  }
}

/** Why the process cannot start: shown to the operator as it is, with exit code 1. */
export class StartError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'StartError';
  }
}
