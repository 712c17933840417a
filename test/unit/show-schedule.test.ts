import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { answerOfCommand } from '../../src/actors/answers.ts';
import { type Command, formatOf } from '../../src/allocator/commands.ts';
import type { ShowEvent, ShowTerms } from '../../src/allocator/events.ts';
import { decodeShow, encodeShow } from '../../src/allocator/snapshot.ts';
import { ON_SALE_AT, onceOf, PlayedShow, rowsOfTen, SHOW_ID, termsOf, userOf } from '../support/small-show.ts';

const HOUR = 3_600_000;

let played: PlayedShow;

const reschedule = (times: Omit<Extract<Command, { type: 'reschedule' }>, 'type'>): ShowEvent | string | null =>
  played.do({ type: 'reschedule', ...times });
const hold = (n: number): ShowEvent | string | null =>
  played.do({ type: 'hold', once: onceOf(n), buyer: userOf(n), best: { quantity: 1 } });
function begin(terms: Partial<ShowTerms> = {}): void {
  played = new PlayedShow(rowsOfTen(2), termsOf(terms));
}

beforeEach(() => begin());

describe('the times of sale', () => {
  test('move while the show sells; what was held stays held', () => {
    hold(1);
    const { offSaleAt } = played.show.terms;
    expect(reschedule({ onSaleAt: ON_SALE_AT + HOUR })).toEqual({
      ...{ type: 'rescheduled', onSaleAt: ON_SALE_AT + HOUR, offSaleAt },
    });
    expect(hold(2)).toBe('NOT_ON_SALE');
    expect(played.do({ type: 'order', once: onceOf(50), buyer: userOf(1), hold: 1, at: ON_SALE_AT })).toMatchObject({
      type: 'ordered',
    });
    reschedule({ onSaleAt: ON_SALE_AT });
    expect(hold(3)).toMatchObject({ type: 'held' });
    reschedule({ offSaleAt: ON_SALE_AT + 1 });
    played.at = ON_SALE_AT + 1;
    expect(hold(4)).toBe('NOT_ON_SALE');
    expect(answerOfCommand(played.show, { type: 'reschedule' }, played.at)).toMatchObject({
      value: { onSaleAt: ON_SALE_AT, offSaleAt: ON_SALE_AT + 1, revision: 3 },
    });
  });

  test('that are asked for again change nothing', () => {
    const times = { onSaleAt: ON_SALE_AT + HOUR, offSaleAt: ON_SALE_AT + 2 * HOUR };
    reschedule(times);
    expect(reschedule(times)).toBeNull();
    expect(played.show.terms.revision).toBe(1);
  });

  test('are refused where the sale would end before it begins, and of a cancelled show', () => {
    expect(reschedule({ offSaleAt: ON_SALE_AT })).toBe('SHOW_INVALID');
    expect(reschedule({ onSaleAt: played.show.terms.offSaleAt })).toBe('SHOW_INVALID');
    played.do({ type: 'cancel-show', reason: 'rain' });
    expect(reschedule({ onSaleAt: ON_SALE_AT + HOUR })).toBe('SHOW_INVALID');
  });

  test('are in the snapshot', () => {
    begin({ publishAt: null });
    reschedule({ onSaleAt: ON_SALE_AT + HOUR, publishAt: ON_SALE_AT + 5 });
    const again = decodeShow(encodeShow(played.show), SHOW_ID, played.show.hall);
    expect(again.terms).toEqual(played.show.terms);
    expect(again.terms).toMatchObject({ publishAt: ON_SALE_AT + 5, revision: 1 });
  });

  test('are asked for only once all nodes know of that', () => {
    expect(formatOf({ type: 'reschedule' })).toBe(4);
  });
});

