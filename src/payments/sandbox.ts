import { createHmac } from 'node:crypto';
import type { Pool } from 'pg';
import type { Clock, Timers } from '../ports.ts';
import { behaviourOf, type CardBehaviour } from './cards.ts';
import type { Payment, PaymentGateway, PaymentState, RefundOrder } from './gateway.ts';
import { type BatchLimits, StatementBatcher } from './statement-batcher.ts';

/** Limits of each of the sandbox's statements. */
const SANDBOX_LIMITS: BatchLimits = { perStatement: 256, waiting: 8_192, deadlineMs: 5_000 };

interface Confirmation {
  readonly id: string;
  readonly amount: number;
  readonly currency: string;
  readonly behaviour: CardBehaviour;
  readonly last4: string;
}

interface PaymentRow {
  readonly id: string;
  readonly amount: number | null;
  readonly currency: string | null;
  readonly state: PaymentState;
}

/** A provider without a bank: decides by the card number. Durable, so that a restart changes no decision. */
export interface SandboxGateway extends PaymentGateway {
  readonly provider: 'sandbox';
  /**
   * What the buyer's browser would do at a real provider. Returns the payment after it: `authorised`, `challenge`
   * (confirm again to pass it), `open` (declined; another card may be tried), or the state in which it already ended:
   * the first decision wins.
   * @param amount minor units, of the order
   * @param card a number that `isCardNumber` accepts
   */
  confirm(paymentId: string, amount: number, currency: string, card: string): Promise<Payment>;
}

const COLUMNS = 'p.id, p.amount, p.currency, p.state';

// Every statement takes its row locks in the order of the ids, so that the statements of two nodes cannot deadlock,
// and returns each row as it now is, whether or not it changed.

const CONFIRM = `
insert into sandbox_payment as p (id, amount, currency, behaviour, last4, state, created_at, changed_at)
select id, amount, currency, behaviour, last4,
  case behaviour when 'decline' then 'open' when 'challenge' then 'challenge' else 'authorised' end, $6::bigint, $6::bigint
from unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[]) as input (id, amount, currency, behaviour, last4)
order by id collate "C"
on conflict (id) do update set
  state = case
    when p.state not in ('open', 'challenge') or p.amount <> excluded.amount or p.currency <> excluded.currency then p.state
    when excluded.behaviour = 'decline' then 'open'
    when excluded.behaviour = 'challenge' and p.state <> 'challenge' then 'challenge'
    else 'authorised'
  end,
  behaviour = case when p.state in ('open', 'challenge') then excluded.behaviour else p.behaviour end,
  last4 = case when p.state in ('open', 'challenge') then excluded.last4 else p.last4 end,
  changed_at = case when p.state in ('open', 'challenge') then excluded.changed_at else p.changed_at end
returning ${COLUMNS}`;

const GET = `select ${COLUMNS} from sandbox_payment as p where p.id = any($1::text[])`;

const CAPTURE = `
with mine as materialized (
  select id from sandbox_payment where id = any($1::text[]) order by id collate "C" for update
)
update sandbox_payment as p set
  state = case
    when p.state <> 'authorised' then p.state
    when p.behaviour = 'fail_capture' then 'failed'
    else 'captured'
  end,
  changed_at = case when p.state = 'authorised' then $2::bigint else p.changed_at end
from mine where p.id = mine.id
returning ${COLUMNS}`;

const CANCEL = `
insert into sandbox_payment as p (id, state, created_at, changed_at)
select id, 'cancelled', $2::bigint, $2::bigint from unnest($1::text[]) as input (id) order by id collate "C"
on conflict (id) do update set
  state = case when p.state in ('open', 'challenge', 'authorised') then 'cancelled' else p.state end,
  changed_at = case when p.state in ('open', 'challenge', 'authorised') then excluded.changed_at else p.changed_at end
returning ${COLUMNS}`;

/**
 * Gives back only what was captured, and of that no more than there is; the same refund once. The update that changes nothing
 * returns a refund that another node gave while this statement waited for the payment: its snapshot does not show it.
 */
