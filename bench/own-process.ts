import { fork } from 'node:child_process';

/**
 * The figures that a module sends as its one message when it runs in a process of its own, with `--expose-gc`: nothing
 * else is in its heap. `what`: what it measures, for the error if it ends without a message.
 */
export function figuresOfOwnProcess<T>(module: string, what: string, args: readonly string[] = []): Promise<T> {
  return new Promise((resolve, reject) => {
    const child = fork(module, args, { execArgv: ['--expose-gc'], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    child.once('message', (figures) => resolve(figures as T));
    child.once('error', reject);
    child.once('exit', (code, signal) => reject(new Error(`${what} ended early (${signal ?? code})`)));
  });
}
