import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A way to a server of the loopback that can be cut. */
export interface BreakableWire {
  readonly port: number;
  /** Ends every connection; new ones are reset until it is mended. */
  cut(): void;
  mend(): void;
  close(): Promise<void>;
}

export async function wireTo(port: number): Promise<BreakableWire> {
  const open = new Set<Socket>();
  let isCut = false;
  const server = createServer((near) => {
    if (isCut) {
      near.resetAndDestroy();
      return;
    }
    const far = connect({ host: '127.0.0.1', port, noDelay: true });
    near.setNoDelay(true);
    for (const socket of [near, far]) {
      open.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        open.delete(socket);
        near.destroy();
        far.destroy();
      });
    }
    near.pipe(far).pipe(near);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const end = (): void => {
    for (const socket of open) socket.destroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    cut() {
      isCut = true;
      end();
    },
    mend() {
      isCut = false;
    },
    async close() {
      end();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
