import type { FastifyReply, FastifyRequest, HookHandlerDoneFunction } from 'fastify';
import { RefusedError } from '../errors.ts';

function isEmpty(body: unknown): boolean {
  if (body === undefined || body === null) return true;
  return typeof body === 'object' && !Array.isArray(body) && Object.keys(body).length === 0;
}

/** A `preValidation` hook for routes that take no body: none or `{}` passes, anything else is not understood here. */
export function noBody(request: FastifyRequest, _reply: FastifyReply, done: HookHandlerDoneFunction): void {
  if (isEmpty(request.body)) {
    done();
    return;
  }
  const errors = [{ pointer: '', detail: 'must be absent or {}' }];
  done(new RefusedError({ code: 'BODY_INVALID', detail: 'This request takes no body.', errors }));
}

/** A `preValidation` hook for routes whose body may be left out: then it is `{}`. */
export function emptyIfNone(request: FastifyRequest, _reply: FastifyReply, done: HookHandlerDoneFunction): void {
  if (request.body === undefined) request.body = {};
  done();
}
