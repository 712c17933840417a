import { Counter, Gauge, type Metric, type Registry } from 'prom-client';
import type { ClusterFigures, OwnState } from '../cluster/cluster-figures.ts';
import { type HandOffPauses, PAUSE_BOUNDS } from '../cluster/ownership/hand-off-pauses.ts';

const STATES: readonly OwnState[] = ['up', 'draining', 'leaving', 'left', 'dead', 'lapsed'];

/** Adds what the node knows of the cluster to the metrics; read when they are scraped. */
export function registerClusterMetrics(registry: Registry, figures: () => ClusterFigures): void {
  const registers = [registry];
  const gauge = (name: string, help: string, value: (now: ClusterFigures) => number): void => {
    const metric: Gauge = new Gauge({ name, help, registers, collect: () => metric.set(value(figures())) });
  };
  const counter = (name: string, help: string, value: (now: ClusterFigures) => number): void => {
    const metric: Counter = new Counter({
      name,
      help,
      registers,
      collect: () => {
        metric.reset();
        metric.inc(value(figures()));
      },
    });
  };

  const states: Gauge<'state'> = new Gauge({
    name: 'usher_node_state',
    help: '1 for the state that this node is in, 0 for the others',
    labelNames: ['state'],
    registers,
    collect: () => {
      const now = figures().state;
      for (const state of STATES) states.set({ state }, state === now ? 1 : 0);
    },
  });
  gauge('usher_shards_owned', 'Shards that this node owns', (now) => now.shardsOwned);
  gauge('usher_lease_age_seconds', 'Since the last acknowledged heartbeat', (now) => now.leaseAgeMs / 1_000);
  counter('usher_heartbeat_failures_total', 'Heartbeats that failed', (now) => now.heartbeatFailures);
  gauge(
    'usher_oldest_undurable_turn_seconds',
    'Age of the oldest turn that is not durable yet',
    (now) => now.oldestUndurableTurnMs / 1_000,
  );
  counter('usher_forwarded_requests_total', 'Requests sent to other nodes', (now) => now.forwarded);
  counter('usher_served_for_peers_total', 'Requests of other nodes answered here', (now) => now.servedForPeers);
  gauge('usher_requests_parked', 'Requests that wait for an owner', (now) => now.parked);
  counter('usher_requests_parked_refused_total', 'Requests that found no owner in time', (now) => now.parkedRefused);
  gauge('usher_link_up', '1 while this node reaches the transport, else 0', (now) => (now.isLinked ? 1 : 0));
  counter('usher_peers_unreachable_total', 'Messages that reached nobody', (now) => now.unreachable);
  counter('usher_shards_acquired_total', 'Shards taken', (now) => now.acquired);
  counter('usher_shards_released_total', 'Shards given up', (now) => now.released);
  counter('usher_takeovers_total', 'Nodes that this one declared dead', (now) => now.takeovers);
  counter('usher_fenced_total', 'Times that this node was declared dead', (now) => now.fenced);
  gauge('usher_clock_offset_seconds', "This node's clock minus the database's", (now) => now.clockAheadMs / 1_000);
  counter(
    'usher_unknown_format_total',
    'Messages and journal rows of a form that this node does not know',
    (now) => now.unknownFormats,
  );
  // The registry asks no more of a metric than this one has.
  registry.registerMetric(new PausesMetric(() => figures().pauses) as unknown as Metric);
}

/** A histogram as a registry reads it. */
class PausesMetric {
  readonly name = 'usher_handoff_pause_seconds';
  readonly help = 'How long shards answered nothing while they went from one node to another';
  readonly type = 'histogram';
  readonly aggregator = 'sum';
  readonly #pauses: () => HandOffPauses;

  constructor(pauses: () => HandOffPauses) {
    this.#pauses = pauses;
  }

  async get() {
    const { name, help, type, aggregator } = this;
    const { counts, sum } = this.#pauses();
    let total = 0;
    const buckets = [...PAUSE_BOUNDS, '+Inf'].map((le, i) => {
      total += counts[i];
      return { labels: { le }, value: total, metricName: `${name}_bucket` };
    });
    const sums = [
      { labels: {}, value: sum, metricName: `${name}_sum` },
      { labels: {}, value: total, metricName: `${name}_count` },
    ];
    return { name, help, type, aggregator, values: [...buckets, ...sums] };
  }
}
