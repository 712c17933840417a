import { BlockList, isIP } from 'node:net';
import { hostname } from 'node:os';
import { resolve } from 'node:path';
import { envSchema } from 'env-schema';
import { type Static, Type } from 'typebox';
import { StartError } from './errors.ts';
import { FORMAT } from './formats.ts';
import { LOG_LEVELS, type LogLevel } from './system/log.ts';

/** What the operator decides; everything else is a named constant beside the code that it governs. */
export interface Settings {
  /** The Postgres to use, or null for the embedded one. */
  readonly databaseUrl: string | null;
  /** NATS servers, any of which will do; null for one node alone. */
  readonly natsUrl: readonly string[] | null;
  /** Where the public listener is; 0 for any free port. */
  readonly port: number;
  /** Where the admin listener is; 0 for any free port. */
  readonly adminPort: number;
  readonly adminHost: string;
  /** What the admin listener asks for as a bearer token; null when it asks for none, which is so on loopback only. */
  readonly adminToken: string | null;
  /** Whether the admin listener changes things, or only shows them. */
  readonly adminActions: boolean;
  /** The node's name, the same after every restart. */
  readonly node: string;
  /** How much of the work this node takes, against the others. */
  readonly nodeWeight: number;
  /** Where other nodes and operators reach the public listener; null for http://localhost and the port that it gets. */
  readonly nodeUrl: string | null;
  /** The newest form of messages and journal rows that this node uses. */
  readonly format: number;
  /** Addresses (CIDR) of the load balancers whose `X-Forwarded-For` is believed. */
  readonly trustedProxies: readonly string[];
  /** Holds that one account, and one address, may ask this node for in a minute: infinity for no limit; absent for the usual. */
  readonly holdsPerMinute: { readonly user?: number; readonly address?: number };
  /** Absolute. */
  readonly dataDir: string;
  /** Signs the access tokens; null when it is to be generated and kept in the data directory. */
  readonly jwtSecret: string | null;
  /** The mail server; null when mail goes into files of the data directory. */
  readonly smtpUrl: string | null;
  /** Who the mail comes from. */
  readonly mailFrom: { readonly name: string; readonly address: string };
  readonly logLevel: LogLevel;
  /** The account that takes the money; null for the sandbox, which takes none. */
  readonly stripe: StripeSettings | null;
  /** Whether to seed the demo. Its log-ins are public. */
  readonly demo: boolean;
  /** Where organisers may have webhooks sent: in production to the public internet only, else also to this machine. */
  readonly webhookTargets: 'public' | 'any';
}

export interface StripeSettings {
  readonly secretKey: string;
  /** Signs the webhooks; null where none are sent. */
  readonly webhookSecret: string | null;
  readonly apiBase: string;
  /** The sorts of payment methods that buyers may use, in Stripe's words; at least one. */
  readonly methods: readonly string[];
}

const NODE_NAME_LENGTH = 63;
const NATS_SERVER = '(nats|tls)://[^\\s,/]+/?';

const STRIPE_METHOD = '[a-z][a-z0-9_]*';
const MAIL_ADDRESS = '[^\\s<>@,;:"()]+@[^\\s<>@,;:"()]+';

const UNLIMITED = 'off';

/** So many in a minute, or no limit. */
const PerMinute = Type.Optional(Type.String({ pattern: `^([1-9][0-9]{0,6}|${UNLIMITED})$` }));

const Port = (port: number) => Type.Integer({ minimum: 0, maximum: 65_535, default: port });

