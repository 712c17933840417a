import Type from 'typebox';
import type { ClusterOps } from '../../cluster/plans/cluster-ops.ts';
import { clusterStatus, shardList } from '../../cluster/plans/cluster-status.ts';
import { line, PathId, strict } from '../schemas.ts';
import type { App } from '../server.ts';

/** What reads the cluster and changes nothing. */
export function clusterRoutes(app: App, ops: ClusterOps): void {
  app.get('/cluster', async () => clusterStatus(await ops.view()));

  app.get(
    '/cluster/shards',
    { schema: { querystring: strict({ node: Type.Optional(line(1, 100)) }) } },
    async (request) => {
      const { node } = request.query;
      const items = shardList(await ops.view()).filter(({ owner }) => node === undefined || owner === node);
      return { items, total: items.length };
    },
  );

  // A show by its id, or a shard by its number.
  app.get('/cluster/shows/:id', { schema: { params: PathId } }, (request) => ops.explainShow(request.params.id));
}
