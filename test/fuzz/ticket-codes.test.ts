import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseScopedId, type ScopedPrefix, scopedId } from '../../src/ids.ts';
import { ticketCode, verifyCode } from '../../src/tickets/codes.ts';
import { SHOW_ID } from '../support/small-show.ts';
import { ticketKeysInMemory } from '../support/ticket-keys.ts';
import { attack, expectFound, limitMs, runsOf, Tally } from './attack.ts';
import { byteMutations, mutatedBytes } from './byte-mutations.ts';
import { oddText } from './odd-values.ts';

const RUNS = 2_000;
const ISSUED_AT = 1_790_000_000_123;

const ours = ticketKeysInMemory();
const theirs = ticketKeysInMemory();
/** Of several shows, and the smallest and the largest that there can be. */
const TICKETS = [
  ...[1, 2, 3, 33].map((number) => scopedId('tkt', ISSUED_AT, SHOW_ID, number)),
  scopedId('tkt', 0, 'shw_00000000000000000000000000', 0),
  scopedId('tkt', 2 ** 48 - 1, 'shw_7zzzzzzzzzzzzzzzzzzzzzzzzz', 2 ** 35 - 1),
];
const ISSUED = new Map(TICKETS.map((ticket) => [ticketCode(ticket, ours.signer), ticket]));
const CODES = [...ISSUED.keys()];
/** Signed well, and not by us. */
const FOREIGN = TICKETS.flatMap((ticket) => [
  ticketCode(ticket, theirs.signer),
  ticketCode(ticket, { kid: ours.signer.kid, privateKey: theirs.signer.privateKey }),
]);

const bytesOf = (code: string) => Buffer.from(code, 'base64url');
const someCode = fc.constantFrom(...CODES, ...FOREIGN);
const cut = fc.nat(99);

/** What a scanner may show: codes with other bytes, of two pieced together, spelt otherwise, and anything else. */
const scannedTexts: fc.Arbitrary<string> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .tuple(someCode, byteMutations(2), someCode)
      .map(([code, bytes, donor]) => mutatedBytes(bytesOf(code), bytes, bytesOf(donor)).toString('base64url')),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(someCode, someCode, cut)
      .map(([one, other, at]) =>
        Buffer.concat([bytesOf(one).subarray(0, at), bytesOf(other).subarray(at)]).toString('base64url'),
      ),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(someCode, fc.nat(133), oddText)
      .map(([code, at, text]) => code.slice(0, at) + text + code.slice(at + 1)),
  },
  { weight: 1, arbitrary: someCode.map((code) => Buffer.from(code, 'base64url').toString('base64')) },
  {
    weight: 1,
    arbitrary: fc
      .uint8Array({ minLength: 100, maxLength: 100 })
      .map((bytes) => Buffer.from(bytes).toString('base64url')),
  },
  { weight: 1, arbitrary: oddText },
  { weight: 1, arbitrary: fc.constantFrom(...CODES) },
);

type Verify = typeof verifyCode;

/** Only what was issued is accepted, and only as what it was issued for. */
function present(text: string, tally: Tally, verify: Verify = verifyCode): void {
  const said = verify(text, ours.publicKeyOf);
  tally.note(said === null ? 'refused' : 'accepted');
  expect(said?.ticketId ?? null, text).toBe(ISSUED.get(text) ?? null);
}

const PREFIXES: readonly ScopedPrefix[] = ['hld', 'ord', 'tkt', 'pay', 'rfd'];

describe('a ticket code', () => {
  test('that was not issued is never accepted', { timeout: limitMs(RUNS) }, async () => {
    const tally = new Tally();
    await attack(scannedTexts, runsOf(RUNS), (text) => present(text, tally));
    tally.print('codes');
    expect(tally.of('refused')).toBeGreaterThan(0);
    expect(tally.of('accepted')).toBeGreaterThan(0);
  });

  test('is found to be accepted when it is not spelt as it was issued, or when nobody looks at the signature', async () => {
    const lenient: Verify = (code, keys) => verifyCode(Buffer.from(code, 'base64url').toString('base64url'), keys);
    await expectFound(scannedTexts, RUNS, (text) => present(text, new Tally(), lenient), /to be null/);
    const blind: Verify = (code, keys) => {
      const bytes = bytesOf(code);
      const known = CODES.find((each) => bytesOf(each).subarray(0, 36).equals(bytes.subarray(0, 36)));
      return known === undefined ? null : verifyCode(known, keys);
    };
    await expectFound(scannedTexts, RUNS, (text) => present(text, new Tally(), blind), /to be null/);
  });
});

test('an id that is read is spelt in one way only', { timeout: limitMs(RUNS) }, async () => {
  const tally = new Tally();
  const good = fc.constantFrom(...PREFIXES).map((prefix) => scopedId(prefix, ISSUED_AT, SHOW_ID, 7));
  const ids = fc.oneof(
    {
      weight: 3,
      arbitrary: fc
        .tuple(good, byteMutations(2), good)
        .map(([id, bytes, donor]) => mutatedBytes(Buffer.from(id), bytes, Buffer.from(donor)).toString('latin1')),
    },
    { weight: 1, arbitrary: oddText },
  );
  await attack(fc.tuple(ids, fc.constantFrom(...PREFIXES)), runsOf(RUNS), ([text, prefix]) => {
    const id = parseScopedId(prefix, text);
    tally.note(id === null ? 'refused' : 'read');
    if (id !== null) expect(scopedId(prefix, id.at, id.showId, id.number)).toBe(text);
  });
  tally.print('ids');
  expect(tally.of('refused')).toBeGreaterThan(0);
  expect(tally.of('read')).toBeGreaterThan(0);
});
