import type { AddressInfo } from 'node:net';
import fastify, { type FastifyInstance } from 'fastify';
import { Tokens } from '../../src/accounts/tokens.ts';
import type { HoldView, Money } from '../../src/actors/shows.ts';
import type { BestRequest } from '../../src/allocator/commands.ts';
import type { Refusal } from '../../src/errors.ts';
import { guards } from '../../src/http/auth.ts';
import { IDEMPOTENCY_KEY_HEADER } from '../../src/http/idempotency.ts';
import { problemHandler, refuse } from '../../src/http/problem.ts';
import { HoldRequest } from '../../src/http/routes/holds.ts';
import { HoldSchema } from '../../src/http/sales-schemas.ts';
import { PathId } from '../../src/http/schemas.ts';
import { validatorCompiler } from '../../src/http/validation.ts';
import { scopedId } from '../../src/ids.ts';
import { rfc3339 } from '../../src/rfc3339.ts';
import { systemClock } from '../../src/system/clock.ts';
import { createLog } from '../../src/system/log.ts';
import { HOLD_SECONDS, type HoldStore, type PeerSetting } from './hold-store.ts';

/** What the bench sends a peer. */
export type PeerCommand = { readonly open: PeerSetting } | { readonly count: true } | { readonly close: true };
/** What the peer answers to each command. */
export type PeerReply =
  | { readonly port: number }
  | { readonly held: readonly number[] | null }
  | { readonly closed: true }
  | { readonly error: string };

const KEY_LENGTH_MAX = 255;
export const KEEP_ALIVE_TIMEOUT_MS = 72_000;

const KEY_MISSING: Refusal = {
  code: 'IDEMPOTENCY_KEY_MISSING',
  detail: 'Send an Idempotency-Key header, new for each intention.',
};
const BODY_INVALID: Refusal = { code: 'BODY_INVALID', detail: 'Send either seats or best.' };

/**
 * Runs this process as a peer of the product: a Fastify server with the product's schemas, validation, tokens, problem
 * documents and response for `POST /v1/shows/{id}/holds`, on a store of its own kind. An `Idempotency-Key` is required,
 * but no answer is kept for replay: that work is spared to the peers.
 */
export function servePeer(openStore: (setting: PeerSetting) => Promise<HoldStore>): void {
  serveProcess(async (setting) => {
    const store = await openStore(setting);
    return { app: buildPeer(setting, store), held: () => store.held(), close: () => store.close() };
  });
}

/** A server of a peer, not yet listening, and what it stands on. */
interface PeerServer extends Pick<HoldStore, 'held' | 'close'> {
  readonly app: FastifyInstance;
}

/** Runs this process as a peer that the bench opens, counts and closes over IPC. */
export function serveProcess(open: (setting: PeerSetting) => Promise<PeerServer>): void {
  let server: PeerServer | null = null;

  const handle = async (command: PeerCommand): Promise<PeerReply> => {
    if ('open' in command) {
      server = await open(command.open);
      await server.app.listen({ host: '127.0.0.1', port: 0 });
      return { port: (server.app.server.address() as AddressInfo).port };
    }
    if ('count' in command) return { held: (await server?.held()) ?? null };
    await server?.app.close();
    await server?.close();
    return { closed: true };
  };

  process.on('message', (command: PeerCommand) => {
    handle(command).then(
      (reply) => process.send?.(reply),
      (error: Error) => process.send?.({ error: error.stack ?? error.message }),
    );
  });
  // The bench has ended, however: so do we.
  process.on('disconnect', () => process.exit());
}

function buildPeer(setting: PeerSetting, store: HoldStore): FastifyInstance {
  const clock = systemClock();
  const guard = guards(new Tokens(Buffer.from(setting.jwtSecret), clock));
  const price: Money = { amount: setting.price, currency: setting.currency };
  let count = 0;

  const app = fastify({ logger: false, keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS, forceCloseConnections: true });
  app.setValidatorCompiler(validatorCompiler);
  app.setErrorHandler(problemHandler(createLog('error')));
  app.decorateRequest('user', null as never);
  app.post<{ Params: { id: string }; Body: { seats?: string[]; best?: BestRequest } }>(
    '/v1/shows/:id/holds',
    { onRequest: guard.user, schema: { params: PathId, body: HoldRequest, response: { 201: HoldSchema } } },
    async (request, reply) => {
      const key = request.headers[IDEMPOTENCY_KEY_HEADER];
      if (typeof key !== 'string' || key.length === 0 || key.length > KEY_LENGTH_MAX) return refuse(reply, KEY_MISSING);
      const { seats, best } = request.body;
      if ((seats === undefined) === (best === undefined)) return refuse(reply, BODY_INVALID);
      const showId = request.params.id;
      const now = clock.now();
      const holdId = scopedId('hld', now, showId, ++count);
      const wanted = seats ? { seats } : { best: best as BestRequest };
      const held = await store.hold({ showId, buyer: request.user.id, holdId, ...wanted });
      if (held === null) return refuse(reply, seats ? taken(seats) : NOT_ENOUGH_SEATS);
      const view: HoldView = {
        id: holdId,
        showId,
        seats: held.map((id) => ({ id, category: setting.category, price })),
        areas: [],
        total: { amount: setting.price * held.length, currency: setting.currency },
        status: 'active',
        expiresAt: rfc3339(now + HOLD_SECONDS * 1_000),
        serverTime: rfc3339(now),
      };
      reply.code(201);
      return view;
    },
  );
  return app;
}

const NOT_ENOUGH_SEATS: Refusal = { code: 'NOT_ENOUGH_SEATS', detail: 'There are not enough such seats.' };

/** Which of them were taken is not looked up: that would be one more query for the peer. */
function taken(seats: readonly string[]): Refusal {
  return { code: 'SEATS_TAKEN', detail: 'Some of the seats are taken.', extra: { taken: seats, alternatives: [] } };
}
