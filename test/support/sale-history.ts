/*
 * What buyers did at a box office and what they were told, as plain data: made by `buyer.ts`, judged by
 * `sale-audit.ts`; any other checker can read it as well.
 */

export type OperationKind =
  | 'seats'
  | 'hold'
  | 'extend'
  | 'release'
  | 'order'
  | 'cancel'
  | 'confirm'
  | 'ticket'
  | 'read-order'
  | 'read-tickets';

/** One answer as it came; `body` is its parsed JSON. */
export interface Answer {
  readonly status: number;
  readonly body: unknown;
  /** Whether it was marked as the first answer told again. */
  readonly replayed: boolean;
}

/** One sending of an operation's request. */
export interface Attempt {
  /** ms, monotonic. */
  readonly sentAt: number;
  readonly endedAt: number;
  /** null: the connection was refused or lost. */
  readonly answer: Answer | null;
  /** Whether the request can have arrived; false when the connection was refused. */
  readonly wasSent: boolean;
  /** Of the node that was asked. */
  readonly port: number;
}

/** One intention of one user: the same request sent until it got a definite answer, sometimes again after that. */
export interface Operation {
  readonly kind: OperationKind;
  readonly user: string;
  readonly showId: string;
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly path: string;
  /** The Idempotency-Key, where the route takes one. */
  readonly key: string | null;
  readonly requestBody: unknown;
  /** The answers that are right here, as `outcomeOf` writes them. */
  readonly expected: readonly string[];
  readonly attempts: Attempt[];
}

/** In the order in which the operations were begun. */
export type History = Operation[];

/** Any answer that settles the matter: of a 5xx the client cannot know. */
export function isDefinite(answer: Answer | null): answer is Answer {
  return answer !== null && answer.status < 500;
}

/** The first definite answer. Throws if there is none. */
export function answerOf(operation: Operation): Answer {
  const attempt = operation.attempts.find(({ answer }) => isDefinite(answer));
  if (!attempt?.answer) throw new Error(`${operation.kind} ${operation.path} was never answered`);
  return attempt.answer;
}

/** The status, and of a refusal also its code: `201`, `409 SEATS_TAKEN`. */
export function outcomeOf(answer: Answer): string {
  const { code } = (answer.body ?? {}) as { code?: string };
  return answer.status < 400 ? `${answer.status}` : `${answer.status} ${code}`;
}
