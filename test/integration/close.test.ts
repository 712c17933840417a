import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { CLOSE_LIMIT_MS } from '../../src/http/limits.ts';
import { httpApps } from '../support/http-app.ts';

const newApp = httpApps();

async function connected(port: number, text: string): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  socket.on('error', () => undefined).resume();
  await once(socket, 'connect');
  socket.write(text);
  return socket;
}

test('a close waits for requests that are still being sent, but not for ever', async () => {
  const { app, time } = await newApp();
  await app.listen({ port: 0, host: '127.0.0.1' });
  const { port } = app.server.address() as AddressInfo;
  const idle = await connected(port, '');
  const half = await connected(port, 'POST /v1/sessions HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{');
  await once(app.server, 'request');

  let isClosed = false;
  const closed = app.close().then(() => {
    isClosed = true;
  });
  await once(idle, 'close');
  await time.advance(CLOSE_LIMIT_MS - 1);
  expect(isClosed).toBe(false);
  expect(half.destroyed).toBe(false);
  await time.advance(1);
  await closed;
});

test('a close does not wait for the keep-alive time of those whom it still answered', async () => {
  const { app } = await newApp();
  await app.listen({ port: 0, host: '127.0.0.1' });
  const { port } = app.server.address() as AddressInfo;
  const body = JSON.stringify({ email: 'nobody@example.org', password: 'wrong wrong' });
  const head = `POST /v1/sessions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`;
  const client = await connected(port, head + body);
  const answered = once(client, 'data');
  await once(app.server, 'request');
  await app.close();
  expect(String((await answered)[0])).toMatch(/^HTTP\/1\.1 401 /);
});
