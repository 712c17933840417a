import { collectDefaultMetrics, type Metric, Registry } from 'prom-client';
import { type RouteTimes, RouteTimesMetric } from './route-times.ts';

/** The metrics of the process. Other parts register their own on `registry`. */
export interface Metrics {
  readonly registry: Registry;
  /** Where the durations of one route's requests are counted. */
  route(method: string, route: string): RouteTimes;
}

/** @param processMetrics whether to add those of Node (memory, event loop, garbage collection). */
export function createMetrics(processMetrics: boolean): Metrics {
  const registry = new Registry();
  if (processMetrics) collectDefaultMetrics({ register: registry });
  const times = new RouteTimesMetric();
  // The registry asks no more of a metric than this one has.
  registry.registerMetric(times as unknown as Metric);
  return { registry, route: (method, route) => times.route(method, route) };
}
