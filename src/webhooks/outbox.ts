import { NOW } from '../database-time.ts';
import { rfc3339 } from '../rfc3339.ts';
import type { Announcement } from './announcements.ts';

interface Queryable {
  query(text: string, values: readonly unknown[]): Promise<unknown>;
}

/**
 * What nobody has asked for is not kept; what is for an endpoint that is disabled is, for a replay. What is there already
 * stays as it is: it may have been sent since.
 */
const ENQUEUE = `
  with told as (
    select t.id, t.type, t.at, t.body, endpoint.id as endpoint_id,
      case when endpoint.disabled_at is not null then ${NOW} end as given_up_at
    from json_to_recordset($2::json) as t (id text, type text, at int8, body text)
    join show on show.id = $1
    join webhook_endpoint endpoint
      on endpoint.organiser_id = show.organiser_id and t.type = any(endpoint.events)
  ),
  message as (
    insert into webhook_message (id, show_id, type, created_at, body)
    select distinct id, $1, type, at, body from told
    on conflict do nothing
  )
  insert into webhook_delivery (id, endpoint_id, message_id, created_at, next_at, given_up_at, last_error)
  select 'whd_' || left(encode(sha256(convert_to(endpoint_id || ' ' || id, 'UTF8')), 'hex'), 32),
    endpoint_id, id, ${NOW}, ${NOW}, given_up_at,
    case when given_up_at is not null then 'the endpoint was disabled' end
  from told
  on conflict do nothing`;

/** Puts what a show has to tell out for all endpoints of its organiser that want it, in the caller's transaction. */
export async function enqueue(
  client: Queryable,
  showId: string,
  announcements: readonly Announcement[],
): Promise<void> {
  if (announcements.length === 0) return;
  const told = announcements.map(({ id, type, at, data }) => ({
    id,
    type,
    at,
    body: JSON.stringify({ type, timestamp: rfc3339(at), data }),
  }));
  await client.query(ENQUEUE, [showId, JSON.stringify(told)]);
}
