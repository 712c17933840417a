/** Bytes of a request body, unless the route says otherwise. */
export const BODY_BYTES_MAX = 64 * 1_024;

/** Bytes of a seating plan: 80,000 seats written generously. */
export const PLAN_BYTES_MAX = 32 * 1_024 * 1_024;

/**
 * What a body of more than {@link BODY_BYTES_MAX} has at most: several times what a plan of 200,000 seats has, or a change of
 * all prices that a show can have. Parsed within a second or two, which is less than a lease lasts.
 */
export const JSON_DEPTH_MAX = 32;
export const JSON_CONTAINERS_MAX = 2_000_000;
export const JSON_VALUES_MAX = 6_000_000;
export const JSON_NAMES_MAX = 10_000;
export const JSON_FORMS_MAX = 1_000;

/** Places that one change of a show's stock names: a turn of a few milliseconds. */
export const STOCK_PLACES_MAX = 5_000;

/** Bytes of a change of stock: that many places, with names of usual lengths. */
export const STOCK_BYTES_MAX = 1_024 * 1_024;

/** Bytes of a webhook: a payment provider's events have a few KiB. */
export const WEBHOOK_BYTES_MAX = 256 * 1_024;

/** Bytes of all headers together. */
export const HEADER_BYTES_MAX = 16 * 1_024;

/** Characters of one path parameter; the longest id of ours has 47. */
export const PARAM_LENGTH_MAX = 200;

/** Milliseconds a client has to send a whole request. */
export const REQUEST_TIMEOUT_MS = 60_000;

/** Milliseconds an idle keep-alive connection stays open: longer than usual load balancers keep theirs. */
export const KEEP_ALIVE_TIMEOUT_MS = 72_000;

/** Milliseconds that a close waits for requests under way: longer than any is waited for by its show. */
export const CLOSE_LIMIT_MS = 12_000;

/** For so long after a node opened the lag of the event loop may still be that of its start. */
export const OPENING_MS = 3_000;

/** Part of the heap limit beyond which new requests are turned away. */
export const HEAP_USE_MAX = 0.95;

/** Bytes from which an answer is worth compressing. */
export const COMPRESS_FROM_BYTES = 2_048;

/** Plans that may come in at once. */
export const PLAN_UPLOADS_MAX = 4;

/** Milliseconds that a readiness check may take. */
export const READINESS_TIMEOUT_MS = 2_000;

/** Addresses or accounts that a rate limit remembers; the least recently seen goes first. */
export const RATE_LIMITED_MAX = 20_000;
