import { Command, CommanderError } from 'commander';
import { RefusedError, StartError } from '../errors.ts';
import { CommandError, EXIT } from './exit-codes.ts';
import { keyCommands } from './key-commands.ts';
import { moveCommands } from './move-commands.ts';
import { planCommands } from './plan-commands.ts';
import { rebuildCommand } from './rebuild-command.ts';
import { statusCommands } from './status-commands.ts';
import { userCommands } from './user-commands.ts';
import { verifyCommand } from './verify-command.ts';

/**
 * `usher`: data on stdout, talk on stderr; exit codes in `exit-codes.ts`. What needs the database is imported only when it
 * runs: a look at the cluster starts in a tenth of a second without it.
 */
const program = new Command('usher').description('The command line of the box office.').exitOverride();
statusCommands(program);
moveCommands(program);
verifyCommand(program);
rebuildCommand(program);
planCommands(program);
userCommands(program);
keyCommands(program);

// Whoever reads has enough, as `head` does: no fault.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : EXIT.usage;
  } else {
    const isExpected = error instanceof CommandError || error instanceof StartError || error instanceof RefusedError;
    console.error(`usher: ${isExpected ? error.message : ((error as Error).stack ?? error)}`);
    process.exitCode = error instanceof CommandError ? error.exitCode : EXIT.failed;
  }
}
