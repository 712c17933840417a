import { describe, expect, it } from 'vitest';
import { demandOfShow, hotLoad, spreadLoad } from '../../bench/demand.ts';
import { parseResponse } from '../../bench/keep-alive-connection.ts';
import { seatIds } from '../../bench/rectangular-hall.ts';

describe('the load generator', () => {
  it('waits for the whole body that Content-Length announces', () => {
    const response = 'HTTP/1.1 201 Created\r\ncontent-length: 5\r\n\r\nhello';
    expect(parseResponse(response.slice(0, 10))).toBeNull();
    expect(parseResponse(response.slice(0, -1))).toBeNull();
    expect(parseResponse(response)).toEqual({ status: 201, body: 'hello' });
  });

  it('joins the chunks of a chunked body and waits for the last', () => {
    const response = 'HTTP/1.1 409 Conflict\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n';
    expect(parseResponse(response)).toEqual({ status: 409, body: 'abcde' });
    expect(parseResponse(response.slice(0, -7))).toBeNull();
  });

  it('asks every subject for the same, and for no other seed', () => {
    const load = hotLoad(1);
    expect(demandOfShow(load, 7)).toEqual(demandOfShow(load, 7));
    expect(demandOfShow(load, 7)).not.toEqual(demandOfShow(load, 8));
  });

  it('spreads single seats of the hall, none twice', () => {
    const load = spreadLoad(5);
    const asked = demandOfShow(load, 7).flatMap((body) => ('seats' in body ? body.seats : []));
    const hall = new Set(seatIds(load.hall));
    expect(asked).toHaveLength(load.demandPerShow);
    expect(new Set(asked).size).toBe(asked.length);
    expect(asked.every((seat) => hall.has(seat))).toBe(true);
  });

  it('crowds to the front when it is hot, in parties of one to six, half of them asking for the best', () => {
    const load = hotLoad(1);
    const demand = demandOfShow(load, 7);
    const picks = demand.flatMap((body) => ('seats' in body ? [body.seats] : []));
    const inFrontTenth = picks.filter(([first]) => Number(/^R(\d+)-/.exec(first)?.[1]) <= load.hall.rows / 10);
    expect(picks.length / demand.length).toBeCloseTo(0.5, 1);
    expect(inFrontTenth.length / picks.length).toBeGreaterThan(0.4);
    expect(Math.max(...picks.map((seats) => seats.length))).toBe(6);
  });
});
