import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { DoorLoadOrder, DoorLoadReport } from './door-load.ts';
import type { HoldLoadOrder, HoldLoadReport } from './hold-load.ts';
import type { LoadOrder, LoadReport } from './load-generator.ts';
import type { SaleLoadOrder, SaleLoadReport } from './sale-load.ts';
import type { WebhookLoadOrder, WebhookLoadReport } from './webhook-load.ts';

const LOAD_GENERATOR = fileURLToPath(new URL('load-generator.ts', import.meta.url));

/** Runs a load in a process of its own, to its end. Rejects if that process fails. */
export function runLoad(order: HoldLoadOrder): Promise<HoldLoadReport>;
export function runLoad(order: SaleLoadOrder): Promise<SaleLoadReport>;
export function runLoad(order: WebhookLoadOrder): Promise<WebhookLoadReport>;
export function runLoad(order: DoorLoadOrder): Promise<DoorLoadReport>;
export function runLoad(order: LoadOrder): Promise<LoadReport> {
  return new Promise((resolve, reject) => {
    const child = fork(LOAD_GENERATOR, { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    child.once('message', (message: { report?: LoadReport; error?: string }) => {
      if (message.report) resolve(message.report);
      else reject(new Error(`the load generator failed: ${message.error}`));
    });
    child.once('error', reject);
    child.once('exit', (code, signal) => reject(new Error(`the load generator ended early (${signal ?? code})`)));
    child.send(order);
  });
}
