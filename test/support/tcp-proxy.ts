import { connect, createServer, type NetConnectOpts, type Socket } from 'node:net';
import pg from 'pg';
import { onTestFinished } from 'vitest';
import type { AtEnd } from './lifetime.ts';

/**
 * - `pass`: bytes go both ways.
 * - `deaf`: nothing comes back from the server.
 * - `unheard`: nothing gets through to the server, nor does it learn of the end of a client's connection.
 * - `mute`: nothing goes either way, nor does the server learn of the end of a client's connection.
 * - `still`: as `mute`, but nothing is lost: what was sent meanwhile, ends of connections too, arrives when the wire passes
 *   again, as after an outage of the network.
 */
export type ProxyMode = 'pass' | 'deaf' | 'unheard' | 'mute' | 'still';

/** One connection over a wire. */
export interface Link {
  /** What the client said first, as far as it is text: to Postgres the user, the database and the name of the application. */
  readonly greeting: string;
}

/** A wire to a server that a test can break. */
export interface Wire {
  /** Of the loopback: the way to the server, through the wire. */
  readonly port: number;
  /** Of all connections. */
  mode: ProxyMode;
  /** The connections that are open. */
  readonly links: readonly Link[];
  /** Which connections stand still although the wire passes; asked anew of each at every step, and when it is set. */
  isStill: (link: Link) => boolean;
  /** Cuts every connection to the client. */
  cut(): void;
  /** Ends every connection on both sides, at once. */
  reset(): void;
  /**
   * The next `times` that a client has sent this text to a Postgres, the server does what it asks, but the answer is lost,
   * and the connection with it: the cut is between the commit and its acknowledgement.
   */
  loseAnswersTo(text: string, times: number): void;
  /** So many answers were lost. */
  readonly answersLost: number;
}

export interface TcpProxy extends Wire {
  /** The way to the same database, through the proxy. */
  readonly connection: pg.ClientConfig;
}

/** A wire to Postgres that a test can break; closed when the test has finished. */
export async function tcpProxy(to: pg.ClientConfig, atEnd: AtEnd = onTestFinished): Promise<TcpProxy> {
  const { host, port, user, database } = new pg.Client(to);
  const wire = await wireTo(host.startsWith('/') ? { path: `${host}/.s.PGSQL.${port}` } : { host, port }, atEnd);
  const connection = { host: '127.0.0.1', port: wire.port, user, database };
  return Object.assign(wire, { connection: connection as pg.ClientConfig });
}

/** A wire to any server; closed when the test has finished. */
export async function wireTo(target: NetConnectOpts, atEnd: AtEnd = onTestFinished): Promise<Wire> {
  const links = new Set<ProxiedLink>();
  let mode: ProxyMode = 'pass';
  let isStill: Wire['isStill'] = () => false;
  const toLose = new AnswersToLose();
  const modeOf = (link: Link): ProxyMode => (isStill(link) ? 'still' : mode);
  const goOn = (): void => {
    for (const link of links) link.goOn();
  };
  const server = createServer((client) => {
    const link = new ProxiedLink(client, connect(target), modeOf, toLose);
    links.add(link);
    link.onEnd = () => links.delete(link);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  atEnd(async () => {
    for (const link of links) link.destroy();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  });
  return {
    port: (server.address() as { port: number }).port,
    get mode() {
      return mode;
    },
    set mode(wanted) {
      mode = wanted;
      goOn();
    },
    get links() {
      return [...links];
    },
    get isStill() {
      return isStill;
    },
    set isStill(wanted) {
      isStill = wanted;
      goOn();
    },
    cut() {
      for (const link of links) link.cut();
    },
    reset() {
      for (const link of links) link.destroy();
    },
    loseAnswersTo: (text, times) => toLose.arm(text, times),
    get answersLost() {
      return toLose.lost;
    },
  };
}

/** The end of what Postgres sends when it has done, and committed, what it was asked: ReadyForQuery, outside a transaction. */
const READY_FOR_QUERY = Buffer.from([0x5a, 0, 0, 0, 5, 0x49]);

/** Which answers are to be lost on the links of a wire. */
class AnswersToLose {
  lost = 0;
  #text = '';
  #left = 0;

  arm(text: string, times: number): void {
    this.#text = text;
    this.#left = times;
  }

  /** Whether the answer to these bytes of a client is to be lost. */
  takes(bytes: Buffer): boolean {
    if (this.#left === 0 || !bytes.includes(this.#text)) return false;
    this.#left--;
    return true;
  }
}

class ProxiedLink implements Link {
  greeting = '';
  onEnd: () => void = () => {};
  readonly #client: Socket;
  readonly #upstream: Socket;
  readonly #modeOf: (link: Link) => ProxyMode;
  /** What waits for the wire to pass. */
  readonly #waiting: (() => void)[] = [];

  constructor(client: Socket, upstream: Socket, modeOf: (link: Link) => ProxyMode, toLose: AnswersToLose) {
    /** What came of an answer that is to be lost; null while none is. */
    let swallowed: Buffer | null = null;
    this.#client = client;
    this.#upstream = upstream;
    this.#modeOf = modeOf;
    for (const socket of [client, upstream]) socket.on('error', () => {});
    client.on('data', (bytes: Buffer) => {
      if (this.greeting === '') this.greeting = bytes.toString('latin1').replaceAll('\0', ' ');
      this.#carry(['pass', 'deaf'], () => {
        if (toLose.takes(bytes)) swallowed = Buffer.alloc(0);
        upstream.write(bytes);
      });
    });
    upstream.on('data', (bytes: Buffer) =>
      this.#carry(['pass', 'unheard'], () => {
        if (swallowed === null) return client.write(bytes);
        swallowed = Buffer.concat([swallowed, bytes]);
        if (!swallowed.subarray(-READY_FOR_QUERY.length).equals(READY_FOR_QUERY)) return;
        toLose.lost++;
        this.destroy();
      }),
    );
    client.on('close', () => {
      this.#endIfOver();
      this.#carry(['pass', 'deaf'], () => upstream.end());
    });
    upstream.on('close', () => {
      this.#endIfOver();
      this.#carry(['pass', 'deaf', 'unheard', 'mute'], () => client.destroy());
    });
  }

  /** Does what waited, if the wire passes. */
  goOn(): void {
    if (this.#modeOf(this) === 'still') return;
    for (const step of this.#waiting.splice(0)) step();
  }

  cut(): void {
    this.#client.destroy();
  }

  destroy(): void {
    this.#client.destroy();
    this.#upstream.destroy();
  }

  #carry(modes: readonly ProxyMode[], step: () => void): void {
    const mode = this.#modeOf(this);
    if (mode === 'still') this.#waiting.push(step);
    else if (modes.includes(mode)) step();
  }

  #endIfOver(): void {
    if (this.#client.destroyed && this.#upstream.destroyed) this.onEnd();
  }
}
