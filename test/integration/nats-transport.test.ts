import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { connectNats, UNCONFIRMED_BYTES_MAX } from '../../src/cluster/messages/nats-transport.ts';
import { type Line, MESSAGE_BYTES_MAX, type Transport } from '../../src/cluster/messages/transport.ts';
import { StartError } from '../../src/errors.ts';
import type { Timers } from '../../src/ports.ts';
import { systemRandom } from '../../src/system/random.ts';
import { systemTimers } from '../../src/system/timers.ts';
import { capturedLog } from '../support/captured-log.ts';
import { freePort } from '../support/free-port.ts';
import { natsServer } from '../support/nats-server.ts';
import { nodeProcess } from '../support/node-process.ts';
import { wireTo } from '../support/tcp-proxy.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const CLOSING_FIXTURE = fileURLToPath(new URL('fixtures/nats-closing.ts', import.meta.url));
/** A dead link is to be found in three seconds, plus what a busy machine adds. */
const FOUND_MS = 4_000;
/** Until a link that can be had again is there. */
const RELINK = { timeout: 10_000, interval: 5 };
const SOON = { timeout: 5_000, interval: 2 };

const bytes = (text: string): Uint8Array => Buffer.from(text);

/** A transport of a node's own, closed with the test. */
async function connected(url: string, timers: Timers = systemTimers) {
  const { log, lines: logged } = capturedLog();
  const transport = await connectNats({ url, subjectPrefix: 'usher.test', timers, random: systemRandom, log });
  onTestFinished(() => transport.close());
  const links: boolean[] = [];
  transport.onLink((isLinked) => links.push(isLinked));
  return { transport, links, logged };
}

/** An incarnation that listens, and all that it hears. */
async function listening(transport: Transport, name: string) {
  const heard: string[] = [];
  const unreached: [to: string, number: number][] = [];
  const line = await transport.listen(name, {
    message: (message) => heard.push(Buffer.from(message).toString()),
    unreachable: (to, number) => unreached.push([to, number]),
  });
  return { line, heard, unreached };
}

async function node(url: string, name: string) {
  const connection = await connected(url);
  return { ...connection, ...(await listening(connection.transport, name)) };
}

/** A file with settings of the server. */
function configuration(text: string): string[] {
  const file = join(temporaryDirectory(), 'nats.conf');
  writeFileSync(file, text);
  return ['-c', file];
}

async function flows(from: Line, to: string, heard: readonly string[]): Promise<void> {
  await vi.waitFor(() => {
    from.send(to, bytes('ping'), 1);
    expect(heard).toContain('ping');
  }, SOON);
}

