import { replaceInSource } from './replaced-source.ts';

/*
 * To be imported before anything else. A world has a handful of shows: with all of its 1,024 shards, most of what is computed
 * would be the table of those that nobody uses. And a show has some hundred events there: with a snapshot after 20,000 hardly
 * any would ever go on from one.
 */
replaceInSource('cluster/shards.ts', 'SHARDS = 1_024;', 'SHARDS = 64;');
replaceInSource('actors/show-snapshots.ts', 'SNAPSHOT_EVERY_EVENTS = 20_000;', 'SNAPSHOT_EVERY_EVENTS = 25;');
