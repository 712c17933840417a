import { Argument, type Command } from 'commander';
import type { Role } from '../accounts/tokens.ts';

const ROLES: readonly Role[] = ['buyer', 'organiser', 'admin'];

/** The commands for accounts. */
export function userCommands(program: Command): void {
  const users = program.command('users').description('Accounts');

  users
    .command('grant')
    .description('Give an account another role; it has it from its next log-in on')
    .argument('<email>', 'its e-mail')
    .addArgument(new Argument('<role>', 'the role').choices(ROLES))
    .option('--json', 'print one JSON object')
    .action(async (email: string, role: Role, options: { json?: boolean }) => {
      const { grantRole } = await import('./users.ts');
      await grantRole(email, role, options);
    });
}