describe('messages', () => {
  test('arrive as they were sent, in order, up to the largest', async () => {
    const { url } = await natsServer();
    const [a, b] = [await node(url, 'nod_a'), await node(url, 'nod_b')];
    const largest = 'ü'.repeat(MESSAGE_BYTES_MAX / 2);
    expect(a.line.send('nod_b', bytes('one'), 1)).toBe(true);
    expect(a.line.send('nod_b', bytes(largest), 2)).toBe(true);
    expect(a.line.send('nod_b', new Uint8Array(), 3)).toBe(true);
    expect(b.line.send('nod_a', bytes('and back'), 1)).toBe(true);
    await vi.waitFor(() => expect([b.heard, a.heard].map((heard) => heard.length)).toEqual([3, 1]), SOON);
    expect(b.heard).toEqual(['one', largest, '']);
    expect(a.heard).toEqual(['and back']);
    expect([a.unreached, b.unreached]).toEqual([[], []]);
  });

  test('to all reach everybody else', async () => {
    const { url } = await natsServer();
    const [a, b, c] = [await node(url, 'nod_a'), await node(url, 'nod_b'), await node(url, 'nod_c')];
    expect(a.line.broadcast(bytes('all'))).toBe(true);
    await vi.waitFor(() => expect([b.heard, c.heard]).toEqual([['all'], ['all']]), SOON);
    // Its own would have come before this.
    b.line.send('nod_a', bytes('after'), 1);
    await vi.waitFor(() => expect(a.heard).toEqual(['after']), SOON);
  });

  test('of other clusters on the same server are not heard', async () => {
    const { url } = await natsServer();
    const a = await node(url, 'nod_a');
    const { log } = capturedLog();
    const options = { url, subjectPrefix: 'usher.other', timers: systemTimers, random: systemRandom, log };
    const other = await connectNats(options);
    onTestFinished(() => other.close());
    const line = await listening(other, 'nod_b');
    line.line.broadcast(bytes('from another'));
    line.line.send('nod_a', bytes('from another'), 5);
    await vi.waitFor(() => expect(line.unreached).toEqual([['nod_a', 5]]), SOON);
    expect(a.heard).toEqual([]);
  });

  test('that are too large, or to what is no name, are refused at once', async () => {
    const { url } = await natsServer();
    const [a, b] = [await node(url, 'nod_a'), await node(url, 'nod_b')];
    expect(a.line.send('nod_b', new Uint8Array(MESSAGE_BYTES_MAX + 1), 1)).toBe(false);
    expect(a.line.broadcast(new Uint8Array(MESSAGE_BYTES_MAX + 1))).toBe(false);
    for (const to of ['', '*', '>', 'nod_b nod_b', 'nod_b\r\nPUB x 0\r\n', 'a.b']) {
      expect(a.line.send(to, bytes('x'), 1)).toBe(false);
    }
    await expect(a.transport.listen('nod_*', { message() {}, unreachable() {} })).rejects.toThrow('nod_*');
    await flows(a.line, 'nod_b', b.heard);
    expect(a.transport.isLinked).toBe(true);
  });

  test('are taken only as fast as they go out, and all that are taken arrive', async () => {
    const { url } = await natsServer();
    const a = await node(url, 'nod_a');
    const { transport } = await connected(url);
    let arrived = 0;
    const message = (each: Uint8Array): void => {
      arrived += each.length;
    };
    await transport.listen('nod_b', { message, unreachable() {} });
    const large = new Uint8Array(MESSAGE_BYTES_MAX);
    let [taken, refused] = [0, 0];
    while (taken < 3 * UNCONFIRMED_BYTES_MAX) {
      if (a.line.send('nod_b', large, 1)) {
        taken += large.length;
        continue;
      }
      refused++;
      await vi.waitFor(() => expect(a.line.send('nod_b', bytes('x'), 1)).toBe(true), SOON);
      taken++;
    }
    await vi.waitFor(() => expect(arrived).toBe(taken), SOON);
    expect(refused).toBeGreaterThan(0);
  });

  test('that a receiver chokes on do not keep it from the next', async () => {
    const { url } = await natsServer();
    const a = await node(url, 'nod_a');
    const { transport, logged, links } = await connected(url);
    const heard: string[] = [];
    const line = await transport.listen('nod_b', {
      message: (message) => {
        heard.push(Buffer.from(message).toString());
        throw new Error('choked');
      },
      unreachable: () => {
        heard.push('unreachable');
        throw new Error('choked');
      },
    });
    for (const text of ['one', 'two']) a.line.send('nod_b', bytes(text), 1);
    line.send('nobody', bytes('x'), 1);
    line.send('nobody', bytes('x'), 2);
    await vi.waitFor(() => expect([...heard].sort()).toEqual(['one', 'two', 'unreachable', 'unreachable']), SOON);
    expect(logged.filter(({ msg }) => msg === 'nats: a message could not be handled')).toHaveLength(4);
    expect(links).toEqual([]);
  });
});

describe('who listens', () => {
  test('misses nothing that is sent once it does (subscriber not yet flushed when announced)', async () => {
    const { url } = await natsServer();
    const [a, { transport }] = [await node(url, 'nod_a'), await connected(url)];
    for (let round = 0; round < 200; round++) {
      const name = `nod_${round}`;
      const heard: string[] = [];
      const line = await transport.listen(name, {
        message: (message) => heard.push(Buffer.from(message).toString()),
        unreachable() {},
      });
      a.line.send(name, bytes('to you'), round);
      a.line.broadcast(bytes('to all'));
      await vi.waitFor(() => expect(heard).toEqual(['to you', 'to all']), { timeout: 2_000, interval: 1 });
      await line.stop();
    }
    expect(a.unreached).toEqual([]);
  });

  test('hears nothing once it has stopped, and the others are told that nobody is there', async () => {
    const { url } = await natsServer();
    const [a, b] = [await node(url, 'nod_a'), await node(url, 'nod_b')];
    await b.line.stop();
    a.line.broadcast(bytes('all'));
    a.line.send('nod_b', bytes('you'), 3);
    await vi.waitFor(() => expect(a.unreached).toEqual([['nod_b', 3]]), SOON);
    expect(b.heard).toEqual([]);
    expect(b.line.send('nod_a', bytes('x'), 1)).toBe(false);
    expect(b.line.broadcast(bytes('x'))).toBe(false);
  });

  test('is told when the server does not let it', async () => {
    const { port } = await natsServer(
      configuration(`authorization { users: [{ user: ada, password: secret, permissions: {
        publish: ">", subscribe: { allow: ">", deny: "usher.test.node.>" } } }] }`),
    );
    const { transport, logged } = await connected(`nats://ada:secret@127.0.0.1:${port}`);
    await expect(listening(transport, 'nod_a')).rejects.toThrow('did not confirm');
    expect(logged.map(({ msg }) => msg)).toContain('nats: a subscription was refused');
  });
});

