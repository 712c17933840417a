import { Readable } from 'node:stream';
import { stringify } from 'csv-stringify/sync';
import Type from 'typebox';
import { isId } from '../../ids.ts';
import { ATTENDEE_COLUMNS, type ExportLine, ORDER_COLUMNS } from '../../projector/exports.ts';
import { INTERVALS, INTERVALS_MAX, type Interval, type SalesFigures } from '../../projector/reports.ts';
import { rfc3339 } from '../../rfc3339.ts';
import type { Guards } from '../auth.ts';
import type { SalesDeps } from '../sales-deps.ts';
import { BEARER, LIMIT_DEFAULT, MoneySchema, Page, PathId, problems, strict, Time, TimeOut } from '../schemas.ts';
import type { App } from '../server.ts';
import { notFound } from '../show-answers.ts';
import { timeAt } from '../times.ts';
import { seesAll } from '../viewers.ts';

const CSV_TYPE = 'text/csv';
const CSV = { 200: { content: { [CSV_TYPE]: { schema: Type.String() } } } };

const Sums = {
  sold: Type.Integer({ description: 'Places sold' }),
  returned: Type.Integer({ description: 'Places that came back: refunded, lost to a dispute, or never paid' }),
  gross: Type.Integer({ description: 'Taken, minor units' }),
  refunded: Type.Integer({ description: 'Given back or to be given back' }),
  lost: Type.Integer({ description: 'Lost to disputes' }),
  net: Type.Integer({ description: 'What is left of it' }),
};

const ReportSchema = Type.Object(
  {
    showId: Type.String(),
    asOf: Type.Union([TimeOut, Type.Null()], { description: 'The newest change that is in it' }),
    behind: Type.Boolean({ description: 'Whether there are newer changes; they are in it within seconds' }),
    currency: Type.String(),
    categories: Type.Array(
      Type.Object({
        category: Type.String(),
        price: Type.Union([Type.Integer(), Type.Null()]),
        capacity: Type.Integer(),
        free: Type.Integer(),
        held: Type.Integer(),
        inPayment: Type.Integer(),
        sold: Type.Integer(),
        blocked: Type.Integer({ description: 'Kept back for the house' }),
        removed: Type.Integer({ description: 'Not for sale in this show' }),
      }),
    ),
    revenue: Type.Object({ gross: MoneySchema, refunded: MoneySchema, lost: MoneySchema, net: MoneySchema }),
    refunds: Type.Object(
      { pending: MoneySchema, failed: MoneySchema },
      { description: 'Of what is refunded: not given yet, and what the provider cannot give' },
    ),
    intervals: Type.Array(Type.Object({ startsAt: TimeOut, category: Type.String(), ...Sums }), {
      description: `Where something was sold or came back, oldest first; the newest ${INTERVALS_MAX} of what was asked for`,
    }),
    admissions: Type.Object(
      { expected: Type.Integer(), admitted: Type.Integer() },
      { description: 'Tickets that are somebody’s, and how many were let in' },
    ),
  },
  { title: 'ShowReport' },
);

const SalesSchema = Type.Object(
  {
    items: Type.Array(
      Type.Object({
        showId: Type.String(),
        title: Type.String(),
        startsAt: TimeOut,
        currency: Type.String(),
        ...Sums,
      }),
    ),
    sums: Type.Array(Type.Object({ currency: Type.String(), ...Sums }), { description: 'Over all shows, by currency' }),
    total: Type.Integer(),
    offset: Type.Integer(),
    limit: Type.Integer(),
  },
  { title: 'Sales' },
);

function withNet<T extends SalesFigures>(figures: T): T & { readonly net: number } {
  return { ...figures, net: figures.gross - figures.refunded - figures.lost };
}

