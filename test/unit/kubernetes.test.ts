import { basename, dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readSettings, SETTING_NAMES } from '../../src/settings.ts';
import { nodeStopLimitSeconds, projectFile, projectFiles, yamlDocuments } from '../support/yaml-files.ts';

interface Selector {
  readonly matchLabels: Labels;
}

interface Probe {
  readonly httpGet?: { readonly path: string; readonly port: string };
}

interface Variable {
  readonly name: string;
  readonly value?: string;
  readonly valueFrom?: {
    readonly fieldRef?: { readonly fieldPath: string };
    readonly secretKeyRef?: { readonly name: string; readonly key: string; readonly optional?: boolean };
  };
}

interface Container {
  readonly image: string;
  readonly ports: readonly { readonly name: string; readonly containerPort: number }[];
  readonly env: readonly Variable[];
  readonly envFrom: readonly { readonly configMapRef: { readonly name: string } }[];
  readonly startupProbe?: Probe;
  readonly livenessProbe?: Probe;
  readonly readinessProbe?: Probe;
  readonly lifecycle: { readonly preStop: { readonly exec: { readonly command: readonly string[] } } };
  readonly securityContext: object;
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
}

interface Pod {
  readonly containers: readonly Container[];
  readonly volumes: readonly { readonly name: string }[];
  readonly securityContext: object;
  readonly terminationGracePeriodSeconds: number;
  readonly topologySpreadConstraints?: readonly { readonly labelSelector: Selector }[];
}

/** What stateful sets and deployments say. */
interface Workload {
  readonly serviceName?: string;
  readonly replicas: number;
  readonly selector: Selector;
  readonly template: { readonly metadata: { readonly labels: Labels }; readonly spec: Pod };
}

interface Service {
  readonly selector: Labels;
  readonly ports: readonly { readonly targetPort: string }[];
}

/** As much of Kubernetes' objects as is looked at here. */
interface Manifest<Spec = unknown> {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: Spec;
  readonly data?: Readonly<Record<string, string>>;
}

interface Kustomization {
  readonly kind: 'Kustomization';
  readonly resources: readonly string[];
  readonly patches?: readonly { readonly path: string }[];
  readonly images?: readonly { readonly name: string; readonly newTag: string }[];
}

type Labels = Readonly<Record<string, string>>;

const FOLDER = 'deploy/kubernetes';
const files = projectFiles(FOLDER, '.yaml');
const kustomizations = files.filter((file) => basename(file) === 'kustomization.yaml');

/** What a kustomization brings itself: its resources, without its patches and what it builds on. */
function manifestsIn(folder: string): Manifest[] {
  const [{ resources }] = yamlDocuments<Kustomization>(join(FOLDER, folder, 'kustomization.yaml'));
  const own = resources.filter((resource) => resource.endsWith('.yaml'));
  return own.flatMap((resource) => yamlDocuments<Manifest>(join(FOLDER, folder, resource)));
}

const base = manifestsIn('base');
const [nodes] = workloadsAmong(base);
const pod = nodes.spec.template.spec;
const [container] = pod.containers;

function one<Spec>(kind: string, name: string): Manifest<Spec> {
  const found = base.filter((each) => each.kind === kind && each.metadata.name === name);
  if (found.length !== 1) throw new Error(`the base has ${found.length} of ${kind} ${name}`);
  return found[0] as Manifest<Spec>;
}

function workloadsAmong(manifests: readonly Manifest[]): Manifest<Workload>[] {
  return manifests.filter(({ kind }) => kind === 'StatefulSet' || kind === 'Deployment') as Manifest<Workload>[];
}

function servicesAmong(manifests: readonly Manifest[]): Manifest<Service>[] {
  return manifests.filter(({ kind }) => kind === 'Service') as Manifest<Service>[];
}

/** Whether every label that is asked for is there. */
function selects(selector: Labels, labels: Labels): boolean {
  const wanted = Object.entries(selector);
  return wanted.length > 0 && wanted.every(([name, value]) => labels[name] === value);
}

