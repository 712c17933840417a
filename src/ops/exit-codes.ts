/** What a command's exit code says; 0 is success. */
export const EXIT = { failed: 1, usage: 2, notFound: 3, auth: 4, conflict: 5 } as const;

/** Ends a command with this code after its message went to stderr. */
export class CommandError extends Error {
  readonly exitCode: number;
  constructor(exitCode: number, message: string) {
    super(message);
    this.name = 'CommandError';
    this.exitCode = exitCode;
  }
}
