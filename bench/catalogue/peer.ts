/**
 * A peer of the product for lists of shows, in a process of its own: a Fastify server with the product's schemas and
 * validation for `GET /v1/shows`. Without a database it is the ceiling, and answers each query with the same page; with one
 * it sends the same query to Postgres each time.
 */
import type { AddressInfo } from 'node:net';
import fastify, { type FastifyInstance } from 'fastify';
import pg from 'pg';
import Type from 'typebox';
import { problemHandler } from '../../src/http/problem.ts';
import { line, listOf, Page, strict } from '../../src/http/schemas.ts';
import { ShowSchema, type ShowView } from '../../src/http/show-views.ts';
import { validatorCompiler } from '../../src/http/validation.ts';
import { createLog } from '../../src/system/log.ts';
import { type Asked, type ShowRow, statementsFor, viewOfRow } from './postgres-query.ts';

/** What the bench sends. */
export interface PeerOrder {
  /** A Postgres connection string, or null for the ceiling. */
  readonly url: string | null;
  /** For the ceiling: the page. */
  readonly items: readonly ShowView[];
}

interface Query extends Asked {
  readonly offset?: number;
  readonly limit?: number;
}

const Text = Type.Optional(line(1, 200));
const CONNECTIONS = 8;

async function open({ url, items }: PeerOrder): Promise<number> {
  const pool = url === null ? null : new pg.Pool({ connectionString: url, max: CONNECTIONS, options: '-c jit=off' });
  const app: FastifyInstance = fastify({ logger: false, keepAliveTimeout: 72_000, forceCloseConnections: true });
  app.setValidatorCompiler(validatorCompiler);
  app.setErrorHandler(problemHandler(createLog('error')));
  app.get<{ Querystring: Query }>(
    '/v1/shows',
    {
      schema: {
        querystring: strict({ q: Text, city: Text, status: Text, ...Page }),
        response: { 200: listOf(ShowSchema) },
      },
    },
    async ({ query: { offset = 0, limit = 30, ...asked } }) => {
      if (pool === null) return { items, total: items.length, offset, limit };
      const { page, total } = statementsFor(asked, offset, limit);
      const [{ rows }, counted] = await Promise.all([
        pool.query<ShowRow>({ ...page, values: [...page.values] }),
        pool.query<{ total: number }>({ ...total, values: [...total.values] }),
      ]);
      return { items: rows.map(viewOfRow), total: counted.rows[0].total, offset, limit };
    },
  );
  await app.listen({ host: '127.0.0.1', port: 0 });
  return (app.server.address() as AddressInfo).port;
}

process.once('message', (order: PeerOrder) => {
  open(order).then(
    (port) => process.send?.({ port }),
    (error: Error) => process.send?.({ error: error.stack ?? error.message }),
  );
});
// The bench has ended, however: so do we.
process.on('disconnect', () => process.exit());