describe('kustomize', () => {
  test('finds every file that it is told of, and is told of every file', () => {
    const told = kustomizations.flatMap((file) => {
      const [{ resources, patches = [] }] = yamlDocuments<Kustomization>(file);
      const paths = [...resources, ...patches.map(({ path }) => path)].map((path) => join(dirname(file), path));
      return paths.map((path) => (path.endsWith('.yaml') ? path : join(path, 'kustomization.yaml')));
    });
    const overlays = kustomizations.filter((file) => file.includes('/overlays/'));
    expect(overlays.length).toBeGreaterThan(0);
    expect([...new Set([...told, ...overlays])].sort()).toEqual(files.toSorted());
  });

  test('patches only what there is in the base', () => {
    for (const file of kustomizations) {
      for (const { path } of yamlDocuments<Kustomization>(file)[0].patches ?? []) {
        for (const { kind, metadata } of yamlDocuments<Manifest>(join(dirname(file), path))) one(kind, metadata.name);
      }
    }
  });

  test("runs this version's image", () => {
    const [{ images }] = yamlDocuments<Kustomization>(join(FOLDER, 'base/kustomization.yaml'));
    expect(images).toEqual([{ name: container.image, newTag: JSON.parse(projectFile('package.json')).version }]);
  });
});

describe.each(['base', 'overlays/trial'])('%s', (folder) => {
  const manifests = manifestsIn(folder);
  const workloads = workloadsAmong(manifests);
  const selected = (selector: Labels) =>
    workloads
      .filter(({ spec }) => selects(selector, spec.template.metadata.labels))
      .map(({ spec }) => spec.template.spec);
  const portsOf = ({ containers }: Pod): string[] => containers.flatMap(({ ports }) => ports.map(({ name }) => name));

  test('every workload selects the pods that it makes', () => {
    expect(workloads.length).toBeGreaterThan(0);
    for (const { spec } of workloads) {
      expect(selects(spec.selector.matchLabels, spec.template.metadata.labels)).toBe(true);
      for (const { labelSelector } of spec.template.spec.topologySpreadConstraints ?? []) {
        expect(labelSelector.matchLabels).toEqual(spec.selector.matchLabels);
      }
    }
  });

  test('every service leads to a port of some pods', () => {
    for (const { spec } of servicesAmong(manifests)) {
      const pods = selected(spec.selector);
      expect(pods).toHaveLength(1);
      for (const { targetPort } of spec.ports) expect(portsOf(pods[0])).toContain(targetPort);
    }
  });

  test('every probe asks a port of its own pod', () => {
    for (const { spec } of workloads) {
      for (const each of spec.template.spec.containers) {
        for (const probe of [each.startupProbe, each.livenessProbe, each.readinessProbe]) {
          if (probe?.httpGet) expect(portsOf(spec.template.spec)).toContain(probe.httpGet.port);
        }
      }
    }
  });

  test('every stateful set has the service that names its pods', () => {
    for (const { spec } of workloads.filter(({ kind }) => kind === 'StatefulSet')) {
      expect(servicesAmong(manifests).filter(({ metadata }) => metadata.name === spec.serviceName)).toHaveLength(1);
    }
  });
});

