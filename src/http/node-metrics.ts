import { Gauge, type Registry } from 'prom-client';
import type { ActorCounts, NodeShows } from '../actors/node-shows.ts';
import type { LaneFigures } from '../journal/lane.ts';

/**
 * Adds what the node counts of its shows and lanes to the metrics; read when they are scraped. Both begin anew with each
 * incarnation of the node; there is none for a moment after it was declared dead.
 */
export function registerNodeMetrics(
  registry: Registry,
  shows: () => NodeShows | null,
  lanes: () => readonly LaneFigures[],
): void {
  const count = (of: keyof ActorCounts): number => shows()?.counts[of] ?? 0;
  const gauge = (name: string, help: string, value: () => number): void => {
    const metric: Gauge = new Gauge({ name, help, registers: [registry], collect: () => metric.set(value()) });
  };
  gauge('usher_shows_awake', 'Shows awake on this node', () => shows()?.awake ?? 0);
  gauge('usher_inbox_waiting', 'Requests that wait in inboxes', () => shows()?.waiting ?? 0);
  gauge('usher_turns_total', 'Turns run', () => count('turns'));
  gauge('usher_requests_decided_total', 'Requests decided in turns', () => count('commands'));
  gauge('usher_events_total', 'Events journaled', () => count('events'));
  gauge('usher_recoveries_total', 'Shows recovered', () => count('recoveries'));
  gauge('usher_restarts_total', 'Shows that stopped on an error', () => count('restarts'));
  gauge('usher_turned_away_total', 'Requests refused at the door', () => count('turnedAway'));
  const sum = (value: (lane: LaneFigures) => number): number => lanes().reduce((total, lane) => total + value(lane), 0);
  gauge('usher_lane_statements_total', 'Statements sent by lanes', () => sum((lane) => lane.statements));
  gauge('usher_lane_waiting', 'Turns that wait for a lane', () => sum((lane) => lane.waiting));
  gauge('usher_lane_connections_total', 'Connections that lanes made', () => sum((lane) => lane.connections));
  const outcomes: Gauge<'outcome'> = new Gauge({
    name: 'usher_appends_total',
    help: 'Turns appended, by outcome',
    labelNames: ['outcome'],
    registers: [registry],
    collect: () => {
      for (const outcome of ['durable', 'fenced', 'unknown', 'conflict'] as const) {
        outcomes.set(
          { outcome },
          sum((lane) => lane.outcomes[outcome]),
        );
      }
    },
  });
}
