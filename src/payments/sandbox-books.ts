import type { Pool } from 'pg';
import type { PaymentState } from './gateway.ts';
import type { BookedPayment, PaymentBooks } from './payment-books.ts';

/** Payments of one page. */
const PAGE_PAYMENTS = 5_000;

const READ_PAGE = `
select p.id, p.amount, p.currency, p.state, r.refunded
from (select * from sandbox_payment where id > $1 order by id limit ${PAGE_PAYMENTS}) as p
left join lateral (
  select sum(amount)::bigint as refunded from sandbox_refund where payment_id = p.id
) as r on true
order by p.id`;

interface Row {
  readonly id: string;
  readonly amount: number | null;
  readonly currency: string | null;
  readonly state: PaymentState;
  readonly refunded: number | null;
}

/** The sandbox's own tables. @param pool reads bigint as number, as `openDatabase` has it */
export function createSandboxBooks(pool: Pool): PaymentBooks {
  return {
    provider: 'sandbox',
    async *all() {
      let after = '';
      while (true) {
        const { rows } = await pool.query<Row>(READ_PAGE, [after]);
        if (rows.length > 0) yield rows.map(booked);
        if (rows.length < PAGE_PAYMENTS) return;
        after = rows[rows.length - 1].id;
      }
    },
  };
}

function booked({ id, amount, currency, state, refunded }: Row): BookedPayment {
  return {
    paymentId: id,
    reference: id,
    amount,
    currency,
    isOpen: state === 'open' || state === 'challenge' || state === 'pending',
    authorised: state === 'authorised' ? (amount ?? 0) : 0,
    captured: state === 'captured' ? (amount ?? 0) : 0,
    refunded: refunded ?? 0,
    failedRefunds: 0,
    disputes: [],
  };
}
