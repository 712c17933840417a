import { describe, expect, test } from 'vitest';
import type { NodeShows } from '../../src/actors/node-shows.ts';
import type { Answer } from '../../src/actors/shows.ts';
import { Incarnation } from '../../src/cluster/incarnation.ts';
import { InProcessHub, InProcessTransport } from '../../src/cluster/messages/in-process-transport.ts';
import type { Letter, LetterRequest } from '../../src/cluster/messages/letter.ts';
import { decodeLetter, encodeLetter } from '../../src/cluster/messages/letter-codec.ts';
import { HandOffPauses } from '../../src/cluster/ownership/hand-off-pauses.ts';
import { Carrier } from '../../src/cluster/routing/carrier.ts';
import { FORMAT } from '../../src/formats.ts';
import { emptyLetter } from '../support/empty-letter.ts';
import { type ManualTime, manualTime, settled } from '../support/manual-time.ts';
import { MemoryRegistry, MemoryTables } from '../support/memory-registry.ts';
import { selfOf, under } from '../support/node-starts.ts';
import { heldIn, holdOf, SHARD, ShowNode } from '../support/show-node.ts';

const SHOW = `shw_${'0'.repeat(26)}`;
const PEER = 'nod_peer';

interface Parts {
  readonly time?: ManualTime;
  /** Those of its shows; without them it has some that decide whatever they are asked. */
  readonly shows?: NodeShows;
  /** The database's clock minus its own, ms. */
  readonly clockOffset?: number;
  /** The ids of its shows with unfinished work, as they are found. */
  readonly wakeable?: () => AsyncIterable<readonly { readonly showId: string }[]>;
}

async function* nothing() {}

/** An incarnation that has taken shards 7 and 8, and a peer that hears what it says. */
async function started({ time = manualTime(), shows: given, clockOffset = 0, wakeable = nothing }: Parts = {}) {
  const { clock, timers } = time;
  const registry = new MemoryRegistry(new MemoryTables(clock), timers);
  const hub = new InProcessHub(timers);
  const carrier = new Carrier({ clock, timers, clockOffset: () => 0, refresh: () => {} });
  const self = selfOf('a');
  const pauses = new HandOffPauses();
  const dropped: (readonly number[] | 'all')[] = [];
  const woken: string[] = [];
  const counts = { servedForPeers: 0, acquired: 0, released: 0, unknownFormats: 0 };
  let asked = 0;
  const deciding = {
    drop: (shards: ReadonlySet<number> | 'all') => void dropped.push(shards === 'all' ? shards : [...shards]),
    ask: async (): Promise<Answer> => {
      asked++;
      return { ok: true, value: 'decided here', replayed: false };
    },
    wake: async (showIds: readonly string[]) => void woken.push(...showIds),
  } as unknown as NodeShows;
  const log = { info: () => {}, warn: () => {}, error: () => {} };
  const incarnation = new Incarnation({
    incarnation: self.incarnation,
    registry,
    transport: new InProcessTransport(hub, 'nats'),
    carrier,
    clock,
    timers,
    log,
    shardOf: () => SHARD,
    openShows: () => ({
      shows: given ?? deciding,
      wakeable,
      progress: () => ({ stalledMs: 0, durableMsAgo: 0 }),
      close: async () => {},
    }),
    format: FORMAT.newest,
    formatOf: () => FORMAT.newest,
    clockOffset: () => clockOffset,
    counts,
    pauses,
    isUp: () => true,
    onUnreachable: () => {},
    onLook: () => {},
  });
  await incarnation.listen();
  await registry.join(self);
  await incarnation.acquire(under(0, [SHARD, SHARD + 1]));
  incarnation.leases.renew(clock.now());

  const heard: Letter[] = [];
  const line = await new InProcessTransport(hub, 'nats').listen(PEER, {
    message: (bytes) => heard.push(decodeLetter(bytes, FORMAT.newest)),
    unreachable: () => {},
  });
  let requests = 0;
  return {
    time,
    registry,
    carrier,
    incarnation,
    dropped,
    woken,
    counts,
    asked: () => asked,
    /** The peer sends these bytes. */
    async sends(bytes: Uint8Array): Promise<void> {
      line.send(self.incarnation, bytes, 1);
      await settled();
    },
    /** The peer says this. */
    async says(letter: Partial<Letter>): Promise<void> {
      line.send(self.incarnation, encodeLetter({ ...emptyLetter(PEER), ...letter }, FORMAT.newest), 1);
      await settled();
    },
    /** The peer asks for a hold, and is told this. */
    async hold(epoch = 1, shard = SHARD, deadline = clock.now() + 1_000): Promise<unknown> {
      const wanted = { kind: 'ask', message: holdOf(1) } as const;
      const request: LetterRequest = { number: ++requests, showId: SHOW, shard, epoch, deadline, wanted };
      await this.says({ requests: [request] });
      const answers = heard.splice(0).flatMap((letter) => letter.answers);
      return answers.length === 1 ? answers[0] : answers;
    },
  };
}

test('an incarnation answers other nodes for the shards that it has taken', async () => {
  const node = await started();
  node.carrier.learn([{ shard: 500, owner: PEER, epoch: 3 }]);
  expect(await node.hold()).toEqual({ number: 1, value: 'decided here', replayed: false });
  expect(await node.hold(1, 500)).toEqual({ number: 2, moved: true, epoch: 3 });
  expect(node.asked()).toBe(1);
});

test('a request under a newer epoch than its receiver has is turned back undecided', async () => {
  const node = await started();
  expect(await node.hold(2)).toMatchObject({ moved: true });
  expect(node.asked()).toBe(0);
  expect(await node.hold(1)).toMatchObject({ value: 'decided here' });
});

