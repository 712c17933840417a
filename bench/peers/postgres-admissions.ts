/**
 * One statement a scan, durable when it answers: `UPDATE … WHERE` not admitted yet, on a table of the show's tickets. The
 * same schema, token check and signature check as the product; no answer is kept for replay, no ledger, no undo.
 */
import fastify from 'fastify';
import pg from 'pg';
import { Tokens } from '../../src/accounts/tokens.ts';
import { guards } from '../../src/http/auth.ts';
import { AdmissionRequest } from '../../src/http/door-schemas.ts';
import { problemHandler, refuse } from '../../src/http/problem.ts';
import { PathId } from '../../src/http/schemas.ts';
import { validatorCompiler } from '../../src/http/validation.ts';
import { parseScopedId } from '../../src/ids.ts';
import { rfc3339 } from '../../src/rfc3339.ts';
import { systemClock } from '../../src/system/clock.ts';
import { createLog } from '../../src/system/log.ts';
import { proveCode } from '../../src/tickets/codes.ts';
import { publicKeyFrom } from '../ticket-codes.ts';
import { type PeerSetting, POOL_SIZE } from './hold-store.ts';
import { KEEP_ALIVE_TIMEOUT_MS, serveProcess } from './peer-server.ts';

const ADMIT = `UPDATE ticket SET admitted_at = now(), gate = $3 WHERE show_id = $1 AND number = $2 AND admitted_at IS NULL
  RETURNING extract(epoch from admitted_at)::float8 * 1000 AS at`;

async function openTickets({ databaseUrl, shows, tickets = 0 }: PeerSetting): Promise<pg.Pool> {
  const pool = new pg.Pool({ connectionString: databaseUrl, max: POOL_SIZE, idleTimeoutMillis: 0 });
  await pool.query(`CREATE TABLE ticket (
    show_id text NOT NULL, number integer NOT NULL, admitted_at timestamptz, gate text
  ) WITH (fillfactor = 60)`);
  await pool.query('INSERT INTO ticket SELECT $1, number FROM generate_series(1, $2::integer) number', [
    shows[0],
    tickets,
  ]);
  await pool.query('ALTER TABLE ticket ADD PRIMARY KEY (show_id, number)');
  await pool.query('VACUUM ANALYZE ticket');
  await pool.query('CHECKPOINT');
  return pool;
}

serveProcess(async (setting) => {
  const pool = await openTickets(setting);
  const guard = guards(new Tokens(Buffer.from(setting.jwtSecret), systemClock()));
  const key = publicKeyFrom(setting.ticketKey ?? '');
  const app = fastify({ logger: false, keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS, forceCloseConnections: true });
  app.setValidatorCompiler(validatorCompiler);
  app.setErrorHandler(problemHandler(createLog('error')));
  app.decorateRequest('user', null as never);
  app.post<{ Params: { id: string }; Body: { code: string; gate?: string } }>(
    '/v1/shows/:id/admissions',
    { onRequest: guard.role('organiser'), schema: { params: PathId, body: AdmissionRequest } },
    async (request, reply) => {
      const { code, gate = '' } = request.body;
      const proved = await proveCode(code, async () => key);
      const id = proved === null ? null : parseScopedId('tkt', proved.ticketId);
      if (id === null) return refuse(reply, { code: 'CODE_INVALID', detail: 'No key of ours signed this code.' });
      const values = [request.params.id, id.number, gate];
      const { rows } = await pool.query<{ at: number }>({ name: 'admit', text: ADMIT, values });
      if (rows.length === 0) return refuse(reply, { code: 'ALREADY_ADMITTED', detail: 'It was admitted already.' });
      return { ticketId: proved?.ticketId, showId: id.showId, admittedAt: rfc3339(Math.floor(rows[0].at)), gate };
    },
  );
  return {
    app,
    held: async () => {
      const { rows } = await pool.query<{ count: number }>('SELECT count(admitted_at)::integer AS count FROM ticket');
      return [rows[0].count];
    },
    close: () => pool.end(),
  };
});
