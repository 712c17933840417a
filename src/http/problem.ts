import type { Socket } from 'node:net';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { CATALOGUE, type ErrorCode, type Refusal, RefusedError } from '../errors.ts';

/** The media type of RFC 9457. */
export const PROBLEM_TYPE = 'application/problem+json';

/** Where every code is described; the `type` of a problem is this plus `#CODE`, relative to the server that sent it. */
export const ERRORS_PATH = '/docs/errors';

/** Seconds after which a refused client may come back when nobody said better. */
export const DEFAULT_RETRY_AFTER = 1;

/** A problem document of RFC 9457, with the members that the contract adds. */
export function problemOf(refusal: Refusal, requestId: string): Record<string, unknown> {
  const [status, title] = CATALOGUE[refusal.code];
  return {
    type: `${ERRORS_PATH}#${refusal.code}`,
    title,
    status,
    detail: refusal.detail,
    code: refusal.code,
    requestId,
    ...(refusal.errors === undefined ? undefined : { errors: refusal.errors }),
    ...refusal.extra,
  };
}

/** Answers a request with a refusal. Cheaper than throwing one, so it is what the busy routes use. */
export function refuse(reply: FastifyReply, refusal: Refusal): FastifyReply {
  const status = CATALOGUE[refusal.code][0];
  reply.code(status).header('content-type', PROBLEM_TYPE);
  if (status === 401) reply.header('www-authenticate', 'Bearer');
  if (refusal.retryAfter !== undefined) reply.header('retry-after', String(refusal.retryAfter));
  else if ((status === 503 || status === 429) && !reply.hasHeader('retry-after')) {
    reply.header('retry-after', String(DEFAULT_RETRY_AFTER));
  }
  // As bytes: to text Fastify would add a charset, which the media type does not have.
  return reply.send(Buffer.from(JSON.stringify(problemOf(refusal, reply.request.id))));
}

/** What Fastify and its plugins throw, in our words. Anything else below 500 is `BAD_REQUEST`. */
const BY_FASTIFY_CODE: Readonly<Record<string, Refusal>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: { code: 'BODY_TOO_LARGE', detail: 'Send a smaller body; the limits are in the docs.' },
  FST_ERR_CTP_INVALID_MEDIA_TYPE: { code: 'MEDIA_TYPE_UNSUPPORTED', detail: 'Send the body as application/json.' },
  FST_ERR_CTP_INVALID_JSON_BODY: { code: 'BAD_REQUEST', detail: 'The body is not valid JSON.' },
  FST_ERR_CTP_EMPTY_JSON_BODY: { code: 'BAD_REQUEST', detail: 'The body is empty, but its content type says JSON.' },
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: {
    code: 'BAD_REQUEST',
    detail: 'The body is not as long as Content-Length says.',
  },
  FST_ERR_BAD_URL: { code: 'BAD_REQUEST', detail: 'The path is not a valid URL.' },
  FST_ERR_MAX_PARAM_LENGTH: { code: 'NOT_FOUND', detail: 'There is nothing here.' },
  FST_ERR_NOT_FOUND: { code: 'NOT_FOUND', detail: 'There is nothing here.' },
};

/** The refusal that an error stands for, or `null` if it is a fault of ours. */
function refusalOf(error: FastifyError | Error): Refusal | null {
  if (error instanceof RefusedError) return error.refusal;
  const { code, statusCode } = error as Partial<FastifyError>;
  if (code !== undefined && Object.hasOwn(BY_FASTIFY_CODE, code)) return BY_FASTIFY_CODE[code];
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return { code: 'BAD_REQUEST', detail: 'The request cannot be read.' };
  }
  return null;
}

/** Fastify's error handler: every failure leaves as a problem document; what we did not expect is logged, not shown. */
export function problemHandler(log: Logger) {
  return (error: FastifyError | Error, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const refusal = refusalOf(error);
    if (refusal !== null) return refuse(reply, refusal);
    log.error(
      { err: error, requestId: request.id, method: request.method, route: request.routeOptions.url },
      'request failed',
    );
    return refuse(reply, { code: 'INTERNAL', detail: `Quote the request id ${request.id} when you report this.` });
  };
}

const BY_PARSER_CODE: Readonly<Record<string, ErrorCode>> = {
  HPE_HEADER_OVERFLOW: 'HEADERS_TOO_LARGE',
  ERR_HTTP_REQUEST_TIMEOUT: 'REQUEST_TIMEOUT',
};

/** Answers what is not even HTTP, or whose headers never end: there is no request yet, so the bytes are written here. */
export function clientErrorHandler(nextId: () => string) {
  return (error: Error & { code?: string }, socket: Socket): void => {
    if (error.code === 'ECONNRESET' || socket.destroyed || !socket.writable) {
      socket.destroy();
      return;
    }
    const code = BY_PARSER_CODE[error.code ?? ''] ?? 'BAD_REQUEST';
    const [status, title] = CATALOGUE[code];
    const body = JSON.stringify(problemOf({ code, detail: `${title}.` }, nextId()));
    const head = `HTTP/1.1 ${status} ${title}\r\nContent-Type: ${PROBLEM_TYPE}\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n`;
    socket.end(head + body);
  };
}
