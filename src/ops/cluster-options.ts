import type { Command } from 'commander';
import { AdminClient, adminTarget } from './admin-client.ts';

/** What every command of the cluster can be given. */
export interface ClusterOptions {
  readonly admin?: string;
  readonly json?: boolean;
}

export function clusterCommand(program: Command, name: string, description: string): Command {
  return program
    .command(name)
    .description(description)
    .option('--admin <url>', 'the admin listener of any node; else ADMIN_URL, else ADMIN_PORT on this machine')
    .option('--json', 'print JSON, one object a line');
}

export function clientOf({ admin }: ClusterOptions): AdminClient {
  return new AdminClient(adminTarget(admin, process.env));
}

/** One object a line. */
export function printJson(values: readonly object[]): void {
  for (const value of values) console.log(JSON.stringify(value));
}
