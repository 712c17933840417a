import { get, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import type { ExportLine } from '../../src/projector/exports.ts';
import { SHOW } from '../support/order-book.ts';
import { salesApp } from '../support/sales-app.ts';

const ORGANISER = 'usr_01k9zxh3m4q8r2v6w7y0t5b1cg';
const LINE: ExportLine = { order_id: '@SUM(A1)', buyer_name: 'A "B", C\r\nD', status: '-1', total: -5, reason: '\t=x' };

test('an export is RFC 4180, and nothing in it is a formula', async () => {
  const { as, organisers } = salesApp({
    exports: {
      async *orders() {
        yield [LINE];
        yield [{ order_id: 'plain' }];
      },
      async *attendees() {},
    },
  });
  organisers.set(SHOW, ORGANISER);
  const request = await as(ORGANISER, 'organiser');
  const orders = await request('GET', `/v1/shows/${SHOW}/orders.csv`);
  expect(orders.headers).toMatchObject({
    'content-type': 'text/csv; charset=utf-8',
    'content-disposition': `attachment; filename="orders-${SHOW}.csv"`,
  });
  expect(orders.body.split('\r\n').slice(1).join('|')).toBe(
    `'@SUM(A1),,,'-1,,,"A ""B"", C|D",,-5,,,,'\t=x|plain,,,,,,,,,,,,|`,
  );
  const attendees = await request('GET', `/v1/shows/${SHOW}/attendees.csv`);
  expect(attendees.body).toMatch(/^ticket_id,[a-z_,]+\r\n$/);
});

test('an export is read no faster than its client takes it, and no further once it has left', async () => {
  let batches = 0;
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  const many = Array.from({ length: 1_000 }, () => ({ ...LINE, reason: 'x'.repeat(200) }));
  const { app, tokenOf, organisers } = salesApp({
    exports: {
      // Without an end: whoever took it all would never be done.
      async *orders() {
        try {
          for (;;) {
            batches++;
            yield many;
          }
        } finally {
          end();
        }
      },
      async *attendees() {},
    },
  });
  organisers.set(SHOW, ORGANISER);
  await app.listen({ port: 0, host: '127.0.0.1' });
  const { port } = app.server.address() as AddressInfo;
  const authorization = `Bearer ${await tokenOf(ORGANISER, 'organiser')}`;
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const options = { port, path: `/v1/shows/${SHOW}/orders.csv`, headers: { authorization } };
    get(options, resolve).on('error', reject);
  });
  let bytes = 0;
  for await (const chunk of answer) {
    bytes += (chunk as Buffer).length;
    if (bytes > 1_000_000) break;
  }
  await ended;
  // What was taken, and what the sockets between hold.
  expect(batches).toBeLessThan(100);
});
