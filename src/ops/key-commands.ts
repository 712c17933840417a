import type { Command } from 'commander';

/** The commands for the keys that sign ticket codes. */
export function keyCommands(program: Command): void {
  const keys = program.command('keys').description('The keys that sign ticket codes');

  keys
    .command('list')
    .description('Show all keys: the one that signs, those that still prove codes, and retired ones')
    .option('--json', 'print one JSON object a key')
    .action(async (options: { json?: boolean }) => (await import('./keys.ts')).listKeys(options));

  keys
    .command('rotate')
    .description('Make a new key, which signs from now on; the others still prove what they signed')
    .option('--json', 'print one JSON object')
    .action(async (options: { json?: boolean }) => (await import('./keys.ts')).rotateKeys(options));

  keys
    .command('retire')
    .description('End a key that does not sign any more: codes that it signed are refused')
    .argument('<kid>', 'its id; after -- if it begins with a dash')
    .option('--json', 'print one JSON object')
    .action(async (kid: string, options: { json?: boolean }) => (await import('./keys.ts')).retireKey(kid, options));
}
