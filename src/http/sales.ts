import type { Guards } from './auth.ts';
import { doorRoutes } from './routes/doors.ts';
import { holdRoutes } from './routes/holds.ts';
import { inventoryRoutes } from './routes/inventory.ts';
import { listingRoutes } from './routes/listings.ts';
import { orderRoutes } from './routes/orders.ts';
import { refundRoutes } from './routes/refunds.ts';
import { reportRoutes } from './routes/reports.ts';
import { sandboxPaymentRoutes } from './routes/sandbox-payments.ts';
import { seatRoutes } from './routes/seats.ts';
import { ticketRoutes } from './routes/tickets.ts';
import { transferRoutes } from './routes/transfers.ts';
import { webhookEndpointRoutes } from './routes/webhook-endpoints.ts';
import { webhookRoutes } from './routes/webhooks.ts';
import type { SalesDeps } from './sales-deps.ts';
import type { App } from './server.ts';

/** The routes under `/v1` by which seats become tickets. */
export function salesRoutes(v1: App, deps: SalesDeps, guards: Guards): void {
  seatRoutes(v1, deps, guards);
  holdRoutes(v1, deps, guards);
  orderRoutes(v1, deps, guards);
  inventoryRoutes(v1, deps, guards);
  refundRoutes(v1, deps, guards);
  ticketRoutes(v1, deps, guards);
  transferRoutes(v1, deps, guards);
  listingRoutes(v1, deps, guards);
  doorRoutes(v1, deps, guards);
  reportRoutes(v1, deps, guards);
  webhookEndpointRoutes(v1, deps.webhookEndpoints, guards);
  if (deps.sandbox !== null) sandboxPaymentRoutes(v1, deps, deps.sandbox, guards);
  if (deps.webhooks !== null) webhookRoutes(v1, deps.webhooks);
}
