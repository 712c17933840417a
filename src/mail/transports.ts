import { mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { createTransport, type SendMailOptions } from 'nodemailer';
import type { Random } from '../ports.ts';
import { mailDate } from '../rfc3339.ts';
import type { Letter } from './letters.ts';

/** A letter with its address and what comes with it. */
export interface Parcel {
  /** The notice's: the same whenever the same thing is told again. */
  readonly id: string;
  /** One address; never parsed as a list of them. */
  readonly to: string;
  /** When what it tells of happened, ms since the epoch. */
  readonly at: number;
  readonly letter: Letter;
  readonly images: readonly { readonly cid: string; readonly filename: string; readonly png: Buffer }[];
}

export interface Sender {
  readonly name: string;
  readonly address: string;
}

/** Where mail goes. */
export interface MailTransport {
  /**
   * Resolves when the mail is in other hands: from then on it is theirs to deliver. Rejects with {@link MailRefused} when
   * this one mail is not wanted, and otherwise when none can be sent, or when `signal` aborts it.
   */
  send(parcel: Parcel, signal: AbortSignal): Promise<void>;
  /** Ends its connections, also those on which something is under way. */
  close(): void;
}

/** The server refuses this mail alone; others may pass. */
export class MailRefused extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'MailRefused';
  }
}

export const SMTP_LIMITS = {
  connections: 4,
  /** Sent over one connection before it is replaced. */
  messages: 100,
  dnsMs: 5_000,
  connectMs: 10_000,
  greetingMs: 10_000,
  /** Without a byte from the server. */
  silenceMs: 20_000,
  idleMs: 30_000,
  /** A connection that the server had closed before anything was sent over it is replaced at once, so many times. */
  requeues: 1,
} as const;

export type SmtpLimits = { readonly [Name in keyof typeof SMTP_LIMITS]: number };

const ID_FORM = /^[a-z]+:[a-z]+_[0-9a-z]+$/;
const IMAGE_TYPE = 'image/png';
/** What nodemailer calls a refusal of one mail while the connection goes on. */
const REFUSALS: ReadonlySet<string> = new Set(['EENVELOPE', 'EMESSAGE']);

/** The mail as nodemailer takes it. Throws a RangeError on an id in a form that is not a notice's. */
function mailOf({ id, to, at, letter, images }: Parcel, from: Sender): SendMailOptions {
  if (!ID_FORM.test(id)) throw new RangeError(`not the id of a notice: ${JSON.stringify(id)}`);
  const domain = from.address.slice(from.address.lastIndexOf('@') + 1);
  return {
    // Whoever gets a mail twice can tell by this that it is the same one.
    messageId: `<${id.replace(':', '.')}@${domain}>`,
    date: mailDate(at),
    from: { ...from },
    to: { name: '', address: to },
    envelope: { from: from.address, to: [to] },
    subject: letter.subject,
    text: letter.text,
    html: letter.html,
    headers: { 'Auto-Submitted': 'auto-generated' },
    attachments: images.map(({ cid, filename, png }) => ({ cid, filename, content: png, contentType: IMAGE_TYPE })),
    disableFileAccess: true,
    disableUrlAccess: true,
  };
}

/**
 * Sends over SMTP, with connections that are kept for a while.
 * @param url `smtp://` (with STARTTLS where the server has it) or `smtps://`, with user, password, host and port
 */
export function smtpTransport(url: string, from: Sender, limits: SmtpLimits = SMTP_LIMITS): MailTransport {
  const { protocol, hostname, port, username, password } = new URL(url);
  const smtp = createTransport({
    pool: true,
    host: hostname.replace(/^\[(.*)\]$/, '$1'),
    ...(port === '' ? {} : { port: Number(port) }),
    secure: protocol === 'smtps:',
    ...(username === '' ? {} : { auth: { user: decodeURIComponent(username), pass: decodeURIComponent(password) } }),
    maxConnections: limits.connections,
    maxMessages: limits.messages,
    maxRequeues: limits.requeues,
    dnsTimeout: limits.dnsMs,
    connectionTimeout: limits.connectMs,
    greetingTimeout: limits.greetingMs,
    socketTimeout: limits.silenceMs,
    idleTimeout: limits.idleMs,
  });
  return {
    async send(parcel, signal) {
      try {
        await smtp.sendMail({ ...mailOf(parcel, from), signal });
      } catch (error) {
        const { code = '', message } = error as { readonly code?: string; readonly message: string };
        if (REFUSALS.has(code)) throw new MailRefused(message, { cause: error });
        throw error;
      }
    },
    close: () => smtp.close({ force: true }),
  };
}

/** Writes each mail into a file of a directory, `.eml`, whole or not at all; the same mail again replaces it. */
export function fileTransport(directory: string, from: Sender, random: Random): MailTransport {
  const composer = createTransport({ streamTransport: true, buffer: true, newline: 'windows' });
  return {
    async send(parcel) {
      const { message } = await composer.sendMail(mailOf(parcel, from));
      await mkdir(directory, { recursive: true, mode: 0o700 });
      const draft = join(directory, `.${random.uuidv7()}`);
      try {
        const file = await open(draft, 'wx', 0o600);
        try {
          await file.writeFile(message as Buffer);
          await file.sync();
        } finally {
          await file.close();
        }
        await rename(draft, join(directory, `${parcel.id.replace(':', '.')}.eml`));
      } finally {
        await rm(draft, { force: true });
      }
    },
    close: () => composer.close(),
  };
}
