import type { FastifyReply } from 'fastify';
import type { Answer } from '../actors/shows.ts';
import type { Clock } from '../ports.ts';
import { markReplayed } from './idempotency.ts';
import { refuse } from './problem.ts';

/** How long a request waits for its show, ms. */
const ASK_MS = 10_000;

/** What a show that decides nothing now refuses with, and so every route that has it change something. */
export const NOT_NOW = ['OVERLOADED', 'UNAVAILABLE', 'OUTCOME_UNKNOWN'] as const;

/** The deadline of a question asked now. */
export function askDeadline(clock: Clock): number {
  return clock.now() + ASK_MS;
}

/** Sends a show's answer: its value with this status, or the problem it refused with. */
export function sendAnswer(reply: FastifyReply, answer: Answer, status: number): FastifyReply {
  markReplayed(reply, answer.replayed);
  return answer.ok ? reply.code(status).send(answer.value) : refuse(reply, answer.refusal);
}

/**
 * The same once the show has answered, without the promises of an async handler: for the busiest route. The handler must
 * return nothing.
 */
export function sendWhenAnswered(reply: FastifyReply, answering: Promise<Answer>, status: number): void {
  answering.then((answer) => sendAnswer(reply, answer, status)).catch((error: Error) => reply.send(error));
}

/** 404 for an id that is not one, that nobody has, or that belongs to someone else: all told in the same words. */
export function notFound(reply: FastifyReply, kind: string): FastifyReply {
  return refuse(reply, { code: 'NOT_FOUND', detail: `There is no such ${kind}.` });
}
