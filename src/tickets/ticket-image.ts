import { crc32, deflateSync } from 'node:zlib';
import { encode } from 'uqr';

/** White around the code, in modules: scanners ask for four. */
const QUIET_ZONE = 4;
/** A module of the PNG, in pixels: a ticket code gives a picture of some 400 pixels a side. */
const MODULE_PIXELS = 6;
const PNG_SIGNATURE = Buffer.from('89504e470d0a1a0a', 'hex');
/** One bit a pixel, in shades of grey; the usual compression, filters and order. */
const PNG_FORM = Buffer.from([1, 0, 0, 0, 0]);

/** The modules of the QR code of a ticket's code, with the white around them; `true` is dark. */
function modulesOf(code: string): readonly (readonly boolean[])[] {
  return encode(code, { ecc: 'M', border: QUIET_ZONE }).data;
}

/** A ticket's code as a QR code, in SVG. */
export function ticketSvg(code: string): string {
  const modules = modulesOf(code);
  const size = modules.length;
  let path = '';
  for (const [y, row] of modules.entries()) {
    for (let x = 0; x < size; x++) {
      const from = x;
      while (row[x]) x++;
      if (x > from) path += `M${from} ${y}h${x - from}v1h-${x - from}z`;
    }
  }
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size} ${size}" shape-rendering="crispEdges">` +
    `<rect width="${size}" height="${size}" fill="#fff"/><path d="${path}" fill="#000"/></svg>`
  );
}

/** The same as a PNG, for mail programs, which show no SVG. */
export function ticketPng(code: string): Buffer {
  const modules = modulesOf(code);
  const size = modules.length * MODULE_PIXELS;
  const rowBytes = 1 + Math.ceil(size / 8);
  const pixels = Buffer.alloc(size * rowBytes);
  for (let y = 0; y < size; y++) {
    const row = modules[Math.floor(y / MODULE_PIXELS)];
    for (let x = 0; x < size; x++) {
      if (!row[Math.floor(x / MODULE_PIXELS)]) pixels[y * rowBytes + 1 + (x >> 3)] |= 0x80 >> (x & 7);
    }
  }
  const header = Buffer.alloc(8);
  header.writeUInt32BE(size, 0);
  header.writeUInt32BE(size, 4);
  return Buffer.concat([
    PNG_SIGNATURE,
    chunk('IHDR', Buffer.concat([header, PNG_FORM])),
    chunk('IDAT', deflateSync(pixels)),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const bytes = Buffer.alloc(body.length + 8);
  bytes.writeUInt32BE(data.length, 0);
  body.copy(bytes, 4);
  bytes.writeUInt32BE(crc32(body), body.length + 4);
  return bytes;
}
