import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { readSettings, SETTING_NAMES } from '../../src/settings.ts';
import { nodeStopLimitSeconds, projectFile, yamlDocuments } from '../support/yaml-files.ts';

interface Service {
  readonly image?: string;
  readonly build?: string;
  readonly environment?: Readonly<Record<string, string>>;
  readonly ports?: readonly string[];
  readonly volumes?: readonly string[];
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly stop_grace_period?: string;
  readonly depends_on?: readonly string[] | Readonly<Record<string, { readonly condition: string }>>;
}

const [compose] = yamlDocuments<{
  readonly services: Readonly<Record<string, Service>>;
  readonly volumes: Readonly<Record<string, unknown>>;
}>('docker-compose.yml');
const { services } = compose;
const nodes = Object.entries(services).filter(([, { build }]) => build !== undefined);
const proxy = projectFile('deploy/compose/haproxy.cfg');
const fileOf = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

/** As Compose does: `${NAME}`, `${NAME:-default}`, `${NAME:?message}`. */
function interpolated(text: string, variables: Readonly<Record<string, string>>): string {
  return text.replace(/\$\{(\w+)(?::([-?])([^}]*))?\}/g, (_, name: string, kind?: string, rest?: string) => {
    const value = variables[name];
    if (value) return value;
    if (kind === '?') throw new Error(`${name} ${rest}`);
    return rest ?? '';
  });
}

function environmentOf({ environment = {} }: Service, variables: Readonly<Record<string, string>>) {
  return Object.fromEntries(Object.entries(environment).map(([name, text]) => [name, interpolated(text, variables)]));
}

/** What the Dockerfile sets. */
const IMAGE = { NODE_ENV: 'production' };

describe('the nodes', () => {
  const secret = { JWT_SECRET: 's'.repeat(64) };

  test('are three, of one cluster, with settings that a node accepts', () => {
    const settings = nodes.map(([, node]) => readSettings({ ...IMAGE, ...environmentOf(node, secret) }));
    expect(settings.map(({ node }) => node)).toEqual(['node-1', 'node-2', 'node-3']);
    expect(settings.map(({ nodeUrl }) => nodeUrl)).toEqual([1, 2, 3].map((n) => `http://node-${n}:8080`));
    for (const { node, nodeUrl, dataDir, ...shared } of settings) {
      const { node: _, nodeUrl: __, dataDir: ___, ...first } = settings[0];
      expect(shared).toEqual(first);
    }
    expect(settings[0].natsUrl).not.toBeNull();
    expect(settings[0].trustedProxies).not.toEqual([]);
  });

  test('take test cards until there is an account of Stripe', () => {
    const settingsWith = (variables: Readonly<Record<string, string>>) =>
      readSettings({ ...IMAGE, ...environmentOf(nodes[0][1], { ...secret, ...variables }) });
    expect(settingsWith({})).toMatchObject({ stripe: null });
    const account = {
      STRIPE_SECRET_KEY: 'sk_live_1',
      STRIPE_WEBHOOK_SECRET: 'whsec_1',
      STRIPE_PAYMENT_METHODS: 'card,sepa_debit',
      STRIPE_API_BASE: 'https://stripe.example',
    };
    expect(settingsWith(account).stripe).toEqual({
      secretKey: 'sk_live_1',
      webhookSecret: 'whsec_1',
      methods: ['card', 'sepa_debit'],
      apiBase: 'https://stripe.example',
    });
  });

  test('put mail into files of their volumes until there is a mail server', () => {
    const settingsWith = (variables: Readonly<Record<string, string>>) =>
      readSettings({ ...IMAGE, ...environmentOf(nodes[0][1], { ...secret, ...variables }) });
    expect(settingsWith({})).toMatchObject({ smtpUrl: null, mailFrom: readSettings({}).mailFrom });
    const server = { SMTP_URL: 'smtps://mail.example', MAIL_FROM: 'Box Office <tickets@example.org>' };
    expect(settingsWith(server)).toMatchObject({
      smtpUrl: 'smtps://mail.example',
      mailFrom: { name: 'Box Office', address: 'tickets@example.org' },
    });
    for (const [, { volumes = [] }] of nodes) expect(volumes.map((volume) => volume.split(':')[1])).toContain('/data');
  });

  test('are told nothing that they do not read', () => {
    const names = nodes.flatMap(([, { environment = {} }]) => Object.keys(environment));
    expect(names.filter((name) => !(SETTING_NAMES as readonly string[]).includes(name))).toEqual([]);
  });

  test('share a secret that somebody has to choose', () => {
    expect(() => environmentOf(nodes[0][1], {})).toThrow('JWT_SECRET is not set');
  });

  test('get the time that a stop in order takes', () => {
    for (const [, { stop_grace_period: grace = '0s' }] of nodes) {
      expect(Number.parseInt(grace, 10)).toBeGreaterThan(nodeStopLimitSeconds());
    }
  });

  test('wait for what they stand on to be healthy', () => {
    for (const [, { depends_on }] of nodes) {
      expect(depends_on).toEqual({
        postgres: { condition: 'service_healthy' },
        nats: { condition: 'service_healthy' },
      });
    }
  });
});

