import { describe, expect, test } from 'vitest';
import { HUB_BYTES_MAX, InProcessHub, InProcessTransport } from '../../src/cluster/messages/in-process-transport.ts';
import { MESSAGE_BYTES_MAX } from '../../src/cluster/messages/transport.ts';
import { manualTime, settled } from '../support/manual-time.ts';

const bytes = (text: string): Uint8Array => Buffer.from(text);

/** Incarnations at one hub, each on a transport of its own; what each heard stands in `heard`. */
async function nodes<Name extends string>(...names: Name[]) {
  const hub = new InProcessHub(manualTime().timers);
  const heard: string[] = [];
  const made = names.map(async (name) => {
    const transport = new InProcessTransport(hub);
    const line = await transport.listen(name, {
      message: (message) => heard.push(`${name}: ${Buffer.from(message)}`),
      unreachable: (to, number) => heard.push(`${name}: no ${to} for ${number}`),
    });
    return [name, { transport, line }] as const;
  });
  type Node = Awaited<(typeof made)[number]>[1];
  return { heard, ...(Object.fromEntries(await Promise.all(made)) as Record<Name, Node>) };
}

describe('nodes of one process', () => {
  test('hear what is sent to them, in order, later than it is sent', async () => {
    const { a, heard } = await nodes('a', 'b');
    expect([a.line.send('b', bytes('one'), 1), a.line.send('b', bytes('two'), 2)]).toEqual([true, true]);
    expect(heard).toEqual([]);
    await settled();
    expect(heard).toEqual(['b: one', 'b: two']);
  });

  test('hear what is sent to all, but not themselves', async () => {
    const { b, heard } = await nodes('a', 'b', 'c');
    b.line.broadcast(bytes('all'));
    await settled();
    expect(heard).toEqual(['a: all', 'c: all']);
  });

  test('may keep what they hear, whatever the sender does with it', async () => {
    const { a, heard } = await nodes('a', 'b');
    const message = bytes('mine');
    a.line.send('b', message, 1);
    message.fill(0);
    await settled();
    expect(heard).toEqual(['b: mine']);
  });

  test('are told when nobody is there', async () => {
    const { a, b, heard } = await nodes('a', 'b');
    a.line.send('nobody', bytes('x'), 7);
    await b.line.stop();
    a.line.send('b', bytes('x'), 8);
    await settled();
    expect(heard).toEqual(['a: no nobody for 7', 'a: no b for 8']);
  });

  test('refuse what is too large, and what is too much', async () => {
    const { a, heard } = await nodes('a', 'b');
    expect(a.line.send('b', new Uint8Array(MESSAGE_BYTES_MAX + 1), 1)).toBe(false);
    const large = new Uint8Array(MESSAGE_BYTES_MAX);
    for (let sent = 0; sent < HUB_BYTES_MAX; sent += large.length) expect(a.line.broadcast(large)).toBe(true);
    expect(a.line.send('b', large, 2)).toBe(false);
    await settled();
    expect(heard).toHaveLength(HUB_BYTES_MAX / large.length);
    expect(a.line.send('b', large, 3)).toBe(true);
  });

  test('do not take the name of another', async () => {
    const { a, b } = await nodes('a', 'b');
    await expect(a.transport.listen('b', { message() {}, unreachable() {} })).rejects.toThrow('b listens already');
    await b.line.stop();
    await a.transport.listen('b', { message() {}, unreachable() {} });
  });
});

describe('a node that is cut off', () => {
  test('neither sends nor hears, and is told so; what was on its way is lost, without a word to the sender', async () => {
    const { a, b, heard } = await nodes('a', 'b');
    b.transport.onLink((isLinked) => heard.push(`b linked: ${isLinked}`));
    a.line.send('b', bytes('on its way'), 1);
    b.line.send('a', bytes('on its way'), 1);
    b.transport.cut();
    expect([b.transport.isLinked, b.line.send('a', bytes('x'), 2), b.line.broadcast(bytes('x'))]).toEqual([
      false,
      false,
      false,
    ]);
    await expect(b.transport.listen('c', { message() {}, unreachable() {} })).rejects.toThrow('cut off');
    a.line.send('b', bytes('later'), 2);
    await settled();
    expect(heard).toEqual(['b linked: false']);
    b.transport.mend();
    a.line.send('b', bytes('again'), 3);
    await settled();
    expect(heard).toEqual(['b linked: false', 'b linked: true', 'b: again']);
  });

  test('is gone for the others once it has closed', async () => {
    const { a, b, heard } = await nodes('a', 'b');
    await b.transport.close();
    expect(b.line.send('a', bytes('x'), 1)).toBe(false);
    a.line.send('b', bytes('x'), 4);
    await settled();
    expect(heard).toEqual(['a: no b for 4']);
  });
});
