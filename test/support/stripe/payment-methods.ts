/** What a test payment method does when it pays. */
export type Behaviour =
  /** The money is authorised, and captured at once or later. */
  | { readonly does: 'authorise'; readonly later?: 'dispute' | 'refund-fails' | 'refund-pends' }
  | { readonly does: 'decline'; readonly declineCode: string }
  /** The buyer has to pass a challenge, or goes to her bank and comes back. */
  | { readonly does: 'challenge' }
  /** It takes days until it is known whether the money came. */
  | { readonly does: 'delay'; readonly outcome: 'succeed' | 'fail' };

export interface TestMethod {
  readonly id: string;
  readonly type: MethodType;
  readonly behaviour: Behaviour;
}

export interface MethodKind {
  readonly capturesManually: boolean;
  /** It sends the buyer away, so that a way back is needed. */
  readonly redirects: boolean;
  /** Bound to this currency. */
  readonly currency?: string;
}

/** Some of docs.stripe.com/payments/payment-methods/payment-method-support: one of each sort. */
export const METHOD_KINDS = {
  card: { capturesManually: true, redirects: false },
  bancontact: { capturesManually: false, redirects: true, currency: 'eur' },
  ideal: { capturesManually: false, redirects: true, currency: 'eur' },
  sepa_debit: { capturesManually: false, redirects: false, currency: 'eur' },
  us_bank_account: { capturesManually: false, redirects: false, currency: 'usd' },
} as const satisfies Record<string, MethodKind>;

export type MethodType = keyof typeof METHOD_KINDS;

export const METHOD_TYPES = Object.keys(METHOD_KINDS) as MethodType[];

export const kindOf = (type: MethodType): MethodKind => METHOD_KINDS[type];

const AUTHORISES: Behaviour = { does: 'authorise' };

// docs.stripe.com/testing, and the testing sections of docs.stripe.com/payments/{sepa-debit,ach-direct-debit,ideal}.
const PUBLISHED: readonly (readonly [string, MethodType, Behaviour])[] = [
  ['pm_card_visa', 'card', AUTHORISES],
  ['pm_card_mastercard', 'card', AUTHORISES],
  ['pm_card_amex', 'card', AUTHORISES],
  ['pm_card_chargeDeclined', 'card', { does: 'decline', declineCode: 'generic_decline' }],
  ['pm_card_visa_chargeDeclined', 'card', { does: 'decline', declineCode: 'generic_decline' }],
  ['pm_card_chargeDeclinedInsufficientFunds', 'card', { does: 'decline', declineCode: 'insufficient_funds' }],
  ['pm_card_visa_chargeDeclinedInsufficientFunds', 'card', { does: 'decline', declineCode: 'insufficient_funds' }],
  ['pm_card_authenticationRequired', 'card', { does: 'challenge' }],
  ['pm_card_createDispute', 'card', { does: 'authorise', later: 'dispute' }],
  ['pm_card_refundFail', 'card', { does: 'authorise', later: 'refund-fails' }],
  ['pm_card_pendingRefund', 'card', { does: 'authorise', later: 'refund-pends' }],
  ['pm_success_de', 'sepa_debit', { does: 'delay', outcome: 'succeed' }],
  ['pm_failed_de', 'sepa_debit', { does: 'delay', outcome: 'fail' }],
  ['pm_usBankAccount_success', 'us_bank_account', { does: 'delay', outcome: 'succeed' }],
  ['pm_usBankAccount_insufficientFunds', 'us_bank_account', { does: 'delay', outcome: 'fail' }],
];

// Ours: Stripe has no fixed payment methods for redirects, where the buyer picks on a test page.
const OURS: readonly (readonly [string, MethodType, Behaviour])[] = [
  ['pm_ideal', 'ideal', { does: 'challenge' }],
  ['pm_bancontact', 'bancontact', { does: 'challenge' }],
  // As if the buyer had already been to her bank: the money is there at once.
  ['pm_ideal_authorised', 'ideal', AUTHORISES],
  ['pm_bancontact_authorised', 'bancontact', AUTHORISES],
];

const METHODS: ReadonlyMap<string, TestMethod> = new Map(
  [...PUBLISHED, ...OURS].map(([id, type, behaviour]) => [id, { id, type, behaviour }]),
);

export const methodOf = (id: string): TestMethod | undefined => METHODS.get(id);

/** What `payment_method_data[type]` stands for: the usual course of such a method. */
export const methodOfType: Readonly<Record<MethodType, string>> = {
  card: 'pm_card_visa',
  bancontact: 'pm_bancontact',
  ideal: 'pm_ideal',
  sepa_debit: 'pm_success_de',
  us_bank_account: 'pm_usBankAccount_success',
};
