import { beforeAll, beforeEach, expect, vi } from 'vitest';
import { type Person, signUpOrganiser } from '../../support/box-office.ts';
import { type NodeSeen, startCluster, type TestCluster, type TestNode } from '../../support/cluster-processes.ts';
import { ClusterSale } from '../../support/cluster-sale.ts';
import { atEndOfFile } from '../../support/file-lifetime.ts';

/** Bounds of these tests on a busy machine; how fast it is meant to be is the benchmarks' business. */
export const SELLS_AGAIN_MS = 20_000;
const COMES_BACK_MS = 30_000;
export const TEST_LIMIT_MS = 180_000;

/** What a node says that finds that others declared it dead: the one error that these faults are to log. */
export const DECLARED_DEAD = expect.stringContaining(
  'this node was declared dead; it joins again as a new incarnation',
);

const IDS = ['n1', 'n2', 'n3'];

/** A running cluster of three for the tests of a file, whole again before each; and a node of it to be hurt. */
export interface Scene {
  readonly cluster: TestCluster;
  readonly victim: TestNode;
  readonly others: readonly TestNode[];
  /** A sale under way at all nodes, with shows of each. */
  sale(): Promise<ClusterSale>;
  /** Resolves when the victim's newest start is seen like this. */
  victimIs(seen: Partial<NodeSeen>): Promise<NodeSeen>;
  /** Resolves when all nodes are up, and all have shards. */
  whole(): Promise<void>;
}

export function scene(): () => Scene {
  let cluster: TestCluster;
  let organiser: Person;
  beforeAll(async () => {
    cluster = await startCluster(IDS, { atEnd: atEndOfFile });
    organiser = await signUpOrganiser(cluster.ports[0]);
  });
  beforeEach(async () => {
    for (const node of cluster.nodes) await node.mend();
    await cluster.settled(IDS, COMES_BACK_MS);
    for (const node of cluster.nodes) node.newErrors();
  });
  return () => {
    const victim = cluster.node('n2');
    return {
      cluster,
      victim,
      others: cluster.nodes.filter((node) => node !== victim),
      sale: () => ClusterSale.open(cluster, organiser),
      whole: () => cluster.settled(IDS, COMES_BACK_MS),
      victimIs: (wanted) =>
        vi.waitFor(
          async () => {
            const seen = await cluster.lastOf(victim.id);
            expect(seen).toMatchObject(wanted);
            return seen;
          },
          { timeout: SELLS_AGAIN_MS, interval: 50 },
        ),
    };
  };
}

/** What a node says of shows whose turns or journals it cannot get through to the database. They recover by themselves. */
const OF_SHOWS = ['the show stopped and will be recovered', 'the show cannot be recovered'];

/**
 * What every node logged as an error since the test began, by node; nodes without any are left out.
 * @param database whether a database was out of reach, and shows may have suffered.
 */
export function errorsOf(cluster: TestCluster, database: 'well' | 'out of reach' = 'well'): Record<string, string[]> {
  const isExpected = (line: string): boolean =>
    database === 'out of reach' && OF_SHOWS.includes((JSON.parse(line) as { msg: string }).msg);
  const errors = cluster.nodes.map((node) => [node.id, node.newErrors().filter((line) => !isExpected(line))] as const);
  return Object.fromEntries(errors.filter(([, lines]) => lines.length > 0));
}
