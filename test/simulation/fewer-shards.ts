import { replaceInSource } from './replaced-source.ts';

/*
 * To be imported before anything else. A world has a handful of shows: with all of its 1,024 shards, most of what is computed
 * would be the table of those that nobody uses.
 */
replaceInSource('cluster/shards.ts', 'SHARDS = 1_024;', 'SHARDS = 64;');
