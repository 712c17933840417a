import { Gauge, type Registry } from 'prom-client';
import type { ShowActors } from '../actors/show-actors.ts';
import type { LaneFigures } from '../journal/lane.ts';

/** Adds what the node counts of its shows and lanes to the metrics; read when they are scraped. */
export function registerNodeMetrics(registry: Registry, actors: ShowActors, lanes: () => readonly LaneFigures[]): void {
  const gauge = (name: string, help: string, value: () => number): void => {
    const metric: Gauge = new Gauge({ name, help, registers: [registry], collect: () => metric.set(value()) });
  };
  gauge('usher_shows_awake', 'Shows awake on this node', () => actors.awake);
  gauge('usher_inbox_waiting', 'Requests that wait in inboxes', () => actors.waiting);
  gauge('usher_turns_total', 'Turns run', () => actors.counts.turns);
  gauge('usher_requests_decided_total', 'Requests decided in turns', () => actors.counts.commands);
  gauge('usher_events_total', 'Events journaled', () => actors.counts.events);
  gauge('usher_recoveries_total', 'Shows recovered', () => actors.counts.recoveries);
  gauge('usher_restarts_total', 'Shows that stopped on an error', () => actors.counts.restarts);
  gauge('usher_turned_away_total', 'Requests refused at the door', () => actors.counts.turnedAway);
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
