import type { Command } from 'commander';

export function verifyCommand(program: Command): void {
  program
    .command('verify')
    .description('Replay every journal and prove that it is whole, unaltered and sells no seat twice')
    .option('--payments', 'compare the journal with the books of the payment provider instead')
    .option('--json', 'print one JSON object')
    .action(async (options: { json?: boolean; payments?: boolean }) => {
      if (options.payments) {
        const { verifyPaymentsOf } = await import('./verify-payments.ts');
        return verifyPaymentsOf(options);
      }
      const { verify } = await import('./verify.ts');
      await verify(options);
    });
}
