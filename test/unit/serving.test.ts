import { expect, test } from 'vitest';
import { SWEEP_MS } from '../../src/actors/sweep.ts';
import { CATALOGUE_LIMIT_MS } from '../../src/actors/timely-source.ts';
import type { Wanted } from '../../src/cluster/messages/letter.ts';
import type { Leases } from '../../src/cluster/ownership/leases.ts';
import { serve } from '../../src/cluster/routing/serving.ts';
import { SHARD, ShowNode } from '../support/show-node.ts';
import { SHOW_ID } from '../support/small-show.ts';

const READS: Wanted[] = [{ kind: 'counts' }, { kind: 'seats', since: null }];

test.each(READS)(
  'a sleeping show that does not wake is refused by the deadline of who wants its $kind',
  async (wanted) => {
    const node = new ShowNode();
    const local = { incarnation: 'nod_test', shows: node.actors, leases: node.leases as unknown as Leases };
    const served = () => serve(local, SHARD, SHOW_ID, wanted, node.now + 500);
    node.unanswered.add(SHOW_ID);
    let refused: string | null = null;
    void served().then((answer) => {
      refused = answer.ok ? 'ok' : answer.refusal.code;
    });
    await node.advance(400);
    expect(refused).toBeNull();
    await node.advance(100 + SWEEP_MS);
    expect(refused).toBe('OVERLOADED');
    node.unanswered.clear();
    await node.advance(CATALOGUE_LIMIT_MS);
    expect(await served()).toMatchObject({ ok: true });
    await node.stop();
  },
);
