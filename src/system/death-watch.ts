import { type ChildProcess, spawn } from 'node:child_process';

/**
 * Has `child` signalled when this process ends, however that is: a small shell reads a pipe that only we hold; its end
 * means that we are gone. Where the shell cannot be had the child is signalled at once, since it would outlive us.
 */
export function endWithUs(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return;
  const name = signal.replace('SIG', '');
  const script = `cat >/dev/null; kill -${name} "$1" 2>/dev/null`;
  const watcher = spawn('/bin/sh', ['-c', script, 'sh', String(child.pid)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  watcher.on('error', () => child.kill(signal));
  watcher.stdin?.on('error', () => undefined);
  child.once('exit', () => {
    if (watcher.pid !== undefined && watcher.exitCode === null) endGroup(watcher.pid);
  });
  watcher.unref();
}

/** The watcher's shell and its `cat` die together. */
function endGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Gone already.
  }
}