test('a message to nobody comes back as a hint, with its number, within milliseconds', async () => {
  const { url } = await natsServer();
  const a = await node(url, 'nod_a');
  const waits: number[] = [];
  for (let number = 1; number <= 50; number++) {
    const sentAt = performance.now();
    a.line.send(`nod_gone${number}`, bytes('x'), 1_000 + number);
    await vi.waitFor(() => expect(a.unreached).toHaveLength(number), { timeout: 2_000, interval: 1 });
    waits.push(performance.now() - sentAt);
    expect(a.unreached.at(-1)).toEqual([`nod_gone${number}`, 1_000 + number]);
  }
  expect(waits.sort((x, y) => x - y)[25]).toBeLessThan(50);
});

describe('a link that is lost', () => {
  test('because the server restarts is had again, with all that listened', async () => {
    const server = await natsServer();
    const [a, b] = [await node(server.url, 'nod_a'), await node(server.url, 'nod_b')];
    await server.kill();
    await vi.waitFor(() => expect([a.transport.isLinked, b.transport.isLinked]).toEqual([false, false]), SOON);
    expect(a.line.send('nod_b', bytes('lost'), 1)).toBe(false);
    expect(a.line.broadcast(bytes('lost'))).toBe(false);
    await server.restart();
    await vi.waitFor(() => expect([a.transport.isLinked, b.transport.isLinked]).toEqual([true, true]), RELINK);
    // Linked means heard: no second attempt is needed.
    a.line.send('nod_b', bytes('one'), 2);
    b.line.broadcast(bytes('two'));
    await vi.waitFor(() => expect([a.heard, b.heard]).toEqual([['two'], ['one']]), SOON);
    expect(a.unreached).toEqual([]);
    expect([a.links, b.links]).toEqual([
      [false, true],
      [false, true],
    ]);
  });

  test.each(['the server restarts', 'its wire was cut'])(
    'is had again when all that listened miss nothing (subscriber not yet flushed when announced): %s',
    async (cause) => {
      const server = await natsServer();
      const wire = await wireTo({ host: '127.0.0.1', port: server.port });
      const [a, b] = [await node(server.url, 'nod_a'), await connected(`nats://127.0.0.1:${wire.port}`)];
      const names = Array.from({ length: 100 }, (_, n) => `nod_b${n}`);
      const heard: string[] = [];
      for (const name of names) {
        const message = (text: Uint8Array): void => void heard.push(`${name} ${Buffer.from(text)}`);
        await b.transport.listen(name, { message, unreachable() {} });
      }
      let isSent = true;
      // In the very moment in which both say that they are linked.
      const sendToAll = (): void => {
        if (isSent || !a.transport.isLinked || !b.transport.isLinked) return;
        isSent = true;
        for (const [n, name] of names.entries()) a.line.send(name, bytes('at once'), n);
      };
      for (const { transport } of [a, b]) transport.onLink(sendToAll);
      for (let round = 0; round < 3; round++) {
        const isCut = cause === 'its wire was cut';
        if (isCut) wire.cut();
        else await server.kill();
        await vi.waitFor(() => expect([a.transport.isLinked, b.transport.isLinked]).toEqual([isCut, false]), SOON);
        isSent = false;
        if (!isCut) await server.restart();
        await vi.waitFor(() => expect(isSent).toBe(true), RELINK);
        await vi.waitFor(() => expect(heard).toHaveLength(names.length), { timeout: 2_000, interval: 5 });
        expect(heard.splice(0)).toEqual(names.map((name) => `${name} at once`));
      }
      expect(a.unreached).toEqual([]);
    },
  );

  test('takes nothing while it is away, and lets nobody listen', async () => {
    const server = await natsServer();
    const a = await node(server.url, 'nod_a');
    await server.stop();
    await vi.waitFor(() => expect(a.links).toEqual([false]), SOON);
    await expect(a.transport.listen('nod_a2', { message() {}, unreachable() {} })).rejects.toThrow('did not confirm');
    await server.restart();
    await vi.waitFor(() => expect(a.transport.isLinked).toBe(true), RELINK);
    // What gave up listening does not listen.
    a.line.send('nod_a2', bytes('x'), 4);
    await vi.waitFor(() => expect(a.unreached).toEqual([['nod_a2', 4]]), SOON);
  });

  test('is had in time for who began to listen meanwhile', async () => {
    const server = await natsServer();
    const a = await node(server.url, 'nod_a');
    const { transport, links } = await connected(server.url);
    await server.kill();
    await vi.waitFor(() => expect(links).toEqual([false]), SOON);
    const began = listening(transport, 'nod_b');
    await server.restart();
    const b = await began;
    await vi.waitFor(() => expect(a.transport.isLinked).toBe(true), RELINK);
    a.line.send('nod_b', bytes('hello'), 1);
    await vi.waitFor(() => expect(b.heard).toEqual(['hello']), SOON);
  });

  test('because the wire was cut is had again', async () => {
    const server = await natsServer();
    const wire = await wireTo({ host: '127.0.0.1', port: server.port });
    const [a, b] = [await node(`nats://127.0.0.1:${wire.port}`, 'nod_a'), await node(server.url, 'nod_b')];
    wire.cut();
    await vi.waitFor(() => expect(a.transport.isLinked).toBe(false), SOON);
    expect(a.line.send('nod_b', bytes('lost'), 1)).toBe(false);
    await vi.waitFor(() => expect(a.transport.isLinked).toBe(true), RELINK);
    await flows(a.line, 'nod_b', b.heard);
    await flows(b.line, 'nod_a', a.heard);
    expect(b.links).toEqual([]);
  });

  test('without a word is found in seconds, and had again when it passes', async () => {
    const server = await natsServer();
    const wire = await wireTo({ host: '127.0.0.1', port: server.port });
    const [a, b] = [await node(`nats://127.0.0.1:${wire.port}`, 'nod_a'), await node(server.url, 'nod_b')];
    wire.mode = 'mute';
    const mutedAt = performance.now();
    await vi.waitFor(() => expect(a.transport.isLinked).toBe(false), { timeout: 2 * FOUND_MS, interval: 5 });
    expect(performance.now() - mutedAt).toBeLessThan(FOUND_MS);
    expect(a.line.send('nod_b', bytes('lost'), 1)).toBe(false);
    wire.mode = 'pass';
    await vi.waitFor(() => expect(a.transport.isLinked).toBe(true), RELINK);
    await flows(b.line, 'nod_a', a.heard);
    expect(a.links).toEqual([false, true]);
  });

  test('to a server that stands still is found as well when much waits to be written, and no more is taken', async () => {
    const [still, other] = [await natsServer(), await natsServer()];
    const a = await node(`${still.url},${other.url}`, 'nod_a');
    still.pause();
    const pausedAt = performance.now();
    const large = new Uint8Array(MESSAGE_BYTES_MAX);
    let taken = 0;
    while (a.line.send('nod_b', large, 1)) taken += large.length;
    expect(taken).toBeGreaterThan(UNCONFIRMED_BYTES_MAX / 2);
    expect(taken).toBeLessThanOrEqual(UNCONFIRMED_BYTES_MAX);
    await vi.waitFor(() => expect(a.transport.isLinked).toBe(false), { timeout: 2 * FOUND_MS, interval: 5 });
    expect(performance.now() - pausedAt).toBeLessThan(FOUND_MS);
    // It is not waited for: what was to be written to it never is.
    await vi.waitFor(() => expect(a.transport.isLinked).toBe(true), RELINK);
    const b = await node(other.url, 'nod_b');
    await flows(a.line, 'nod_b', b.heard);
  });

  test('is looked for at all servers', async () => {
    const [one, two] = [await natsServer(), await natsServer()];
    const a = await node(`${one.url},${two.url}`, 'nod_a');
    await one.kill();
    await vi.waitFor(() => expect(a.links).toEqual([false, true]), RELINK);
    const b = await node(two.url, 'nod_b');
    await flows(b.line, 'nod_a', a.heard);
  });
});

