import { shardOf } from '../../src/cluster/shards.ts';
import { ON_SALE_AT } from '../support/small-show.ts';
import { forgetActorSystems } from './actor-systems.ts';
import { Buyer } from './buyers.ts';
import type { Dangers } from './dangers.ts';
import type { Database } from './database.ts';
import { Flood } from './flood.ts';
import type { Options } from './options.ts';
import { judgeHistory, judgeRest } from './oracles.ts';
import { Organiser } from './organiser.ts';
import { Record } from './record.ts';
import type { PlannedFault } from './schedule.ts';
import { Strikes, undrainAll } from './strikes.ts';
import { describe, OPENING_MS, type Violation, World } from './world.ts';

/** I12: after the last fault, everything is at rest by then: the time to pay, its grace, and the repeats of settlement. */
export const REST_MS = 20 * 60_000;
/** How often it is looked whether it is; and where banks take days to decide, for which is waited besides. */
const LOOK_MS = 500;
const LOOK_FOR_DAYS_MS = 60_000;
/** I13: an event loop that goes on for so many events without coming to rest is stuck. */
const EVENTS_MAX = 20_000_000;

/** Of a failing world so much is told. */
const VIOLATIONS_TOLD = 5;
const LOGGED_TOLD = 5;

export interface Result {
  readonly options: Options;
  readonly violations: readonly Violation[];
  readonly commands: number;
  readonly events: number;
  /** ms of virtual time. */
  readonly simulatedMs: number;
  readonly hash: string;
  readonly dangers: Dangers;
  readonly world: World;
  /** For people: what was broken, in which world, and how to see it again. */
  report(): string;
}

/** Plays one world: faults strike while buyers buy; then they stop, everything must come to rest, and all is judged. */
export async function simulate(options: Options, schedule: readonly PlannedFault[]): Promise<Result> {
  const world = new World(options);
  const record = new Record(world.time, world.trace);
  const onRejection = (error: unknown): void => world.violated('crash', describe(error));
  process.on('unhandledRejection', onRejection);
  try {
    await play(world, record, schedule);
  } finally {
    process.off('unhandledRejection', onRejection);
    forgetActorSystems();
  }
  return {
    options,
    violations: world.violations,
    commands: record.commands,
    events: world.time.events,
    simulatedMs: world.time.now - (ON_SALE_AT - OPENING_MS),
    hash: world.trace.hash,
    dangers: world.dangers,
    world,
    report: () => reportOf(world),
  };
}

function reportOf({ options, violations, nodes }: World): string {
  const logged = [...nodes.values()].flatMap((node) =>
    node.logged.slice(-LOGGED_TOLD).map((line) => `  ${node.host} ${line}`),
  );
  return [
    `seed ${options.seed} breaks ${violations[0].invariant}`,
    ...violations.slice(0, VIOLATIONS_TOLD).map(({ invariant, what }) => `  ${invariant}: ${what}`),
    `  drawn: ${JSON.stringify(options)}`,
    ...logged,
    `again: npm run simulate -- --seed ${options.seed} --seeds 1`,
  ].join('\n');
}

