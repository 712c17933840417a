/** Upper bounds of the buckets, in seconds. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** The classes 1xx to 5xx of a status. */
const CLASSES = 5;

/** Durations of one route's requests. Counting one is a few additions: it runs on every request. */
export class RouteTimes {
  readonly method: string;
  readonly route: string;
  /** For each class of status: a count a bucket, the last beyond all bounds. */
  readonly #counts = new Float64Array(CLASSES * (BUCKETS.length + 1));
  readonly #sums = new Float64Array(CLASSES);

  constructor(method: string, route: string) {
    this.method = method;
    this.route = route;
  }

  /** @param ms how long the request took */
  observe(status: number, ms: number): void {
    const seconds = ms / 1_000;
    const of = Math.floor(status / 100) - 1;
    if (of < 0 || of >= CLASSES) return;
    let bucket = 0;
    while (bucket < BUCKETS.length && seconds > BUCKETS[bucket]) bucket++;
    this.#counts[of * (BUCKETS.length + 1) + bucket]++;
    this.#sums[of] += seconds;
  }

  /** The counts as Prometheus wants them: cumulative, one series for each class of status that occurred. */
  values(name: string): HistogramValue[] {
    const values: HistogramValue[] = [];
    for (let of = 0; of < CLASSES; of++) {
      const labels = { method: this.method, route: this.route, status: `${of + 1}xx` };
      const buckets: HistogramValue[] = [];
      let count = 0;
      for (let bucket = 0; bucket <= BUCKETS.length; bucket++) {
        count += this.#counts[of * (BUCKETS.length + 1) + bucket];
        const le = bucket < BUCKETS.length ? BUCKETS[bucket] : '+Inf';
        buckets.push({ labels: { ...labels, le }, value: count, metricName: `${name}_bucket` });
      }
      if (count === 0) continue;
      values.push(...buckets);
      values.push({ labels, value: this.#sums[of], metricName: `${name}_sum` });
      values.push({ labels, value: count, metricName: `${name}_count` });
    }
    return values;
  }
}

interface HistogramValue {
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
  readonly metricName: string;
}

const NAME = 'usher_http_request_duration_seconds';

/** A histogram as a registry reads it: filled when it is read, from the {@link RouteTimes} that `route` hands out. */
export class RouteTimesMetric {
  readonly name = NAME;
  readonly help = 'Time to answer, by route and class of status';
  readonly type = 'histogram';
  readonly aggregator = 'sum';
  readonly #routes: RouteTimes[] = [];

  route(method: string, route: string): RouteTimes {
    const times = new RouteTimes(method, route);
    this.#routes.push(times);
    return times;
  }

  async get() {
    const { name, help, type, aggregator } = this;
    return { name, help, type, aggregator, values: this.#routes.flatMap((route) => route.values(name)) };
  }
}
