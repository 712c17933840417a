/** The ceiling: what Fastify, schemas and auth alone allow. Decides and keeps nothing. */
import { servePeer } from './peer-server.ts';

servePeer(async ({ seats }) => ({
  async hold(order) {
    return order.seats ?? seats.slice(0, order.best?.quantity);
  },
  async held() {
    return null;
  },
  async close() {},
}));
