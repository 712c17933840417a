import { connect, type Socket } from 'node:net';
import { StartError } from '../../errors.ts';
import type { Timers } from '../../ports.ts';

export const NATS_PORT = 4_222;
/** What a server says first. */
const GREETING = /^INFO /;

/** One server of `NATS_URL`. */
export interface NatsServer {
  readonly host: string;
  readonly port: number;
  /** Whether the connection must be encrypted; it is in any case when the server asks for it. */
  readonly isEncrypted: boolean;
  readonly credentials: { readonly user: string; readonly pass: string } | { readonly token: string } | null;
}

/**
 * Reads `nats://[user:password@|token@]host[:port]`, or `tls://…`; several servers are separated by commas.
 * Throws StartError, which does not repeat the URL, since that may hold a password.
 */
export function readNatsUrl(text: string): NatsServer[] {
  return text.split(',').map((one) => {
    const url = URL.parse(one.trim());
    const isKnown = url?.protocol === 'nats:' || url?.protocol === 'tls:';
    if (url === null || !isKnown || url.hostname === '' || !/^\/?$/.test(url.pathname)) throw notRight();
    const [user, pass] = [plain(url.username), plain(url.password)];
    const credentials = pass === '' ? { token: user } : { user, pass };
    return {
      host: url.hostname.replace(/^\[|\]$/g, ''),
      port: url.port === '' ? NATS_PORT : Number(url.port),
      isEncrypted: url.protocol === 'tls:',
      credentials: user === '' ? null : credentials,
    };
  });
}

function plain(encoded: string): string {
  try {
    return decodeURIComponent(encoded);
  } catch {
    throw notRight();
  }
}

function notRight(): StartError {
  return new StartError(
    'NATS_URL is not right: it should be like nats://user:password@host:4222, with commas between several.',
  );
}

/** For people: without what is secret. */
export function nameOf({ host, port }: NatsServer): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/**
 * Resolves when a NATS server answers there; rejects after `ms`, on another answer, and when `signal` aborts. Leaves no
 * connection behind.
 */
export function greeted({ host, port }: NatsServer, ms: number, timers: Timers, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket: Socket = connect({ host, port, signal });
    const timer = timers.after(ms, () => socket.destroy(new Error(`no answer within ${ms} ms`)));
    socket.once('data', (bytes) => {
      if (GREETING.test(bytes.toString('latin1', 0, 5))) resolve();
      else reject(new Error('what answers there is not NATS'));
      socket.destroy();
    });
    socket.on('error', reject);
    socket.once('close', () => {
      timer.cancel();
      reject(new Error('the connection was closed'));
    });
  });
}
