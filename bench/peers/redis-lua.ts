/**
 * An atomic Lua script in Redis: a sorted set of free seats a show, scored by rank, and a hash with an expiry a hold.
 * Not durable when it answers. Best available takes the first free seats; it does not look for neighbours and knows no
 * orphan rule.
 */
import { createClient } from '@redis/client';
import { HOLD_SECONDS } from './hold-store.ts';
import { servePeer } from './peer-server.ts';

/** KEYS: free seats, hold. ARGV: buyer, seconds, quantity, then the seats of a pick. */
const HOLD = `
  local seats
  local quantity = tonumber(ARGV[3])
  if #ARGV > 3 then
    seats = {unpack(ARGV, 4)}
    local ranks = redis.call('ZMSCORE', KEYS[1], unpack(seats))
    for i = 1, quantity do if not ranks[i] then return false end end
  else
    seats = redis.call('ZRANGE', KEYS[1], 0, quantity - 1)
    if #seats < quantity then return false end
  end
  redis.call('ZREM', KEYS[1], unpack(seats))
  redis.call('HSET', KEYS[2], 'buyer', ARGV[1], 'seats', cjson.encode(seats))
  redis.call('EXPIRE', KEYS[2], ARGV[2])
  return seats`;

const SEATS_PER_COMMAND = 10_000;
const KEYS_PER_UNLINK = 1_000;

servePeer(async (setting) => {
  const client = await createClient({ url: setting.redisUrl as string }).connect();
  const prefix = `usher-bench:${process.pid}:`;
  const sha = await client.scriptLoad(HOLD);
  for (const show of setting.shows) {
    for (let from = 0; from < setting.seats.length; from += SEATS_PER_COMMAND) {
      const members = setting.seats
        .slice(from, from + SEATS_PER_COMMAND)
        .map((value, i) => ({ score: from + i, value }));
      await client.zAdd(`${prefix}free:${show}`, members);
    }
  }
  return {
    async hold({ showId, buyer, holdId, seats, best }) {
      const quantity = best ? best.quantity : (seats?.length ?? 0);
      const reply = await client.evalSha(sha, {
        keys: [`${prefix}free:${showId}`, `${prefix}hold:${holdId}`],
        arguments: [buyer, `${HOLD_SECONDS}`, `${quantity}`, ...(seats ?? [])],
      });
      return reply as unknown as string[] | null;
    },
    async held() {
      const free = await Promise.all(setting.shows.map((show) => client.zCard(`${prefix}free:${show}`)));
      return free.map((left) => setting.seats.length - left);
    },
    async close() {
      for await (const keys of client.scanIterator({ MATCH: `${prefix}*`, COUNT: KEYS_PER_UNLINK })) {
        if (keys.length > 0) await client.unlink(keys);
      }
      client.destroy();
    },
  };
});
