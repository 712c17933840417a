/**
 * A plain hall for loads: equal straight rows, cut by aisles into equal blocks of neighbouring seats. Everyone who
 * takes part in a bench (the product, the peers, the load generator) derives the same seats from these four numbers.
 */
export interface RectangularHall {
  readonly name: string;
  readonly rows: number;
  readonly blocksPerRow: number;
  readonly seatsPerBlock: number;
}

export const CATEGORY = 'Stalls';
/** Minor units. */
export const SEAT_PRICE = 4550;
export const CURRENCY = 'EUR';

const PITCH = 25;
const AISLE = 3 * PITCH;
const ROW_DISTANCE = 40;

export function seatCount(hall: RectangularHall): number {
  return hall.rows * hall.blocksPerRow * hall.seatsPerBlock;
}

/** The `seat_guid` of a seat; row, block and place count from 0, row 0 is the front. */
export function seatId(row: number, block: number, place: number): string {
  return `R${row + 1}-B${block + 1}-${place + 1}`;
}

/** Every seat id, front row first, from left to right. */
export function seatIds(hall: RectangularHall): string[] {
  const ids: string[] = [];
  for (let row = 0; row < hall.rows; row++) {
    for (let block = 0; block < hall.blocksPerRow; block++) {
      for (let place = 0; place < hall.seatsPerBlock; place++) ids.push(seatId(row, block, place));
    }
  }
  return ids;
}

/** The hall as a seating plan document in pretix form. */
export function planDocument(hall: RectangularHall): unknown {
  const rows = [];
  for (let row = 0; row < hall.rows; row++) {
    const seats = [];
    for (let block = 0; block < hall.blocksPerRow; block++) {
      for (let place = 0; place < hall.seatsPerBlock; place++) {
        const ordinal = block * hall.seatsPerBlock + place;
        seats.push({
          seat_guid: seatId(row, block, place),
          seat_number: `${ordinal + 1}`,
          position: { x: ordinal * PITCH + block * (AISLE - PITCH), y: 0 },
          category: CATEGORY,
        });
      }
    }
    rows.push({ row_number: `${row + 1}`, position: { x: PITCH, y: (row + 1) * ROW_DISTANCE }, seats });
  }
  const width = hall.blocksPerRow * (hall.seatsPerBlock * PITCH + AISLE) + 2 * PITCH;
  return {
    name: hall.name,
    categories: [{ name: CATEGORY, color: '#4CAF50' }],
    zones: [{ name: 'Stalls', position: { x: 0, y: 0 }, rows }],
    size: { width, height: (hall.rows + 2) * ROW_DISTANCE },
  };
}
