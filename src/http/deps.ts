import type { Logger } from 'pino';
import type { Accounts } from '../accounts/accounts.ts';
import type { LogIns } from '../accounts/log-ins.ts';
import type { PasswordResets } from '../accounts/password-resets.ts';
import type { Tokens } from '../accounts/tokens.ts';
import type { Shows } from '../actors/shows.ts';
import type { Catalogue } from '../catalog/catalogue.ts';
import type { ListingFeed } from '../catalog/listing/listing-feed.ts';
import type { Clock, Random, Timers } from '../ports.ts';
import type { Metrics } from './metrics.ts';

/** One thing that must work before this node takes traffic; rejects (with a message for operators) while it does not. */
export type ReadinessCheck = () => Promise<void>;

/** What an operator may set about the HTTP side. */
export interface HttpSettings {
  /** Addresses (CIDR) of proxies whose `X-Forwarded-For` is believed. */
  readonly trustProxy: readonly string[];
  /** Sign-ups that one address may make a minute. */
  readonly signUpsPerMinute: number;
  /** Log-ins and changes of the password that one address may try a minute. */
  readonly logInsPerMinute: number;
  /** Password resets that one address may ask for, and use, a minute. */
  readonly resetsPerMinute: number;
  /** Holds that one account, and one address, may ask for a minute; infinity for no limit. */
  readonly holdsPerMinute: { readonly user: number; readonly address: number };
  /** Mean delay of the event loop (ms) beyond which new requests are turned away; 0 for never. */
  readonly eventLoopDelayMaxMs: number;
}

/** Each on every node by itself. Behind one address there may be a whole university. */
export const DEFAULT_HTTP_SETTINGS: HttpSettings = {
  trustProxy: [],
  signUpsPerMinute: 1_200,
  logInsPerMinute: 2_400,
  resetsPerMinute: 60,
  holdsPerMinute: { user: 120, address: 6_000 },
  eventLoopDelayMaxMs: 1_000,
};

/** Everything the routes stand on; chosen and wired by `src/main.ts`, or by a test. */
export interface HttpDeps {
  readonly accounts: Accounts;
  readonly logIns: LogIns;
  readonly resets: Pick<PasswordResets, 'ask' | 'use'>;
  readonly tokens: Tokens;
  readonly catalogue: Catalogue;
  /** The list of shows that this node keeps. */
  readonly listing: Pick<ListingFeed, 'find' | 'isPublic'>;
  /** The newest form of journal rows that all nodes of the cluster read. */
  readonly format: () => number;
  readonly shows: Shows;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: Metrics;
  /** By name, for `GET /readyz`. */
  readonly readiness: Readonly<Record<string, ReadinessCheck>>;
  readonly settings: HttpSettings;
}