describe('the nodes', () => {
  const { env } = container;
  const portOf = (wanted: string) => container.ports.find(({ name }) => name === wanted)?.containerPort;

  test('read every variable that they are given', () => {
    const config = one('ConfigMap', container.envFrom[0].configMapRef.name);
    const forOthers = new Set(
      env.flatMap(({ value = '' }) => [...value.matchAll(/\$\((\w+)\)/g)].map(([, name]) => name)),
    );
    const names = [...env.map(({ name }) => name), ...Object.keys(config.data ?? {})];
    expect(
      names.filter((name) => !(SETTING_NAMES as readonly string[]).includes(name) && !forOthers.has(name)),
    ).toEqual([]);
  });

  test('accept the settings that come out', () => {
    const values: Record<string, string> = { NODE_ENV: 'production', ...one('ConfigMap', 'usher').data };
    for (const { name, value, valueFrom } of env) {
      const outside: Record<string, string> = {
        'metadata.name': 'usher-0',
        'metadata.namespace': 'box-office',
        DATABASE_URL: 'postgresql://db/usher',
        JWT_SECRET: 's'.repeat(64),
        STRIPE_SECRET_KEY: 'sk_live_1',
        STRIPE_WEBHOOK_SECRET: 'whsec_1',
        SMTP_URL: 'smtps://mail.example',
      };
      // A reference to what is not defined before it stays as it is.
      values[name] =
        value?.replace(/\$\((\w+)\)/g, (text, other: string) => values[other] ?? text) ??
        outside[valueFrom?.fieldRef?.fieldPath ?? valueFrom?.secretKeyRef?.key ?? ''];
    }
    expect(readSettings(values)).toMatchObject({
      node: 'usher-0',
      nodeUrl: 'http://usher-0.usher-nodes.box-office.svc:8080',
      natsUrl: [expect.any(String)],
      port: portOf('http'),
      adminPort: portOf('admin'),
      adminHost: '127.0.0.1',
      adminActions: true,
      stripe: { secretKey: 'sk_live_1', webhookSecret: 'whsec_1', methods: ['card'] },
      smtpUrl: 'smtps://mail.example',
    });
  });

  test('start without what the Secret need not have', () => {
    const optional = env.filter(({ valueFrom }) => valueFrom?.secretKeyRef?.optional === true);
    expect(optional.map(({ name }) => name)).toEqual(['STRIPE_SECRET_KEY', 'STRIPE_WEBHOOK_SECRET', 'SMTP_URL']);
  });

  test('take test cards in the trial only', () => {
    const envOf = (overlay: string) =>
      yamlDocuments<Manifest<Workload>>(join(FOLDER, 'overlays', overlay, 'nodes.yaml'))[0].spec.template.spec
        .containers[0].env;
    expect(envOf('trial')).toContainEqual({ name: 'USHER_SANDBOX', value: 'on' });
    const names = [...env, ...(envOf('production') ?? [])].map(({ name }) => name);
    expect([...names, ...Object.keys(one('ConfigMap', 'usher').data ?? {})]).not.toContain('USHER_SANDBOX');
  });

  test('find the Secret that the run book has the operator make', () => {
    const book = projectFile('docs/operations.md');
    const refs = env.flatMap(({ valueFrom }) => valueFrom?.secretKeyRef ?? []);
    expect(refs.length).toBeGreaterThan(0);
    for (const { name, key } of refs) {
      expect(book).toContain(`create secret generic ${name}`);
      expect(book).toContain(`--from-literal=${key}=`);
    }
  });

  test('are asked by probes that the server answers', () => {
    const { startupProbe, livenessProbe, readinessProbe } = container;
    const paths = [startupProbe, livenessProbe, readinessProbe].map((probe) => probe?.httpGet?.path);
    expect(paths).toEqual(['/livez', '/livez', '/readyz']);
    const routes = projectFile('src/http/routes/health.ts');
    for (const path of paths) expect(routes).toContain(`'${path}'`);
  });

  test('drain before they stop, and have the time for both', () => {
    const drain = container.lifecycle.preStop.exec.command.at(-1) ?? '';
    const [, seconds] = /^timeout (\d+) node src\/ops\/cli\.ts drain "\$USHER_NODE"$/.exec(drain) ?? [];
    expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(Number(seconds) + nodeStopLimitSeconds());
  });

  test('write only where something is mounted, and are nobody in particular', () => {
    expect(pod.securityContext).toMatchObject({ runAsNonRoot: true });
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
    const mounts: string[] = container.volumeMounts.map(({ mountPath }) => mountPath);
    expect(mounts).toContain(env.find(({ name }) => name === 'USHER_DATA_DIR')?.value);
    const volumes = pod.volumes.map(({ name }) => name);
    expect(container.volumeMounts.map(({ name }) => name).toSorted()).toEqual(volumes.toSorted());
  });

  test('are taken away one at a time', () => {
    const budget = one<{ maxUnavailable: number; selector: Selector }>('PodDisruptionBudget', 'usher').spec;
    expect(budget.maxUnavailable).toBe(1);
    expect(selects(budget.selector.matchLabels, nodes.spec.template.metadata.labels)).toBe(true);
    expect(nodes.spec.replicas).toBeGreaterThan(2);
  });

  test('let nobody else to the admin port', () => {
    const policy = one<{ podSelector: Selector; policyTypes: string[]; ingress: object[] }>(
      'NetworkPolicy',
      'usher',
    ).spec;
    expect(selects(policy.podSelector.matchLabels, nodes.spec.template.metadata.labels)).toBe(true);
    expect(policy.policyTypes).toEqual(['Ingress']);
    expect(policy.ingress).toEqual([{ ports: [{ port: 'http' }] }]);
    expect(env.map(({ name }) => name)).not.toContain('ADMIN_HOST');
  });
});
