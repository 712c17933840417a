import { connect, DebugEvents, ErrorCode, Events, type Msg, type NatsConnection, type Subscription } from 'nats';
import { StartError } from '../../errors.ts';
import type { Random, Timers } from '../../ports.ts';
import type { Log } from '../../system/log.ts';
import { greeted, type NatsServer, nameOf, readNatsUrl } from './nats-servers.ts';
import { type Line, MESSAGE_BYTES_MAX, type Receiver, type Transport } from './transport.ts';

/** How long the first connection is tried for. */
export const FIRST_LINK_MS = 10_000;
/** One attempt to connect: to hear from the server at all, and then to be let in. */
const DIAL_MS = 2_000;
/** Pause between attempts: drawn anew each time, so that the nodes do not come all at once. */
const PAUSE_MIN_MS = 100;
const PAUSE_MAX_MS = 500;
/** A link on which nothing was heard for three of these is given up. */
const PING_MS = 1_000;
const PINGS_UNANSWERED_MAX = 2;
/** How long the server may take to confirm what it was sent: a subscription, its end, the last messages. */
const CONFIRM_MS = 2_000;
/** Bytes that were sent and not confirmed; with more, nothing further is taken. */
export const UNCONFIRMED_BYTES_MAX = 32_000_000;
/** A confirmation is asked for after so many bytes. */
const CONFIRM_EVERY_BYTES = 262_144;
/** What NATS takes for the subjects of a message, about. */
const SUBJECT_BYTES = 200;

/** One part of a NATS subject. */
const TOKEN = /^[\w-]{1,64}$/;
const NO_RECEIVER = 503;

export interface NatsOptions {
  /** `NATS_URL`: see `readNatsUrl`. */
  readonly url: string;
  /** Such as `usher.<cluster>`: keeps clusters on the same server apart. */
  readonly subjectPrefix: string;
  readonly timers: Timers;
  readonly random: Random;
  readonly log: Log;
}

/**
 * Connects to NATS. Throws StartError, which says what to check, when that cannot be done within {@link FIRST_LINK_MS};
 * something else must keep the process alive meanwhile. Afterwards a lost link is restored for ever.
 */
export async function connectNats(options: NatsOptions): Promise<Transport> {
  if (!options.subjectPrefix.split('.').every((token) => TOKEN.test(token))) {
    throw new StartError(`"${options.subjectPrefix}" cannot begin a NATS subject: letters, digits, - and _ only.`);
  }
  const transport = new NatsTransport(options, readNatsUrl(options.url));
  await transport.open();
  return transport;
}

/**
 * Nodes reach each other over NATS's plain messages, each incarnation under a subject of its own:
 *
 *     <prefix>.node.<incarnation>                what is for it
 *     <prefix>.all                               what is for all; a connection does not hear itself
 *     <prefix>.gone.<incarnation>.<to>.<number>  where the server says that message `number` found no receiver
 *
 * A connection of the library lives only as long as its link: the library's own way to reconnect would keep what is sent
 * meanwhile without bound, and wait for a dead link to take its last bytes.
 *
 *     dialling ──► restoring ──► linked ──► dialling …      closed, from each of them
 *
 * - dialling: one server after the other is tried, with pauses.
 * - restoring: the lines' subscriptions are on their way; not linked before the server has confirmed them.
 * - linked: until the connection ends, or two pings were not answered when the next is due.
 */
class NatsTransport implements Transport {
  readonly kind = 'nats';
  readonly prefix: string;
  readonly log: Log;
  readonly #options: NatsOptions;
  readonly #servers: readonly NatsServer[];
  readonly #lines = new Set<NatsLine>();
  readonly #onLink: ((isLinked: boolean) => void)[] = [];
  /** The listens that wait for the next link. */
  readonly #awaiting = new Set<() => void>();
  readonly #closing = new AbortController();
  #wire: Wire | null = null;
  #isLinked = false;
  #dials = 0;

  constructor(options: NatsOptions, servers: readonly NatsServer[]) {
    this.prefix = options.subjectPrefix;
    this.log = options.log;
    this.#options = options;
    this.#servers = servers;
  }

