import { createServer } from 'node:net';
import { onTestFinished } from 'vitest';

const message = (type: string, body: Buffer): Buffer => {
  const head = Buffer.alloc(5);
  head.write(type, 0);
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
};
const AUTHENTICATED = message('R', Buffer.alloc(4));
const READY = message('Z', Buffer.from('I'));

/** One row with one text column, in the protocol's own words. */
function oneValue(column: string, value: string): Buffer {
  const field = Buffer.alloc(18);
  field.writeInt32BE(25, 6);
  field.writeInt16BE(-1, 10);
  const description = Buffer.concat([Buffer.from([0, 1]), Buffer.from(`${column}\0`), field]);
  const length = Buffer.alloc(4);
  length.writeInt32BE(value.length);
  const row = Buffer.concat([Buffer.from([0, 1]), length, Buffer.from(value)]);
  return Buffer.concat([message('T', description), message('D', row), message('C', Buffer.from('SHOW\0')), READY]);
}

/** A server that says it is this version of Postgres and nothing else. Returns its address. */
export async function fakePostgres(versionNumber: string): Promise<string> {
  const server = createServer((socket) => {
    let greeted = false;
    socket.on('error', () => undefined);
    socket.on('data', (data) => {
      if (!greeted) {
        greeted = true;
        socket.write(Buffer.concat([AUTHENTICATED, READY]));
      } else if (data[0] === 'Q'.charCodeAt(0)) {
        socket.write(oneValue('server_version_num', versionNumber));
      } else {
        socket.end();
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return `postgresql://someone:secret@127.0.0.1:${address.port}/shows`;
}
