/**
 * How nodes reach each other. It holds no truth: anything may be lost, come late or come twice. The real one is NATS
 * (`nats-transport.ts`); without it, and in tests, nodes of one process share an {@link file://./in-process-transport.ts}.
 */
export interface Transport {
  readonly kind: 'nats' | 'local';
  /** Whether peers can be reached now; in doubt true. */
  readonly isLinked: boolean;
  /**
   * Takes what is sent to this incarnation and to all. When it resolves, nothing sent from then on is missed. Rejects
   * when that cannot be had within a bounded time.
   */
  listen(incarnation: string, receiver: Receiver): Promise<Line>;
  /** Calls back whenever the link was lost or is back. */
  onLink(changed: (isLinked: boolean) => void): void;
  close(): Promise<void>;
}

export interface Receiver {
  /** `bytes` are the receiver's to keep. Must not throw. */
  message(bytes: Uint8Array): void;
  /** The message `number` to this incarnation reached nobody: it was not delivered, and will not be. Only a hint that all is over there. */
  unreachable(incarnation: string, number: number): void;
}

/** One incarnation's way to the others. */
export interface Line {
  /**
   * Sends to one incarnation; a hint comes back under `number` if nobody is there.
   * @returns false when it was not sent: no link, too large ({@link MESSAGE_BYTES_MAX}), or too much is waiting to be sent.
   */
  send(to: string, bytes: Uint8Array, number: number): boolean;
  /** Sends to every other incarnation. */
  broadcast(bytes: Uint8Array): boolean;
  /** Takes nothing more. */
  stop(): Promise<void>;
}

/** Below NATS's default of 1 MiB, with room for headers. */
export const MESSAGE_BYTES_MAX = 1_000_000;
