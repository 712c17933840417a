import { createHash } from 'node:crypto';
import { CompactSign } from 'jose';
import type { CodeSigner } from './codes.ts';

/** The `typ` of the list: nothing else that a key of ours signs has it. */
export const VOIDED_TYPE = 'usher-voided+jws';

/** What gates that are offline have to know beside the keys: with which signed codes nobody is let in. */
export interface VoidedList {
  readonly show: string;
  /** Grows with what happens in the show: of two lists, the one of the higher version is the newer. */
  readonly version: number;
  /** Seconds since the epoch. */
  readonly iat: number;
  /** Ticket numbers, as codes have them, ascending. */
  readonly voided: readonly number[];
}

/** The list as a compact JWS (EdDSA), signed by the key that signs codes. */
export function signVoidedList(list: VoidedList, signer: CodeSigner): Promise<string> {
  return new CompactSign(new TextEncoder().encode(JSON.stringify(list)))
    .setProtectedHeader({ alg: 'EdDSA', kid: signer.kid, typ: VOIDED_TYPE })
    .sign(signer.privateKey);
}

/** An entity tag that stays as long as the same tickets are void and the same key signs. */
export function voidedTag(list: Pick<VoidedList, 'show' | 'voided'>, kid: string): string {
  const content = createHash('sha256').update(`${kid}\n${list.show}\n${list.voided.join()}`).digest('base64url');
  return `"${content.slice(0, 27)}"`;
}
