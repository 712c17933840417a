import { inspect } from 'node:util';
import Stripe from 'stripe';
import { expect, test } from 'vitest';
import { RefusedError } from '../../src/errors.ts';
import { CallTimeoutError } from '../../src/payments/stripe/call-gate.ts';
import { asLogged, failureOf, isOutage, notNow } from '../../src/payments/stripe/failures.ts';

const answer = (statusCode: number, details: object = {}): Error =>
  Stripe.errors.StripeError.generate({
    statusCode,
    type: 'invalid_request_error',
    message: 'No.',
    ...details,
  } as never);

test.each([
  ['a refusal of the gate', new RefusedError({ code: 'OVERLOADED', detail: 'Full.' }), 'later', true],
  ['429', answer(429), 'later', true],
  ['a key in use', answer(409, { type: 'idempotency_error' }), 'later', false],
  ['no answer in time', new CallTimeoutError(1), 'lost', true],
  ['a broken connection', new Stripe.errors.StripeConnectionError({ message: 'gone' } as never), 'lost', true],
  ['500', answer(500), 'spoilt', true],
  ['503', answer(503), 'spoilt', true],
  ['a key with other parameters', answer(400, { type: 'idempotency_error' }), 'spoilt', false],
  ['a declined card', answer(402), 'refused', false],
  ['a wrong state', answer(400), 'refused', false],
  ['a wrong secret key', answer(401), 'denied', false],
  ['a key that may not do this', answer(403), 'denied', false],
  ['an unknown object', answer(404), 'denied', false],
])('%s is told apart', (_, error, failure, speaksAgainstStripe) => {
  expect(failureOf(error)).toBe(failure);
  expect(isOutage(error)).toBe(speaksAgainstStripe);
});

test('what is passed on holds no client secret, with which the payment could be paid', () => {
  const error = answer(402, { payment_intent: { id: 'pi_1', client_secret: 'pi_1_secret_2' } });
  expect(inspect(error, { depth: 9 })).toContain('pi_1_secret_2');
  for (const passedOn of [asLogged(error), notNow(error)]) {
    expect(inspect(passedOn, { depth: 9 })).not.toContain('pi_1_secret_2');
  }
  expect(asLogged(error).message).toContain('StripeCardError 402');
});
