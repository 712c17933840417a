import { Gauge, type Registry } from 'prom-client';
import { GATE_STATES, type GateFigures } from '../payments/stripe/call-gate.ts';

type Count = Exclude<keyof GateFigures, 'state'>;

/** Adds what is counted of the calls to the payment provider; nothing where there are none, as with the sandbox. */
export function registerPaymentMetrics(registry: Registry, figures: () => GateFigures | null): void {
  const gauge = (name: string, help: string, of: Count): void => {
    const metric: Gauge = new Gauge({
      name,
      help,
      registers: [registry],
      collect: () => metric.set(figures()?.[of] ?? 0),
    });
  };
  gauge('usher_payment_calls_total', 'Calls made to the payment provider', 'calls');
  gauge(
    'usher_payment_call_failures_total',
    'Calls to the payment provider that it did not answer as it should',
    'failures',
  );
  gauge(
    'usher_payment_call_timeouts_total',
    'Calls to the payment provider that were not answered in time',
    'timeouts',
  );
  gauge('usher_payment_calls_refused_total', 'Calls to the payment provider that were not made', 'refused');
  gauge('usher_payment_calls_in_flight', 'Calls to the payment provider under way', 'inFlight');
  gauge('usher_payment_calls_waiting', 'Calls to the payment provider that wait for their turn', 'waiting');
  gauge('usher_payment_breaker_openings_total', 'How often the breaker before the payment provider opened', 'openings');
  const states: Gauge<'state'> = new Gauge({
    name: 'usher_payment_breaker',
    help: 'Whether the breaker before the payment provider is in this state',
    labelNames: ['state'],
    registers: [registry],
    collect: () => {
      const now = figures()?.state ?? 'closed';
      for (const state of GATE_STATES) states.set({ state }, state === now ? 1 : 0);
    },
  });
}
