import { hash, timingSafeEqual } from 'node:crypto';
import { isIPv4 } from 'node:net';
import type { FastifyReply, FastifyRequest, HookHandlerDoneFunction } from 'fastify';
import { RefusedError } from '../../errors.ts';

/** Who may do what at the admin listener. */
export interface AdminAccess {
  /** Where it listens. */
  readonly host: string;
  /** What a bearer must show, or null where only this machine can reach the listener. */
  readonly token: string | null;
  /** Whether plans may be applied; else it is read-only. */
  readonly allowsActions: boolean;
}

const SCHEME = 'bearer ';

/** Whether a host, without its port, names only this machine. */
export function isLoopback(host: string): boolean {
  const name = host.toLowerCase();
  return name === 'localhost' || name === '::1' || name === '[::1]' || (isIPv4(name) && name.startsWith('127.'));
}

type OnRequest = (request: FastifyRequest, reply: FastifyReply, done: HookHandlerDoneFunction) => void;

/**
 * Refuses what a page in a browser could send on its own: with an `Origin`, or, where there is no token, under a name
 * that someone else's DNS made to point here.
 */
export function noStrangers(access: AdminAccess): OnRequest {
  return (request, _reply, done) => {
    if (request.headers.origin !== undefined) done(forbidden('The admin listener is not for pages in a browser.'));
    else if (access.token === null && !isOwnName(request.headers.host, access.host)) {
      done(forbidden('Call the admin listener by a loopback address, such as http://127.0.0.1.'));
    } else done();
  };
}

function isOwnName(host: string | undefined, own: string): boolean {
  if (host === undefined) return true;
  const name = host.replace(/:\d*$/, '');
  return isLoopback(name) || name === own;
}

/** Lets only bearers of the token pass; everybody where there is none. */
export function bearersOnly({ token }: AdminAccess): OnRequest {
  if (token === null) return (_request, _reply, done) => done();
  const expected = digest(token);
  return (request, _reply, done) => {
    const header = request.headers.authorization;
    if (header === undefined)
      done(unauthenticated('Send the ADMIN_TOKEN of this node as Authorization: Bearer <token>.'));
    else if (header.slice(0, SCHEME.length).toLowerCase() !== SCHEME) {
      done(unauthenticated('The Authorization header must be Bearer <token>.'));
    } else if (!timingSafeEqual(digest(header.slice(SCHEME.length)), expected)) {
      done(unauthenticated('This is not the ADMIN_TOKEN of this node.'));
    } else done();
  };
}

/** Lets a request that changes something pass only where the operator has switched that on. */
export function actionsOnly({ allowsActions }: AdminAccess): OnRequest {
  return (_request, _reply, done) => {
    if (allowsActions) done();
    else done(forbidden('The admin listener of this node is read-only. Start the node with ADMIN_ACTIONS=on.'));
  };
}

/** Texts of any length are compared by their digests, which all take the same time. */
function digest(text: string): Buffer {
  return hash('sha256', text, 'buffer');
}

function forbidden(detail: string): RefusedError {
  return new RefusedError({ code: 'FORBIDDEN', detail });
}

function unauthenticated(detail: string): RefusedError {
  return new RefusedError({ code: 'UNAUTHENTICATED', detail });
}