const Environment = Type.Object({
  DATABASE_URL: Type.Optional(Type.String({ pattern: '^postgres(ql)?://' })),
  NATS_URL: Type.Optional(Type.String({ pattern: `^${NATS_SERVER}(,${NATS_SERVER})*$` })),
  PORT: Port(8080),
  ADMIN_PORT: Port(8081),
  ADMIN_HOST: Type.String({ pattern: '^[0-9A-Za-z.:-]+$', default: '127.0.0.1' }),
  ADMIN_TOKEN: Type.Optional(Type.String({ pattern: '^[!-~]{16,}$' })),
  ADMIN_ACTIONS: Type.Optional(Type.Literal('on')),
  USHER_NODE: Type.Optional(Type.String({ pattern: `^[a-z0-9][a-z0-9-]{0,${NODE_NAME_LENGTH - 1}}$` })),
  USHER_NODE_WEIGHT: Type.Number({ exclusiveMinimum: 0, maximum: 100, default: 1 }),
  USHER_NODE_URL: Type.Optional(Type.String({ pattern: '^https?://[^\\s/]+$' })),
  USHER_FORMAT: Type.Integer({ minimum: FORMAT.oldest, maximum: FORMAT.newest, default: FORMAT.newest }),
  USHER_TRUSTED_PROXIES: Type.Optional(Type.String({ minLength: 1 })),
  USHER_HOLDS_PER_ACCOUNT: PerMinute,
  USHER_HOLDS_PER_ADDRESS: PerMinute,
  USHER_DATA_DIR: Type.String({ minLength: 1, default: './data' }),
  JWT_SECRET: Type.Optional(Type.String({ minLength: 32 })),
  SMTP_URL: Type.Optional(Type.String({ pattern: '^smtps?://([^\\s/?#@]+@)?[^\\s/?#@]+/?$' })),
  MAIL_FROM: Type.String({
    pattern: `^(${MAIL_ADDRESS}|([^\\s<>"][^<>"\\r\\n]*)?<${MAIL_ADDRESS}>)$`,
    default: 'Usher <no-reply@localhost>',
  }),
  USHER_LOG_LEVEL: Type.Union(
    LOG_LEVELS.map((level) => Type.Literal(level)),
    { default: 'info' },
  ),
  USHER_DEMO: Type.Optional(Type.Union([Type.Literal('on'), Type.Literal('off')])),
  STRIPE_SECRET_KEY: Type.Optional(Type.String({ pattern: '^[sr]k_(test|live)_[!-~]+$' })),
  STRIPE_WEBHOOK_SECRET: Type.Optional(Type.String({ pattern: '^whsec_[!-~]+$' })),
  STRIPE_API_BASE: Type.String({ pattern: '^https?://[^\\s/@]+$', default: 'https://api.stripe.com' }),
  STRIPE_PAYMENT_METHODS: Type.String({ pattern: `^${STRIPE_METHOD}(,${STRIPE_METHOD})*$`, default: 'card' }),
  USHER_SANDBOX: Type.Optional(Type.Literal('on')),
  NODE_ENV: Type.Optional(Type.String()),
});
type Environment = Static<typeof Environment>;
type SettingName = keyof Environment;

/** What each setting has to be, in the words of the message that refuses another value. */
const EXPECTED: Readonly<Record<SettingName, string>> = {
  DATABASE_URL:
    'an address such as postgresql://user:password@host:5432/database, or not set for the embedded Postgres',
  NATS_URL:
    'an address such as nats://user:password@host:4222, several with commas between, or not set for one node alone',
  PORT: 'a port number from 0 to 65535 (0 takes any free one)',
  ADMIN_PORT: 'a port number from 0 to 65535 (0 takes any free one), and another than PORT',
  ADMIN_HOST: 'the address or name of an interface of this machine, such as 127.0.0.1 or 0.0.0.0',
  ADMIN_TOKEN: 'at least 16 visible characters, without spaces',
  ADMIN_ACTIONS: 'on, or not set for a listener that only shows',
  USHER_NODE: `1 to ${NODE_NAME_LENGTH} small letters, digits and hyphens, the first no hyphen`,
  USHER_NODE_WEIGHT: 'a number above 0 and at most 100',
  USHER_NODE_URL: 'an address such as http://node-1:8080, without a path',
  USHER_FORMAT: `a whole number from ${FORMAT.oldest} to ${FORMAT.newest}`,
  USHER_TRUSTED_PROXIES: 'addresses or ranges such as 10.0.0.0/8, with commas between',
  USHER_HOLDS_PER_ACCOUNT: 'a number from 1 to 9999999, off for no limit, or not set for the usual one',
  USHER_HOLDS_PER_ADDRESS: 'a number from 1 to 9999999, off for no limit, or not set for the usual one',
  USHER_DATA_DIR: 'the path of a directory',
  JWT_SECRET: 'at least 32 characters, or not set to have one generated',
  SMTP_URL: 'an address such as smtp://user:password@host:587 or smtps://host, or not set to have mail put into files',
  MAIL_FROM: 'an e-mail address, such as Box Office <tickets@example.org>',
  USHER_LOG_LEVEL: `one of ${LOG_LEVELS.join(', ')}`,
  USHER_DEMO: 'on or off, or not set to have the demo on an embedded Postgres only',
  STRIPE_SECRET_KEY: 'a secret or restricted key of Stripe, such as sk_test_…, or not set for the sandbox',
  STRIPE_WEBHOOK_SECRET: "the signing secret of Stripe's webhook endpoint, such as whsec_…",
  STRIPE_API_BASE: 'an address such as https://api.stripe.com, without a path',
  STRIPE_PAYMENT_METHODS: "Stripe's names of payment methods, such as card,sepa_debit, with commas between",
  USHER_SANDBOX: 'on, or not set to have no sandbox in production',
  NODE_ENV: 'a text',
};

