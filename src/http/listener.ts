import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import fastify from 'fastify';
import type { Logger } from 'pino';
import { RefusedError } from '../errors.ts';
import type { Random, Timers } from '../ports.ts';
import { readJsonBodies } from './json-body.ts';
import {
  BODY_BYTES_MAX,
  CLOSE_LIMIT_MS,
  HEADER_BYTES_MAX,
  KEEP_ALIVE_TIMEOUT_MS,
  PARAM_LENGTH_MAX,
  REQUEST_TIMEOUT_MS,
} from './limits.ts';
import { clientErrorHandler, problemHandler, refuse } from './problem.ts';
import type { App } from './server.ts';
import { validatorCompiler } from './validation.ts';

export interface ListenerDeps {
  readonly random: Random;
  readonly timers: Timers;
  readonly log: Logger;
  /** Addresses (CIDR) of proxies whose `X-Forwarded-For` is believed. */
  readonly trustProxy: readonly string[];
}

const REQUEST_ID_BYTES = 6;

const NO_HOST = new RefusedError({ code: 'BAD_REQUEST', detail: 'The Host header is missing.' });

/** Ids of requests: a random part drawn once, then a count. */
function requestIds(random: Random): () => string {
  const prefix = Buffer.from(random.bytes(REQUEST_ID_BYTES)).toString('hex');
  let count = 0;
  return () => `${prefix}-${(++count).toString(36)}`;
}

/** What the public and the admin listener have in common: limits, strict JSON, and a problem document for every failure. */
export function newListener(deps: ListenerDeps): App {
  const nextId = requestIds(deps.random);
  const app: App = fastify({
    logger: false,
    genReqId: nextId,
    requestIdHeader: false,
    trustProxy: deps.trustProxy.length === 0 ? false : [...deps.trustProxy],
    bodyLimit: BODY_BYTES_MAX,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    // While the server closes, requests on open connections are still answered; their connections end with the answer.
    return503OnClosing: false,
    // Node would refuse a request without a host in words of its own.
    http: { maxHeaderSize: HEADER_BYTES_MAX, requireHostHeader: false },
    routerOptions: { maxParamLength: PARAM_LENGTH_MAX },
    frameworkErrors: (error, request, reply) => void handleError(error, request, reply as never),
    clientErrorHandler: clientErrorHandler(nextId),
  }).withTypeProvider<TypeBoxTypeProvider>();

  const handleError = problemHandler(deps.log);
  app.setValidatorCompiler(validatorCompiler);
  app.setErrorHandler(handleError);
  app.setNotFoundHandler((_request, reply) => refuse(reply, { code: 'NOT_FOUND', detail: 'There is nothing here.' }));
  readJsonBodies(app, deps.random);
  endConnectionsOnClose(app, deps.timers);
  app.addHook('onRequest', (request, reply, done) => {
    // Answers are JSON, which no browser renders when it may not guess; the pages of the docs have their own headers.
    reply.header('x-content-type-options', 'nosniff');
    if (request.headers.host === undefined && request.raw.httpVersion !== '1.0') done(NO_HOST);
    else done();
  });
  // An expectation that we do not know is one that we may ignore (RFC 9110, 10.1.1).
  app.server.on('checkExpectation', (request, response) => app.server.emit('request', request, response));
  return app;
}

/**
 * A close waits for every connection. Those on which an answer is under way would stay open for the whole keep-alive time
 * after it, and those on which a request is still being sent for as long as its sender likes.
 */
function endConnectionsOnClose(app: App, timers: Timers): void {
  app.addHook('preClose', (done) => {
    // Node adds a second, in which a client that has not yet noticed can still send its next request.
    app.server.keepAliveTimeout = 1;
    timers.after(CLOSE_LIMIT_MS, () => app.server.closeAllConnections());
    done();
  });
}
