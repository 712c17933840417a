import type { PaymentGateway } from '../payments/gateway.ts';
import type { SandboxGateway } from '../payments/sandbox.ts';
import type { Settlement } from '../payments/settlement.ts';
import type { Webhooks } from '../payments/webhooks/webhooks.ts';
import type { Exports } from '../projector/exports.ts';
import type { OwnLists } from '../projector/own-lists.ts';
import type { Reports } from '../projector/reports.ts';
import type { TicketKeys } from '../tickets/keys.ts';
import type { OfferedShows } from '../tickets/receiver-address.ts';
import type { WebhookEndpoints } from '../webhooks/endpoints.ts';
import type { HttpDeps, HttpSettings } from './deps.ts';

/** What the routes of seats, holds, orders, payments and tickets stand on. */
export interface SalesDeps extends Pick<HttpDeps, 'shows' | 'listing' | 'clock' | 'timers'> {
  readonly gateway: PaymentGateway;
  /** The same gateway if it is the sandbox: then its cards can be confirmed over HTTP. */
  readonly sandbox: SandboxGateway | null;
  readonly settlement: Settlement;
  /** Null where no provider sends any, or no secret is set to know them by. */
  readonly webhooks: Pick<Webhooks, 'receive'> | null;
  readonly ticketKeys: TicketKeys;
  readonly ownLists: OwnLists;
  readonly reports: Reports;
  readonly exports: Exports;
  readonly webhookEndpoints: WebhookEndpoints;
  /** How often holds may be asked for. */
  readonly holdsPerMinute: HttpSettings['holdsPerMinute'];
  readonly offeredShows: OfferedShows;
  /** The e-mail address of a user, or null for an account that is gone. */
  emailOf(userId: string): Promise<string | null>;
  /** The user id of a show's organiser, or null for an unknown show. */
  organiserOf(showId: string): Promise<string | null>;
  /** The catalogue is to tell that a show was called off. */
  markCancelled(showId: string): Promise<void>;
}
