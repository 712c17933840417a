import { SHARDS } from '../shards.ts';
import type { ClusterView, NodeRow, NodeState, Pin } from '../view.ts';
import { IS_ALIVE } from './node-conditions.ts';
import type { Statement } from './registry-session.ts';

const NODE_COLUMN = `
  (select coalesce(json_agg(json_build_object(
     'id', n.id, 'incarnation', n.incarnation, 'state', n.state, 'reason', n.reason, 'pid', n.pid,
     'url', n.url, 'adminUrl', n.admin_url, 'transport', n.transport, 'format', n.format, 'weight', n.weight,
     'ageMs', greatest(0, floor(extract(epoch from clock_timestamp() - n.heartbeat_at) * 1000)),
     'isLinked', n.is_linked, 'stalledMs', n.stalled_ms, 'load', n.load
   ) order by n.id, n.joined_at), '[]') from living n)`;

/** Comma-separated text is the cheapest way to bring a thousand values over: no row, and no JSON, for each. */
const VIEW = `
  floor(extract(epoch from clock_timestamp()) * 1000)::float8,
  ${NODE_COLUMN},
  string_agg(s.epoch::text, ',' order by s.id),
  string_agg(coalesce(s.owner, ''), ',' order by s.id),
  coalesce(
    json_agg(json_build_array(s.id, s.pin, s.pin_exclusive) order by s.id) filter (where s.pin is not null), '[]'
  ),
  (select c.format from cluster c)
  from shard s`;

export type ViewColumns = [
  at: number,
  nodes: NodeRow[],
  epochs: string,
  owners: string,
  pins: [number, string, boolean][],
  format: number,
];

export const READ: Statement = {
  name: 'read',
  text: `with living as (select * from node n where ${IS_ALIVE}) select ${VIEW}`,
};

/** Parameters: incarnation, is linked, stalled ms, load as JSON. The first column: the own row's state. */
export const BEAT: Statement = {
  name: 'beat',
  text: `
    with renewed as (
      update node n
      set heartbeat_at = clock_timestamp(), is_linked = $2, stalled_ms = $3, load = $4::jsonb,
        session_pid = pg_backend_pid(),
        session_started_at = (select backend_start from pg_stat_get_activity(pg_backend_pid()))
      where n.incarnation = $1 and ${IS_ALIVE}
      returning n.*
    ),
    living as (
      select * from renewed
      union all
      select * from node n where n.incarnation <> $1 and ${IS_ALIVE}
    )
    select
      -- Alive when the statement began, but not renewed: it was declared dead just then.
      coalesce(
        (select state from renewed),
        (select case when ${IS_ALIVE} then 'dead' else n.state end from node n where n.incarnation = $1)
      ),
      ${VIEW}`,
};

export type BeatColumns = [state: NodeState | null, ...view: ViewColumns];

/** Throws when the table of shards is not whole. */
export function viewOf([at, nodes, epochTexts, ownerTexts, pinRows, format]: ViewColumns): ClusterView {
  const epochs = epochTexts.split(',').map(Number);
  if (epochs.length !== SHARDS) throw new Error(`the table of shards has ${epochs.length} rows; it needs ${SHARDS}`);
  const owners = ownerTexts.split(',').map((owner) => (owner === '' ? null : owner));
  const pins: Pin[] = pinRows.map(([shard, node, exclusive]) => ({ shard, node, exclusive }));
  return { at, format, nodes, epochs, owners, pins };
}
