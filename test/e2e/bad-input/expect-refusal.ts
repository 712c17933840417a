import { expect } from 'vitest';
import { CATALOGUE, type ErrorCode } from '../../../src/errors.ts';
import type { RawAnswer } from './raw-client.ts';

/** What tells of our insides: a stack frame, a source file, the words of the database or of the language. */
const INSIDES = /\n\s+at |node_modules|\.[jt]s:\d|TypeError|RangeError|SyntaxError|violates|SQLSTATE|pg_catalog/;

interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: ErrorCode;
  readonly requestId: string;
  readonly errors?: readonly { readonly pointer: string; readonly detail: string }[];
}

/** Checks that an answer is a whole and well-formed refusal with a status below 500, and returns its document. */
export function expectRefusal(answer: RawAnswer, what: string): Problem {
  const told = `${what}: ${answer.status} ${answer.body.slice(0, 400)}`;
  expect(answer.status, told).toBeGreaterThanOrEqual(400);
  expect(answer.status, told).toBeLessThan(500);
  expect(answer.headers['content-type'], told).toBe('application/problem+json');
  expect(answer.body, told).not.toMatch(INSIDES);
  const problem: Problem = JSON.parse(answer.body);
  expect(Object.keys(CATALOGUE), told).toContain(problem.code);
  const [status, title] = CATALOGUE[problem.code];
  expect(problem, told).toMatchObject({ status, title, type: `/docs/errors#${problem.code}` });
  expect(answer.status, told).toBe(status);
  expect(problem.detail, told).toMatch(/\S/);
  expect(problem.requestId, told).toMatch(/^[0-9a-f]{12}-[0-9a-z]+$/);
  if (problem.code === 'BODY_INVALID') expect(problem.errors?.length, told).toBeGreaterThan(0);
  for (const { pointer, detail } of problem.errors ?? []) {
    expect(pointer, told).toMatch(/^(#\/(query|params|headers))?(\/([^~/]|~[01])*)*$/su);
    expect(detail, told).toMatch(/\S/);
  }
  if (status === 401) expect(answer.headers['www-authenticate'], told).toBe('Bearer');
  return problem;
}

/** Checks that a refusal has this code. */
export function expectCode(answer: RawAnswer, what: string, ...codes: readonly string[]): Problem {
  const problem = expectRefusal(answer, what);
  expect(codes, `${what}: ${answer.body.slice(0, 400)}`).toContain(problem.code);
  return problem;
}

/** Checks that a body was refused and that one of the faults told is at this pointer, around it or within it. */
export function expectFaultAt(answer: RawAnswer, what: string, pointer: string): void {
  const problem = expectCode(answer, what, 'BODY_INVALID');
  const pointers = (problem.errors ?? []).map((fault) => fault.pointer);
  const near = pointers.some(
    (told) => told === pointer || told.startsWith(`${pointer}/`) || pointer.startsWith(`${told}/`) || told === '',
  );
  expect(near, `${what}: no fault at ${pointer} but at ${pointers.slice(0, 5).join(', ')}`).toBe(true);
}