async function play(world: World, record: Record, schedule: readonly PlannedFault[]): Promise<void> {
  const { options, time } = world;
  for (const [place, host] of world.hosts.entries()) world.startNode(host, options.formats[place]);
  await time.run(ON_SALE_AT);
  const danger = ON_SALE_AT + options.lateMs;
  if (options.lateMs === 0) world.storm();
  else time.after(options.lateMs, () => world.storm());
  const strikes = new Strikes(world);
  strikes.plan(schedule, danger);
  if (options.isFlooded) new Flood(world).plan(options.lateMs + options.dangerMs / 2, options.dangerMs / 2);
  const buyers = Array.from({ length: options.buyers }, (_, number) => new Buyer(world, record, number));
  const people = [...buyers, new Organiser(world, record)];
  for (const one of people) time.soon(() => void one.run(), null);
  const isStopped = (): boolean => world.violations.length > 0 || time.events > EVENTS_MAX;
  await time.run(danger + options.dangerMs, isStopped);
  if (isStopped()) return;

  strikes.end();
  world.calm();
  undrainAll(world);
  const waitsForDays = options.bankMs > REST_MS;
  const lookMs = waitsForDays ? LOOK_FOR_DAYS_MS : LOOK_MS;
  const end = time.now + REST_MS + (waitsForDays ? options.bankMs : 0);
  const isOver = (): boolean => people.every(({ isDone }) => isDone) && isAtRest(world);
  let mayCrash = options.crashesLast;
  while (time.now < end && !isOver() && !isStopped()) {
    await time.run(time.now + lookMs, isStopped);
    if (!mayCrash || !people.every(({ isDone }) => isDone)) continue;
    mayCrash = false;
    crashOwnerOfUnfinished(world);
  }
  if (isStopped()) {
    if (time.events > EVENTS_MAX) world.violated('I13', `no rest after ${time.events} events`);
    return;
  }
  if (!isOver()) {
    world.violated('I12', `no rest ${REST_MS / 60_000} min after the last fault: ${restlessOf(world, buyers)}`);
    return;
  }
  // First who shares no code with what is judged.
  judgeHistory(world, record);
  await judgeRest(world);
  world.trace.number(time.now);
}

function crashOwnerOfUnfinished(world: World): void {
  const show = world.shows.find(({ id }) => isUnfinished(world, id));
  const owner = show === undefined ? null : world.ownerOf(show.id);
  if (owner !== null) world.nodeFailed(owner);
}

function isUnfinished({ database }: World, showId: string): boolean {
  return (database.kept(showId).rows.at(-1)?.wakeAt ?? null) !== null;
}

/** Nothing of any show is pending, and every shard is a living node's. */
function isAtRest({ shows, database, nodes }: World): boolean {
  for (const { id } of shows) {
    const last = database.kept(id).rows.at(-1);
    if (last !== undefined && last.wakeAt !== null) return false;
    const { owner } = database.tables.shards[shardOf(id)];
    if (owner === null || !database.tables.isAlive(owner)) return false;
  }
  for (const node of nodes.values()) {
    if (!node.isAlive || !node.isStarted || node.unanswered > 0) return false;
    if (!database.tables.isAlive(node.incarnation)) return false;
  }
  return shows.every(({ id }) => isWherePinned(database, shardOf(id)));
}

/** A pinned shard is at its node, unless that drains. */
function isWherePinned({ tables }: Database, shard: number): boolean {
  const { owner, pin } = tables.shards[shard];
  if (pin === null || owner === null) return true;
  const target = [...tables.nodes.values()].find(({ id, state }) => id === pin.node && state === 'up');
  return target === undefined || target.incarnation === owner;
}

function restlessOf(world: World, buyers: readonly Buyer[]): string {
  const left = buyers.filter(({ isDone }) => !isDone).length;
  const shows = world.shows.map(({ id }) => {
    const last = world.database.kept(id).rows.at(-1);
    const { owner, epoch } = world.database.tables.shards[shardOf(id)];
    const pin = world.database.tables.shards[shardOf(id)].pin?.node ?? 'nowhere';
    return `${id} (row ${last?.seq}, wakes ${last?.wakeAt === null ? 'never' : 'yet'}, owner ${owner}, epoch ${epoch}, pinned ${pin})`;
  });
  const nodes = [...world.nodes.values()].map((node) => {
    const { host, process, isStarted, incarnation, unanswered } = node;
    const isMember = world.database.tables.isAlive(incarnation);
    return `${host} ${process.state}, started ${isStarted}, member ${isMember}, ${unanswered} unanswered`;
  });
  return `${left} buyers, ${shows.join(', ')}; ${nodes.join(', ')}`;
}
