import Type from 'typebox';
import type { Principal } from '../../accounts/tokens.ts';
import type { AdmissionList, UploadedScan, VoidedTickets } from '../../actors/shows.ts';
import type { Scan } from '../../allocator/commands.ts';
import { isId, parseScopedId } from '../../ids.ts';
import { fromRfc3339, rfc3339 } from '../../rfc3339.ts';
import { proveCode } from '../../tickets/codes.ts';
import { signVoidedList, voidedTag } from '../../tickets/voided-list.ts';
import type { Guards } from '../auth.ts';
import {
  AdmissionRequest,
  AdmissionSchema,
  AdmissionsSchema,
  type MergedScan,
  MergedScansSchema,
  ScanUpload,
  TicketAtDoorSchema,
} from '../door-schemas.ts';
import { matchesTag } from '../entity-tags.ts';
import { readOnce } from '../idempotency.ts';
import { noBody } from '../no-body.ts';
import { refuse } from '../problem.ts';
import type { SalesDeps } from '../sales-deps.ts';
import { BEARER, LIMIT_DEFAULT, Page, PathId, problems, strict, Time } from '../schemas.ts';
import type { App } from '../server.ts';
import { askDeadline, NOT_NOW, notFound, sendAnswer } from '../show-answers.ts';
import { seesAll } from '../viewers.ts';

/** All a query has is text. */
const Flag = Type.Enum(['true', 'false']);
const JWS_TYPE = 'application/jose';

