import { describe, expect, test } from 'vitest';
import type { ClusterFigures } from '../../src/cluster/cluster-figures.ts';
import { HandOffPauses } from '../../src/cluster/ownership/hand-off-pauses.ts';
import { registerClusterMetrics } from '../../src/http/cluster-metrics.ts';
import { registerDeliveryMetrics } from '../../src/http/delivery-metrics.ts';
import { registerMailMetrics } from '../../src/http/mail-metrics.ts';
import { createMetrics } from '../../src/http/metrics.ts';
import { registerNodeMetrics } from '../../src/http/node-metrics.ts';
import { registerPaymentMetrics } from '../../src/http/payment-metrics.ts';
import { registerProjectorMetrics } from '../../src/http/projector-metrics.ts';
import { registerSettlementMetrics } from '../../src/http/settlement-metrics.ts';
import { registerWebhookMetrics } from '../../src/http/webhook-metrics.ts';
import type { WebhookFigures } from '../../src/payments/webhooks/webhooks.ts';
import type { ProjectorFigures } from '../../src/projector/projector.ts';
import type { DeliveryFigures } from '../../src/webhooks/deliverer.ts';
import { projectFile, projectFiles, yamlDocuments } from '../support/yaml-files.ts';

interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly refId: string; readonly expr: string }[];
}

const [{ groups }] = yamlDocuments<{ groups: readonly { rules: readonly Alert[] }[] }>('deploy/monitoring/alerts.yml');
const alerts = groups.flatMap(({ rules }) => rules);
const dashboard = JSON.parse(projectFile('deploy/monitoring/grafana/dashboards/usher.json'));
const panels: readonly Panel[] = dashboard.panels;
const expressions = panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => [title, expr] as const));
const book = projectFile('docs/operations.md');

/** What Prometheus adds by itself. */
const OF_PROMETHEUS = { metrics: ['up'], labels: ['job', 'instance'] };
const WORDS = new Set(['by', 'without', 'on', 'ignoring', 'and', 'or', 'unless', 'bool', 'offset', 'group_left']);