/** The environment variables that {@link readSettings} reads. */
export const SETTING_NAMES = Object.keys(EXPECTED) as readonly SettingName[];

/**
 * The settings in `environment`; an empty value counts as not set.
 * Throws {@link StartError} naming every setting that is wrong and what it has to be, never its value, which may be secret.
 * @param host the name of this machine, for the node's own where that is not set
 */
export function readSettings(
  environment: Readonly<Record<string, string | undefined>>,
  host: string = hostname(),
): Settings {
  const data: Record<string, string> = {};
  for (const name of SETTING_NAMES) {
    const value = environment[name];
    if (value !== undefined && value !== '') data[name] = value;
  }
  const checked = check(data);
  refuse(faultsBetween(checked));
  return {
    databaseUrl: checked.DATABASE_URL ?? null,
    natsUrl: checked.NATS_URL?.split(',') ?? null,
    port: checked.PORT,
    adminPort: checked.ADMIN_PORT,
    adminHost: checked.ADMIN_HOST,
    adminToken: checked.ADMIN_TOKEN ?? null,
    adminActions: checked.ADMIN_ACTIONS === 'on',
    node: checked.USHER_NODE ?? nameOf(host, checked.PORT),
    nodeWeight: checked.USHER_NODE_WEIGHT,
    nodeUrl: checked.USHER_NODE_URL ?? null,
    format: checked.USHER_FORMAT,
    trustedProxies: rangesIn(checked.USHER_TRUSTED_PROXIES),
    holdsPerMinute: holdsIn(checked),
    dataDir: resolve(checked.USHER_DATA_DIR),
    jwtSecret: checked.JWT_SECRET ?? null,
    smtpUrl: checked.SMTP_URL ?? null,
    mailFrom: senderIn(checked.MAIL_FROM),
    logLevel: checked.USHER_LOG_LEVEL,
    stripe: stripeIn(checked),
    demo: hasDemo(checked),
    webhookTargets: checked.NODE_ENV === 'production' ? 'public' : 'any',
  };
}

function check(data: Record<string, string>): Environment {
  try {
    return envSchema<Environment>({ schema: Environment, data, env: false });
  } catch (error) {
    const faults = (error as { errors?: readonly { instancePath: string }[] }).errors ?? [];
    const names = new Set(faults.map(({ instancePath }) => instancePath.slice(1) as SettingName));
    if (names.size === 0) throw error;
    refuse([...names].map(expected), error);
    throw error;
  }
}

/** What is wrong although each setting by itself is right. */
function faultsBetween(settings: Environment): string[] {
  const faults: string[] = [];
  if (settings.PORT !== 0 && settings.PORT === settings.ADMIN_PORT) faults.push(expected('ADMIN_PORT'));
  if (!isLoopback(settings.ADMIN_HOST) && settings.ADMIN_TOKEN === undefined) {
    faults.push('ADMIN_TOKEN must be set with this ADMIN_HOST: other machines can reach the admin listener there.');
  }
  if (settings.SMTP_URL !== undefined && !isMailServer(settings.SMTP_URL)) faults.push(expected('SMTP_URL'));
  if (!rangesIn(settings.USHER_TRUSTED_PROXIES).every(isRange)) faults.push(expected('USHER_TRUSTED_PROXIES'));
  if (settings.NATS_URL !== undefined) {
    if (settings.DATABASE_URL === undefined) {
      faults.push('DATABASE_URL must be set with NATS_URL: the nodes of a cluster share one database.');
    }
    if (settings.JWT_SECRET === undefined) {
      faults.push('JWT_SECRET must be set with NATS_URL, to the same value on every node of the cluster.');
    }
  }
  return [...faults, ...paymentFaults(settings)];
}