/** What organisers learn of their sales. Out of the read models: no show is asked. */
export function reportRoutes(app: App, deps: SalesDeps, guards: Guards): void {
  const { reports, exports } = deps;

  app.get(
    '/shows/:id/report',
    {
      onRequest: guards.role('organiser'),
      schema: {
        tags: ['Reports'],
        summary: 'How the sale of a show goes',
        description: 'For its organiser and admins. `from` and `to` bound the intervals only. Days are those of UTC.',
        security: BEARER,
        params: PathId,
        querystring: strict({
          interval: Type.Optional(Type.Enum(Object.keys(INTERVALS) as Interval[], { default: 'day' })),
          from: Type.Optional(Time),
          to: Type.Optional(Time),
        }),
        response: { 200: ReportSchema, ...problems('BODY_INVALID', 'UNAUTHENTICATED', 'FORBIDDEN', 'NOT_FOUND') },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      if (!isId('shw', id) || !(await seesAll(deps, request.user, id))) return notFound(reply, 'show');
      const { interval = 'day', from, to } = request.query;
      const report = await reports.ofShow(
        id,
        interval,
        from === undefined ? 0 : timeAt(from, '#/query/from'),
        to === undefined ? Number.MAX_SAFE_INTEGER : timeAt(to, '#/query/to'),
      );
      if (report === null) return notFound(reply, 'show');
      const { currency, categories, intervals, admissions } = report;
      const money = (amount: number) => ({ amount, currency });
      const { gross, refunded, lost, net } = withNet(report.sales);
      return reply.send({
        showId: id,
        asOf: report.seq === 0 ? null : rfc3339(report.at),
        behind: report.isBehind,
        currency,
        categories: [...categories],
        revenue: { gross: money(gross), refunded: money(refunded), lost: money(lost), net: money(net) },
        refunds: { pending: money(report.refunds.pending), failed: money(report.refunds.failed) },
        intervals: intervals.map((one) => ({ ...withNet(one), startsAt: rfc3339(one.startsAt) })),
        admissions,
      });
    },
  );

  app.get(
    '/sales',
    {
      onRequest: guards.role('organiser'),
      schema: {
        tags: ['Reports'],
        summary: 'Sales of your shows, newest show first',
        description: 'Admins see those of everybody.',
        security: BEARER,
        querystring: strict(Page),
        response: { 200: SalesSchema, ...problems('BODY_INVALID', 'UNAUTHENTICATED', 'FORBIDDEN') },
      },
    },
    async (request, reply) => {
      const { user } = request;
      const { offset = 0, limit = LIMIT_DEFAULT } = request.query;
      const sales = await reports.ofOrganiser(user.role === 'admin' ? null : user.id, { offset, limit });
      return reply.send({
        items: sales.items.map((show) => ({ ...withNet(show), startsAt: rfc3339(show.startsAt) })),
        sums: sales.sums.map(withNet),
        ...{ total: sales.total, offset, limit },
      });
    },
  );

  const exportRoute = (
    name: 'orders' | 'attendees',
    summary: string,
    columns: readonly string[],
    lines: (showId: string) => AsyncGenerator<readonly ExportLine[]>,
  ): void => {
    app.get(
      `/shows/:id/${name}.csv`,
      {
        onRequest: guards.role('organiser'),
        schema: {
          tags: ['Reports'],
          summary,
          description:
            'For the organiser of the show and admins. RFC 4180, UTF-8; money in minor units. Fields that a spreadsheet ' +
            "would take for a formula begin with a '.",
          security: BEARER,
          params: PathId,
          response: { ...CSV, ...problems('UNAUTHENTICATED', 'FORBIDDEN', 'NOT_FOUND') },
        },
      },
      async (request, reply) => {
        const { id } = request.params;
        if (!isId('shw', id) || !(await seesAll(deps, request.user, id))) return notFound(reply, 'show');
        reply.type(`${CSV_TYPE}; charset=utf-8`);
        reply.header('content-disposition', `attachment; filename="${name}-${id}.csv"`);
        reply.header('cache-control', 'no-store');
        return reply.send(Readable.from(csvOf(columns, lines(id))) as never);
      },
    );
  };
  exportRoute('orders', 'All orders of a show as CSV', ORDER_COLUMNS, (id) => exports.orders(id));
  exportRoute('attendees', 'Everybody with a ticket of a show, as CSV', ATTENDEE_COLUMNS, (id) =>
    exports.attendees(id),
  );
}

/** The batches as they are read: the next is when the client has taken the last. */
async function* csvOf(
  columns: readonly string[],
  batches: AsyncIterable<readonly ExportLine[]>,
): AsyncGenerator<string> {
  const options = { record_delimiter: 'windows', escape_formulas: true, columns: [...columns] } as const;
  yield stringify([], { ...options, header: true });
  for await (const lines of batches) yield stringify([...lines], options);
}
