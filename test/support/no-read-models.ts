import type { SalesDeps } from '../../src/http/sales-deps.ts';
import type { WebhookEndpoints } from '../../src/webhooks/endpoints.ts';

/** Nothing was taken over yet. */
export const NO_READ_MODELS: Pick<SalesDeps, 'ownLists' | 'reports' | 'exports' | 'webhookEndpoints'> = {
  ownLists: {
    showsBehind: async () => [],
    orders: async () => ({ total: 0, items: [] }),
    tickets: async () => ({ total: 0, items: [] }),
  },
  reports: {
    ofShow: async () => null,
    ofOrganiser: async () => ({ total: 0, items: [], sums: [] }),
  },
  exports: {
    async *orders() {},
    async *attendees() {},
  },
  // Nobody asks for one here.
  webhookEndpoints: {} as WebhookEndpoints,
};
