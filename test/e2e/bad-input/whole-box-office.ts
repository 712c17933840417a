import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Pool } from 'pg';
import { LOCKOUT } from '../../../src/accounts/lockout.ts';
import type { Role } from '../../../src/accounts/tokens.ts';
import { createReplays } from '../../../src/actors/replays.ts';
import { assembleBoxOffice, type Tables } from '../../../src/box-office.ts';
import { CatalogueShowSource } from '../../../src/catalog/show-source.ts';
import { InProcessHub, InProcessTransport } from '../../../src/cluster/messages/in-process-transport.ts';
import { FORMAT } from '../../../src/formats.ts';
import { DEFAULT_HTTP_SETTINGS } from '../../../src/http/deps.ts';
import { createJournalReader, journalPool } from '../../../src/journal/postgres-journal.ts';
import { type VerifyReport, verifyJournal } from '../../../src/journal/verify.ts';
import { fileTransport } from '../../../src/mail/transports.ts';
import { sandboxProvider } from '../../../src/payments/provider.ts';
import { createSandboxGateway } from '../../../src/payments/sandbox.ts';
import { connectionConfig, openDatabase } from '../../../src/postgres/database.ts';
import { startEmbeddedPostgres } from '../../../src/postgres/embedded-postgres.ts';
import { migrate } from '../../../src/postgres/migrate.ts';
import { systemClock } from '../../../src/system/clock.ts';
import { systemRandom } from '../../../src/system/random.ts';
import { systemTimers } from '../../../src/system/timers.ts';
import { type CapturedLog, capturedLog } from '../../support/captured-log.ts';

/** Signs the access tokens of a {@link BoxOffice}. */
export const TOKEN_SECRET = Buffer.alloc(32, 7);

/** Nobody should be turned away for coming too often. */
const UNLIMITED = {
  signUpsPerMinute: 1_000_000,
  logInsPerMinute: 1_000_000,
  resetsPerMinute: 1_000_000,
  holdsPerMinute: { user: Number.POSITIVE_INFINITY, address: Number.POSITIVE_INFINITY },
};
const NEVER_LOCKED = { ...LOCKOUT, free: { account: 1_000_000, address: 1_000_000 } };

/** The whole product in this process: real parts, real Postgres, real time, listening on loopback. */
export interface BoxOffice {
  readonly port: number;
  readonly pool: Pool;
  readonly log: CapturedLog;
  /** Signs a new user up; their password is `correct horse`. */
  signUp(email: string, role: Exclude<Role, 'admin'>): Promise<{ readonly id: string; readonly token: string }>;
  /** Replays the whole journal, as `usher verify` does. */
  verify(): Promise<VerifyReport>;
  close(): Promise<void>;
}

/**
 * A box office as `src/main.ts` makes it, without its limits on rates and log-ins; its mail and its webhooks stay where
 * they are, and unless it `projects`, so do its read models.
 */
export async function openBoxOffice(dataDir: string, { projects = false } = {}): Promise<BoxOffice> {
  const captured = capturedLog();
  const { log } = captured;
  const clock = systemClock();
  const [timers, random] = [systemTimers, systemRandom];
  const embedded = await startEmbeddedPostgres({ dataDir, log });
  const { url } = embedded;
  await migrate({ url, log });
  const database = await openDatabase<Tables>({ url, log });
  const office = await assembleBoxOffice({
    ...{ database, clock, timers, random, log },
    connection: connectionConfig(url, 'usher test'),
    transport: new InProcessTransport(new InProcessHub(timers)),
    payments: sandboxProvider(createSandboxGateway({ pool: database.pool, clock, timers, secret: TOKEN_SECRET })),
    mail: fileTransport(join(dataDir, 'mail'), { name: '', address: 'usher@localhost' }, random),
    webhookTargets: 'any',
    secret: TOKEN_SECRET,
    self: { id: 'test', pid: process.pid, url: null, adminUrl: null, format: FORMAT.newest, weight: 1 },
    http: { ...DEFAULT_HTTP_SETTINGS, ...UNLIMITED, eventLoopDelayMaxMs: 0 },
    lockout: NEVER_LOCKED,
    admin: { host: '127.0.0.1', token: null, allowsActions: false },
    processMetrics: false,
    fail: (reason) => log.fatal(reason),
  });
  const { app, accounts, tokens } = office;
  await office.listing.start();
  await office.node.start();
  if (projects) office.projector.start();
  await app.listen({ port: 0, host: '127.0.0.1' });
  return {
    port: (app.server.address() as AddressInfo).port,
    pool: database.pool,
    log: captured,
    async signUp(email, role) {
      const user = { email, password: 'correct horse', firstName: 'Ada', lastName: 'Byron', role };
      const { id } = await accounts.create(user);
      return { id, token: (await tokens.issue({ id, role })).token };
    },
    async verify() {
      const reader = createJournalReader(journalPool(connectionConfig(url, 'usher test'), log));
      try {
        return await verifyJournal(reader, createReplays(new CatalogueShowSource(office.catalogue)));
      } finally {
        await reader.close();
      }
    },
    async close() {
      await app.close();
      await office.node.leave();
      await office.close();
      await database.close();
      await embedded.stop();
    },
  };
}
