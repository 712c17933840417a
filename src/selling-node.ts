import { hallWith } from './actors/later-hall.ts';
import { readOnlyShows } from './actors/read-only-show.ts';
import { ShowActors } from './actors/show-actors.ts';
import type { ShowSource } from './actors/shows.ts';
import { type OnPublished, RULES } from './actors/turns.ts';
import { ClusterNode, type ClusterNodeOptions } from './cluster/cluster-node.ts';
import type { Transport } from './cluster/messages/transport.ts';
import { type ClusterOps, createClusterOps } from './cluster/plans/cluster-ops.ts';
import { PlanRunner } from './cluster/plans/plan-runner.ts';
import type { PlanStore } from './cluster/plans/plan-store.ts';
import type { Registry } from './cluster/registry/registry.ts';
import { SeatReplicas } from './cluster/routing/seat-replicas.ts';
import { shardOf } from './cluster/shards.ts';
import type { Journal } from './journal/journal.ts';
import type { LaneFigures } from './journal/lane.ts';
import type { PaymentGateway } from './payments/gateway.ts';
import { createSettlement, type Settlement } from './payments/settlement.ts';
import type { Clock, Random, Timers } from './ports.ts';
import type { Log } from './system/log.ts';

/** A journal in which one incarnation writes. */
export interface OpenedJournal extends Journal {
  /** Shows of these shards that have unfinished work, in pages. */
  wakeable(shards: readonly number[]): AsyncIterable<readonly { readonly showId: string }[]>;
  /** One entry a lane. */
  figures(): LaneFigures[];
  /** Answers the appends under way, then ends every connection. */
  close(): Promise<void>;
}

export interface SellingNodeParts {
  readonly registry: Registry;
  readonly transport: Transport;
  readonly plans: PlanStore;
  readonly source: ShowSource;
  /** For what this node reads of shows that are not its own. */
  readonly reader: Pick<Journal, 'readSnapshot' | 'rowsAfter' | 'readRow'>;
  /** A journal for each incarnation of this node, which writes in its name. */
  readonly openJournal: (incarnation: string) => OpenedJournal;
  readonly gateway: PaymentGateway;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly log: Log;
  readonly self: ClusterNodeOptions['self'];
  /** Whenever a row of a show has become durable here; must not block. */
  readonly onJournaled?: (showId: string) => void;
  /** Told what lists of shows tell of this node's shows, after each durable turn; nobody if absent. */
  readonly onPublished?: OnPublished;
  /** Further shows of these shards, in pages, that are to be woken where the shards have come to. */
  readonly alsoWake?: (shards: readonly number[]) => AsyncIterable<readonly { readonly showId: string }[]>;
  /** This node cannot go on. */
  readonly fail: (reason: string) => void;
}

/** The part of a box office that sells: the shows of a node of the cluster, and the money that follows them. */
export interface SellingNode {
  readonly node: ClusterNode;
  readonly settlement: Settlement;
  readonly ops: ClusterOps;
  readonly runner: PlanRunner;
  /** Of the present incarnation's journal, one entry a lane. */
  laneFigures(): LaneFigures[];
}

/** Wires it out of its ports, whichever stand behind them; it sells once its node has started. */
export function createSellingNode(parts: SellingNodeParts): SellingNode {
  const { registry, transport, plans, source, reader, gateway, clock, timers, random, log } = parts;
  let journal: OpenedJournal | null = null;
  const node = new ClusterNode({
    registry,
    transport,
    clock,
    timers,
    random,
    log,
    shardOf,
    self: parts.self,
    replicas: (fetch) =>
      new SeatReplicas({
        clock,
        timers,
        log,
        fetch,
        readOnly: readOnlyShows({ source, journal: reader, rules: RULES }),
        hallOf: async (showId, laterPlans) => {
          const made = await source.load(showId);
          return made === null ? null : hallWith(made, laterPlans);
        },
      }),
    openShows: (incarnation, leases) => {
      const own = parts.openJournal(incarnation);
      journal = own;
      const shows = new ShowActors({
        source,
        journal: own,
        format: () => node.format,
        writer: incarnation,
        leases,
        shardOf,
        clock,
        timers,
        rules: RULES,
        log,
        onUnsettled: (showId, orders) => settlement.resume(showId, orders),
        ...(parts.onJournaled === undefined ? {} : { onJournaled: parts.onJournaled }),
        onPublished: parts.onPublished,
      });
      return {
        shows,
        wakeable: async function* (shards) {
          yield* own.wakeable(shards);
          if (parts.alsoWake !== undefined) yield* parts.alsoWake(shards);
        },
        progress: () => {
          const lanes = own.figures();
          return {
            stalledMs: Math.max(...lanes.map((lane) => lane.stalledMs)),
            durableMsAgo: Math.min(...lanes.map((lane) => lane.answeredMsAgo)),
          };
        },
        close: () => own.close(),
      };
    },
    onSuperseded: parts.fail,
  });
  const settlement = createSettlement({ shows: node.shows, gateway, clock, timers, random, log });
  const runner = new PlanRunner({
    store: plans,
    registry,
    incarnation: () => node.incarnation,
    nudge: () => node.tellToLook(),
    clock,
    timers,
    log,
  });
  const isShow = (showId: string): Promise<boolean> => source.exists(showId);
  const ops = createClusterOps({ registry, store: plans, runner, shardOf, isShow, log });
  return { node, settlement, ops, runner, laneFigures: () => journal?.figures() ?? [] };
}
