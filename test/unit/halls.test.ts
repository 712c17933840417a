import { describe, expect, it } from 'vitest';
import { Halls, type PlanDocuments } from '../../src/catalog/halls.ts';
import { line, planOf, row, zone } from '../support/plan-fixtures.ts';

/** Plans of 200 seats each under any id but `none`, and how often each was read. */
function plans(): PlanDocuments & { readonly reads: string[] } {
  const reads: string[] = [];
  const rows = Array.from({ length: 10 }, (_, r) =>
    row('s', `${r}`, line(r * 10, ...Array.from({ length: 20 }, (__, i) => i * 10))),
  );
  const document = JSON.stringify(planOf(zone('Z', ...rows)));
  return {
    reads,
    async document(planId) {
      reads.push(planId);
      return planId === 'none' ? null : { document, hash: `hash of ${planId}` };
    },
  };
}

describe('compiled halls', () => {
  it('are compiled once, however many ask at a time', async () => {
    const documents = plans();
    const halls = new Halls(documents);
    const [first, second] = await Promise.all([halls.get('a'), halls.get('a')]);
    expect(first?.hall.seatCount).toBe(200);
    expect(first?.planHash).toBe('hash of a');
    expect(second).toBe(first);
    expect(await halls.get('a')).toBe(first);
    expect(documents.reads).toEqual(['a']);
  });

  it('go when together they have too many seats, the least recently used first', async () => {
    const documents = plans();
    const halls = new Halls(documents, 400);
    for (const id of ['a', 'b', 'a', 'c', 'a', 'b']) await halls.get(id);
    expect(documents.reads).toEqual(['a', 'b', 'c', 'b']);
  });

  it('keep the one just asked for even if it alone is too large', async () => {
    const documents = plans();
    const halls = new Halls(documents, 100);
    await halls.get('a');
    await halls.get('a');
    expect(documents.reads).toEqual(['a']);
  });

  it('are asked for anew when a plan was unknown', async () => {
    const documents = plans();
    const halls = new Halls(documents);
    expect(await halls.get('none')).toBeNull();
    expect(await halls.get('none')).toBeNull();
    expect(documents.reads).toEqual(['none', 'none']);
  });

  it('of several plans are made of those before, once, and count by themselves', async () => {
    const documents = plans();
    const halls = new Halls(documents);
    const [first, second] = await Promise.all([halls.later(['a', 'b', 'c']), halls.later(['a', 'b', 'c'])]);
    expect(second).toBe(first);
    expect(first?.hall.laterPlans).toEqual([
      { id: 'b', hash: 'hash of b' },
      { id: 'c', hash: 'hash of c' },
    ]);
    expect(first?.planHash).toBe('hash of c');
    expect(first?.hall.seatCount).toBe(200);
    expect(await halls.later(['a'])).toBe(await halls.get('a'));
    expect(documents.reads).toEqual(['a', 'b', 'c']);
    expect(await halls.later(['a', 'none'])).toBeNull();
    expect(await halls.later(['none', 'a'])).toBeNull();
  });

  it('that could not be read are read anew, though several waited', async () => {
    const documents = plans();
    let isAway = true;
    const halls = new Halls({
      async document(planId) {
        const document = await documents.document(planId);
        if (isAway) throw new Error('the database is away');
        return document;
      },
    });
    const failed = await Promise.allSettled([halls.get('a'), halls.get('a')]);
    expect(failed.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    isAway = false;
    expect((await halls.get('a'))?.hall.seatCount).toBe(200);
    expect(documents.reads).toEqual(['a', 'a']);
  });
});
