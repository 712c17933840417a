import { type RawBuilder, type SqlBool, sql } from 'kysely';

/** A timestamp as whole ms since the epoch; `null` stays `null`. */
export function milliseconds<T extends number | null = number>(column: string): RawBuilder<T> {
  return sql<T>`round(extract(epoch from ${sql.ref(column)}) * 1000)::float8`;
}

/** Whether a text column contains this text, whatever its case. */
export function contains(column: string, text: string): RawBuilder<SqlBool> {
  const pattern = `%${text.replace(/[\\%_]/g, '\\$&')}%`;
  return sql<SqlBool>`${sql.ref(column)} ilike ${pattern}`;
}

/** Whether a text column is this text, whatever its case. */
export function sameText(column: string, text: string): RawBuilder<SqlBool> {
  return sql<SqlBool>`lower(${sql.ref(column)}) = lower(${text})`;
}

/** `condition`s joined with AND; true if there are none. */
export function allOf(conditions: readonly RawBuilder<SqlBool>[]): RawBuilder<SqlBool> {
  return conditions.length === 0 ? sql<SqlBool>`true` : sql<SqlBool>`(${sql.join(conditions, sql` and `)})`;
}

/** One page of a list. */
export interface ListPage<T> {
  readonly items: T[];
  readonly total: number;
  readonly offset: number;
  readonly limit: number;
}

export interface PageRequest {
  readonly offset: number;
  readonly limit: number;
}
