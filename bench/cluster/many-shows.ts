import { shardOf } from '../../src/cluster/shards.ts';
import { newId } from '../../src/ids.ts';
import { systemRandom } from '../../src/system/random.ts';
import { KeepAliveConnection } from '../keep-alive-connection.ts';
import type { RectangularHall } from '../rectangular-hall.ts';
import { HELD } from './best-seats.ts';
import type { Stage } from './stage.ts';

const SMALL_HALL: RectangularHall = { name: 'Bench room of 200', rows: 10, blocksPerRow: 2, seatsPerBlock: 10 };
const CONNECTIONS = 30;
/** Of the shows with holds: one in so many has an order as well. */
const ORDER_EVERY = 3;

const COLUMNS = `
  organiser_id, venue_id, plan_id, plan_hash, title, description, screen, starts_at, ends_at, on_sale_at, off_sale_at,
  currency, prices, per_hold, per_buyer, hold_seconds, media_url, created_at`;

const COPIES = `
  insert into show (id, shard, ${COLUMNS})
  select copy.id, copy.shard, ${COLUMNS}
  from show, unnest($2::text[], $3::int2[]) as copy (id, shard)
  where show.id = $1`;

/** So many shows on sale in one small hall: one by the book, the others as copies of its row in the catalogue. */
export async function openManyShows({ organiser, machines }: Stage, count: number): Promise<string[]> {
  const [first] = await organiser.openShows(SMALL_HALL, 1);
  const copies = Array.from({ length: count - 1 }, () => newId('shw', systemRandom));
  await machines.query(COPIES, [first, copies, copies.map(shardOf)]);
  return [first, ...copies];
}

/** Gives each of these shows a live hold, and every third an order that waits for its payment; all are awake then. */
export async function giveThemWork({ machines, seats }: Stage, shows: readonly string[]): Promise<{ orders: number }> {
  let next = 0;
  let orders = 0;
  const work = async (port: number): Promise<void> => {
    const connection = await KeepAliveConnection.open(port);
    for (let i = next++; i < shows.length; i = next++) {
      const { text, token } = seats.request(shows[i]);
      const hold = await connection.request(text);
      if (hold.status !== 201) throw new Error(`a hold was refused: ${hold.status} ${hold.body}`);
      seats.note(shows[i], HELD);
      if (i % ORDER_EVERY !== 0) continue;
      const { id } = JSON.parse(hold.body) as { id: string };
      const order = await connection.request(
        `POST /v1/holds/${id}/order HTTP/1.1\r\nHost: 127.0.0.1\r\nIdempotency-Key: order-${i}\r\n` +
          `Authorization: Bearer ${token}\r\nContent-Length: 0\r\n\r\n`,
      );
      if (order.status !== 201) throw new Error(`an order was refused: ${order.status} ${order.body}`);
      orders++;
    }
    connection.close();
  };
  const ports = machines.nodes.map(({ port }) => port);
  await Promise.all(Array.from({ length: CONNECTIONS }, (_, i) => work(ports[i % ports.length])));
  return { orders };
}
