import { connect, createServer, type Socket } from 'node:net';
import pg from 'pg';
import { onTestFinished } from 'vitest';

/**
 * - `pass`: bytes go both ways.
 * - `deaf`: nothing comes back from the server.
 * - `mute`: nothing of what the client sends arrives, nor does the end of its connection.
 */
export type ProxyMode = 'pass' | 'deaf' | 'mute';

export interface TcpProxy {
  /** The way to the same database, through the proxy. */
  readonly connection: pg.ClientConfig;
  mode: ProxyMode;
  /** Cuts every connection to the client. */
  cut(): void;
}

/** A wire to Postgres that a test can break; closed when the test has finished. */
export async function tcpProxy(to: pg.ClientConfig): Promise<TcpProxy> {
  const target = new pg.Client(to);
  const sockets = new Set<Socket>();
  const clients = new Set<Socket>();
  const proxy: Omit<TcpProxy, 'connection'> = {
    mode: 'pass',
    cut() {
      for (const socket of clients) socket.destroy();
    },
  };
  const server = createServer((client) => {
    const upstream = target.host.startsWith('/')
      ? connect(`${target.host}/.s.PGSQL.${target.port}`)
      : connect(target.port, target.host);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => sockets.delete(socket));
    }
    clients.add(client);
    client.on('data', (bytes) => {
      if (proxy.mode !== 'mute') upstream.write(bytes);
    });
    upstream.on('data', (bytes) => {
      if (proxy.mode === 'pass') client.write(bytes);
    });
    client.on('close', () => {
      clients.delete(client);
      if (proxy.mode !== 'mute') upstream.end();
    });
    upstream.on('close', () => client.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as { port: number };
  const connection = { host: '127.0.0.1', port, user: target.user, database: target.database };
  return Object.assign(proxy, { connection: connection as pg.ClientConfig });
}
