import type { LookupAddress } from 'node:dns';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { Webhook } from 'standardwebhooks';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createWebhookSender } from '../../src/webhooks/sender.ts';
import { newSecret, signedHeaders } from '../../src/webhooks/signature.ts';
import { askedLookup, guardedLookup, isPublicAddress, urlFault } from '../../src/webhooks/targets.ts';
import { seededRandom } from '../support/seeded-random.ts';

describe('in production webhooks go to the public internet only', () => {
  test.each([
    ...['127.0.0.1', '10.1.2.3', '172.16.0.1', '172.31.255.255', '192.168.1.1', '169.254.169.254', '100.64.0.1'],
    ...['0.0.0.0', '224.0.0.1', '255.255.255.255', '192.0.2.1', '198.18.0.1', '203.0.113.9'],
    ...['::1', '::', 'fe80::1', 'fc00::1', 'fd12::1', 'ff02::1', '::ffff:10.0.0.1', '::ffff:8.8.8.8', '64:ff9b::a00:1'],
    ...['2002:a00:1::', '2001:db8::1', '2001::1', 'nothing', ''],
  ])('not to %s', (address) => expect(isPublicAddress(address)).toBe(false));

  test.each(['8.8.8.8', '172.32.0.1', '192.169.0.1', '100.128.0.1', '2606:4700:4700::1111', '2a00:1450:4001::1'])(
    'but to %s',
    (address) => expect(isPublicAddress(address)).toBe(true),
  );

  test.each([
    ...['http://example.org/', 'ftp://example.org/', 'https://user@example.org/', 'https://example.org/#x', 'hooks'],
    ...['https://localhost/', 'https://a.localhost/', 'https://127.0.0.1/', 'https://2130706433/', 'https://0x7f.1/'],
    ...['https://[::1]/', 'https://[::ffff:10.0.0.1]/', 'https://10.0.0.1:8443/', 'https://169.254.169.254/latest'],
    `https://example.org/${'x'.repeat(2_000)}`,
  ])('the address %s is refused', (url) => expect(urlFault(url, 'public')).not.toBeNull());

  test.each(['https://example.org/hooks', 'https://8.8.8.8:8443/?a=b', 'https://[2606:4700::1]/'])(
    'the address %s is taken',
    (url) => expect(urlFault(url, 'public')).toBeNull(),
  );

  test('elsewhere also to this machine, without TLS', () => {
    expect(urlFault('http://127.0.0.1:3000/hooks', 'any')).toBeNull();
    expect(urlFault('http://localhost:3000/hooks', 'any')).toBeNull();
    expect(urlFault('http://example.org/', 'any')).not.toBeNull();
    expect(urlFault('http://127.example.org/', 'any')).not.toBeNull();
  });

  const found =
    (addresses: LookupAddress[]) =>
    (_host: string, _options: object, done: (error: null, found: LookupAddress[]) => void): void =>
      done(null, addresses);
  const asked = (addresses: LookupAddress[], policy: 'public' | 'any') =>
    new Promise((resolve) => {
      guardedLookup(policy, found(addresses))('example.org', { all: true }, (error, told) =>
        resolve(error === null ? told : error.message),
      );
    });

  test('a name that leads anywhere else is not connected to', async () => {
    const outside = { address: '8.8.8.8', family: 4 };
    const inside = { address: '10.0.0.1', family: 4 };
    expect(await asked([outside], 'public')).toEqual([outside]);
    expect(await asked([outside, inside], 'public')).toBe('example.org is not an address of the public internet');
    expect(await asked([inside], 'any')).toEqual([inside]);
  });

  test('a name is asked for both of its families, and found if it has one of them', async () => {
    type Told = (error: Error | null, addresses: string[]) => void;
    const ask = (four: string[], six: string[]) => {
      const tell = (addresses: string[]) => (_host: string, told: Told) =>
        told(addresses.length === 0 ? new Error('no data') : null, addresses);
      const resolver = { resolve4: tell(four), resolve6: tell(six) } as never;
      return new Promise((resolve) => {
        guardedLookup('public', askedLookup(resolver))('example.org', { all: true }, (error, told) =>
          resolve(error === null ? told : error.message),
        );
      });
    };
    const [four, six] = ['8.8.8.8', '2606:4700::1'];
    expect(await ask([four], [])).toEqual([{ address: four, family: 4 }]);
    expect(await ask([], [six])).toEqual([{ address: six, family: 6 }]);
    expect(await ask([four], [six])).toEqual([
      { address: four, family: 4 },
      { address: six, family: 6 },
    ]);
    expect(await ask([], [])).toBe('no data');
    expect(await ask([four], ['::1'])).toBe('example.org is not an address of the public internet');
  });

  test('what was registered before it was refused is not sent', async () => {
    const send = createWebhookSender('public');
    const { signal } = new AbortController();
    await expect(send('http://127.0.0.1:1/', {}, '', signal)).rejects.toThrow('https://');
    await expect(send('https://127.0.0.1:1/', {}, '', signal)).rejects.toThrow('public internet');
  });
});

test('the signature is the one that the library of receivers makes', () => {
  const secret = newSecret(seededRandom());
  const now = Date.now();
  const headers = signedHeaders(secret, 'msg_1', now, '{"a":"ä"}');
  expect(headers['webhook-signature']).toBe(new Webhook(secret).sign('msg_1', new Date(now), '{"a":"ä"}'));
  expect(new Webhook(secret).verify('{"a":"ä"}', headers)).toEqual({ a: 'ä' });
});

test('an answer is known by its status, however much would follow', async () => {
  const server = createServer((_request, response) => {
    response.writeHead(200);
    const more = (): void => {
      while (!response.destroyed && response.write('x'.repeat(65_536)));
    };
    response.on('drain', more);
    more();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const { signal } = new AbortController();
  expect(await createWebhookSender('any')(`http://127.0.0.1:${port}/`, {}, '{}', signal)).toBe(200);
});

test('an answer that would turn the connection into something else is none', async () => {
  const server = createTcpServer((socket) => {
    socket.on('error', () => {});
    socket.once('data', () => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: other\r\n\r\n');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const { signal } = new AbortController();
  await expect(createWebhookSender('any')(`http://127.0.0.1:${port}/`, {}, '{}', signal)).rejects.toThrow('no answer');
});
