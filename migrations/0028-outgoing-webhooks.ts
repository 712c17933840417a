import { type Kysely, sql } from 'kysely';

/**
 * What organisers' own systems are told: written in the transaction that moves the projection on, sent later, forgotten
 * some time after. Times in ms since the epoch; those of endpoints and deliveries are the database's.
 */
export async function up(db: Kysely<any>): Promise<void> {
  // `failing_since`: when the first of the deliveries failed that no success has followed.
  await sql`
    create table webhook_endpoint (
      id text primary key,
      organiser_id text not null,
      url text not null,
      events text[] not null,
      secret text not null,
      created_at bigint not null,
      failing_since bigint,
      disabled_at bigint,
      disabled_reason text
    )
  `.execute(db);
  await sql`create index webhook_endpoint_of on webhook_endpoint (organiser_id, id)`.execute(db);
  // `id` is made of the show, its row and what is told: the same whenever it is derived again. `body` is sent as it is.
  await sql`
    create table webhook_message (
      id text primary key,
      show_id text not null,
      type text not null,
      created_at bigint not null,
      body text not null
    )
  `.execute(db);
  await sql`create index webhook_message_old on webhook_message (created_at)`.execute(db);
  // `next_at`: when whoever finds it may send it; the one at work on it moves that on.
  await sql`
    create table webhook_delivery (
      id text primary key,
      endpoint_id text not null references webhook_endpoint on delete cascade,
      message_id text not null references webhook_message on delete cascade,
      created_at bigint not null,
      attempts integer not null default 0,
      next_at bigint not null,
      delivered_at bigint,
      given_up_at bigint,
      last_status smallint,
      last_error text,
      unique (endpoint_id, message_id)
    )
  `.execute(db);
  const isOpen = sql`delivered_at is null and given_up_at is null`;
  await sql`create index webhook_delivery_due on webhook_delivery (endpoint_id, next_at) where ${isOpen}`.execute(db);
  await sql`create index webhook_delivery_open on webhook_delivery (created_at) where ${isOpen}`.execute(db);
  await sql`create index webhook_delivery_list on webhook_delivery (endpoint_id, created_at desc, id desc)`.execute(db);
  await sql`create index webhook_delivery_of_message on webhook_delivery (message_id)`.execute(db);
}
