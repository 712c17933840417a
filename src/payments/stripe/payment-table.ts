import type { Pool } from 'pg';
import type { Clock, Timers } from '../../ports.ts';
import { type BatchLimits, StatementBatcher } from '../statement-batcher.ts';

/** Limits of each of the table's statements. */
const TABLE_LIMITS: BatchLimits = { perStatement: 256, waiting: 8_192, deadlineMs: 5_000 };

/** Which PaymentIntent is that of a payment. */
export interface StripePaymentTable {
  /** Its id; null if the payment was shut before it had one; undefined if nothing is known of it. */
  read(paymentId: string): Promise<string | null | undefined>;
  /**
   * Enters a payment's intent, or (null) that it never gets one. The first wins, over all nodes.
   * @returns what is in force now
   */
  keep(paymentId: string, intentId: string | null): Promise<string | null>;
}

interface Row {
  readonly paymentId: string;
  readonly intentId: string | null;
}

const READ = `
select payment_id as "paymentId", intent_id as "intentId" from stripe_payment where payment_id = any($1::text[])`;

// In the order of the ids, so that the statements of two nodes cannot deadlock. The update that changes nothing returns the
// row that was first, also one that this statement's snapshot does not show yet.
const KEEP = `
insert into stripe_payment as p (payment_id, intent_id, created_at)
select payment_id, intent_id, $3::bigint from unnest($1::text[], $2::text[]) as input (payment_id, intent_id)
order by payment_id collate "C"
on conflict (payment_id) do update set created_at = p.created_at
returning payment_id as "paymentId", intent_id as "intentId"`;

/** On the table `stripe_payment`. Concurrent calls share statements. */
export function createStripePaymentTable(deps: {
  readonly pool: Pool;
  readonly clock: Clock;
  readonly timers: Timers;
}): StripePaymentTable {
  const { pool, clock, timers } = deps;
  const rowKeyOf = (row: Row): string => row.paymentId;
  const reads = new StatementBatcher<string, Row>(
    pool,
    timers,
    { name: 'stripe-read', text: READ, values: (ids) => [ids], keyOf: (id) => id, rowKeyOf },
    TABLE_LIMITS,
  );
  const keeps = new StatementBatcher<Row, Row>(
    pool,
    timers,
    {
      name: 'stripe-keep',
      text: KEEP,
      values: (rows) => [rows.map((row) => row.paymentId), rows.map((row) => row.intentId), clock.now()],
      keyOf: rowKeyOf,
      rowKeyOf,
    },
    TABLE_LIMITS,
  );
  return {
    async read(paymentId) {
      const row = await reads.run(paymentId);
      return row === null ? undefined : row.intentId;
    },
    async keep(paymentId, intentId) {
      const row = await keeps.run({ paymentId, intentId });
      if (row === null) throw new Error(`the payment ${paymentId} was not kept`);
      return row.intentId;
    },
  };
}
