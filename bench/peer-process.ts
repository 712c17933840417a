import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { PeerSetting } from './peers/hold-store.ts';
import type { PeerCommand, PeerReply } from './peers/peer-server.ts';

export interface PeerProcess {
  readonly port: number;
  /** Held seats of each show; `null` for a peer that keeps nothing. */
  held(): Promise<readonly number[] | null>;
  /** Ends the process, by force if it failed. */
  close(): Promise<void>;
}

/** Starts one of the servers under `peers/` in a process of its own and fills its store. */
export async function startPeer(name: string, setting: PeerSetting): Promise<PeerProcess> {
  const child = fork(fileURLToPath(new URL(`peers/${name}.ts`, import.meta.url)), {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const ended = new Promise<string>((resolve) => {
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(`${signal ?? code}`));
  });
  const ask = async (command: PeerCommand): Promise<PeerReply> => {
    const reply = new Promise<PeerReply>((resolve) =>
      child.once('message', (message) => resolve(message as PeerReply)),
    );
    child.send(command);
    const answer = await Promise.race([reply, ended.then((reason) => ({ error: `the process ended (${reason})` }))]);
    if ('error' in answer) {
      child.kill('SIGKILL');
      throw new Error(`peer ${name}: ${answer.error}`);
    }
    return answer;
  };
  const opened = await ask({ open: setting });
  if (!('port' in opened)) throw new Error(`peer ${name} did not open`);
  return {
    port: opened.port,
    held: async () => {
      const reply = await ask({ count: true });
      return 'held' in reply ? reply.held : null;
    },
    close: async () => {
      if (child.connected) {
        await ask({ close: true });
        child.disconnect();
      }
      await ended;
    },
  };
}
