import { invalid } from './errors.ts';

// From docs.stripe.com/currencies: «Supported presentment currencies», «Zero-decimal currencies», «Three-decimal
// currencies» and «Minimum and maximum charge amounts».

const ZERO_DECIMAL = new Set('bif clp djf gnf jpy kmf krw mga pyg rwf ugx vnd vuv xaf xof xpf'.split(' '));

const THREE_DECIMAL = new Set('bhd jod kwd omr tnd'.split(' '));

const TWO_DECIMAL = new Set(
  `aed afn all amd ang aoa ars aud awg azn bam bbd bdt bmd bnd bob brl bsd bwp byn bzd cad cdf chf cny cop crc cve czk dkk
  dop dzd egp etb eur fjd fkp gbp gel gip gmd gtq gyd hkd hnl htg huf idr ils inr isk jmd kes kgs khr kyd kzt lak lbp lkr
  lrd lsl mad mdl mkd mmk mnt mop mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd pab pen pgk php pkr pln qar ron rsd rub
  sar sbd scr sek sgd shp sle sos srd std szl thb tjs top try ttd twd tzs uah usd uyu uzs wst xcd yer zar zmw`.split(
    /\s+/,
  ),
);

/**
 * As if everything were settled in the currency of its payment: Stripe's minimum is that of the settlement. Of currencies
 * that are not here Stripe asks for what is worth half a dollar; the stand-in asks for nothing.
 */
const MINIMUM: Readonly<Record<string, number>> = {
  aed: 200,
  aud: 50,
  brl: 50,
  cad: 50,
  chf: 50,
  czk: 1500,
  dkk: 250,
  eur: 50,
  gbp: 30,
  hkd: 400,
  huf: 17_500,
  inr: 50,
  jpy: 50,
  mxn: 1000,
  myr: 200,
  nok: 300,
  nzd: 50,
  pln: 200,
  ron: 200,
  sek: 300,
  sgd: 50,
  thb: 1000,
  usd: 50,
};

/** «Eight digits» for every currency. */
const MAXIMUM = 99_999_999;

export function checkCurrency(currency: string): void {
  if (!TWO_DECIMAL.has(currency) && !ZERO_DECIMAL.has(currency) && !THREE_DECIMAL.has(currency)) {
    throw invalid(`Invalid currency: ${currency}.`, 'currency');
  }
}

/** Whether an amount to pay is one that can be charged. */
export function checkCharge(amount: number, currency: string): void {
  const minimum = MINIMUM[currency] ?? 1;
  if (amount < minimum) {
    throw invalid(`Amount must be at least ${minimum} ${currency}`, 'amount', 'amount_too_small');
  }
  if (amount > MAXIMUM)
    throw invalid(`Amount must be no more than ${MAXIMUM} ${currency}`, 'amount', 'amount_too_large');
  checkDigits(amount, currency, 'amount');
}

/** Three-decimal currencies: «the least-significant (last) digit» must be 0. */
export function checkDigits(amount: number, currency: string, param: string): void {
  if (THREE_DECIMAL.has(currency) && amount % 10 !== 0) {
    throw invalid(`Amounts in ${currency} must be rounded to the nearest ten.`, param, 'parameter_invalid_integer');
  }
}
