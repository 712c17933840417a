import type { LightMyRequestResponse } from 'fastify';
import { expect } from 'vitest';
import { CATALOGUE, type ErrorCode } from '../../src/errors.ts';

/** Checks that a response is this problem, whole and well-formed, and returns its document. */
export function expectProblem(response: LightMyRequestResponse, code: ErrorCode): Record<string, unknown> {
  const [status, title] = CATALOGUE[code];
  const problem = response.json<Record<string, unknown>>();
  expect(problem).toMatchObject({ code, status, title, type: `/docs/errors#${code}` });
  expect(response.statusCode).toBe(status);
  expect(response.headers['content-type']).toBe('application/problem+json');
  expect(problem.detail).toEqual(expect.any(String));
  expect(problem.requestId).toMatch(/^[0-9a-f]{12}-[0-9a-z]+$/);
  expect(response.body).not.toContain('node_modules');
  if (status === 503 || status === 429) expect(Number(response.headers['retry-after'])).toBeGreaterThan(0);
  return problem;
}

/** The pointers of a problem's `errors`, sorted. */
export function pointersOf(problem: Record<string, unknown>): string[] {
  return (problem.errors as { pointer: string }[]).map(({ pointer }) => pointer).sort();
}