describe('the deadline of a request, which is by the clock of the database', () => {
  /** On real shows, whose journal tells what was begun. */
  async function withClockOffset(clockOffset: number) {
    const { actors, journal, time } = new ShowNode();
    const node = await started({ time, shows: actors, clockOffset });
    /** What a hold is told that came so long before its deadline. */
    const holdWith = (msLeft: number) => node.hold(1, SHARD, time.clock.now() + clockOffset + msLeft);
    return { holdWith, holds: () => heldIn(journal, SHOW).length };
  }

  test.each([
    ['the same as', 0],
    ['an hour ahead of', 3_600_000],
    ['an hour behind', -3_600_000],
  ])(
    'is kept where that clock is %s its own: what comes too late is refused, and nothing is held',
    async (_, offset) => {
      const { holdWith, holds } = await withClockOffset(offset);
      expect(await holdWith(-1)).toMatchObject({ refusal: { code: 'OVERLOADED' } });
      expect(holds()).toBe(0);
      expect(await holdWith(1_000)).toMatchObject({ value: { seats: [{ id: expect.any(String) }] } });
      expect(holds()).toBe(1);
    },
  );
});

describe('a shard that another node says it owns', () => {
  test('under a newer epoch is lost at once: its shows are forgotten, and nothing is decided any more', async () => {
    const node = await started();
    await node.says({ owned: [{ shard: SHARD, epoch: 2 }] });
    expect(node.incarnation.leases.takenAs(SHARD)).toBeNull();
    expect(node.dropped).toEqual([[SHARD]]);
    expect(await node.hold()).toMatchObject({ moved: true, epoch: 2 });
    expect(node.asked()).toBe(0);
    // What comes in here goes there.
    expect(node.carrier.routes.of(SHARD)).toEqual({ owner: PEER, epoch: 2 });
    expect(node.incarnation.leases.epochOf(SHARD + 1)).toBe(1);
  });

  test('under an older epoch is ours still: the news are late', async () => {
    const node = await started();
    await node.says({ owned: [{ shard: SHARD, epoch: 0 }] });
    expect([node.incarnation.leases.epochOf(SHARD), node.dropped]).toEqual([1, []]);
    expect(await node.hold()).toMatchObject({ value: 'decided here' });
  });
});

describe('what comes from another node and cannot be read', () => {
  test('counts as of an unknown form only if it is: damage says nothing of versions', async () => {
    const node = await started();
    const whole = encodeLetter({ ...emptyLetter(PEER), look: true }, FORMAT.newest);
    await node.sends(whole.subarray(0, whole.length - 3));
    expect(node.counts.unknownFormats).toBe(0);
    await node.sends(Buffer.from(`[${FORMAT.newest + 1},"${PEER}","in any form"]`));
    expect(node.counts.unknownFormats).toBe(1);
  });
});

describe('taking shards', () => {
  const NEXT = under(0, [SHARD + 2]);

  test('is over when they are taken: that they answer again is noted whenever the database gets round to it', async () => {
    const node = await started();
    node.registry.ready = () => new Promise(() => {});
    await node.incarnation.acquire(NEXT);
    expect(node.incarnation.leases.takenAs(SHARD + 2)).toBe(1);
    node.registry.ready = () => Promise.reject(new Error('the database is out of reach'));
    await node.incarnation.acquire(under(1, [SHARD + 2]));
    expect(node.incarnation.leases.takenAs(SHARD + 2)).toBe(2);
  });

  /** The shows of shard 7 that are woken when unfinished work is found in it only after this has happened to its lease. */
  async function wokenAfter(happens: (node: Awaited<ReturnType<typeof started>>) => unknown): Promise<string[]> {
    const { promise: found, resolve: find } = Promise.withResolvers<void>();
    const node = await started({
      async *wakeable() {
        await found;
        yield [{ showId: SHOW }];
      },
    });
    await happens(node);
    find();
    await settled();
    return [...new Set(node.woken)];
  }

  test('wakes their shows with unfinished work, also if the lease has lapsed meanwhile and may come back', async () => {
    expect(await wokenAfter(() => {})).toEqual([SHOW]);
    expect(await wokenAfter(({ time }) => time.advance(10_000))).toEqual([SHOW]);
  });

  test('wakes none whose shard is being handed over by then: who gets it wakes them', async () => {
    expect(await wokenAfter(({ incarnation }) => incarnation.leases.close([SHARD]))).toEqual([]);
    expect(await wokenAfter(({ incarnation }) => incarnation.leases.drop([SHARD]))).toEqual([]);
  });
});

describe('an incarnation that is fenced', () => {
  test('trusts none of its leases any more, not even after a heartbeat that comes late', async () => {
    const node = await started();
    const { leases } = node.incarnation;
    node.incarnation.fence();
    leases.renew(node.time.clock.now());
    expect([SHARD, SHARD + 1].map((shard) => leases.epochOf(shard))).toEqual([null, null]);
    expect([leases.takenAs(SHARD), leases.owned]).toEqual([null, 0]);
  });

  test('forgets its shows, and has no part in what this node is asked', async () => {
    const node = await started();
    node.incarnation.fence();
    expect(node.dropped).toContain('all');
    expect(node.carrier.local).toBeNull();
    const wanted = { kind: 'ask', message: holdOf(1) } as const;
    void node.carrier.carry(SHOW, SHARD, wanted, node.time.clock.now() + 1_000);
    expect([node.asked(), node.carrier.parked]).toEqual([0, 1]);
  });

  test('hears nothing any more', async () => {
    const node = await started();
    node.incarnation.fence();
    expect(await node.hold()).toEqual([]);
    expect(node.asked()).toBe(0);
  });
});
