import type { FastifyReply } from 'fastify';
import Type from 'typebox';
import type { OrderView, PaymentWork } from '../../actors/shows.ts';
import { CATALOGUE } from '../../errors.ts';
import { parseScopedId, type ScopedId } from '../../ids.ts';
import { isCardNumber } from '../../payments/cards.ts';
import type { Payment } from '../../payments/gateway.ts';
import type { SandboxGateway } from '../../payments/sandbox.ts';
import type { Guards } from '../auth.ts';
import { payable } from '../payable-order.ts';
import { refuse } from '../problem.ts';
import type { SalesDeps } from '../sales-deps.ts';
import { OrderSchema } from '../sales-schemas.ts';
import { BEARER, problems, strict } from '../schemas.ts';
import type { App } from '../server.ts';
import { askDeadline, NOT_NOW, notFound } from '../show-answers.ts';

const ConfirmationSchema = Type.Object({
  id: Type.String(),
  status: Type.String({
    enum: ['succeeded', 'processing', 'requires_action'],
    description: '`requires_action`: confirm once more',
  }),
  order: OrderSchema,
});

/** Only with the sandbox provider: what the browser does at a real one. */
export function sandboxPaymentRoutes(app: App, deps: SalesDeps, sandbox: SandboxGateway, guards: Guards): void {
  const { shows, clock, settlement } = deps;

  /** Confirms at the provider. One that fails may have been done all the same: then settlement goes on with it. */
  async function confirm(ref: { showId: string; order: number }, work: PaymentWork, card: string): Promise<Payment> {
    try {
      return await sandbox.confirm(work.paymentId, work.amount, work.currency, card);
    } catch (error) {
      settlement.resume(ref.showId, [ref.order]);
      throw error;
    }
  }

  /** 200 with the order as it now is: as the last step left it, if that is known. */
  async function sendOrder(
    reply: FastifyReply,
    user: string,
    paymentId: string,
    id: ScopedId,
    status: 'succeeded' | 'processing' | 'requires_action',
    order: OrderView | undefined,
  ): Promise<FastifyReply> {
    if (order !== undefined) return reply.send({ id: paymentId, status, order: await payable(order, deps) });
    const question = { type: 'get-order', viewer: { user, all: false }, order: id.number, at: id.at } as const;
    const answer = await shows.ask<OrderView>(id.showId, question, askDeadline(clock));
    if (!answer.ok) return refuse(reply, answer.refusal);
    return reply.send({ id: paymentId, status, order: await payable(answer.value, deps) });
  }

  /** Says what became of a payment whose order has nothing more to be done for. */
  async function sendOutcome(
    reply: FastifyReply,
    user: string,
    id: ScopedId,
    work: PaymentWork,
    payment: Payment | null,
    order: OrderView | undefined,
  ): Promise<FastifyReply> {
    switch (work.status) {
      case 'paid':
        return sendOrder(reply, user, work.paymentId, id, 'succeeded', order);
      case 'processing':
        return sendOrder(reply, user, work.paymentId, id, 'processing', order);
      case 'awaiting_payment':
        if (payment?.state === 'challenge') return sendOrder(reply, user, work.paymentId, id, 'requires_action', order);
        return refuse(reply, { code: 'CARD_DECLINED', detail: 'Try another card; the order can still be paid.' });
      default:
        return payment?.state === 'failed'
          ? refuse(reply, {
              code: 'CAPTURE_FAILED',
              detail: 'Nothing was charged. Hold seats anew and use another card.',
            })
          : refuse(reply, { code: 'ORDER_NOT_PAYABLE', detail: `The order is ${work.status}; nothing is charged.` });
    }
  }

  app.post(
    '/sandbox/payments/:paymentId/confirm',
    {
      onRequest: guards.user,
      schema: {
        tags: ['Orders'],
        summary: 'Pay an order with a test card',
        description:
          '4242424242424242 authorises, 4000000000000002 declines, 4000000000003220 asks for a challenge first (confirm again), ' +
          '4000000000000341 authorises and then fails at capture. Any other valid number authorises. Safe to repeat: the first decision stays.',
        security: BEARER,
        params: strict({ paymentId: Type.String({ maxLength: 200 }) }),
        body: strict({ card: Type.String({ maxLength: 19, description: '12 to 19 digits' }) }),
        response: {
          200: ConfirmationSchema,
          ...problems(
            'BODY_INVALID',
            'UNAUTHENTICATED',
            'CARD_DECLINED',
            'CAPTURE_FAILED',
            'NOT_FOUND',
            'ORDER_NOT_PAYABLE',
            ...NOT_NOW,
          ),
        },
      },
    },
    async (request, reply) => {
      const { paymentId } = request.params;
      const { card } = request.body;
      if (!isCardNumber(card)) {
        const errors = [
          { pointer: '/card', detail: 'must be a card number: 12 to 19 digits with a right check digit' },
        ];
        return refuse(reply, { code: 'BODY_INVALID', detail: 'This is no card number.', errors });
      }
      const id = parseScopedId('pay', paymentId);
      if (id === null) return notFound(reply, 'payment');
      const ref = { showId: id.showId, order: id.number };
      const read = await shows.ask<PaymentWork>(
        id.showId,
        { type: 'get-payment', order: id.number },
        askDeadline(clock),
      );
      if (!read.ok) return read.refusal.code === 'NOT_FOUND' ? notFound(reply, 'payment') : refuse(reply, read.refusal);
      const work = read.value;
      const user = request.user.id;
      if (work.buyer !== user || work.paymentId !== paymentId) return notFound(reply, 'payment');

      let confirmed: Payment | undefined;
      if (work.status === 'awaiting_payment') {
        confirmed = await confirm(ref, work, card);
        if (confirmed.state === 'open' || confirmed.state === 'challenge') {
          return sendOutcome(reply, user, id, work, confirmed, undefined);
        }
      }
      const settled = await settlement.settle(ref, confirmed === undefined ? undefined : { work, payment: confirmed });
      if (!settled.ok) {
        const passing = CATALOGUE[settled.refusal.code][0] === 503;
        if (!passing) return refuse(reply, settled.refusal);
        const detail = 'The payment is being settled; confirm again to learn the outcome.';
        return refuse(reply, { code: 'OUTCOME_UNKNOWN', detail, retryAfter: 1 });
      }
      // What was confirmed is out of date where another settlement of this order, begun before, has moved the payment on.
      const payment = settled.payment ?? (settled.work.status === 'paid' ? null : await sandbox.get(paymentId));
      return sendOutcome(reply, user, id, settled.work, payment, settled.order);
    },
  );
}
