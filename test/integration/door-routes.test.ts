import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compactVerify, createLocalJWKSet } from 'jose';
import { describe, expect, test } from 'vitest';
import { scopedId } from '../../src/ids.ts';
import { rfc3339 } from '../../src/rfc3339.ts';
import { ticketCode } from '../../src/tickets/codes.ts';
import { VOIDED_TYPE } from '../../src/tickets/voided-list.ts';
import { salesApp } from '../support/sales-app.ts';
import { ON_SALE_AT, SHOW_ID, userOf } from '../support/small-show.ts';
import { soldShow, soldTicket } from '../support/sold-show.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { ticketKeysInMemory } from '../support/ticket-keys.ts';

const GATE = fileURLToPath(new URL('../../examples/gate.ts', import.meta.url));
const ORGANISER = userOf(90);
const OTHER_SHOW = 'shw_01k9zxh3m4q8r2v6w7y0t5b1cx';
/** The doors' time. */
const NOW = ON_SALE_AT + 3_600_000;

async function openDoors() {
  const node = await soldShow(3);
  const office = salesApp({ shows: { ask: (showId, message) => node.ask(showId, message) } });
  office.organisers.set(SHOW_ID, ORGANISER);
  const send = await office.as(ORGANISER, 'organiser');
  const { signer } = office.ticketKeys;
  const codeOf = (number: number): string => ticketCode(soldTicket(number), signer);
  let keys = 0;
  const admit = (body: object, key = `key-${++keys}`) =>
    send('POST', `/v1/shows/${SHOW_ID}/admissions`, body, { 'idempotency-key': key });
  const upload = async (gate: string, ...scans: readonly (readonly [number: number, at: number])[]) => {
    const body = { gate, scans: scans.map(([number, at]) => ({ code: codeOf(number), at: rfc3339(at) })) };
    const reply = await send('POST', `/v1/shows/${SHOW_ID}/scans`, body);
    expect(reply.statusCode).toBe(200);
    return reply.json().scans.map(({ result }: { result: string }) => result);
  };
  const undo = (number: number, query = '') =>
    send('DELETE', `/v1/shows/${SHOW_ID}/admissions/${soldTicket(number)}${query}`);
  const list = async (query = '') => (await send('GET', `/v1/shows/${SHOW_ID}/admissions${query}`)).json();
  return { node, office, send, signer, codeOf, admit, upload, undo, list };
}

