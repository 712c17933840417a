import { expect, test } from 'vitest';
import { scopedId } from '../../src/ids.ts';
import { ticketCode } from '../../src/tickets/codes.ts';
import { ticketPng, ticketSvg } from '../../src/tickets/ticket-image.ts';
import { pngPicture, scanned, svgPicture } from '../support/scanned-code.ts';
import { SHOW_ID } from '../support/small-show.ts';
import { ticketKeysInMemory } from '../support/ticket-keys.ts';

const CODE = ticketCode(scopedId('tkt', 1_790_000_000_123, SHOW_ID, 4_711), ticketKeysInMemory().signer);

test('a scanner reads the code of the ticket off its PNG', () => {
  const png = ticketPng(CODE);
  expect(scanned(pngPicture(png))).toBe(CODE);
  expect(png.length).toBeLessThan(10_000);
});

test('a scanner reads the code of the ticket off its SVG', () => {
  const svg = ticketSvg(CODE);
  expect(scanned(svgPicture(svg))).toBe(CODE);
  expect(svg).toMatch(/^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" [^<>]*><rect [^<>]*\/><path [^<>]*\/><\/svg>$/);
});

test('there is a quiet zone of four modules around it', () => {
  const { size, isDark } = pngPicture(ticketPng(CODE));
  const zone = 4 * 6;
  for (let i = 0; i < size; i++) {
    for (let edge = 0; edge < zone; edge++) {
      const at = [isDark(i, edge), isDark(edge, i), isDark(i, size - 1 - edge), isDark(size - 1 - edge, i)];
      expect(at).toEqual([false, false, false, false]);
    }
  }
  expect(isDark(zone, zone)).toBe(true);
});

test('the same ticket has the same picture, another another', () => {
  expect(ticketPng(CODE)).toEqual(ticketPng(CODE));
  expect(ticketPng(CODE)).not.toEqual(ticketPng(CODE.replace(/.$/, '!')));
});
