import type { FastifyReply, FastifyRequest, HookHandlerDoneFunction } from 'fastify';
import type { Bearer, Role, Tokens } from '../accounts/tokens.ts';
import { RefusedError } from '../errors.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Who asks. Set on routes that have {@link Guards.user} or {@link Guards.role} as `onRequest` hook, nowhere else. */
    user: Bearer;
  }
}

type OnRequest = (request: FastifyRequest, reply: FastifyReply, done: HookHandlerDoneFunction) => void;

/** The `onRequest` hooks that let only known users pass; they run before the body is read. */
export interface Guards {
  /** Any signed-in user; else 401 `UNAUTHENTICATED`. */
  readonly user: OnRequest;
  /** Everybody, also those who send no token: for them there is no `request.user`, see {@link viewerOf}. */
  readonly anyone: OnRequest;
  /** Signed in, and of this role or an admin; else 401, or 403 `FORBIDDEN`. */
  role(role: Role): OnRequest;
}

const SCHEME = 'bearer ';

/** A JWT of ours has about 250 characters; longer texts are not worth a look. */
const TOKEN_LENGTH_MAX = 1_024;

function unauthenticated(detail: string): RefusedError {
  return new RefusedError({ code: 'UNAUTHENTICATED', detail });
}

/** Calls `done` in the same tick for a token seen before, else once its signature is checked. */
function authenticate(tokens: Tokens, request: FastifyRequest, done: (error?: Error) => void): void {
  const header = request.headers.authorization;
  if (header === undefined) {
    done(unauthenticated('Send the token of POST /v1/sessions as Authorization: Bearer <token>.'));
    return;
  }
  if (header.length > SCHEME.length + TOKEN_LENGTH_MAX || header.slice(0, SCHEME.length).toLowerCase() !== SCHEME) {
    done(unauthenticated('The Authorization header must be Bearer <token>.'));
    return;
  }
  const token = header.slice(SCHEME.length);
  const known = tokens.known(token);
  if (known !== null) {
    request.user = known;
    done();
    return;
  }
  tokens.verify(token).then(
    (bearer) => {
      if (bearer === null) {
        done(unauthenticated('The token is not valid, has expired or was logged out; log in again.'));
        return;
      }
      request.user = bearer;
      done();
    },
    (error: Error) => done(error),
  );
}

export function guards(tokens: Tokens): Guards {
  return {
    user: (request, _reply, done) => authenticate(tokens, request, done),
    anyone: (request, _reply, done) => {
      if (request.headers.authorization === undefined) done();
      else authenticate(tokens, request, done);
    },
    role: (role) => (request, _reply, done) =>
      authenticate(tokens, request, (error) => {
        if (error !== undefined) done(error);
        else if (request.user.role !== role && request.user.role !== 'admin') {
          done(new RefusedError({ code: 'FORBIDDEN', detail: `Only an account with the role ${role} may do this.` }));
        } else done();
      }),
  };
}

/** Who asks, on a route that has {@link Guards.anyone}; null for somebody without a token. */
export function viewerOf(request: FastifyRequest): Bearer | null {
  return request.user as Bearer | null;
}
