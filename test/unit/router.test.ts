import { expect, test } from 'vitest';
import type { SeatMap } from '../../src/actors/seat-map.ts';
import type { Carrier } from '../../src/cluster/routing/carrier.ts';
import { OWN_MAPS_MAX, Router } from '../../src/cluster/routing/router.ts';
import type { SeatReplicas } from '../../src/cluster/routing/seat-replicas.ts';
import type { Refusal } from '../../src/errors.ts';
import { manualTime } from '../support/manual-time.ts';

const CANNOT_WAKE: Refusal = { code: 'UNAVAILABLE', detail: 'Not now.', retryAfter: 1 };

/** A router whose node owns every show, each in a hall of so many seats. */
function routerOf(seats: number) {
  let canWake = true;
  /** The shows' own maps, which are live. */
  const live = new Map<string, SeatMap>();
  const mapOf = (showId: string): SeatMap => {
    const known = live.get(showId) ?? ({ showId, letters: new Uint8Array(seats) } as SeatMap);
    live.set(showId, known);
    return known;
  };
  const local = {
    leases: { epochOf: () => 1 },
    shows: {
      seatMap: async (showId: string): Promise<SeatMap | Refusal> => (canWake ? mapOf(showId) : CANNOT_WAKE),
      lastSeats: () => null,
    },
  };
  const remembered: (string | null)[] = [];
  const router = new Router({
    shardOf: () => 0,
    clock: manualTime().clock,
    carrier: { local } as unknown as Carrier,
    replicas: () =>
      ({
        get: async (_: string, past: SeatMap | null) => {
          remembered.push(past?.showId ?? null);
          return CANNOT_WAKE;
        },
      }) as unknown as SeatReplicas,
  });
  const read = (shows: readonly string[]) => Promise.all(shows.map((showId) => router.seatMap(showId)));
  return {
    read,
    /** Another plan with so many seats takes the place of the show's. */
    replacePlan(showId: string, more: number): void {
      Object.assign(mapOf(showId), { letters: new Uint8Array(more) });
    },
    /** Those of the shows of which there is a last map once none of them can wake. */
    async stillKnown(shows: readonly string[]): Promise<string[]> {
      canWake = false;
      remembered.length = 0;
      await read(shows);
      return remembered.filter((showId) => showId !== null);
    },
  };
}

const shows = (count: number): string[] => Array.from({ length: count }, (_, n) => `shw_${n}`);

test('the last maps of own shows are remembered up to a number of seats, those read last', async () => {
  const { read, stillKnown } = routerOf(1_500_000);
  await read(shows(4));
  expect(await stillKnown(shows(4))).toEqual(['shw_2', 'shw_3']);
});

test('the last maps of own shows are remembered with the seats that another plan brought', async () => {
  const { read, replacePlan, stillKnown } = routerOf(100_000);
  await read(shows(8));
  for (const showId of shows(8)) replacePlan(showId, 1_500_000);
  await read(shows(8));
  expect(await stillKnown(shows(8))).toEqual(['shw_6', 'shw_7']);
});

test('the last maps of own shows are remembered up to a number of shows, though their halls have no seats', async () => {
  const { read, stillKnown } = routerOf(0);
  const all = shows(OWN_MAPS_MAX + 2);
  await read(all);
  await read(['shw_0']);
  expect(await stillKnown(all)).toEqual(['shw_0', ...all.slice(3)]);
});