describe('closing', () => {
  test('lets what was sent go out, and leaves nothing behind that keeps the process alive', async () => {
    const { url } = await natsServer();
    const a = await node(url, 'nod_a');
    const closing = nodeProcess(CLOSING_FIXTURE, [url]);
    expect(await closing.firstLine).toEqual({ isLinked: true });
    closing.child.stdin?.write('close');
    expect(await closing.ended).toEqual({ code: 0, signal: null });
    expect(a.heard).toEqual(['goodbye']);
    // The server knows it, too.
    a.line.send('nod_closing', bytes('x'), 9);
    await vi.waitFor(() => expect(a.unreached).toEqual([['nod_closing', 9]]), SOON);
  });

  test('leaves nothing behind while the link is away either', async () => {
    const server = await natsServer();
    const wire = await wireTo({ host: '127.0.0.1', port: server.port });
    const closing = nodeProcess(CLOSING_FIXTURE, [`nats://127.0.0.1:${wire.port}`]);
    await closing.firstLine;
    wire.mode = 'mute';
    wire.cut();
    // It may be in the middle of an attempt that nobody answers.
    closing.child.stdin?.write('close');
    const closedAt = performance.now();
    expect(await closing.ended).toEqual({ code: 0, signal: null });
    expect(performance.now() - closedAt).toBeLessThan(FOUND_MS);
  });

  test('is bounded when the server stands still, and nothing is sent or linked any more', async () => {
    const server = await natsServer();
    const a = await node(server.url, 'nod_a');
    server.pause();
    const closedAt = performance.now();
    await a.transport.close();
    expect(performance.now() - closedAt).toBeLessThan(FOUND_MS);
    expect([a.transport.isLinked, a.line.send('nod_b', bytes('x'), 1)]).toEqual([false, false]);
    server.resume();
    await a.transport.close();
  });
});

