import { createServer } from 'node:net';

/** Below the ports that the kernel deals out by itself, so that a server can come back to its port time and again. */
const FIRST = 10_000;
const COUNT = 20_000;

let next = process.pid * 37;

/** A port that nobody listens on; another one at each call, and other ones in each test process. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < COUNT; tries++) {
    const port = FIRST + (next++ % COUNT);
    if (await isFree(port)) return port;
  }
  throw new Error('no port is free');
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen({ port, host: '0.0.0.0', exclusive: true }, () => probe.close(() => resolve(true)));
  });
}
