import type { Role } from '../accounts/tokens.ts';
import { readSettings } from '../settings.ts';
import { createLog } from '../system/log.ts';
import { withDatabase } from './database.ts';
import { CommandError, EXIT } from './exit-codes.ts';

/** Gives the account with this e-mail a role and prints it. Throws {@link CommandError} when there is none. */
export async function grantRole(email: string, role: Role, { json }: { json?: boolean }): Promise<void> {
  const user = await withDatabase(readSettings(process.env), createLog('warn'), ({ accounts }) =>
    accounts.grant(email, role),
  );
  if (user === null) throw new CommandError(EXIT.notFound, `There is no account with the e-mail ${email}.`);
  console.log(
    json
      ? JSON.stringify({ id: user.id, email: user.email, role: user.role })
      : `${user.email} (${user.id}) has the role ${user.role}, from the next log-in on.`,
  );
}
