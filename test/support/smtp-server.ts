import { createServer, type Server, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/**
 * How it treats what comes:
 * - `silent`: takes connections and never says a word. `trickle`: a greeting that never ends.
 * - `mute`: takes the whole mail and never says so.
 */
export type SmtpManner = 'well' | 'silent' | 'trickle' | 'mute';

/** A mail that the server has said it took. */
export interface ReceivedMail {
  readonly from: string;
  readonly to: readonly string[];
  /** As it came, but for the doubled dots. */
  readonly raw: string;
}

const TRICKLE_MS = 20;

/** Just enough of a mail server (RFC 5321) for a client to send to. */
export class SmtpServer {
  manner: SmtpManner = 'well';
  /** Recipients that it refuses for good. */
  readonly refused = new Set<string>();
  /** How long it takes over each mail. */
  delayMs = 0;
  readonly received: ReceivedMail[] = [];
  /** Message-IDs of which two were on their way at once. */
  readonly crossed: string[] = [];
  connections = 0;
  port = 0;
  readonly #underWay = new Set<string>();
  readonly #sockets = new Set<Socket>();
  #server: Server | null = null;

  get url(): string {
    return `smtp://127.0.0.1:${this.port}`;
  }

  /** On the port that it had before, else on a free one. */
  async open(): Promise<void> {
    const server = createServer((socket) => this.#serve(socket));
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(this.port, '127.0.0.1', resolve));
    this.port = (server.address() as { readonly port: number }).port;
  }

  async close(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    for (const socket of this.#sockets) socket.destroy();
    if (server !== null) await new Promise((resolve) => server.close(resolve));
  }

  #serve(socket: Socket): void {
    this.connections++;
    this.#sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => this.#sockets.delete(socket));
    if (this.manner === 'silent') return;
    if (this.manner === 'trickle') {
      const trickle = setInterval(() => socket.write('2'), TRICKLE_MS);
      socket.on('close', () => clearInterval(trickle));
      return;
    }
    const say = (line: string): void => void socket.write(`${line}\r\n`);
    let [from, to]: [string, string[]] = ['', []];
    let isData = false;
    let buffer = '';
    say('220 test ESMTP');
    socket.on('data', (bytes) => {
      buffer += bytes.toString('latin1');
      for (;;) {
        const end = buffer.indexOf(isData ? '\r\n.\r\n' : '\r\n');
        if (end < 0) return;
        const text = buffer.slice(0, end);
        buffer = buffer.slice(end + (isData ? 5 : 2));
        if (isData) {
          isData = false;
          void this.#take({ from, to, raw: text.replaceAll('\r\n..', '\r\n.') }, say);
          continue;
        }
        const [, address = ''] = /<(.*)>/.exec(text) ?? [];
        const verb = text.slice(0, 4).toUpperCase();
        if (verb === 'EHLO') say('250 test');
        else if (verb === 'MAIL') {
          [from, to] = [address, []];
          say('250 OK');
        } else if (verb === 'RCPT') {
          if (this.refused.has(address)) say('550 No such mailbox');
          else {
            to.push(address);
            say('250 OK');
          }
        } else if (verb === 'DATA') {
          isData = true;
          say('354 Go on');
        } else if (verb === 'RSET' || verb === 'NOOP') say('250 OK');
        else if (verb === 'QUIT') socket.end('221 Bye\r\n');
        else say('502 What?');
      }
    });
  }

  async #take(mail: ReceivedMail, say: (line: string) => void): Promise<void> {
    const id = headerOf(mail.raw, 'Message-ID');
    if (this.#underWay.has(id)) this.crossed.push(id);
    this.#underWay.add(id);
    if (this.delayMs > 0) await new Promise((resolve) => setTimeout(resolve, this.delayMs));
    this.#underWay.delete(id);
    if (this.manner === 'mute') return;
    this.received.push(mail);
    say('250 Taken');
  }
}

/** A mail server for one test. */
export async function smtpServer(): Promise<SmtpServer> {
  const server = new SmtpServer();
  await server.open();
  onTestFinished(() => server.close());
  return server;
}

/** The value of a header of a mail, on one line; empty if there is none. Throws when there are several. */
export function headerOf(raw: string, name: string): string {
  const [head] = raw.split('\r\n\r\n', 1);
  const lines = head.replaceAll(/\r\n[ \t]+/g, ' ').split('\r\n');
  const values = lines.filter((line) => line.toLowerCase().startsWith(`${name.toLowerCase()}:`));
  if (values.length > 1) throw new Error(`${values.length} headers ${name}`);
  return values[0]?.slice(name.length + 1).trim() ?? '';
}

/** The names of all headers of a mail. */
export function headerNames(raw: string): string[] {
  const [head] = raw.split('\r\n\r\n', 1);
  return head
    .replaceAll(/\r\n[ \t]+/g, ' ')
    .split('\r\n')
    .map((line) => line.slice(0, line.indexOf(':')));
}

/** The parts of a mail that are no containers, decoded, by their content type. */
export function partsOf(raw: string): { readonly type: string; readonly body: Buffer }[] {
  const [, boundary] = /boundary="([^"]*)"/.exec(headerOf(raw, 'Content-Type')) ?? [];
  const body = raw.slice(raw.indexOf('\r\n\r\n') + 4);
  if (boundary !== undefined) {
    return body
      .split(`--${boundary}`)
      .slice(1, -1)
      .flatMap((part) => partsOf(part.replace(/^\r\n/, '').replace(/\r\n$/, '')));
  }
  const [type] = headerOf(raw, 'Content-Type').split(';', 1);
  return [{ type, body: decoded(body, headerOf(raw, 'Content-Transfer-Encoding')) }];
}

function decoded(body: string, encoding: string): Buffer {
  if (encoding === 'base64') return Buffer.from(body, 'base64');
  if (encoding !== 'quoted-printable') return Buffer.from(body, 'latin1');
  const plain = body.replaceAll('=\r\n', '');
  return Buffer.from(
    plain.replaceAll(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  );
}
