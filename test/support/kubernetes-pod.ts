import { spawn } from 'node:child_process';
import { delimiter, dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { yamlDocuments } from './yaml-files.ts';

/** The folder of the image in which the commands of a container run. */
const WORKDIR = fileURLToPath(new URL('../../', import.meta.url));

interface StatefulSet {
  readonly spec: {
    readonly template: {
      readonly spec: {
        readonly containers: readonly {
          readonly lifecycle: { readonly preStop: { readonly exec: { readonly command: readonly string[] } } };
        }[];
      };
    };
  };
}

/** Runs the command that Kubernetes runs in a node's container before it stops it, word for word, to its end. */
export async function preStopOfPod(
  settings: Readonly<Record<string, string>>,
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const [{ spec }] = yamlDocuments<StatefulSet>('deploy/kubernetes/base/nodes.yaml');
  const [program, ...args] = spec.template.spec.containers[0].lifecycle.preStop.exec.command;
  const child = spawn(program, args, {
    cwd: WORKDIR,
    env: { PATH: [dirname(process.execPath), process.env.PATH].join(delimiter), NODE_ENV: 'production', ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, stdout, stderr }));
  });
}
