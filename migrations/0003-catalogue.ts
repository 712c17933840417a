import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  await db.schema
    .createTable('venue')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('organiser_id', 'text', (column) => column.notNull().references('usher_user.id'))
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('street', 'text', (column) => column.notNull())
    .addColumn('city', 'text', (column) => column.notNull())
    .addColumn('state', 'text')
    .addColumn('country', 'text', (column) => column.notNull())
    .addColumn('postal_code', 'text')
    .addColumn('additional', 'text')
    .addColumn('created_at', 'timestamptz', (column) => column.notNull())
    .execute();
  await db.schema.createIndex('venue_name').on('venue').columns(['name', 'id']).execute();
  await db.schema.createIndex('venue_place').on('venue').expression(sql`lower(country), lower(city)`).execute();

  // A document is kept once, however many plans were imported from it.
  await db.schema
    .createTable('plan_document')
    .addColumn('hash', 'text', (column) => column.primaryKey())
    .addColumn('document', 'text', (column) => column.notNull())
    .execute();
  await db.schema
    .createTable('plan')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('venue_id', 'text', (column) => column.notNull().references('venue.id'))
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('hash', 'text', (column) => column.notNull().references('plan_document.hash'))
    .addColumn('seats', 'integer', (column) => column.notNull())
    .addColumn('places', 'integer', (column) => column.notNull())
    .addColumn('categories', 'jsonb', (column) => column.notNull())
    .addColumn('created_at', 'timestamptz', (column) => column.notNull())
    .execute();
  await db.schema.createIndex('plan_venue').on('plan').columns(['venue_id', 'id']).execute();

  await db.schema
    .createTable('performer')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('description', 'text')
    .addColumn('created_at', 'timestamptz', (column) => column.notNull())
    .execute();
  await db.schema.createIndex('performer_name').on('performer').columns(['name', 'id']).execute();

  await db.schema
    .createTable('show')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('shard', 'smallint', (column) => column.notNull())
    .addColumn('organiser_id', 'text', (column) => column.notNull().references('usher_user.id'))
    .addColumn('venue_id', 'text', (column) => column.notNull().references('venue.id'))
    .addColumn('plan_id', 'text', (column) => column.notNull().references('plan.id'))
    .addColumn('plan_hash', 'text', (column) => column.notNull())
    .addColumn('title', 'text', (column) => column.notNull())
    .addColumn('description', 'text')
    .addColumn('screen', 'text')
    .addColumn('starts_at', 'timestamptz', (column) => column.notNull())
    .addColumn('ends_at', 'timestamptz')
    .addColumn('on_sale_at', 'timestamptz', (column) => column.notNull())
    .addColumn('off_sale_at', 'timestamptz', (column) => column.notNull())
    .addColumn('currency', 'text', (column) => column.notNull())
    .addColumn('prices', 'jsonb', (column) => column.notNull())
    .addColumn('per_hold', 'integer', (column) => column.notNull())
    .addColumn('per_buyer', 'integer', (column) => column.notNull())
    .addColumn('hold_seconds', 'integer', (column) => column.notNull())
    .addColumn('media_url', 'text')
    .addColumn('created_at', 'timestamptz', (column) => column.notNull())
    .execute();
  await db.schema.createIndex('show_starts').on('show').columns(['starts_at', 'id']).execute();
  await db.schema.createIndex('show_venue').on('show').columns(['venue_id', 'starts_at']).execute();

  await db.schema
    .createTable('show_performer')
    .addColumn('show_id', 'text', (column) => column.notNull().references('show.id'))
    .addColumn('performer_id', 'text', (column) => column.notNull().references('performer.id'))
    .addColumn('position', 'smallint', (column) => column.notNull())
    .addPrimaryKeyConstraint('show_performer_pk', ['show_id', 'performer_id'])
    .execute();
  await db.schema.createIndex('show_performer_of').on('show_performer').columns(['performer_id', 'show_id']).execute();
}