describe('a draft', () => {
  test('is sold to nobody before it is published, at once or at its time', () => {
    begin({ publishAt: null });
    expect(hold(1)).toBe('NOT_FOUND');
    expect(reschedule({ publishAt: ON_SALE_AT + 10 })).toMatchObject({ publishAt: ON_SALE_AT + 10 });
    expect(hold(2)).toBe('NOT_FOUND');
    played.at = ON_SALE_AT + 10;
    expect(hold(3)).toMatchObject({ type: 'held' });

    begin({ publishAt: ON_SALE_AT + HOUR });
    expect(reschedule({ publishAt: 'now' })).toMatchObject({ publishAt: ON_SALE_AT });
    expect(hold(1)).toMatchObject({ type: 'held' });
  });

  test('that is public stays so', () => {
    begin({ publishAt: ON_SALE_AT });
    expect(reschedule({ publishAt: 'now' })).toBeNull();
    expect(reschedule({ publishAt: ON_SALE_AT - 5 })).toBeNull();
    expect(reschedule({ publishAt: ON_SALE_AT + HOUR })).toBe('SHOW_INVALID');
    begin();
    expect(reschedule({ publishAt: 'now' })).toBeNull();
    expect(reschedule({ publishAt: ON_SALE_AT + HOUR })).toBe('SHOW_INVALID');
  });
});

const someTime = fc.integer({ min: -4, max: 12 });
const someStep = fc.oneof(
  fc.record({ onSaleAt: fc.option(someTime), offSaleAt: fc.option(someTime), publishAt: fc.option(someTime) }),
  fc.constant('publish' as const),
  fc.constant('hold' as const),
  fc.constant('pass' as const),
);

test('whatever times are asked for, the show sells exactly when it is public and its sale is open', () => {
  const steps = fc.array(someStep, { maxLength: 30 });
  fc.assert(
    fc.property(fc.option(someTime), fc.boolean(), steps, (publishAt, isDraft, asked) => {
      const at = (hours: number): number => ON_SALE_AT + hours * HOUR;
      const timeOf = (hours: number | null): number | null => (hours === null ? null : at(hours));
      // The model: plain times, and what each request makes of them.
      let [opens, closes] = [at(0), at(8)];
      let publish = isDraft ? timeOf(publishAt) : Number.NEGATIVE_INFINITY;
      begin({ offSaleAt: closes, ...(isDraft ? { publishAt: publish } : {}) });
      let buyers = 0;
      for (const step of asked) {
        const now = played.at;
        const isPublic = publish !== null && now >= publish;
        if (step === 'pass') played.at += HOUR;
        else if (step === 'hold') {
          const expected = !isPublic ? 'NOT_FOUND' : now >= opens && now < closes ? 'held' : 'NOT_ON_SALE';
          const outcome = hold(++buyers);
          expect(typeof outcome === 'object' ? outcome?.type : outcome).toBe(buyers > 20 ? outcome : expected);
        } else {
          const [on, off] = step === 'publish' ? [null, null] : [timeOf(step.onSaleAt), timeOf(step.offSaleAt)];
          const wanted = step === 'publish' ? 'now' : timeOf(step.publishAt);
          const isRefused =
            (off ?? closes) <= (on ?? opens) || (isPublic && wanted !== 'now' && wanted !== null && wanted > now);
          const outcome = reschedule({
            ...(on === null ? {} : { onSaleAt: on }),
            ...(off === null ? {} : { offSaleAt: off }),
            ...(wanted === null ? {} : { publishAt: wanted }),
          });
          expect(outcome === 'SHOW_INVALID').toBe(isRefused);
          if (isRefused) continue;
          [opens, closes] = [on ?? opens, off ?? closes];
          if (!isPublic && wanted !== null) publish = wanted === 'now' ? now : wanted;
        }
      }
      const bytes = encodeShow(played.show);
      const again = encodeShow(decodeShow(bytes, SHOW_ID, played.show.hall));
      expect(Buffer.compare(bytes, again)).toBe(0);
    }),
    { numRuns: 200 },
  );
});
