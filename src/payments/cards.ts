/** What a sandbox card does. */
export type CardBehaviour = 'authorise' | 'decline' | 'challenge' | 'fail_capture';

const TEST_CARDS: ReadonlyMap<string, CardBehaviour> = new Map([
  ['4242424242424242', 'authorise'],
  ['4000000000000002', 'decline'],
  ['4000000000003220', 'challenge'],
  ['4000000000000341', 'fail_capture'],
]);

/** Whether `text` is 12 to 19 digits that pass the Luhn check. */
export function isCardNumber(text: string): boolean {
  if (!/^[0-9]{12,19}$/.test(text)) return false;
  let sum = 0;
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(text.length - 1 - i) - 48;
    const doubled = i % 2 === 1 ? digit * 2 : digit;
    sum += doubled > 9 ? doubled - 9 : doubled;
  }
  return sum % 10 === 0;
}

/** How the sandbox treats a card; a valid number that is no test card authorises. */
export function behaviourOf(card: string): CardBehaviour {
  return TEST_CARDS.get(card) ?? 'authorise';
}
