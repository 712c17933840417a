import { createHash, type KeyObject, sign, verify } from 'node:crypto';
import { idFromWords, idWords, parseScopedId, scopedId } from '../ids.ts';

/*
 * A ticket code is 134 characters of base64url: 100 bytes, small enough for a QR code that a phone reads at once.
 *
 *   bytes    0       version, 1
 *            1 … 8   key id: the start of the SHA-256 of the public key
 *            9 … 14  the ticket id's time, ms since the epoch
 *           15 … 30  the show id's 128 bits
 *           31 … 35  the ticket's number in its show
 *           36 … 99  Ed25519 signature over "usher-ticket" and bytes 0 … 35
 *
 * A gate checks it offline with the keys of `/.well-known/usher-keys.json`. Ed25519 is deterministic: the same ticket
 * and key always give the same code, so codes are computed when read and kept nowhere.
 */
const VERSION = 1;
const KEY_ID_AT = 1;
const KEY_ID_LENGTH = 8;
const TIME_AT = 9;
const SHOW_AT = 15;
const NUMBER_AT = 31;
const PAYLOAD_LENGTH = 36;
const CODE_LENGTH = PAYLOAD_LENGTH + 64;
/** Keeps the key from signing anything that another use of it could mistake for its own. */
const CONTEXT = Buffer.from('usher-ticket');

/** A key that signs codes. */
export interface CodeSigner {
  readonly kid: string;
  readonly privateKey: KeyObject;
}

export interface VerifiedCode {
  readonly ticketId: string;
  readonly showId: string;
  readonly kid: string;
}

/** A code taken apart, its signature not yet verified. */
interface ReadCode extends VerifiedCode {
  readonly signed: Buffer;
  readonly signature: Buffer;
}

/** The key id of an Ed25519 public key, from its 32 raw bytes: 11 characters of base64url. */
export function keyIdOf(rawPublicKey: Uint8Array): string {
  return createHash('sha256').update(rawPublicKey).digest().subarray(0, KEY_ID_LENGTH).toString('base64url');
}

/** The signed code of a ticket (a `tkt_` id). */
export function ticketCode(ticketId: string, signer: CodeSigner): string {
  const id = parseScopedId('tkt', ticketId);
  if (id === null) throw new Error(`not a ticket id: ${ticketId}`);
  const bytes = Buffer.alloc(CODE_LENGTH);
  bytes[0] = VERSION;
  bytes.write(signer.kid, KEY_ID_AT, KEY_ID_LENGTH, 'base64url');
  bytes.writeUIntBE(id.at, TIME_AT, 6);
  const words = new Uint32Array(4);
  idWords(id.showId, words, 0);
  for (let i = 0; i < 4; i++) bytes.writeUInt32BE(words[i], SHOW_AT + 4 * i);
  bytes.writeUIntBE(id.number, NUMBER_AT, 5);
  const signature = sign(null, Buffer.concat([CONTEXT, bytes.subarray(0, PAYLOAD_LENGTH)]), signer.privateKey);
  signature.copy(bytes, PAYLOAD_LENGTH);
  return bytes.toString('base64url');
}

/**
 * What a code says, if one of our keys signed it; else `null`. That the ticket is still valid, only its show knows.
 * @param publicKeyOf the public key of a key id, or undefined
 */
export function verifyCode(code: string, publicKeyOf: (kid: string) => KeyObject | undefined): VerifiedCode | null {
  const read = readCode(code);
  if (read === null) return null;
  const key = publicKeyOf(read.kid);
  if (key === undefined || !verify(null, read.signed, key, read.signature)) return null;
  return told(read);
}

/** The same beside the event loop, for the doors: a batch of codes must not hold anybody up. */
export async function proveCode(
  code: string,
  publicKeyOf: (kid: string) => Promise<KeyObject | undefined>,
): Promise<VerifiedCode | null> {
  const read = readCode(code);
  if (read === null) return null;
  const key = await publicKeyOf(read.kid);
  if (key === undefined) return null;
  const isOurs = await new Promise<boolean>((resolve, reject) => {
    verify(null, read.signed, key, read.signature, (error, result) => {
      if (error === null) resolve(result);
      else reject(error);
    });
  });
  return isOurs ? told(read) : null;
}

function told({ ticketId, showId, kid }: ReadCode): VerifiedCode {
  return { ticketId, showId, kid };
}

/** What a text of the form of a code says, or `null` if it has another form. */
function readCode(code: string): ReadCode | null {
  const bytes = Buffer.from(code, 'base64url');
  // The decoder skips what is no base64url; a code has one spelling only.
  if (bytes.length !== CODE_LENGTH || bytes[0] !== VERSION || bytes.toString('base64url') !== code) return null;
  const kid = bytes.toString('base64url', KEY_ID_AT, KEY_ID_AT + KEY_ID_LENGTH);
  const words = new Uint32Array(4);
  for (let i = 0; i < 4; i++) words[i] = bytes.readUInt32BE(SHOW_AT + 4 * i);
  const showId = idFromWords('shw', words, 0);
  return {
    kid,
    showId,
    ticketId: scopedId('tkt', bytes.readUIntBE(TIME_AT, 6), showId, bytes.readUIntBE(NUMBER_AT, 5)),
    signed: Buffer.concat([CONTEXT, bytes.subarray(0, PAYLOAD_LENGTH)]),
    signature: bytes.subarray(PAYLOAD_LENGTH),
  };
}