/** The metrics and the labels that a PromQL expression names. */
function namesIn(expression: string): { metrics: string[]; labels: string[] } {
  const labels: string[] = [];
  const rest = expression
    .replaceAll(/\{([^{}]*)\}/g, (_, matchers: string) => {
      labels.push(...[...matchers.replaceAll(/"[^"]*"/g, '').matchAll(/[a-z_]+(?=\s*[=!])/g)].map(([name]) => name));
      return ' ';
    })
    .replaceAll(/\b(?:by|without|on|ignoring)\s*\(([^()]*)\)/g, (_, names: string) => {
      labels.push(...names.split(',').map((name) => name.trim()));
      return ' ';
    })
    .replaceAll(/\[[^\]]*\]/g, ' ');
  const metrics = [...rest.matchAll(/\b[a-z][a-z0-9_]*\b(?!\s*\()/g)].map(([name]) => name);
  return { metrics: metrics.filter((name) => !WORDS.has(name)), labels };
}

/** Everything that a node says at `/metrics`, by name and by label, as `src/main.ts` puts it together. */
async function exported(): Promise<{ metrics: Set<string>; labels: Set<string> }> {
  const metrics = createMetrics(true);
  registerNodeMetrics(metrics.registry, (() => null) as never, () => []);
  const figures = { state: 'up', pauses: new HandOffPauses() } as unknown as ClusterFigures;
  const zeros = new Proxy(figures, { get: (target, name) => Reflect.get(target, name) ?? 0 });
  registerClusterMetrics(metrics.registry, () => zeros);
  registerPaymentMetrics(metrics.registry, () => null);
  registerSettlementMetrics(metrics.registry, { pending: 0, oldestMs: 0, failedRefunds: 0 });
  registerWebhookMetrics(metrics.registry, () => zeros as unknown as WebhookFigures);
  registerProjectorMetrics(metrics.registry, () => zeros as unknown as ProjectorFigures);
  registerDeliveryMetrics(metrics.registry, () => zeros as unknown as DeliveryFigures);
  registerMailMetrics(metrics.registry, () => ({ sent: 0, failed: 0, givenUp: 0, oldestMs: 0 }));
  metrics.route('GET', '/readyz').observe(200, 1);
  const names = new Set(OF_PROMETHEUS.metrics);
  const labels = new Set(OF_PROMETHEUS.labels);
  for (const metric of await metrics.registry.getMetricsAsJSON()) {
    names.add(metric.name);
    const isHistogram = `${metric.type}` === 'histogram';
    if (isHistogram) for (const part of ['bucket', 'sum', 'count']) names.add(`${metric.name}_${part}`);
    for (const { labels: own } of metric.values) for (const label of Object.keys(own)) labels.add(label);
  }
  return { metrics: names, labels };
}

describe('alerts and dashboard', () => {
  test.each([...alerts.map(({ alert, expr }) => [alert, expr] as const), ...expressions])(
    '%s asks for what nodes export',
    async (_, expression) => {
      const known = await exported();
      const asked = namesIn(expression);
      expect(asked.metrics.length).toBeGreaterThan(0);
      expect(asked.metrics.filter((name) => !known.metrics.has(name))).toEqual([]);
      expect(asked.labels.filter((name) => !known.labels.has(name))).toEqual([]);
    },
  );

  test('would be caught asking for anything else', async () => {
    const known = await exported();
    const asked = namesIn('sum by (colour) (rate(usher_seats_lost_total{kind="x"}[5m])) / usher_shards_owned > 5');
    expect(asked).toEqual({ metrics: ['usher_seats_lost_total', 'usher_shards_owned'], labels: ['kind', 'colour'] });
    expect(asked.metrics.filter((name) => known.metrics.has(name))).toEqual(['usher_shards_owned']);
    expect(asked.labels.filter((name) => known.labels.has(name))).toEqual([]);
  });
});

describe('the alerts', () => {
  /** The text below each heading of the run book. */
  const chapters = new Map(
    [...book.matchAll(/^### (\S.*)\n([\s\S]*?)(?=^##|(?![\s\S]))/gm)].map(([, heading, text]) => [heading, text]),
  );

  test('have names of their own', () => {
    expect(new Set(alerts.map(({ alert }) => alert)).size).toBe(alerts.length);
  });

  test.each(alerts.map((alert) => [alert.alert, alert] as const))(
    '%s says how bad it is, what it is, and where to read on',
    (name, { labels, annotations }) => {
      expect(['critical', 'warning']).toContain(labels.severity);
      expect(annotations.summary).toMatch(/^.+\.$/);
      expect(annotations.runbook_url).toBe(`docs/operations.md#${name.toLowerCase()}`);
      const chapter = chapters.get(name) ?? '';
      for (const part of ['**It means**', '**Buyers see**', '**Look first**', '**Mend**'])
        expect(chapter).toContain(part);
    },
  );

  test('are all that the run book has chapters for', () => {
    const inBook = [...chapters.keys()].filter((heading) => heading.startsWith('Usher'));
    expect(inBook.toSorted()).toEqual(alerts.map(({ alert }) => alert).toSorted());
  });
});

/** A step of the way from what Kubernetes says of a port of a pod to a target with labels. */
interface Relabel {
  readonly action: 'keep' | 'drop' | 'replace';
  readonly source_labels: readonly string[];
  readonly regex?: string;
  readonly target_label?: string;
}

interface Prometheus {
  readonly rule_files: readonly string[];
  readonly scrape_configs: readonly {
    readonly job_name: string;
    readonly metrics_path?: string;
    readonly kubernetes_sd_configs?: readonly { readonly role: string; readonly namespaces: { names: string[] } }[];
    readonly relabel_configs?: readonly Relabel[];
  }[];
}

interface PodTemplate {
  readonly metadata: { readonly labels: Labels; readonly annotations?: Labels };
  readonly spec: { readonly containers: readonly { readonly ports?: readonly { readonly name: string }[] }[] };
}

type Labels = Readonly<Record<string, string>>;

/** The labels of the target that Prometheus makes of one that was discovered; null if it leaves it out. */
function relabelled(discovered: Labels, steps: readonly Relabel[]): Labels | null {
  const labels = { ...discovered };
  for (const { action, source_labels, regex = '(.*)', target_label = '' } of steps) {
    const value = source_labels.map((name) => labels[name] ?? '').join(';');
    const matches = new RegExp(`^(?:${regex})$`).test(value);
    if (action === 'replace') labels[target_label] = value;
    else if (matches !== (action === 'keep')) return null;
  }
  return labels;
}

describe('the job that the alerts are about', () => {
  const [[ofCompose], [inKubernetes]] = ['prometheus.yml', 'prometheus-kubernetes.yml'].map((file) =>
    yamlDocuments<Prometheus>(`deploy/monitoring/${file}`),
  );
  const [{ relabel_configs: steps = [], kubernetes_sd_configs: discovery }] = inKubernetes.scrape_configs;

  /** Every port of every pod of these manifests, as Kubernetes tells Prometheus of it. */
  function discoveredIn(folder: string): Labels[] {
    const manifests = projectFiles(folder, '.yaml').flatMap((file) =>
      yamlDocuments<{ kind: string; spec?: { template?: PodTemplate } }>(file),
    );
    return manifests.flatMap(({ spec }) => {
      const { metadata, spec: pod } = spec?.template ?? {};
      if (metadata?.labels === undefined) return [];
      const labels = Object.entries(metadata.labels).map(([name, value]) => [
        `__meta_kubernetes_pod_label_${name.replaceAll(/[^a-zA-Z0-9_]/g, '_')}`,
        value,
      ]);
      const ports = pod?.containers.flatMap(({ ports = [] }) => ports) ?? [];
      return ports.map(({ name }) => ({
        ...Object.fromEntries(labels),
        __meta_kubernetes_pod_container_port_name: name,
        __meta_kubernetes_pod_phase: 'Running',
        __meta_kubernetes_pod_name: 'usher-0',
      }));
    });
  }

  test('is the only one, and the same, in every configuration of Prometheus', () => {
    const asked = alerts.flatMap(({ expr }) => [...expr.matchAll(/\bjob\s*=~?\s*"([^"]*)"/g)].map(([, job]) => job));
    expect(asked.length).toBeGreaterThan(0);
    for (const { rule_files, scrape_configs } of [ofCompose, inKubernetes]) {
      expect(rule_files).toEqual(['alerts.yml']);
      expect(scrape_configs.map(({ job_name }) => job_name)).toEqual([...new Set(asked)]);
      // What Prometheus takes by itself.
      expect(scrape_configs[0].metrics_path ?? '/metrics').toBe('/metrics');
    }
  });

  test('has in Kubernetes one target a node, by its name, and nothing else', () => {
    const targets = discoveredIn('deploy/kubernetes')
      .map((each) => relabelled(each, steps))
      .filter((each) => each !== null);
    expect(targets).toHaveLength(1);
    expect(targets[0]).toMatchObject({ __meta_kubernetes_pod_container_port_name: 'http', instance: 'usher-0' });
    expect(discovery).toEqual([{ role: 'pod', namespaces: { names: ['usher'] } }]);
    expect(yamlDocuments('deploy/kubernetes/overlays/production/kustomization.yaml')[0]).toMatchObject({
      namespace: 'usher',
    });
  });

  test('leaves out pods that have ended', () => {
    const [node] = discoveredIn('deploy/kubernetes/base').filter((each) => relabelled(each, steps) !== null);
    expect(relabelled({ ...node, __meta_kubernetes_pod_phase: 'Failed' }, steps)).toBeNull();
  });

  test('is not joined by a second one that finds the pods by their annotations, which would count all twice', () => {
    const pods = yamlDocuments<{ spec: { template: PodTemplate } }>('deploy/kubernetes/base/nodes.yaml');
    for (const { spec } of pods) {
      const annotations = Object.keys(spec.template.metadata.annotations ?? {});
      expect(annotations.filter((name) => name.startsWith('prometheus.io/'))).toEqual([]);
    }
  });
});

describe('the dashboard', () => {
  test('has panels with ids of their own that do not lie over each other', () => {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const taken = new Set<string>();
    for (const { title, gridPos } of panels) {
      expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++) {
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect(taken.has(`${x},${y}`), `${title} at ${x},${y}`).toBe(false);
          taken.add(`${x},${y}`);
        }
      }
    }
  });

  test('uses only variables that it has', () => {
    const names = dashboard.templating.list.map(({ name }: { name: string }) => name);
    const used = [...JSON.stringify(panels).matchAll(/\$\{?(\w+)/g)].map(([, name]) => name);
    expect(used.length).toBeGreaterThan(0);
    expect(used.filter((name) => !names.includes(name))).toEqual([]);
  });
});
