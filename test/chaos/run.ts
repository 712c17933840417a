import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { signUpOrganiser } from '../support/box-office.ts';
import { startCluster, type TestCluster } from '../support/cluster-processes.ts';
import { Lifetime } from '../support/lifetime.ts';
import { privateDirectory } from '../support/private-directory.ts';
import type { Operation } from '../support/sale-history.ts';
import { Faults } from './faults.ts';
import { operationLines, planLine } from './history-lines.ts';
import { judgedFaults, writeHistory } from './judged.ts';
import { Operator } from './operator.ts';
import { RunRecord } from './record.ts';
import { ChaosSale, FLEETING_SECONDS, LASTING_SECONDS } from './sale.ts';
import { drawSchedule, FAULT_KINDS } from './schedule.ts';
import { SmallDisk } from './small-disk.ts';
import { auditedFaults, cancelUnpaid, lostRequests, unknownOutcomes, verifiedFaults } from './verdict.ts';
import { witnessLines } from './witness-lines.ts';

export interface ChaosOptions {
  readonly minutes: number;
  /** Of the faults and the buyers. */
  readonly seed: number;
  /** Ends everything that the run has started. */
  readonly lifetime: Lifetime;
  /** Told how it goes. */
  readonly say: (text: string) => void;
}

/** What a run has found; `--json` prints it as it is. */
export interface ChaosReport {
  readonly seed: number;
  /** For how long things went wrong. */
  readonly seconds: number;
  readonly kills: number;
  readonly operations: number;
  /** Operations that their buyer had no definite answer to. */
  readonly unknown: number;
  /** How often each kind of fault happened. */
  readonly faults: Readonly<Record<string, number>>;
  /** Kinds that this machine does not allow. */
  readonly skipped: readonly string[];
  readonly violations: readonly string[];
  /** Where history, schedule and logs are kept of a run that found something. */
  readonly kept: string | null;
}

const IDS = ['n1', 'n2', 'n3'];
/** Once faults have stopped: until all nodes are up and share the shards. */
const SETTLED_MS = 180_000;
/** Once faults have stopped: until the last purchase is over. */
const SALE_OVER_MS = 240_000;

/** Attacks a cluster of its own, lets it come to rest and judges. Rejects if it could not be run at all. */
export async function runChaos({ minutes, seed, lifetime, say: tell }: ChaosOptions): Promise<ChaosReport> {
  const { atEnd } = lifetime;
  const postgresDirectory = privateDirectory(atEnd);
  const disk = SmallDisk.on(postgresDirectory, atEnd);
  const skipped = disk === null ? ['disk-full'] : [];
  tell(`chaos: seed ${seed}, ${minutes} min`);
  if (disk === null) tell('disk-full is left out: this machine does not let us mount a small file system.');
  const kinds = FAULT_KINDS.filter((kind) => !skipped.includes(kind));
  const schedule = drawSchedule(seed, { forMs: minutes * 60_000, nodes: IDS.length, kinds });

  const historyFile = join(privateDirectory(atEnd), 'history.jsonl');
  const record = new RunRecord(schedule);
  const onPostgresLine = (line: string): void => record.postgresSays(line);
  // The keepers of the nodes let go of them first: they would start again whatever is ended.
  const clusterLife = new Lifetime();
  atEnd(() => clusterLife.end());
  const cluster = await startCluster(IDS, { atEnd: clusterLife.atEnd, postgresDirectory, onPostgresLine });
  const startedAt = performance.now();
  const say = (text: string): void => {
    const line = `${((performance.now() - startedAt) / 1_000).toFixed(1).padStart(7)} s  ${text}`;
    record.happened(line);
    tell(line);
  };
  const organiser = await signUpOrganiser(cluster.ports[0]);
  const sale = await ChaosSale.open(cluster, organiser, { seed, minutes });
  const operator = new Operator(
    cluster,
    sale.shows.map(({ id }) => id),
  );
  const faults = new Faults({ cluster, operator, disk, say });
  atEnd(() => faults.end());

  // The last fault may come and pass before the time is over; buyers go on.
  await Promise.all([faults.run(schedule), pause(minutes * 60_000)]);
  const seconds = Math.round((performance.now() - startedAt) / 1_000);
  say('faults have stopped');
  const { unknown, violations } = await restAndJudge(cluster, { sale, faults, operator, historyFile, say });
  say(`Postgres said ${record.outOfSpace} times that its disk was full`);
  const operations = [...sale.history, ...sale.fleetingHistory];
  const { kill: kills = 0, ...counts } = faults.counts;
  const report = { seed, seconds, kills, operations: operations.length, unknown, faults: counts, skipped };
  const kept =
    violations.length === 0 ? null : record.keep({ ...report, violations }, { cluster, operations, historyFile });
  return { ...report, violations, kept };
}

interface Scene {
  readonly sale: ChaosSale;
  readonly faults: Faults;
  readonly operator: Operator;
  /** Where the history is written to. */
  readonly historyFile: string;
  readonly say: (text: string) => void;
}

/** Lets everything come to rest, and gathers all that is wrong then. */
async function restAndJudge(
  cluster: TestCluster,
  { sale, faults, operator, historyFile, say }: Scene,
): Promise<{ unknown: number; violations: string[] }> {
  const violations: string[] = [];
  const within = async (what: string, work: Promise<unknown>): Promise<void> => {
    await work.catch((error: Error) => void violations.push(`${what}: ${error.message}`));
  };
  await faults.mend();
  violations.push(...(await operator.takeBack()));
  await within('the cluster did not settle', cluster.settled(IDS, SETTLED_MS));
  await within('the sale did not end', inTime(sale.end(), SALE_OVER_MS));
  const unknown = unknownOutcomes([...sale.history, ...sale.fleetingHistory]).length;
  say('all is at rest');
  violations.push(...faults.endedByThemselves, ...sale.faults);
  violations.push(...lostRequests([...sale.history, ...sale.fleetingHistory], faults.absences));
  // As the buyers knew it, before anybody asks again; but to ask again for an extension is to extend once more.
  const told = [
    ...operationLines(sale.history.filter(isKeptOnce), sale.shows, LASTING_SECONDS),
    ...operationLines(sale.fleetingHistory, sale.fleeting, FLEETING_SECONDS),
  ];
  const [asked] = cluster.nodes;
  violations.push(...(await auditedFaults(sale, asked)));
  say('all was asked again');
  const cancels = await cancelUnpaid(sale, asked);
  violations.push(...(await verifiedFaults(cluster)));
  say('all is verified');
  const shows = [...sale.shows, ...sale.fleeting];
  await writeHistory(historyFile, [
    ...shows.map(planLine),
    ...told,
    ...operationLines(
      sale.history.filter((operation) => !isKeptOnce(operation)),
      sale.shows,
      LASTING_SECONDS,
    ),
    ...operationLines(cancels, sale.shows, LASTING_SECONDS),
    ...(await witnessLines(shows, cluster.settings)),
    { end: true, rest: true },
  ]);
  violations.push(...(await judgedFaults(historyFile)));
  say('all is judged');
  return { unknown, violations };
}

/** Whether it takes effect once, however often it is asked for. */
function isKeptOnce({ kind }: Operation): boolean {
  return kind !== 'extend';
}

function inTime(work: Promise<unknown>, limitMs: number): Promise<unknown> {
  const limit = new AbortController();
  const late = pause(limitMs, undefined, { signal: limit.signal }).then(() => {
    throw new Error(`not within ${limitMs / 1_000} s`);
  });
  late.catch(() => undefined);
  return Promise.race([work, late]).finally(() => limit.abort());
}
