import { Gauge, type Registry } from 'prom-client';
import type { ProjectorFigures } from '../projector/projector.ts';

/** Adds what the node counts of the read models to the metrics; read when they are scraped. */
export function registerProjectorMetrics(registry: Registry, figures: () => ProjectorFigures): void {
  const gauge = (name: string, help: string, value: (of: ProjectorFigures) => number): void => {
    const metric: Gauge = new Gauge({ name, help, registers: [registry], collect: () => metric.set(value(figures())) });
  };
  gauge('usher_projector_rows_total', 'Rows of the journal taken over into the read models', ({ rows }) => rows);
  gauge('usher_projector_failed_total', 'Attempts that failed and are repeated', ({ failed }) => failed);
  gauge('usher_projector_stopped_shows', 'Shows of which a row cannot be understood', ({ stopped }) => stopped);
  gauge('usher_projector_waiting_shows', 'Shows with rows that are still to be taken over', ({ waiting }) => waiting);
  gauge('usher_projector_lag_seconds', 'How long the show waits that waits longest', ({ lagMs }) => lagMs / 1_000);
}
