import Type, { type Static } from 'typebox';
import type { ClusterOps, OpsRequest } from '../../cluster/plans/cluster-ops.ts';
import { SHARDS } from '../../cluster/shards.ts';
import { type Fault, RefusedError } from '../../errors.ts';
import { noBody } from '../no-body.ts';
import { line, PathId, strict } from '../schemas.ts';
import type { App } from '../server.ts';
import { type AdminAccess, actionsOnly } from './access.ts';

const PlanBody = strict({
  kind: Type.Enum(['drain', 'undrain', 'move', 'pin', 'unpin', 'rebalance']),
  node: Type.Optional(line(1, 100)),
  shows: Type.Optional(Type.Array(line(1, 100), { minItems: 1, maxItems: SHARDS })),
  shards: Type.Optional(
    Type.Array(Type.Integer({ minimum: 0, maximum: SHARDS - 1 }), { minItems: 1, maxItems: SHARDS }),
  ),
  to: Type.Optional(line(1, 100)),
  exclusive: Type.Optional(Type.Boolean()),
});
type PlanBody = Static<typeof PlanBody>;

/** What else each kind of request takes, and must have; `named`: shows or shards or both. */
const MEMBERS: Readonly<Record<PlanBody['kind'], readonly ('node' | 'named' | 'to' | 'exclusive')[]>> = {
  drain: ['node'],
  undrain: ['node'],
  move: ['named', 'to'],
  pin: ['named', 'to', 'exclusive'],
  unpin: ['named'],
  rebalance: [],
};

/** Plans: to propose one changes nothing yet; to apply one needs the operator's leave. */
export function clusterPlanRoutes(app: App, ops: ClusterOps, access: AdminAccess): void {
  const actions = { onRequest: actionsOnly(access), preValidation: noBody, schema: { params: PathId } };

  app.post('/cluster/plans', { schema: { body: PlanBody } }, async (request, reply) => {
    const plan = await ops.propose(requestOf(request.body));
    return reply.code(201).header('location', pathOf(plan.id)).send(plan);
  });

  app.get('/cluster/plans/:id', { schema: { params: PathId } }, (request) => ops.planStatus(request.params.id));

  // Begins, and answers how far it is at once; the rest is told by the plan itself.
  app.post('/cluster/plans/:id/apply', actions, async (request, reply) => {
    const plan = await ops.apply(request.params.id);
    return reply.code(202).header('location', pathOf(plan.id)).send(plan);
  });

  app.post('/cluster/plans/:id/stop', actions, async (request, reply) => {
    const plan = await ops.stop(request.params.id);
    return reply.code(202).header('location', pathOf(plan.id)).send(plan);
  });
}

function pathOf(id: string): string {
  return `/cluster/plans/${id}`;
}

/** Throws RefusedError BODY_INVALID with a fault for each member that is missing, or not of this kind. */
function requestOf(body: PlanBody): OpsRequest {
  const takes = MEMBERS[body.kind];
  const faults: Fault[] = [];
  const isNamed = body.shows !== undefined || body.shards !== undefined;
  for (const name of ['node', 'to', 'exclusive'] as const) {
    const isThere = body[name] !== undefined;
    if (isThere && !takes.includes(name))
      faults.push({ pointer: `/${name}`, detail: `is not known in a ${body.kind}` });
    if (!isThere && takes.includes(name) && name !== 'exclusive')
      faults.push({ pointer: `/${name}`, detail: 'is required' });
  }
  if (takes.includes('named') && !isNamed) faults.push({ pointer: '/shows', detail: 'is required, or `shards`' });
  if (!takes.includes('named')) {
    for (const name of ['shows', 'shards'] as const) {
      if (body[name] !== undefined) faults.push({ pointer: `/${name}`, detail: `is not known in a ${body.kind}` });
    }
  }
  if (faults.length > 0) {
    throw new RefusedError({ code: 'BODY_INVALID', detail: 'Mend what `errors` points at.', errors: faults });
  }
  return (body.kind === 'pin' ? { exclusive: false, ...body } : body) as OpsRequest;
}