  get isLinked(): boolean {
    return this.#isLinked;
  }

  async open(): Promise<void> {
    const { timers } = this.#options;
    let isLate = false;
    const limit = timers.after(FIRST_LINK_MS, () => {
      isLate = true;
    });
    try {
      void this.#keepLinked(await this.#firstWire(() => isLate));
    } finally {
      limit.cancel();
    }
  }

  async listen(incarnation: string, receiver: Receiver): Promise<Line> {
    if (!TOKEN.test(incarnation)) throw new Error(`"${incarnation}" cannot be part of a NATS subject`);
    const line = new NatsLine(this, incarnation, receiver);
    this.#lines.add(line);
    if (await this.#isConfirmed(line)) return line;
    await line.stop();
    throw new Error('NATS did not confirm the subscriptions');
  }

  onLink(changed: (isLinked: boolean) => void): void {
    this.#onLink.push(changed);
  }

  publish(subject: string, bytes: Uint8Array, reply: string): boolean {
    if (!this.#isLinked || this.#wire === null || bytes.length > MESSAGE_BYTES_MAX) return false;
    try {
      return this.#wire.publish(subject, bytes, reply);
    } catch (error) {
      this.log.warn({ err: error, bytes: bytes.length }, 'nats: a message was not taken');
      return false;
    }
  }

  async drop(line: NatsLine): Promise<void> {
    this.#lines.delete(line);
    // So that from then on the server tells the others that nobody is there.
    if (this.#isLinked && this.#wire !== null) await this.#wire.confirmed();
  }

  /** What was sent still goes out, if that takes no longer than a confirmation may. */
  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    const wire = this.#wire;
    if (this.#isLinked && wire !== null) await wire.confirmed();
    this.#isLinked = false;
    await wire?.connection.close();
  }

  async #isConfirmed(line: NatsLine): Promise<boolean> {
    const wire = this.#wire;
    if (wire !== null && this.#isLinked) {
      line.subscribe(wire);
      if (await wire.confirmed()) return line.isSubscribed(this.#wire);
    }
    // Whoever restores the link sees to all lines.
    let linked = (): void => {};
    const nextLink = new Promise<void>((resolve) => {
      linked = resolve;
    });
    this.#awaiting.add(linked);
    await within(CONFIRM_MS, nextLink, this.#options.timers);
    this.#awaiting.delete(linked);
    return line.isSubscribed(this.#wire);
  }

  async #firstWire(isLate: () => boolean): Promise<Wire> {
    for (;;) {
      const server = this.#nextServer();
      let wire: Wire;
      try {
        wire = await this.#dial(server);
      } catch (error) {
        const { code, message } = error as Error & { code?: string };
        const isRefused = code === ErrorCode.AuthorizationViolation || code === ErrorCode.BadAuthentication;
        if (!isRefused && !isLate()) {
          await this.#pause();
          continue;
        }
        const reason = isRefused ? 'it refuses the user, password or token' : message;
        throw new StartError(
          `NATS at ${nameOf(server)} cannot be used: ${reason}. Check that it runs there and that NATS_URL is right.`,
        );
      }
      const most = wire.connection.info?.max_payload ?? MESSAGE_BYTES_MAX;
      if (most >= MESSAGE_BYTES_MAX) return wire;
      await wire.connection.close();
      throw new StartError(
        `NATS at ${nameOf(server)} takes messages of ${most} bytes; nodes need ${MESSAGE_BYTES_MAX}. Raise its max_payload.`,
      );
    }
  }

  /** Never rejects; ends when the transport is closed. */
  async #keepLinked(first: Wire): Promise<void> {
    let wire: Wire | null = first;
    while (wire !== null) {
      this.#wire = wire;
      void this.#watch(wire.connection);
      if (await this.#restore(wire)) this.log.info({ server: wire.connection.getServer() }, 'nats: linked');
      else await wire.connection.close();
      const error = await wire.connection.closed();
      this.#setLinked(false);
      this.#wire = null;
      if (this.#closing.signal.aborted) return;
      this.log.warn({ reason: error instanceof Error ? error.message : 'no answer' }, 'nats: the link was lost');
      wire = await this.#nextWire();
    }
  }

  /** Null when the transport was closed meanwhile. */
  async #nextWire(): Promise<Wire | null> {
    let told = '';
    for (;;) {
      await this.#pause();
      if (this.#closing.signal.aborted) return null;
      const server = this.#nextServer();
      try {
        const wire = await this.#dial(server);
        if (!this.#closing.signal.aborted) return wire;
        await wire.connection.close();
      } catch (error) {
        const reason = `${nameOf(server)}: ${(error as Error).message}`;
        if (reason !== told) this.log.warn({ reason }, 'nats: no link yet');
        told = reason;
      }
    }
  }

  async #dial(server: NatsServer): Promise<Wire> {
    const { timers } = this.#options;
    // The library would leave a socket open on which no server answers.
    await greeted(server, DIAL_MS, timers, this.#closing.signal);
    const connection = await connect({
      ...server.credentials,
      ...(server.isEncrypted ? { tls: {} } : {}),
      servers: [nameOf(server)],
      name: 'usher',
      timeout: DIAL_MS,
      resolve: false,
      reconnect: false,
      ignoreClusterUpdates: true,
      noEcho: true,
      pingInterval: PING_MS,
      maxPingOut: PINGS_UNANSWERED_MAX,
    });
    return new Wire(connection, timers);
  }

  /** Links once the server has confirmed the subscriptions of all lines. Returns whether it has. */
  async #restore(wire: Wire): Promise<boolean> {
    try {
      // Again as long as further lines have come meanwhile.
      while ([...this.#lines].some((line) => !line.isOn(wire))) {
        for (const line of this.#lines) if (!line.isOn(wire)) line.subscribe(wire);
        if (!(await wire.confirmed())) return false;
      }
    } catch {
      // The connection has ended already.
      return false;
    }
    if (![...this.#lines].every((line) => line.isSubscribed(wire))) return false;
    this.#setLinked(true);
    return true;
  }

  async #watch(connection: NatsConnection): Promise<void> {
    for await (const { type, data } of connection.status()) {
      if (type === DebugEvents.StaleConnection) {
        this.#setLinked(false);
        // Otherwise the library waits until all was written, which on a dead link never is.
        await connection.close();
      } else if (type === Events.Error) {
        this.log.error({ code: data }, 'nats: the server reports an error');
      }
    }
  }

  #setLinked(isLinked: boolean): void {
    if (this.#isLinked === isLinked) return;
    this.#isLinked = isLinked;
    if (isLinked) for (const linked of this.#awaiting) linked();
    for (const changed of this.#onLink) changed(isLinked);
  }

  #nextServer(): NatsServer {
    return this.#servers[this.#dials++ % this.#servers.length];
  }

  #pause(): Promise<void> {
    const { random, timers } = this.#options;
    const share = random.bytes(1)[0] / 255;
    const { signal } = this.#closing;
    return new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const timer = timers.after(PAUSE_MIN_MS + share * (PAUSE_MAX_MS - PAUSE_MIN_MS), () => {
        signal.removeEventListener('abort', end);
        resolve();
      });
      const end = (): void => {
        timer.cancel();
        resolve();
      };
      signal.addEventListener('abort', end, { once: true });
    });
  }
}

/** One connection, and what was written to it that the server has not confirmed. */
class Wire {
  readonly connection: NatsConnection;
  readonly #timers: Timers;
  readonly #closed: Promise<unknown>;
  #sent = 0;
  #confirmed = 0;
  #isAsking = false;

  constructor(connection: NatsConnection, timers: Timers) {
    this.connection = connection;
    this.#timers = timers;
    this.#closed = connection.closed();
  }

  /** False when too much waits; throws when the library does not take it. */
  publish(subject: string, bytes: Uint8Array, reply: string): boolean {
    const size = bytes.length + SUBJECT_BYTES;
    if (this.#sent + size - this.#confirmed > UNCONFIRMED_BYTES_MAX) return false;
    this.connection.publish(subject, bytes, { reply });
    this.#sent += size;
    if (this.#sent - this.#confirmed >= CONFIRM_EVERY_BYTES && !this.#isAsking) void this.#ask();
    return true;
  }

  /** Whether the server has got all that was sent until now, within {@link CONFIRM_MS}. */
  confirmed(): Promise<boolean> {
    // The library leaves a flush without an answer when the connection is closed.
    const flushed = Promise.race([
      this.connection.flush(),
      this.#closed.then(() => Promise.reject(new Error('closed'))),
    ]);
    return within(CONFIRM_MS, flushed, this.#timers);
  }

  /**
   * The library does not tell how much it and the socket have yet to write. But the server answers a ping after it has
   * read all that was sent before.
   */
  async #ask(): Promise<void> {
    this.#isAsking = true;
    const sent = this.#sent;
    // On a slow link the answer may take longer than a confirmation may.
    await this.connection.flush().catch(() => {});
    this.#confirmed = sent;
    this.#isAsking = false;
  }
}

class NatsLine implements Line {
  readonly #transport: NatsTransport;
  readonly #incarnation: string;
  readonly #receiver: Receiver;
  #wire: Wire | null = null;
  #subscriptions: Subscription[] = [];
  #isStopped = false;

  constructor(transport: NatsTransport, incarnation: string, receiver: Receiver) {
    this.#transport = transport;
    this.#incarnation = incarnation;
    this.#receiver = receiver;
  }

  send(to: string, bytes: Uint8Array, number: number): boolean {
    if (this.#isStopped || !TOKEN.test(to)) return false;
    const { prefix } = this.#transport;
    const reply = `${prefix}.gone.${this.#incarnation}.${to}.${number}`;
    return this.#transport.publish(`${prefix}.node.${to}`, bytes, reply);
  }

  broadcast(bytes: Uint8Array): boolean {
    return !this.#isStopped && this.#transport.publish(`${this.#transport.prefix}.all`, bytes, '');
  }

  async stop(): Promise<void> {
    if (this.#isStopped) return;
    this.#isStopped = true;
    for (const subscription of this.#subscriptions) subscription.unsubscribe();
    await this.#transport.drop(this);
  }

  subscribe(wire: Wire): void {
    const { prefix } = this.#transport;
    const take = (msg: Msg): void => this.#receiver.message(msg.data);
    this.#wire = wire;
    this.#subscriptions = [
      this.#subscribe(wire, `${prefix}.node.${this.#incarnation}`, take),
      this.#subscribe(wire, `${prefix}.all`, take),
      this.#subscribe(wire, `${prefix}.gone.${this.#incarnation}.>`, (msg) => this.#gone(msg)),
    ];
  }

  isOn(wire: Wire): boolean {
    return this.#wire === wire;
  }

  /** Whether the server, as far as it has answered, has not refused what was subscribed on this connection. */
  isSubscribed(wire: Wire | null): boolean {
    return wire !== null && this.#wire === wire && this.#subscriptions.every((each) => !each.isClosed());
  }

  #subscribe(wire: Wire, subject: string, take: (msg: Msg) => void): Subscription {
    const { log } = this.#transport;
    return wire.connection.subscribe(subject, {
      callback: (error, msg) => {
        if (error !== null) return log.error({ reason: error.message, subject }, 'nats: a subscription was refused');
        if (this.#isStopped) return;
        try {
          // The bytes are of a chunk that the socket read and nobody writes to again, or of a copy.
          take(msg);
        } catch (thrown) {
          // It would end the library's reading, and with that the link.
          log.error({ err: thrown, subject }, 'nats: a message could not be handled');
        }
      },
    });
  }

  #gone(msg: Msg): void {
    if (msg.headers?.code !== NO_RECEIVER) return;
    const [to, number] = msg.subject.split('.').slice(-2);
    this.#receiver.unreachable(to, Number(number));
  }
}

/** Whether the promise resolves in time; the loser is left alone. */
function within(ms: number, promise: Promise<unknown>, timers: Timers): Promise<boolean> {
  return new Promise((resolve) => {
    const timer = timers.after(ms, () => resolve(false));
    const end = (isDone: boolean): void => {
      timer.cancel();
      resolve(isDone);
    };
    promise.then(
      () => end(true),
      () => end(false),
    );
  });
}
