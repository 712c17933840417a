/*
 * Usher counts in the minor units of ISO 4217, Stripe in its own. Sources, all of docs.stripe.com/currencies: «Supported
 * presentment currencies», «Zero-decimal currencies», «Three-decimal currencies», «Special cases» and «Minimum and maximum
 * charge amounts»; for ISK also support.stripe.com/questions/deprecation-of-fractional-isk-charges-and-refunds.
 */

const setOf = (codes: string): ReadonlySet<string> => new Set(codes.trim().split(/\s+/));

/** ISO 4217: no minor unit. */
const ISO_WHOLE = setOf('BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX VND VUV XAF XOF XPF');
/** ISO 4217: a thousand to the unit; as far as Stripe takes them, Stripe's three-decimal currencies too. */
const THOUSANDTHS = setOf('BHD JOD KWD OMR TND');
/** «Zero-decimal»: an amount of 500 is 500 units. UGX is in that list too, but the special cases say otherwise. */
const STRIPE_WHOLE = setOf('BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF');
/** «Special cases»: without decimals, but told with two, which must be 00. */
const TOLD_WITH_HUNDREDTHS = setOf('ISK UGX');
/** All others that Stripe takes. */
const HUNDREDTHS = setOf(`
  AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BRL BSD BWP BYN BZD CAD CDF CHF CNY COP CRC CVE CZK DKK
  DOP DZD EGP ETB EUR FJD FKP GBP GEL GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS INR JMD KES KGS KHR KYD KZT LAK LBP LKR LRD
  LSL MAD MDL MKD MMK MNT MOP MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR
  SBD SCR SEK SGD SHP SLE SOS SRD STD SZL THB TJS TOP TRY TTD TWD TZS UAH USD UYU UZS WST XCD YER ZAR ZMW`);

/** Stripe's units. Of currencies that are not here Stripe asks for what is worth half a dollar that day. */
const MINIMUM: Readonly<Record<string, number>> = {
  AED: 200,
  AUD: 50,
  BRL: 50,
  CAD: 50,
  CHF: 50,
  CZK: 1_500,
  DKK: 250,
  EUR: 50,
  GBP: 30,
  HKD: 400,
  HUF: 17_500,
  INR: 50,
  JPY: 50,
  MXN: 1_000,
  MYR: 200,
  NOK: 300,
  NZD: 50,
  PLN: 200,
  RON: 200,
  SEK: 300,
  SGD: 50,
  THB: 1_000,
  USD: 50,
};

/** Stripe's units: «up to eight digits» (docs.stripe.com/api/payment_intents/create). */
const MAXIMUM = 99_999_999;

const isoDecimals = (currency: string): number => (ISO_WHOLE.has(currency) ? 0 : THOUSANDTHS.has(currency) ? 3 : 2);
const stripeDecimals = (currency: string): number =>
  STRIPE_WHOLE.has(currency) ? 0 : THOUSANDTHS.has(currency) ? 3 : 2;

function isTaken(currency: string): boolean {
  return [HUNDREDTHS, STRIPE_WHOLE, THOUSANDTHS, TOLD_WITH_HUNDREDTHS].some((set) => set.has(currency));
}

/** Amounts in Usher's units have to be multiples of this. */
function step(currency: string): number {
  if (THOUSANDTHS.has(currency)) return 10;
  return 10 ** Math.max(0, isoDecimals(currency) - stripeDecimals(currency));
}

/** An amount in Stripe's units. Right only where {@link stripeAmountFault} finds nothing. */
export function toStripe(amount: number, currency: string): number {
  const shift = stripeDecimals(currency) - isoDecimals(currency);
  return shift >= 0 ? amount * 10 ** shift : amount / 10 ** -shift;
}

/**
 * An amount that Stripe tells of, in ISO's minor units.
 * @param currency in capitals
 * @throws Error if it is no whole number of them
 */
export function fromStripe(amount: number, currency: string): number {
  const shift = isoDecimals(currency) - stripeDecimals(currency);
  const ours = shift >= 0 ? amount * 10 ** shift : amount / 10 ** -shift;
  if (!Number.isSafeInteger(ours)) throw new Error(`Stripe tells of ${amount} ${currency}, which is no whole amount`);
  return ours;
}

/**
 * Why Stripe takes no payment of this amount, for a person; null if it does, as far as its documentation tells.
 * @param amount ISO's minor units
 */
export function stripeAmountFault(amount: number, currency: string): string | null {
  if (!isTaken(currency)) return `Stripe takes no payments in ${currency}`;
  if (amount % step(currency) !== 0) {
    return `must be a multiple of ${step(currency)}: Stripe takes no finer amounts in ${currency}`;
  }
  const told = toStripe(amount, currency);
  const minimum = MINIMUM[currency] ?? 1;
  if (told < minimum) return `must be at least ${fromStripe(minimum, currency)}: Stripe takes no less in ${currency}`;
  if (told > MAXIMUM) {
    return `must be at most ${Math.floor(fromMaximum(currency))}: Stripe takes no more in ${currency}`;
  }
  return null;
}

const fromMaximum = (currency: string): number => MAXIMUM * 10 ** (isoDecimals(currency) - stripeDecimals(currency));