describe('an admission', () => {
  test('is told once, with seat, time and gate; again only under its own key', async () => {
    const { admit, codeOf } = await openDoors();
    const body = { code: codeOf(1), gate: 'North' };
    const first = await admit(body, 'mine');
    expect([first.statusCode, first.json()]).toMatchObject([
      200,
      { ticketId: soldTicket(1), showId: SHOW_ID, admittedAt: rfc3339(NOW), gate: 'North', seat: { category: 'A' } },
    ]);
    const again = await admit(body, 'mine');
    expect([again.statusCode, again.headers['idempotency-replayed'], again.json()]).toEqual([
      200,
      'true',
      first.json(),
    ]);
    const other = await admit({ code: codeOf(1), gate: 'South' });
    expect([other.statusCode, other.json()]).toMatchObject([
      409,
      { code: 'ALREADY_ADMITTED', ticketId: soldTicket(1), admittedAt: rfc3339(NOW), gate: 'North' },
    ]);
    expect((await admit({ ...body, gate: 'East' }, 'mine')).json()).toMatchObject({ code: 'IDEMPOTENCY_KEY_REUSED' });
  });

  test('is refused in so many words for what is no code, another show’s, a void ticket or a time that cannot be', async () => {
    const { admit, codeOf, signer, node } = await openDoors();
    const foreign = ticketCode(scopedId('tkt', ON_SALE_AT, OTHER_SHOW, 1), signer);
    const forged = ticketCode(soldTicket(1), ticketKeysInMemory().signer);
    await node.ask(SHOW_ID, { type: 'dispute', order: 1, dispute: 'dp_1', status: 'open' });
    const suspended = await admit({ code: codeOf(2) });
    expect([suspended.statusCode, suspended.json()]).toMatchObject([
      409,
      { code: 'TICKET_NOT_VALID', ticketStatus: 'suspended' },
    ]);
    await node.ask(SHOW_ID, { type: 'dispute', order: 1, dispute: 'dp_1', status: 'won' });
    const cases = [
      [{ code: 'nonsense' }, 422, { code: 'CODE_INVALID' }],
      [{ code: forged }, 422, { code: 'CODE_INVALID' }],
      [{ code: foreign }, 422, { code: 'CODE_OF_ANOTHER_SHOW', showId: OTHER_SHOW }],
      [{ code: codeOf(9) }, 404, { code: 'NOT_FOUND' }],
      [{ code: codeOf(1), at: rfc3339(NOW + 121_000) }, 422, { code: 'SCAN_TIME_INVALID' }],
      [{ code: codeOf(1), at: rfc3339(ON_SALE_AT - 1) }, 422, { code: 'SCAN_TIME_INVALID' }],
    ] as const;
    for (const [body, status, problem] of cases) {
      const reply = await admit(body);
      expect([reply.statusCode, reply.json()]).toMatchObject([status, problem]);
    }
  });

  test('makes the ticket used, for its holder without when and where; an undo makes it valid again', async () => {
    const { admit, codeOf, undo, office, send } = await openDoors();
    await admit({ code: codeOf(1), gate: 'North' });
    const holder = await office.as(userOf(1), 'buyer');
    const path = `/v1/tickets/${soldTicket(1)}`;
    const own = (await holder('GET', path)).json();
    expect(own).toMatchObject({ status: 'used' });
    expect(own).not.toHaveProperty('gate');
    expect(own).not.toHaveProperty('code');
    expect((await send('GET', path)).json()).toMatchObject({ status: 'used', admittedAt: rfc3339(NOW), gate: 'North' });
    const undone = await undo(1);
    expect([undone.statusCode, undone.json()]).toMatchObject([
      200,
      { ticketStatus: 'valid', entries: [{ at: rfc3339(NOW), gate: 'North', kind: 'undone' }] },
    ]);
    expect((await holder('GET', path)).json()).toMatchObject({ status: 'valid', code: codeOf(1) });
    expect((await admit({ code: codeOf(1) })).statusCode).toBe(200);
  });

  test('that an undo names is taken back, and no other: the undo can be repeated', async () => {
    const { admit, codeOf, undo } = await openDoors();
    const first = (await admit({ code: codeOf(1) })).json().admittedAt;
    await undo(1, `?admittedAt=${first}`);
    const second = (await admit({ code: codeOf(1) })).json().admittedAt;
    expect((await undo(1, `?admittedAt=${first}`)).json()).toMatchObject({ ticketStatus: 'used', admittedAt: second });
    expect((await undo(1, '?admittedAt=now')).json()).toMatchObject({ code: 'BODY_INVALID' });
    expect((await undo(9)).json()).toMatchObject({ code: 'NOT_FOUND' });
  });

  test('is for the organiser of the show and admins', async () => {
    const { office, codeOf } = await openDoors();
    const attempts = [
      ['POST', '/admissions', { code: codeOf(1) }],
      ['GET', '/admissions'],
      ['DELETE', `/admissions/${soldTicket(1)}`],
      ['POST', '/scans', { gate: 'North', scans: [{ code: codeOf(1), at: rfc3339(NOW) }] }],
      ['GET', '/voided'],
    ] as const;
    const users = [
      [await office.as(userOf(1), 'buyer'), 403],
      [await office.as(userOf(91), 'organiser'), 404],
      [await office.as(userOf(92), 'admin'), 200],
    ] as const;
    for (const [send, status] of users) {
      for (const [method, path, body] of attempts) {
        const reply = await send(method, `/v1/shows/${SHOW_ID}${path}`, body, { 'idempotency-key': 'k' });
        expect([method, path, reply.statusCode]).toEqual([method, path, status]);
      }
    }
  });
});

describe('scans of gates that were offline', () => {
  test('are merged by their times: the earliest admits, the others are double entries, whoever was told first', async () => {
    const { admit, upload, list, codeOf } = await openDoors();
    await admit({ code: codeOf(1), gate: 'North' });
    expect(await upload('South', [1, NOW - 60_000], [2, NOW - 50_000])).toEqual(['admission', 'admission']);
    expect(await upload('East', [2, NOW - 40_000], [2, NOW - 40_000], [3, NOW - 1])).toEqual([
      'double',
      'double',
      'admission',
    ]);
    const { items, total, counts } = await list('?double=true');
    expect([total, counts]).toEqual([2, { valid: 3, admitted: 3, double: 2, void: 0 }]);
    expect(items[0]).toMatchObject({
      ticketId: soldTicket(1),
      admittedAt: rfc3339(NOW - 60_000),
      gate: 'South',
      entries: [
        { at: rfc3339(NOW - 60_000), gate: 'South', kind: 'admission' },
        { at: rfc3339(NOW), gate: 'North', kind: 'double' },
      ],
    });
    expect((await admit({ code: codeOf(3) })).json()).toMatchObject({ code: 'ALREADY_ADMITTED', gate: 'East' });
    expect(await list('?limit=1&offset=2')).toMatchObject({ total: 3, items: [{ ticketId: soldTicket(3) }] });
  });

  test('are one scan however often they are uploaded, also if the gate has asked for it at the time', async () => {
    const { admit, upload, list, codeOf } = await openDoors();
    await admit({ code: codeOf(1), gate: 'North', at: rfc3339(NOW - 5) });
    for (let i = 0; i < 3; i++) expect(await upload('North', [1, NOW - 5])).toEqual(['admission']);
    expect((await list()).items[0].entries).toHaveLength(1);
  });

  test('of tickets that were void are named, and of those refunded later are not', async () => {
    const { node, upload, list } = await openDoors();
    const once = { id: 'A'.repeat(22), fingerprint: 1 };
    const refund = { type: 'refund', once, order: 1, at: ON_SALE_AT, tickets: [1, 2], reason: 'rain' } as const;
    expect((await node.ask(SHOW_ID, refund)).ok).toBe(true);
    node.wait(1_000);
    expect(await upload('South', [1, NOW - 1], [2, NOW + 1])).toEqual(['admission', 'void']);
    expect(await list('?void=true')).toMatchObject({
      items: [{ ticketId: soldTicket(2), ticketStatus: 'refunded', entries: [{ kind: 'void' }] }],
      counts: { valid: 1, admitted: 1, void: 1 },
    });
  });

  test('that cannot be are told one by one, in their order', async () => {
    const { send, signer, codeOf } = await openDoors();
    const foreign = ticketCode(scopedId('tkt', ON_SALE_AT, OTHER_SHOW, 1), signer);
    const scans = [
      { code: 'nonsense', at: rfc3339(NOW) },
      { code: codeOf(1), at: rfc3339(NOW) },
      { code: foreign, at: rfc3339(NOW) },
      { code: codeOf(2), at: rfc3339(NOW + 200_000) },
      { code: codeOf(9), at: rfc3339(NOW) },
    ];
    const reply = await send('POST', `/v1/shows/${SHOW_ID}/scans`, { gate: 'North', scans });
    const { scans: told } = reply.json();
    expect(told.map(({ result }: { result: string }) => result)).toEqual([
      'code_invalid',
      'admission',
      'another_show',
      'bad_time',
      'unknown',
    ]);
    expect(told[1]).toMatchObject({ ticketId: soldTicket(1), at: rfc3339(NOW) });
  });
});

