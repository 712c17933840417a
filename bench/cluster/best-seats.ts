/** What a request for a seat came to, as a buyer sees it. */
export interface Seen {
  readonly show: string;
  /** `performance.now()`. */
  readonly sentAt: number;
  readonly endedAt: number;
  /** Status, and code where there is one; `lost` when the connection broke or no answer came. */
  readonly outcome: string;
}

export const HELD = '201';
export const LOST = 'lost';

/** Whether the server failed its buyer: a refusal that the seats do not explain, or no answer at all. */
export function isFailure(outcome: string): boolean {
  return outcome === LOST || outcome.startsWith('5');
}

/** Outcomes after which a seat may be held although nobody was told. */
function isOpen(outcome: string): boolean {
  return outcome === LOST || outcome.includes('OUTCOME_UNKNOWN') || outcome.startsWith('500');
}

const BODY = JSON.stringify({ best: { quantity: 1 } });

/** Asks for the best seat, each time as a buyer who has asked nothing of that show before, and keeps the books. */
export class BestSeats {
  readonly #tokens: readonly string[];
  readonly #asked = new Map<string, number>();
  readonly #held = new Map<string, number>();
  readonly #open = new Map<string, number>();

  /** @param tokens one a buyer; no show is asked for more seats than there are buyers. */
  constructor(tokens: readonly string[]) {
    this.#tokens = tokens;
  }

  /** The next request to a show, as HTTP, and the token of the buyer who sends it. */
  request(show: string): { readonly text: string; readonly token: string } {
    const buyer = this.#asked.get(show) ?? 0;
    if (buyer >= this.#tokens.length) throw new Error(`all ${buyer} buyers have asked for a seat of ${show}`);
    this.#asked.set(show, buyer + 1);
    const token = this.#tokens[buyer];
    const text =
      `POST /v1/shows/${show}/holds HTTP/1.1\r\nHost: 127.0.0.1\r\nIdempotency-Key: best-${buyer}\r\n` +
      `Authorization: Bearer ${token}\r\nContent-Type: application/json\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`;
    return { text, token };
  }

  note(show: string, outcome: string): void {
    const book = outcome === HELD ? this.#held : isOpen(outcome) ? this.#open : null;
    book?.set(show, (book.get(show) ?? 0) + 1);
  }

  /** Throws when more seats of a show are taken than were asked for, or fewer than were promised. */
  check(show: string, taken: number): void {
    const held = this.#held.get(show) ?? 0;
    const open = this.#open.get(show) ?? 0;
    if (taken < held || taken > held + open) {
      throw new Error(`${show}: ${held} holds were promised and ${open} are open, but ${taken} seats are taken`);
    }
  }
}