const REFUND = `
with wanted as materialized (
  select i.id, i.payment_id, i.amount
  from unnest($1::text[], $2::text[], $3::bigint[]) as i (id, payment_id, amount)
), locked as materialized (
  select p.id, p.amount, p.state from sandbox_payment as p
  where p.id in (select payment_id from wanted) order by p.id collate "C" for update
), given as (
  insert into sandbox_refund as given_before (id, payment_id, amount, created_at)
  select w.id, w.payment_id, w.amount, $4::bigint from wanted as w join locked as p on p.id = w.payment_id
  where p.state = 'captured' and w.amount + coalesce(
    (select sum(r.amount) from sandbox_refund as r where r.payment_id = w.payment_id and r.id <> w.id), 0
  ) <= p.amount
  on conflict (id) do update set created_at = given_before.created_at
  returning id, payment_id
)
select id, payment_id as "paymentId" from given
union select r.id, r.payment_id from sandbox_refund as r join wanted on wanted.id = r.id`;

function paymentOf(row: PaymentRow): Payment {
  return { id: row.id, state: row.state, amount: row.amount ?? 0, currency: row.currency ?? '' };
}

const byId = { keyOf: (id: string) => id, rowKeyOf: (row: PaymentRow) => row.id };

/**
 * The sandbox on the table `sandbox_payment`. Concurrent calls share statements.
 * @param deps.pool reads bigint as number, as `openDatabase` has it
 * @param deps.secret keys the client secrets; any bytes that stay the same over restarts
 */
export function createSandboxGateway(deps: {
  readonly pool: Pool;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly secret: Uint8Array;
}): SandboxGateway {
  const { pool, clock, timers, secret } = deps;

  const confirms = new StatementBatcher<Confirmation, PaymentRow>(
    pool,
    timers,
    {
      name: 'sandbox-confirm',
      text: CONFIRM,
      values: (items) => [
        items.map((item) => item.id),
        items.map((item) => item.amount),
        items.map((item) => item.currency),
        items.map((item) => item.behaviour),
        items.map((item) => item.last4),
        clock.now(),
      ],
      keyOf: (item) => item.id,
      rowKeyOf: (row) => row.id,
    },
    SANDBOX_LIMITS,
  );
  const batchById = (name: string, text: string, values: (ids: readonly string[]) => unknown[]) =>
    new StatementBatcher<string, PaymentRow>(pool, timers, { name, text, values, ...byId }, SANDBOX_LIMITS);
  const gets = batchById('sandbox-get', GET, (ids) => [ids]);
  const captures = batchById('sandbox-capture', CAPTURE, (ids) => [ids, clock.now()]);
  const cancels = batchById('sandbox-cancel', CANCEL, (ids) => [ids, clock.now()]);
  // Two refunds of one payment never share a statement, in which neither would see the other.
  const refunds = new StatementBatcher<RefundOrder, { readonly id: string; readonly paymentId: string }>(
    pool,
    timers,
    {
      name: 'sandbox-refund',
      text: REFUND,
      values: (items) => [
        items.map((item) => item.refundId),
        items.map((item) => item.paymentId),
        items.map((item) => item.amount),
        clock.now(),
      ],
      keyOf: (item) => item.paymentId,
      rowKeyOf: (row) => row.paymentId,
    },
    SANDBOX_LIMITS,
  );
  const secretOf = (paymentId: string): string =>
    `${paymentId}_secret_${createHmac('sha256', secret).update(paymentId).digest('base64url')}`;

  return {
    provider: 'sandbox',

    open: async ({ paymentId }) => ({ clientSecret: secretOf(paymentId) }),

    clientSecret: async (paymentId) => secretOf(paymentId),
    rememberedSecret: secretOf,

    async confirm(paymentId, amount, currency, card) {
      const row = await confirms.run({
        id: paymentId,
        amount,
        currency,
        behaviour: behaviourOf(card),
        last4: card.slice(-4),
      });
      if (row === null) throw new Error(`the sandbox lost payment ${paymentId}`);
      return paymentOf(row);
    },

    async get(paymentId) {
      const row = await gets.run(paymentId);
      return row === null ? null : paymentOf(row);
    },

    async capture(paymentId) {
      const row = await captures.run(paymentId);
      if (row === null) throw new Error(`payment ${paymentId} cannot be captured: it was never confirmed`);
      return paymentOf(row);
    },

    async cancel(paymentId) {
      const row = await cancels.run(paymentId);
      if (row === null) throw new Error(`the sandbox lost payment ${paymentId}`);
      return paymentOf(row);
    },

    async refund(refund) {
      return (await refunds.run(refund)) === null ? 'failed' : 'done';
    },

    amountFault: () => null,
  };
}