describe('the list of voided tickets', () => {
  test('is signed by a published key, has what is not valid, and one tag as long as that stays', async () => {
    const { send, node, office, admit, codeOf } = await openDoors();
    const path = `/v1/shows/${SHOW_ID}/voided`;
    const keys = createLocalJWKSet((await office.app.inject('/.well-known/usher-keys.json')).json());
    const read = async () => {
      const reply = await send('GET', path);
      expect(reply.headers['content-type']).toBe('application/jose');
      const { payload, protectedHeader } = await compactVerify(reply.body, keys, { algorithms: ['EdDSA'] });
      expect(protectedHeader).toMatchObject({ typ: VOIDED_TYPE, kid: office.ticketKeys.signer.kid });
      return { tag: reply.headers.etag, list: JSON.parse(new TextDecoder().decode(payload)) };
    };
    const before = await read();
    expect(before.list).toMatchObject({ show: SHOW_ID, voided: [] });
    await admit({ code: codeOf(3) });
    const same = await send('GET', path, undefined, { 'if-none-match': before.tag });
    expect([same.statusCode, same.body]).toEqual([304, '']);
    const once = { id: 'B'.repeat(22), fingerprint: 1 };
    await node.ask(SHOW_ID, { type: 'refund', once, order: 1, at: ON_SALE_AT, tickets: [2], reason: 'rain' });
    const after = await read();
    expect(after.list.voided).toEqual([2]);
    expect(after.list.version).toBeGreaterThan(before.list.version);
    expect(after.tag).not.toBe(before.tag);
  });

  test('is all that the gate of the examples needs, beside the keys, to tell who may come in', async () => {
    const { send, node, office, codeOf, signer } = await openDoors();
    const once = { id: 'B'.repeat(22), fingerprint: 1 };
    await node.ask(SHOW_ID, { type: 'refund', once, order: 1, at: ON_SALE_AT, tickets: [2], reason: 'rain' });
    const directory = temporaryDirectory();
    const [keys, voided] = [join(directory, 'keys.json'), join(directory, 'voided.jws')];
    await writeFile(keys, (await office.app.inject('/.well-known/usher-keys.json')).body);
    await writeFile(voided, (await send('GET', `/v1/shows/${SHOW_ID}/voided`)).body);
    const tell = (code: string): Promise<string> =>
      new Promise((resolve) => execFile(process.execPath, [GATE, keys, voided, code], (_, stdout) => resolve(stdout)));
    const foreign = ticketCode(scopedId('tkt', ON_SALE_AT, OTHER_SHOW, 1), signer);
    // A letter in the midst of the signature.
    const right = codeOf(1);
    const forged = `${right.slice(0, 60)}${right[60] === 'A' ? 'B' : 'A'}${right.slice(61)}`;
    const told = await Promise.all([codeOf(1), codeOf(2), foreign, forged, 'nonsense'].map(tell));
    expect(told).toEqual([
      expect.stringMatching(/^YES: ticket 1\./),
      'NO: ticket 2 is not valid any more\n',
      `NO: a ticket for another show, ${OTHER_SHOW}\n`,
      'NO: a forged ticket\n',
      'NO: this is no ticket\n',
    ]);
  });
});
