import type { AddressInfo } from 'node:net';
import type { Pool } from 'pg';
import { Accounts } from '../../../src/accounts/accounts.ts';
import type { AccountsTables } from '../../../src/accounts/tables.ts';
import { type Role, Tokens } from '../../../src/accounts/tokens.ts';
import { createReplays } from '../../../src/actors/replays.ts';
import { ShowActors } from '../../../src/actors/show-actors.ts';
import { RULES } from '../../../src/actors/turns.ts';
import { createCatalogue } from '../../../src/catalog/catalogue.ts';
import { CatalogueShowSource } from '../../../src/catalog/show-source.ts';
import type { CatalogueTables } from '../../../src/catalog/tables.ts';
import { PostgresLeases } from '../../../src/cluster/leases.ts';
import { shardOf } from '../../../src/cluster/shards.ts';
import { DEFAULT_HTTP_SETTINGS } from '../../../src/http/deps.ts';
import { createMetrics } from '../../../src/http/metrics.ts';
import { buildServer } from '../../../src/http/server.ts';
import { createJournalReader, createPostgresJournal, journalPool } from '../../../src/journal/postgres-journal.ts';
import { type VerifyReport, verifyJournal } from '../../../src/journal/verify.ts';
import { createSandboxGateway } from '../../../src/payments/sandbox.ts';
import { createSettlement, type Settlement } from '../../../src/payments/settlement.ts';
import { connectionConfig, openDatabase } from '../../../src/postgres/database.ts';
import { startEmbeddedPostgres } from '../../../src/postgres/embedded-postgres.ts';
import { migrate } from '../../../src/postgres/migrate.ts';
import { systemClock } from '../../../src/system/clock.ts';
import { systemRandom } from '../../../src/system/random.ts';
import { systemTimers } from '../../../src/system/timers.ts';
import { type BuyerShowTables, createBuyerShows } from '../../../src/tickets/buyer-shows.ts';
import { loadTicketKeys, type TicketsTables } from '../../../src/tickets/keys.ts';
import { type CapturedLog, capturedLog } from '../../support/captured-log.ts';

type Tables = AccountsTables & CatalogueTables & TicketsTables & BuyerShowTables;

/** Signs the access tokens of a {@link BoxOffice}. */
export const TOKEN_SECRET = Buffer.alloc(32, 7);

/** Nobody should be turned away for coming too often. */
const UNLIMITED = { signUpsPerMinute: 1_000_000, logInsPerMinute: 1_000_000 };

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

/** Wires a box office as `src/main.ts` does, without its limits on sign-ups and log-ins. */
export async function openBoxOffice(dataDir: string): Promise<BoxOffice> {
  const captured = capturedLog();
  const { log } = captured;
  const clock = systemClock();
  const [timers, random] = [systemTimers, systemRandom];
  const embedded = await startEmbeddedPostgres({ dataDir, log });
  const { url } = embedded;
  await migrate({ url, log });
  const database = await openDatabase<Tables>({ url, log });
  const db = database.kysely as never;
  const connection = connectionConfig(url, 'usher test');
  const owner = `nod_${random.uuidv7()}`;
  const leases = new PostgresLeases({ connection, owner, timers, log });
  await leases.acquireAll();
  const journal = createPostgresJournal({ connection, lanes: 2, owner, timers, log });
  const catalogue = createCatalogue({ db, clock, random, shardOf });
  const accounts = new Accounts(db, clock, random);
  const tokens = new Tokens(TOKEN_SECRET, clock);
  const sandbox = createSandboxGateway({ pool: database.pool, clock, timers, secret: TOKEN_SECRET });
  const source = new CatalogueShowSource(catalogue);
  const shows: ShowActors = new ShowActors({
    source,
    journal,
    leases,
    shardOf,
    clock,
    timers,
    rules: RULES,
    log,
    onUnsettled: (showId, orders) => settlement.resume(showId, orders),
  });
  const settlement: Settlement = createSettlement({ shows, gateway: sandbox, clock, timers, random, log });
  const app = buildServer(
    {
      ...{ accounts, tokens, catalogue, shows, clock, timers, random, log },
      metrics: createMetrics(false),
      readiness: { database: async () => void (await database.pool.query('select 1')) },
      settings: { ...DEFAULT_HTTP_SETTINGS, ...UNLIMITED },
    },
    {
      ...{ shows, clock, sandbox, settlement },
      gateway: sandbox,
      ticketKeys: await loadTicketKeys(db, clock, random),
      buyerShows: createBuyerShows(db),
      organiserOf: (showId) => catalogue.shows.organiserOf(showId),
    },
  );
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
      const reader = createJournalReader(journalPool(connection, log));
      try {
        return await verifyJournal(reader, createReplays(source));
      } finally {
        await reader.close();
      }
    },
    async close() {
      await app.close();
      await settlement.close();
      await shows.drain();
      await journal.close();
      await leases.release();
      await leases.close();
      await database.close();
      await embedded.stop();
    },
  };
}
