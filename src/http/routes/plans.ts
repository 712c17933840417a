import type { FastifyReply, FastifyRequest } from 'fastify';
import Type from 'typebox';
import type { ImportedPlanView } from '../../catalog/plans.ts';
import { RefusedError } from '../../errors.ts';
import type { Guards } from '../auth.ts';
import type { HttpDeps } from '../deps.ts';
import { PLAN_BYTES_MAX, PLAN_UPLOADS_MAX } from '../limits.ts';
import { BEARER, FaultSchema, PathId, problems } from '../schemas.ts';
import type { App } from '../server.ts';
import { notFound } from '../show-answers.ts';

const summary = {
  id: Type.String(),
  venueId: Type.String(),
  name: Type.String(),
  hash: Type.String({ description: 'SHA-256 of the plan document' }),
  seats: Type.Integer({ description: 'Numbered seats' }),
  places: Type.Integer({ description: 'General-admission places' }),
  categories: Type.Array(
    Type.Object({
      name: Type.String(),
      color: Type.Optional(Type.String()),
      seats: Type.Integer(),
      places: Type.Integer(),
    }),
  ),
};
const ImportedSchema = Type.Unsafe<ImportedPlanView>(
  Type.Object({ ...summary, warnings: Type.Array(FaultSchema) }, { title: 'ImportedPlan' }),
);
const PlanSchema = Type.Object(
  { ...summary, plan: Type.Object({}, { additionalProperties: true, description: 'The plan in pretix form' }) },
  { title: 'Plan' },
);

const UPLOAD_RETRY_AFTER = 5;

/** An `onRequest` hook that lets only so many plans come in at once: each may fill {@link PLAN_BYTES_MAX}. */
function limitUploads() {
  let uploads = 0;
  return (_request: FastifyRequest, reply: FastifyReply, done: (error?: Error) => void): void => {
    if (uploads >= PLAN_UPLOADS_MAX) {
      const detail = 'Other plans are being imported; try again shortly.';
      done(new RefusedError({ code: 'OVERLOADED', detail, retryAfter: UPLOAD_RETRY_AFTER }));
      return;
    }
    uploads++;
    let counted = true;
    const release = () => {
      if (counted) uploads--;
      counted = false;
    };
    reply.raw.once('close', release);
    reply.raw.once('finish', release);
    done();
  };
}

export function planRoutes(app: App, deps: Pick<HttpDeps, 'catalogue'>, guards: Guards): void {
  const { plans, venues } = deps.catalogue;

  app.post(
    '/venues/:id/plans',
    {
      bodyLimit: PLAN_BYTES_MAX,
      schema: {
        tags: ['Catalogue'],
        summary: 'Import a seating plan',
        description: `In pretix form, at most ${PLAN_BYTES_MAX / 1_048_576} MiB. The plan never changes afterwards.`,
        security: BEARER,
        params: PathId,
        body: Type.Object({}, { additionalProperties: true, description: 'A seating plan in pretix form' }),
        response: {
          201: ImportedSchema,
          ...problems(
            'BODY_INVALID',
            'UNAUTHENTICATED',
            'FORBIDDEN',
            'NOT_FOUND',
            'BODY_TOO_LARGE',
            'PLAN_INVALID',
            'OVERLOADED',
          ),
        },
      },
      onRequest: [
        guards.role('organiser'),
        // Before the body is read: a plan is large, and someone else's venue takes none.
        async (request, reply) => {
          const { id } = request.params as { id: string };
          const organiser = await venues.organiserOf(id);
          if (organiser === null || (organiser !== request.user.id && request.user.role !== 'admin')) {
            return notFound(reply, 'venue');
          }
        },
        limitUploads(),
      ],
    },
    async (request, reply) => reply.code(201).send(await plans.import(request.params.id, request.body)),
  );

  app.get(
    '/plans/:id',
    {
      compress: {},
      schema: {
        tags: ['Catalogue'],
        summary: 'A seating plan, with its geometry',
        description: 'Never changes: it may be cached for ever.',
        params: PathId,
        response: {
          200: { description: 'The plan', content: { 'application/json': { schema: PlanSchema } } },
          304: Type.Null({ description: 'It is still what If-None-Match names' }),
          ...problems('NOT_FOUND'),
        },
      },
    },
    async (request, reply) => {
      const found = await plans.summary(request.params.id);
      if (found === null) return notFound(reply, 'plan');
      const tag = `"${found.hash}"`;
      reply.header('etag', tag).header('cache-control', 'public, max-age=31536000, immutable');
      if (request.headers['if-none-match']?.includes(tag)) return reply.code(304).send(null);
      const stored = await plans.document(found.id);
      if (stored === null) return notFound(reply, 'plan');
      // The document goes out as it is stored, neither parsed nor written anew.
      const head = JSON.stringify(found).slice(0, -1);
      return reply.type('application/json').send(`${head},"plan":${stored.document}}` as never);
    },
  );
}
