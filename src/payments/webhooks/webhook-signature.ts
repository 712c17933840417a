import { isUtf8 } from 'node:buffer';
import Stripe from 'stripe';

/** How far the time in a signature may be from now, either way; Stripe signs anew whenever it sends an event again. */
export const SIGNATURE_TOLERANCE_MS = 5 * 60_000;

/**
 * What the body says, if the provider has signed these bytes just now; throws if not.
 * @param header of `Stripe-Signature`
 * @param now ms since the epoch
 */
export type VerifyWebhook = (body: Uint8Array, header: string, now: number) => unknown;

const TIME = /(?:^|,)t=([^,]*)/g;

/** @param secret of the endpoint, `whsec_…`; while it is being rotated Stripe signs with the old one and the new one */
export function stripeSignature(secret: string): VerifyWebhook {
  return (body, header, now) => {
    // Decoded by `stripe` other bytes than those that were signed could pass for them.
    if (!isUtf8(body)) throw new Error('the body is not UTF-8');
    const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString();
    const times = [...header.matchAll(TIME)].map(([, digits]) => digits);
    if (times.length !== 1 || !/^\d{1,12}$/.test(times[0])) throw new Error('the signature has not one time');
    // `stripe` looks only at how old a signature is.
    if (Number(times[0]) * 1_000 > now + SIGNATURE_TOLERANCE_MS) throw new Error('the signature is from the future');
    const toleranceSeconds = SIGNATURE_TOLERANCE_MS / 1_000;
    return Stripe.webhooks.constructEvent(text, header, secret, toleranceSeconds, undefined, now);
  };
}
