/**
 * A gate that is offline: says whether a code lets in, from files alone and with nothing but Node (24 or later).
 *
 *     node examples/gate.ts keys.json voided.jws CODE
 *
 * `keys.json` is `GET /.well-known/usher-keys.json`, `voided.jws` is `GET /v1/shows/{id}/voided`; fetch both before the
 * doors open, and again whenever there is a network. See docs/doors.md.
 */
import { createPublicKey, type KeyObject, verify } from 'node:crypto';
import { readFileSync } from 'node:fs';

const [keysFile, voidedFile, code] = process.argv.slice(2);
if (code === undefined) {
  console.error('usage: node examples/gate.ts keys.json voided.jws CODE');
  process.exit(2);
}

const { keys } = JSON.parse(readFileSync(keysFile, 'utf8')) as { keys: { kid: string; x: string }[] };

function keyOf(kid: string): KeyObject {
  const jwk = keys.find((key) => key.kid === kid);
  if (jwk === undefined) refuse('signed by a key that is not published: fetch the keys anew');
  return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: jwk.x }, format: 'jwk' });
}

function refuse(why: string): never {
  console.log(`NO: ${why}`);
  process.exit(1);
}

// The list, a compact JWS: header.payload.signature.
const [header, payload, signature] = readFileSync(voidedFile, 'utf8').trim().split('.');
const { alg, kid, typ } = JSON.parse(Buffer.from(header, 'base64url').toString());
if (alg !== 'EdDSA' || typ !== 'usher-voided+jws') refuse('the list is not one of voided tickets');
if (!verify(null, Buffer.from(`${header}.${payload}`), keyOf(kid), Buffer.from(signature, 'base64url')))
  refuse('the list is not signed by us');
const list = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { show: string; voided: number[] };

// The code: version, key id, the ticket's time, the show, the ticket's number, signature.
const bytes = Buffer.from(code, 'base64url');
if (bytes.length !== 100 || bytes[0] !== 1 || bytes.toString('base64url') !== code) refuse('this is no ticket');
const signed = Buffer.concat([Buffer.from('usher-ticket'), bytes.subarray(0, 36)]);
if (!verify(null, signed, keyOf(bytes.toString('base64url', 1, 9)), bytes.subarray(36))) refuse('a forged ticket');

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
let show = '';
for (let bits = BigInt(`0x${bytes.toString('hex', 15, 31)}`), i = 0; i < 26; i++, bits >>= 5n)
  show = ALPHABET[Number(bits & 31n)] + show;
if (`shw_${show}` !== list.show) refuse(`a ticket for another show, shw_${show}`);
const ticket = bytes.readUIntBE(31, 5);
if (list.voided.includes(ticket)) refuse(`ticket ${ticket} is not valid any more`);
console.log(`YES: ticket ${ticket}. Note the code and the time, to upload them later.`);
