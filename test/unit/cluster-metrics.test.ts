import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import type { ClusterFigures } from '../../src/cluster/cluster-figures.ts';
import { HandOffPauses } from '../../src/cluster/ownership/hand-off-pauses.ts';
import { registerClusterMetrics } from '../../src/http/cluster-metrics.ts';

const FIGURES: ClusterFigures = {
  state: 'up',
  shardsOwned: 342,
  leaseAgeMs: 250,
  heartbeatFailures: 3,
  oldestUndurableTurnMs: 1_500,
  forwarded: 10,
  servedForPeers: 11,
  parked: 12,
  parkedRefused: 13,
  isLinked: true,
  unreachable: 14,
  acquired: 400,
  released: 58,
  takeovers: 1,
  fenced: 2,
  clockAheadMs: -40,
  unknownFormats: 5,
  pauses: new HandOffPauses(),
};

/** What a scrape gets: the value of each series, by its name and labels. */
async function scrape(registry: Registry): Promise<Map<string, string>> {
  const lines = (await registry.metrics()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(lines.map((line) => line.split(/ (?=\S+$)/) as [string, string]));
}

test('every figure is read at the scrape, in seconds where it is a time', async () => {
  const registry = new Registry();
  let now = FIGURES;
  registerClusterMetrics(registry, () => now);
  const first = await scrape(registry);
  expect(Object.fromEntries([...first].filter(([series]) => !/bucket|state/.test(series)))).toEqual({
    usher_shards_owned: '342',
    usher_lease_age_seconds: '0.25',
    usher_heartbeat_failures_total: '3',
    usher_oldest_undurable_turn_seconds: '1.5',
    usher_forwarded_requests_total: '10',
    usher_served_for_peers_total: '11',
    usher_requests_parked: '12',
    usher_requests_parked_refused_total: '13',
    usher_link_up: '1',
    usher_peers_unreachable_total: '14',
    usher_shards_acquired_total: '400',
    usher_shards_released_total: '58',
    usher_takeovers_total: '1',
    usher_fenced_total: '2',
    usher_clock_offset_seconds: '-0.04',
    usher_unknown_format_total: '5',
    usher_handoff_pause_seconds_sum: '0',
    usher_handoff_pause_seconds_count: '0',
  });

  now = { ...FIGURES, heartbeatFailures: 4, isLinked: false };
  const second = await scrape(registry);
  expect(second.get('usher_heartbeat_failures_total')).toBe('4');
  expect(second.get('usher_link_up')).toBe('0');
});

test('a node is in one state at a time', async () => {
  const registry = new Registry();
  let now = FIGURES;
  registerClusterMetrics(registry, () => now);
  const stateOf = async () =>
    [...(await scrape(registry))].filter(([series, value]) => series.startsWith('usher_node_state') && value === '1');
  expect(await stateOf()).toEqual([['usher_node_state{state="up"}', '1']]);
  now = { ...FIGURES, state: 'lapsed' };
  expect(await stateOf()).toEqual([['usher_node_state{state="lapsed"}', '1']]);
});

test('the pauses of hand-offs are a histogram', async () => {
  const pauses = new HandOffPauses();
  for (const ms of [4, 5, 90, 9_000]) pauses.observe(ms);
  const registry = new Registry();
  registerClusterMetrics(registry, () => ({ ...FIGURES, pauses }));
  const series = await scrape(registry);
  const upTo = (le: string) => series.get(`usher_handoff_pause_seconds_bucket{le="${le}"}`);
  expect(['0.005', '0.05', '0.1', '5', '+Inf'].map(upTo)).toEqual(['2', '2', '3', '3', '4']);
  expect(series.get('usher_handoff_pause_seconds_count')).toBe('4');
  expect(Number(series.get('usher_handoff_pause_seconds_sum'))).toBeCloseTo(9.099);
});
