import type { Command, Once } from '../../src/allocator/commands.ts';
import type { Hall } from '../../src/allocator/hall.ts';
import { newId } from '../../src/ids.ts';
import { systemRandom } from '../../src/system/random.ts';

const COMMAND_ID_BYTES = 16;

/** A command id that nobody used. */
export function newOnce(): Once {
  return { id: Buffer.from(systemRandom.bytes(COMMAND_ID_BYTES)).toString('base64url'), fingerprint: 1 };
}

export function newBuyer(): string {
  return newId('usr', systemRandom);
}

/**
 * One hold of a single seat by a buyer of its own for nearly every seat of the hall: block after block its next seat
 * from the left, again and again. The last two of a block are left out, so that no choice strands a single seat.
 */
export function singleSeatHolds(hall: Hall): Command[] {
  const blocks = hall.blockStart.length - 1;
  const commands: Command[] = [];
  for (let place = 0, taken = true; taken; place++) {
    taken = false;
    for (let block = 0; block < blocks; block++) {
      const seat = hall.blockStart[block] + place;
      if (seat + 2 >= hall.blockStart[block + 1]) continue;
      commands.push({ type: 'hold', once: newOnce(), buyer: newBuyer(), seats: [hall.seatIds[seat]] });
      taken = true;
    }
  }
  return commands;
}
