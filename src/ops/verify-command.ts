import type { Command } from 'commander';

export function verifyCommand(program: Command): void {
  program
    .command('verify')
    .description('Replay every journal and prove that it is whole, unaltered and sells no seat twice')
    .option('--json', 'print one JSON object')
    .action(async (options: { json?: boolean }) => {
      const { verify } = await import('./verify.ts');
      await verify(options);
    });
}
