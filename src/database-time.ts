/**
 * The database's time in ms since the epoch, as SQL: one for all nodes, whose own clocks may jump; and one within a statement,
 * so that an index finds by it.
 */
export const NOW = '(extract(epoch from statement_timestamp()) * 1000)::int8';
