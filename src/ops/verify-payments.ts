import { createReplays } from '../actors/replays.ts';
import { CatalogueShowSource } from '../catalog/show-source.ts';
import { createSandboxBooks } from '../payments/sandbox-books.ts';
import { stripeClient } from '../payments/stripe/stripe-api.ts';
import { createStripeBooks } from '../payments/stripe/stripe-books.ts';
import {
  type Amounts,
  type NamedDifference,
  type PaymentReport,
  ShowNotReplayed,
  verifyPayments,
} from '../payments/verify-payments.ts';
import { readSettings } from '../settings.ts';
import { systemClock } from '../system/clock.ts';
import { createLog } from '../system/log.ts';
import { withDatabase } from './database.ts';
import { CommandError, EXIT } from './exit-codes.ts';
import { printable } from './table.ts';

/** Compares journal and payment provider and prints the report. Throws {@link CommandError} when they differ. */
export async function verifyPaymentsOf({ json }: { json?: boolean }): Promise<void> {
  const settings = readSettings(process.env);
  const { provider, report } = await withDatabase(settings, createLog('warn'), async ({ catalogue, journal, pool }) => {
    const { stripe } = settings;
    const books =
      stripe === null ? createSandboxBooks(pool) : createStripeBooks(stripeClient(stripe.secretKey, stripe.apiBase));
    const replays = createReplays(new CatalogueShowSource(catalogue));
    const report = await verifyPayments({ journal, replays, books, clock: systemClock() }).catch(explained);
    return { provider: books.provider, report };
  });
  console.log(json ? JSON.stringify(report) : reportText(report, provider));
  const [first] = report.differences;
  if (first === undefined) return;
  throw new CommandError(EXIT.failed, differenceText(first));
}

function explained(error: Error): never {
  if (!(error instanceof ShowNotReplayed)) throw error;
  const reason = error.cause instanceof Error ? `: ${error.cause.message}` : '';
  throw new CommandError(EXIT.failed, `${error.message}${reason}. Run usher verify.`);
}

/** The report for a person. */
function reportText(report: PaymentReport, provider: string): string {
  const { differences, unnamed } = report;
  const lines = [
    `Replayed from the first row: ${report.shows} shows, ${report.orders} orders. In the books of the ${provider}: ` +
      `${report.payments} payments.`,
    `Captured ${amountsText(report.captured)}, given back ${amountsText(report.refunded)}, disputed ` +
      `${amountsText(report.disputed)}; valid tickets cost ${amountsText(report.valid)}${keptText(report.kept)} (I11).`,
    `${report.underWay} orders are under way: nothing is wrong if their two sides differ for the time being.`,
    ...differences.map((difference) => `DIFFERENCE: ${differenceText(difference)}`),
  ];
  if (unnamed > 0) lines.push(`and ${unnamed} more`);
  lines.push(differences.length === 0 ? 'No differences.' : `${differences.length + unnamed} differences.`);
  return lines.join('\n');
}

/** Of most sales there is none. */
function keptText(kept: PaymentReport['kept']): string {
  return Object.keys(kept).length === 0 ? '' : `, kept of resales ${amountsText(kept)}`;
}

function differenceText(difference: NamedDifference): string {
  const { kind, showId, orderId, paymentId, reference, journal, provider } = difference;
  const where = [
    showId === null ? '' : `show ${showId}, `,
    orderId === null ? '' : `order ${orderId}, `,
    `payment ${paymentId}`,
    reference === null || reference === paymentId ? '' : ` (${reference})`,
  ];
  // What the provider has for a payment of its own may be anybody's text.
  return printable(`${where.join('')}: ${kind}; journal ${journal ?? 'nothing'}, provider ${provider ?? 'nothing'}`);
}

/** In minor units, as everywhere. */
function amountsText(amounts: Amounts): string {
  const texts = Object.entries(amounts).map(([currency, amount]) => `${amount} ${currency}`);
  return texts.length === 0 ? '0' : texts.join(' + ');
}
