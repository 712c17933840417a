import { type Kysely, sql } from 'kysely';

/**
 * What the projector makes of the journal: all of it can be made again (`usher rebuild`). Times in ms since the epoch and
 * the journal's own, so that it comes out the same. Money in minor units. Whoever writes rows of a show holds the lock of
 * its row in `projection`.
 */
export async function up(db: Kysely<any>): Promise<void> {
  // How far a show's journal is read, and what the next row needs to know of it. Of rows up to `told_seq` webhooks were
  // derived: a rebuild derives none again.
  await sql`
    create table projection (
      show_id text primary key,
      seq integer not null default 0,
      at bigint not null default 0,
      told_seq integer not null default 0,
      currency text not null default '',
      tickets integer not null default 0,
      for_sale integer not null default 0,
      sold integer not null default 0,
      is_sold_out boolean not null default false,
      cancelled_at bigint,
      cancel_reason text
    )
  `.execute(db);
  // `blocked`: kept back for the house. `removed`: not for sale in this show.
  await sql`
    create table read_category (
      show_id text not null,
      category text not null,
      capacity integer not null,
      blocked integer not null,
      removed integer not null,
      price bigint,
      primary key (show_id, category)
    )
  `.execute(db);
  // Holds that are live; those in payment name their order. `listed`: the sellers' tickets for what is bought of them.
  await sql`
    create table read_hold (
      show_id text not null,
      number integer not null,
      buyer_id text not null,
      made_at bigint not null,
      order_number integer not null,
      places jsonb not null,
      listed jsonb not null,
      primary key (show_id, number)
    )
  `.execute(db);
  await sql`
    create table read_order (
      show_id text not null,
      number integer not null,
      id text not null collate "C",
      buyer_id text not null,
      hold_number integer not null,
      held_at bigint not null,
      made_at bigint not null,
      until bigint not null,
      paid_at bigint,
      total bigint not null,
      is_comp boolean not null,
      state text not null,
      reason text,
      disputes jsonb not null,
      primary key (show_id, number)
    )
  `.execute(db);
  // Ids begin with their time: their order is that of the lists.
  await sql`create index read_order_of_buyer on read_order (buyer_id, id desc)`.execute(db);
  await sql`
    create table read_ticket (
      show_id text not null,
      number integer not null,
      id text not null collate "C",
      line integer not null,
      order_number integer not null,
      order_id text not null collate "C",
      holder_id text not null,
      is_received boolean not null,
      category text not null,
      seat jsonb not null,
      price bigint not null,
      state text not null,
      refund_number integer,
      from_number integer,
      list_price bigint,
      taken_by integer,
      entries jsonb not null,
      undone_until bigint,
      admitted_at bigint,
      primary key (show_id, number)
    )
  `.execute(db);
  await sql`create index read_ticket_of_order on read_ticket (show_id, order_number)`.execute(db);
  await sql`
    create index read_ticket_of_holder on read_ticket (holder_id, order_id desc, number)
    where state <> 'unpaid'
  `.execute(db);
  await sql`
    create table read_refund (
      show_id text not null,
      number integer not null,
      order_number integer not null,
      made_at bigint not null,
      amount bigint not null,
      state text not null,
      reason text,
      primary key (show_id, number)
    )
  `.execute(db);
  await sql`create index read_refund_of_order on read_refund (show_id, order_number)`.execute(db);
  // Each hour's sales by category: places sold and given back, money taken, given back and lost to disputes.
  await sql`
    create table read_sales (
      show_id text not null,
      hour_at bigint not null,
      category text not null,
      sold integer not null,
      returned integer not null,
      gross bigint not null,
      refunded bigint not null,
      lost bigint not null,
      primary key (show_id, hour_at, category)
    )
  `.execute(db);
  // Where the look for shows that are behind goes on, and when; one node at a time takes it. There is one row.
  await sql`
    create table projector_sweep (
      singleton boolean primary key default true check (singleton),
      after text not null default '',
      next_at bigint not null default 0
    )
  `.execute(db);
  await sql`insert into projector_sweep default values`.execute(db);
}
