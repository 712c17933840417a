import type { Letter } from './letters.ts';

/** With which a password can be set anew, and for how long. */
export interface ResetToken {
  readonly token: string;
  readonly minutes: number;
}

/** To whoever has the mailbox of an account: somebody, perhaps they, wants to set its password anew. */
export function writeResetLetter({ token, minutes }: ResetToken): Letter {
  const subject = 'Set a new password';
  const before = 'Somebody, most likely you, asked to set a new password for the account with this e-mail address.';
  const how = `This code does it, once, within ${minutes} minutes:`;
  const after =
    'All sessions of the account end when the password is set. If it was not you, you need do nothing: your password stays as ' +
    'it is, and nobody else has this code.';
  // None of it needs escaping: the code is made of letters, digits, hyphens and underscores.
  const html = [
    `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${subject}</title></head>`,
    '<body style="font-family: sans-serif">',
    `<p>${before}</p>`,
    `<p>${how}</p>`,
    `<p><code>${token}</code></p>`,
    `<p>${after}</p>`,
    '</body></html>',
  ].join('\n');
  return { subject, text: `${[before, how, token, after].join('\n\n')}\n`, html: `${html}\n` };
}