/** The doors of a show: for its organiser, whose gates log in with that account, and admins. */
export function doorRoutes(app: App, deps: SalesDeps, guards: Guards): void {
  const { shows, clock, ticketKeys } = deps;

  const isTheirs = async (user: Principal, showId: string): Promise<boolean> =>
    isId('shw', showId) && (await seesAll(deps, user, showId));

  app.post(
    '/shows/:id/admissions',
    {
      config: { keyed: true },
      onRequest: guards.role('organiser'),
      schema: {
        tags: ['Doors'],
        summary: 'Let somebody in, once',
        description:
          'Send an `Idempotency-Key`. For the organiser of the show and admins. A gate that may have to upload the same scan ' +
          'later sends its own time as `at`: then they are one.',
        security: BEARER,
        params: PathId,
        body: AdmissionRequest,
        response: {
          200: AdmissionSchema,
          ...problems(
            'BODY_INVALID',
            'IDEMPOTENCY_KEY_MISSING',
            'IDEMPOTENCY_KEY_INVALID',
            'UNAUTHENTICATED',
            'FORBIDDEN',
            'NOT_FOUND',
            'CODE_INVALID',
            'CODE_OF_ANOTHER_SHOW',
            'TICKET_NOT_VALID',
            'ALREADY_ADMITTED',
            'SCAN_TIME_INVALID',
            'SCAN_LIMIT',
            'IDEMPOTENCY_KEY_REUSED',
            ...NOT_NOW,
          ),
        },
      },
    },
    async (request, reply) => {
      const { id: showId } = request.params;
      const once = readOnce(request, 'admit', showId);
      if (!(await isTheirs(request.user, showId))) return notFound(reply, 'show');
      const { code, gate, at: scannedAt } = request.body;
      const proved = await proveCode(code, ticketKeys.findPublicKey);
      if (proved === null) return refuse(reply, { code: 'CODE_INVALID', detail: 'No key of ours signed this code.' });
      if (proved.showId !== showId) {
        return refuse(reply, {
          code: 'CODE_OF_ANOTHER_SHOW',
          detail: 'The code is of a ticket for another show.',
          extra: { ticketId: proved.ticketId, showId: proved.showId },
        });
      }
      const { number: ticket, at } = numbersOf(proved.ticketId);
      const command = {
        type: 'admit' as const,
        once,
        ticket,
        at,
        ...(gate === undefined ? {} : { gate }),
        ...(scannedAt === undefined ? {} : { scannedAt: fromRfc3339(scannedAt) }),
      };
      return sendAnswer(reply, await shows.ask(showId, command, askDeadline(clock)), 200);
    },
  );

  app.delete(
    '/shows/:id/admissions/:ticketId',
    {
      onRequest: guards.role('organiser'),
      preValidation: noBody,
      schema: {
        tags: ['Doors'],
        summary: 'Take an admission back: the ticket can be used again',
        description:
          'For the organiser of the show and admins. Without an admission nothing happens. With `admittedAt` only that one is ' +
          'taken back, which makes a repeat of the request safe.',
        security: BEARER,
        params: strict({ ...PathId.properties, ticketId: Type.String({ maxLength: 200 }) }),
        querystring: strict({ admittedAt: Type.Optional(Time) }),
        response: {
          200: TicketAtDoorSchema,
          ...problems('BODY_INVALID', 'UNAUTHENTICATED', 'FORBIDDEN', 'NOT_FOUND', ...NOT_NOW),
        },
      },
    },
    async (request, reply) => {
      const { id: showId, ticketId } = request.params;
      const id = parseScopedId('tkt', ticketId);
      if (!(await isTheirs(request.user, showId))) return notFound(reply, 'show');
      if (id?.showId !== showId) return notFound(reply, 'ticket of this show');
      const { admittedAt } = request.query;
      const undo = { type: 'undo-admission', ticket: id.number, at: id.at } as const;
      const command = admittedAt === undefined ? undo : { ...undo, admittedAt: fromRfc3339(admittedAt) };
      return sendAnswer(reply, await shows.ask(showId, command, askDeadline(clock)), 200);
    },
  );

  app.get(
    '/shows/:id/admissions',
    {
      onRequest: guards.role('organiser'),
      schema: {
        tags: ['Doors'],
        summary: 'Who came in, and how many',
        description:
          'For the organiser of the show and admins; by ticket, in the order in which they were ordered. `double=true`: only ' +
          'tickets with which somebody came in twice; `void=true`: only those that were not valid when somebody came in.',
        security: BEARER,
        params: PathId,
        querystring: strict({
          ...Page,
          double: Type.Optional(Flag),
          void: Type.Optional(Flag),
        }),
        response: {
          200: AdmissionsSchema,
          ...problems('BODY_INVALID', 'UNAUTHENTICATED', 'FORBIDDEN', 'NOT_FOUND', 'OVERLOADED', 'UNAVAILABLE'),
        },
      },
    },
    async (request, reply) => {
      const { id: showId } = request.params;
      if (!(await isTheirs(request.user, showId))) return notFound(reply, 'show');
      const { offset = 0, limit = LIMIT_DEFAULT, double, void: onVoid } = request.query;
      const only = double === 'true' ? 'double' : onVoid === 'true' ? 'void' : 'admitted';
      const question = { type: 'list-admissions', only, offset, limit } as const;
      const answer = await shows.ask<AdmissionList>(showId, question, askDeadline(clock));
      return answer.ok ? reply.send({ ...answer.value, offset, limit }) : refuse(reply, answer.refusal);
    },
  );

  app.post(
    '/shows/:id/scans',
    {
      onRequest: guards.role('organiser'),
      schema: {
        tags: ['Doors'],
        summary: 'Upload what a gate has let in while it was offline',
        description:
          'For the organiser of the show and admins. Safe to repeat, in whole and in part: the same ticket at the same time ' +
          'and gate is one scan. Uploads may come late and in any order: the earliest scan of a ticket is its admission, each ' +
          'other one a double entry.',
        security: BEARER,
        params: PathId,
        body: ScanUpload,
        response: {
          200: MergedScansSchema,
          ...problems('BODY_INVALID', 'UNAUTHENTICATED', 'FORBIDDEN', 'NOT_FOUND', 'SCAN_LIMIT', ...NOT_NOW),
        },
      },
    },
    async (request, reply) => {
      const { id: showId } = request.params;
      if (!(await isTheirs(request.user, showId))) return notFound(reply, 'show');
      const { gate } = request.body;
      const read = await Promise.all(request.body.scans.map((scan) => readScan(showId, scan)));
      const scans = read.filter((scan) => 'ticket' in scan);
      if (scans.length === 0) return reply.send({ scans: read.filter((scan) => 'result' in scan) });
      const command = { type: 'merge-scans', gate, scans } as const;
      const answer = await shows.ask<{ scans: UploadedScan[] }>(showId, command, askDeadline(clock));
      if (!answer.ok) return refuse(reply, answer.refusal);
      const merged = answer.value.scans[Symbol.iterator]();
      return reply.send({
        scans: read.map((scan): MergedScan => ('result' in scan ? scan : (merged.next().value as UploadedScan))),
      });
    },
  );

  /** A scan as the show takes it, or why it is none of its. */
  async function readScan(showId: string, scan: { code: string; at: string }): Promise<Scan | MergedScan> {
    const scannedAt = fromRfc3339(scan.at);
    const proved = await proveCode(scan.code, ticketKeys.findPublicKey);
    if (proved === null) return { at: rfc3339(scannedAt), result: 'code_invalid' };
    if (proved.showId !== showId) return { at: rfc3339(scannedAt), result: 'another_show' };
    const { number: ticket, at } = numbersOf(proved.ticketId);
    return { ticket, at, scannedAt };
  }

  app.get(
    '/shows/:id/voided',
    {
      onRequest: guards.role('organiser'),
      schema: {
        tags: ['Doors'],
        summary: 'The signed list of tickets with which nobody is let in, for gates that are offline',
        description:
          'A compact JWS (EdDSA) by a key of `/.well-known/usher-keys.json`. Its payload: `show`, `version`, `iat` (seconds) and ' +
          '`voided`, the numbers of the tickets, as codes have them.',
        security: BEARER,
        params: PathId,
        response: {
          200: { content: { [JWS_TYPE]: { schema: Type.String() } } },
          304: Type.Null({ description: 'It is still what If-None-Match names' }),
          ...problems('UNAUTHENTICATED', 'FORBIDDEN', 'NOT_FOUND', 'OVERLOADED', 'UNAVAILABLE'),
        },
      },
    },
    async (request, reply) => {
      const { id: showId } = request.params;
      if (!(await isTheirs(request.user, showId))) return notFound(reply, 'show');
      const answer = await shows.ask<VoidedTickets>(showId, { type: 'get-voided' }, askDeadline(clock));
      if (!answer.ok) return refuse(reply, answer.refusal);
      const { version, tickets: voided } = answer.value;
      const { signer } = ticketKeys;
      const tag = voidedTag({ show: showId, voided }, signer.kid);
      reply.header('etag', tag).header('cache-control', 'private, no-cache');
      if (matchesTag(request.headers['if-none-match'], tag)) return reply.code(304).send(undefined as never);
      const iat = Math.floor(clock.now() / 1_000);
      return reply.type(JWS_TYPE).send(await signVoidedList({ show: showId, version, iat, voided }, signer));
    },
  );
}

/** The numbers in the id of a ticket of which we signed the code. */
function numbersOf(ticketId: string): { readonly number: number; readonly at: number } {
  const id = parseScopedId('tkt', ticketId);
  if (id === null) throw new Error(`a signed code names ${ticketId}`);
  return id;
}
