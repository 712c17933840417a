/** What organisers may have their own systems told. */
export const WEBHOOK_EVENTS = ['order.paid', 'order.refunded', 'ticket.transferred', 'show.sold_out'] as const;
export type WebhookEvent = (typeof WEBHOOK_EVENTS)[number];

/** Something that happened in a show, for those who have asked to be told. */
export interface Announcement {
  /** The same whenever the same thing is told again. */
  readonly id: string;
  readonly type: WebhookEvent;
  /** ms since the epoch. */
  readonly at: number;
  readonly data: Readonly<Record<string, unknown>>;
}
