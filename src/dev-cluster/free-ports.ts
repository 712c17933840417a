import { createServer } from 'node:net';
import { StartError } from '../errors.ts';

/** Ports above the one that is wished for, that are tried. */
const TRIES = 100;

/** Deals out ports that nobody listens on, each once. */
export class FreePorts {
  readonly #dealt = new Set<number>();

  /** `wished`, or the next one above it that is free. Throws {@link StartError} when none is near. */
  async take(wished: number): Promise<number> {
    for (let port = wished; port < wished + TRIES && port <= 65_535; port++) {
      if (this.#dealt.has(port) || !(await isFree(port))) continue;
      this.#dealt.add(port);
      return port;
    }
    throw new StartError(`No port is free from ${wished} on; choose others with --port and --admin-port.`);
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen({ port, host: '0.0.0.0', exclusive: true }, () => probe.close(() => resolve(true)));
  });
}
