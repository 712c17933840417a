import type { Command } from 'commander';

export function rebuildCommand(program: Command): void {
  program
    .command('rebuild')
    .description('Make the read models (lists, reports) anew from the journal; beside running nodes or without one')
    .argument('[show]', 'the id of one show; all if absent')
    .option('--json', 'print one JSON object')
    .action(async (show: string | undefined, options: { json?: boolean }) => {
      const { rebuild } = await import('./rebuild.ts');
      await rebuild(show ?? null, options);
    });
}