/** Nobody is to sell for play money without meaning to, nor for money with half of the settings. */
function paymentFaults(settings: Environment): string[] {
  const { STRIPE_SECRET_KEY, STRIPE_WEBHOOK_SECRET, STRIPE_API_BASE, USHER_SANDBOX, NODE_ENV } = settings;
  const faults: string[] = [];
  if (STRIPE_SECRET_KEY === undefined) {
    if (STRIPE_WEBHOOK_SECRET !== undefined) {
      faults.push('STRIPE_SECRET_KEY must be set with STRIPE_WEBHOOK_SECRET: without it nothing is charged.');
    } else if (NODE_ENV === 'production' && USHER_SANDBOX === undefined) {
      faults.push(
        'STRIPE_SECRET_KEY must be set with NODE_ENV=production, or USHER_SANDBOX=on to give tickets away for test cards.',
      );
    }
    return faults;
  }
  if (isLiveKey(STRIPE_SECRET_KEY)) {
    if (STRIPE_WEBHOOK_SECRET === undefined) {
      faults.push('STRIPE_WEBHOOK_SECRET must be set with a live STRIPE_SECRET_KEY.');
    }
    if (!STRIPE_API_BASE.startsWith('https:')) {
      faults.push('STRIPE_API_BASE must be an https address with a live STRIPE_SECRET_KEY.');
    }
  }
  return faults;
}

export const isLiveKey = (key: string): boolean => /^[sr]k_live_/.test(key);

function stripeIn(settings: Environment): StripeSettings | null {
  const { STRIPE_SECRET_KEY, STRIPE_WEBHOOK_SECRET, STRIPE_API_BASE, STRIPE_PAYMENT_METHODS } = settings;
  if (STRIPE_SECRET_KEY === undefined) return null;
  return {
    secretKey: STRIPE_SECRET_KEY,
    webhookSecret: STRIPE_WEBHOOK_SECRET ?? null,
    apiBase: STRIPE_API_BASE,
    methods: [...new Set(STRIPE_PAYMENT_METHODS.split(','))],
  };
}

function hasDemo({ USHER_DEMO, DATABASE_URL, NODE_ENV }: Environment): boolean {
  if (USHER_DEMO !== undefined) return USHER_DEMO === 'on';
  return DATABASE_URL === undefined && NODE_ENV !== 'production';
}

function expected(name: SettingName): string {
  return `${name} must be ${EXPECTED[name]}.`;
}

function refuse(faults: readonly string[], cause?: unknown): void {
  if (faults.length > 0) throw new StartError(faults.join('\n'), { cause });
}

/** The host's name in the form of a node's, and the port, so that several nodes on one host differ. */
function nameOf(host: string, port: number): string {
  const suffix = `-${port}`;
  const plain = host
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replace(/^-/, '')
    .slice(0, NODE_NAME_LENGTH - suffix.length)
    .replace(/-$/, '');
  return `${plain || 'node'}${suffix}`;
}

function isLoopback(host: string): boolean {
  if (host.toLowerCase() === 'localhost') return true;
  const loopback = new BlockList();
  loopback.addSubnet('127.0.0.0', 8, 'ipv4');
  loopback.addAddress('::1', 'ipv6');
  const version = isIP(host);
  return version !== 0 && loopback.check(host, version === 6 ? 'ipv6' : 'ipv4');
}

/** Also its user and password are written as a URL has them. */
function isMailServer(url: string): boolean {
  try {
    const { hostname, username, password } = new URL(url);
    decodeURIComponent(username + password);
    return hostname !== '';
  } catch {
    return false;
  }
}

function senderIn(text: string): Settings['mailFrom'] {
  const [, name, address] = /^(.*)<(.*)>$/.exec(text) ?? [text, '', text];
  return { name: name.trim(), address };
}

function holdsIn({ USHER_HOLDS_PER_ACCOUNT: user, USHER_HOLDS_PER_ADDRESS: address }: Environment) {
  const perMinute = (text: string): number => (text === UNLIMITED ? Number.POSITIVE_INFINITY : Number(text));
  return {
    ...(user === undefined ? {} : { user: perMinute(user) }),
    ...(address === undefined ? {} : { address: perMinute(address) }),
  };
}

function rangesIn(list: string | undefined): string[] {
  return list === undefined ? [] : list.split(',').map((range) => range.trim());
}

function isRange(text: string): boolean {
  const [address, prefix, ...rest] = text.split('/');
  const version = isIP(address);
  if (version === 0 || rest.length > 0) return false;
  return prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= (version === 6 ? 128 : 32));
}