describe('the file as a whole', () => {
  test('names only services, volumes and files that there are', () => {
    for (const { depends_on = [], volumes = [] } of Object.values(services)) {
      const wanted = Array.isArray(depends_on) ? depends_on : Object.keys(depends_on);
      expect(Object.keys(services)).toEqual(expect.arrayContaining(wanted));
      for (const volume of volumes) {
        const [source] = volume.split(':');
        if (source.startsWith('./')) expect(existsSync(fileOf(source)), source).toBe(true);
        else expect(Object.keys(compose.volumes)).toContain(source);
      }
    }
  });

  test('lets everything say how it is that others wait for', () => {
    for (const { depends_on = {} } of Object.values(services)) {
      for (const name of Object.keys(depends_on).filter((key) => key in services)) {
        expect(services[name].healthcheck, name).toBeDefined();
      }
    }
  });

  test('opens only the load balancer to other machines', () => {
    const open = Object.entries(services).filter(([, { ports = [] }]) =>
      ports.some((port) => !port.startsWith('127.0.0.1:')),
    );
    expect(open.map(([name]) => name)).toEqual(['load-balancer']);
  });
});

describe('the load balancer', () => {
  const servers = [...proxy.matchAll(/^ {2}server (\S+) (\S+)(.*)$/gm)].map(([, name, address, options]) => ({
    name,
    address,
    options,
  }));
  const targets = nodes.map(([name]) => `${name}:${readSettings({}).port}`);

  test('asks every node whether it is ready, and sends requests to those that are', () => {
    const checked = servers.filter(({ options }) => !options.includes('no-check'));
    expect(checked.map(({ address }) => address)).toEqual(targets);
    expect(proxy).toMatch(/^ {2}default-server check /m);
    expect(proxy).toContain('http-check send meth GET uri /readyz');
  });

  test('asks all of them all the same while none is ready', () => {
    const backups = servers.filter(({ options }) => /\bbackup\b/.test(options));
    expect(backups.map(({ address }) => address)).toEqual(targets);
    expect(backups.every(({ options }) => options.includes('no-check'))).toBe(true);
  });

  test('is healthy while a node of it is', () => {
    const [uri] = /(?<=monitor-uri )\S+/.exec(proxy) ?? [];
    expect(services['load-balancer'].healthcheck?.test.at(-1)).toBe(`http://127.0.0.1:8080${uri}`);
    const asked = [...proxy.matchAll(/acl a_node_is_ready srv_is_up\(nodes\/(\S+)\)/g)].map(([, name]) => name);
    expect(asked).toEqual(nodes.map(([name]) => name));
  });

  test('sends nothing twice that a node may have read', () => {
    expect([...proxy.matchAll(/^ {2}retry-on (.*)$/gm)].map(([, on]) => on)).toEqual(['conn-failure']);
  });
});
