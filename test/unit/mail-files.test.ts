import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { fileTransport, type Parcel } from '../../src/mail/transports.ts';
import { systemRandom } from '../../src/system/random.ts';
import { headerNames, headerOf, partsOf } from '../support/smtp-server.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';

const FROM = { name: 'Box Office', address: 'tickets@usher.example' };
const signal = new AbortController().signal;

const PARCEL: Parcel = {
  id: 'paid:ord_01k9zxh3m4q8r2v6w7y0t5b1cd',
  to: 'ada@example.org',
  at: Date.UTC(2026, 9, 3, 20, 0),
  letter: { subject: 'Your tickets for Señor Ñ', text: 'Señor Ñ\n', html: '<p>Señor Ñ</p>\n' },
  images: [{ cid: 'tkt_1@usher', filename: 'ticket-1.png', png: Buffer.from([1, 2, 3]) }],
};

function mailDirectory() {
  const directory = join(temporaryDirectory(), 'mail');
  const transport = fileTransport(directory, FROM, systemRandom);
  return {
    directory,
    send: (parts: Partial<Parcel> = {}) => transport.send({ ...PARCEL, ...parts }, signal),
    files: () => readdirSync(directory).sort(),
    read: (name = 'paid.ord_01k9zxh3m4q8r2v6w7y0t5b1cd.eml') => readFileSync(join(directory, name), 'latin1'),
  };
}

describe('without a mail server a mail', () => {
  test('is a file that a mail program reads: text, HTML and the pictures of the tickets', async () => {
    const { directory, send, files, read } = mailDirectory();
    await send();
    expect(files()).toEqual(['paid.ord_01k9zxh3m4q8r2v6w7y0t5b1cd.eml']);
    expect(statSync(join(directory, files()[0])).mode & 0o077).toBe(0);
    const raw = read();
    expect(headerOf(raw, 'From')).toBe('Box Office <tickets@usher.example>');
    expect(headerOf(raw, 'To')).toBe('ada@example.org');
    expect(headerOf(raw, 'Date')).toBe('Sat, 03 Oct 2026 20:00:00 +0000');
    expect(headerOf(raw, 'Message-ID')).toBe('<paid.ord_01k9zxh3m4q8r2v6w7y0t5b1cd@usher.example>');
    expect(headerOf(raw, 'Auto-Submitted')).toBe('auto-generated');
    expect(partsOf(raw).map(({ type, body }) => [type, body.toString('utf8').trim()])).toEqual([
      ['text/plain', 'Señor Ñ'],
      ['text/html', '<p>Señor Ñ</p>'],
      ['image/png', '\u0001\u0002\u0003'],
    ]);
    expect(raw).toContain('Content-ID: <tkt_1@usher>');
  });

  test('that comes again replaces its file', async () => {
    const { send, files, read } = mailDirectory();
    await send();
    await send({ letter: { ...PARCEL.letter, subject: 'Again' } });
    expect(files()).toHaveLength(1);
    expect(headerOf(read(), 'Subject')).toBe('Again');
  });

  test('is whole or not there, and another is not touched, however many write at once', async () => {
    const { send, files, read } = mailDirectory();
    const big = { ...PARCEL.letter, text: 'x'.repeat(300_000) };
    await Promise.all(Array.from({ length: 20 }, (_, n) => send({ id: `paid:ord_${n % 4}`, letter: big })));
    expect(files()).toEqual([0, 1, 2, 3].map((n) => `paid.ord_${n}.eml`));
    for (const name of files()) expect(partsOf(read(name))[0].body.length).toBeGreaterThan(300_000 - 1);
  });

  test('that cannot be written is an error, and leaves no draft behind', async () => {
    const { directory, send, files } = mailDirectory();
    mkdirSync(join(directory, 'paid.ord_1.eml', 'in the way'), { recursive: true });
    await expect(send({ id: 'paid:ord_1' })).rejects.toThrow(/EISDIR|ENOTEMPTY|EEXIST/);
    expect(files()).toEqual(['paid.ord_1.eml']);
    const taken = join(temporaryDirectory(), 'file');
    writeFileSync(taken, '');
    await expect(fileTransport(taken, FROM, systemRandom).send(PARCEL, signal)).rejects.toThrow('EEXIST');
  });

  test.each(['', '../etc/passwd', 'paid:../x', 'paid:ord_1/../x', 'paid:ord_1\r\nBcc: x', 'paid.ord_1'])(
    'of an id that is none (%j) is not written',
    async (id) => {
      const { send } = mailDirectory();
      await expect(send({ id })).rejects.toThrow(RangeError);
    },
  );
});

describe('whoever can write into a mail cannot address it:', () => {
  const usual = async (): Promise<string[]> => {
    const { send, read } = mailDirectory();
    await send();
    return headerNames(read());
  };

  test.each(['\r\nBcc: eve@example.org', '\nBcc: eve@example.org', '\r\n\r\nBuy', '\rBcc: eve@example.org', '\u0000'])(
    'a subject with %j has no header more',
    async (evil) => {
      const { send, read } = mailDirectory();
      await send({ letter: { ...PARCEL.letter, subject: `Hello${evil}` } });
      expect(headerNames(read())).toEqual(await usual());
      expect(headerOf(read(), 'Bcc')).toBe('');
    },
  );

  test.each([
    'ada@example.org, eve@example.org',
    'ada@example.org\r\nBcc: eve@example.org',
    'eve@example.org <ada@example.org>',
    '"a, eve@example.org" <ada@example.org>',
  ])('the address %j is never two', async (to) => {
    const { send, read } = mailDirectory();
    await send({ to });
    expect(headerNames(read())).toEqual(await usual());
    const unquoted = headerOf(read(), 'To').replaceAll(/"(\\.|[^"\\])*"/g, '');
    expect(unquoted).toMatch(/^[^,]*@example\.org>?$/);
  });
});