describe('the first connection', () => {
  /** The real timers, twenty times as fast. */
  const hurried: Timers = {
    after: (ms, task) => systemTimers.after(ms / 20, task),
    every: (ms, task) => systemTimers.every(ms / 20, task),
    soon: systemTimers.soon,
  };
  const failure = async (url: string, timers = hurried): Promise<string> => {
    const error = await connected(url, timers).then(
      () => null,
      (reason) => reason,
    );
    expect(error).toBeInstanceOf(StartError);
    return (error as StartError).message;
  };

  test('is waited for', async () => {
    const server = await natsServer();
    await server.kill();
    const connecting = connected(server.url);
    await server.restart();
    expect((await connecting).transport.isLinked).toBe(true);
  });

  test('fails in bounded time, with words that say what to check and do not tell the password', async () => {
    const port = await freePort();
    const message = await failure(`nats://ada:hunter2@127.0.0.1:${port}`);
    expect(message).toContain(`NATS at 127.0.0.1:${port} cannot be used`);
    expect(message).toContain('NATS_URL');
    expect(message).not.toContain('hunter2');
  });

  test('fails at what answers but is not NATS', async () => {
    const server = createServer((socket) => void socket.end('220 mail.example ESMTP\r\n'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    const { port } = server.address() as { port: number };
    expect(await failure(`nats://127.0.0.1:${port}`)).toContain('is not NATS');
  });

  test('names itself with a user, or a token', async () => {
    const withUser = await natsServer(['--user', 'ada', '--pass', 'p@ss/w:rd']);
    const good = `nats://ada:${encodeURIComponent('p@ss/w:rd')}@127.0.0.1:${withUser.port}`;
    expect((await connected(good)).transport.isLinked).toBe(true);
    const withToken = await natsServer(['--auth', 'tok-en']);
    expect((await connected(`nats://tok-en@127.0.0.1:${withToken.port}`)).transport.isLinked).toBe(true);
  });

  test('fails at once when the server does not know who it is', async () => {
    const { port } = await natsServer(['--user', 'ada', '--pass', 'secret']);
    const startedAt = performance.now();
    const message = await failure(`nats://ada:hunter2@127.0.0.1:${port}`, systemTimers);
    expect(performance.now() - startedAt).toBeLessThan(3_000);
    expect(message).toContain('refuses the user');
    expect(message).not.toContain('hunter2');
  });

  test('fails when the server takes only small messages', async () => {
    const { url } = await natsServer(configuration('max_payload: 65536'));
    expect(await failure(url)).toContain('takes messages of 65536 bytes');
  });

  test('is never unencrypted when it was asked to be encrypted', async () => {
    const { port } = await natsServer();
    expect(await failure(`tls://127.0.0.1:${port}`)).toContain('cannot be used');
  });

  test.each([
    '',
    'localhost:4222',
    'http://localhost:4222',
    'nats://',
    'nats://ada:hunter2@host:port',
    'nats://ada:hunter2@host/path',
    'nats://ada:hunter%2@host',
    'nats://a,ada:hunter2@b',
  ])('fails at an address that is none: %s', async (url) => {
    const message = await failure(url);
    expect(message).toContain('NATS_URL is not right');
    expect(message).not.toContain('hunter');
  });
});
