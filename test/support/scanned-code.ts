import { inflateSync } from 'node:zlib';
import jsQR from 'jsqr';

/** Of square pixels, dark or not. */
export interface Picture {
  readonly size: number;
  isDark(x: number, y: number): boolean;
}

/** What a scanner reads in a picture. */
export function scanned({ size, isDark }: Picture): string | undefined {
  const pixels = new Uint8ClampedArray(size * size * 4).fill(255);
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) if (isDark(x, y)) pixels.fill(0, (y * size + x) * 4, (y * size + x) * 4 + 3);
  }
  const read = (jsQR as unknown as typeof jsQR.default)(pixels, size, size, { inversionAttempts: 'dontInvert' });
  return read?.data;
}

/** A PNG in the one form that tickets have. Throws on any other. */
export function pngPicture(png: Buffer): Picture {
  if (png.subarray(0, 8).toString('hex') !== '89504e470d0a1a0a') throw new Error('no PNG');
  const chunks = new Map<string, Buffer>();
  for (let at = 8; at < png.length; at += 12 + png.readUInt32BE(at)) {
    chunks.set(png.toString('latin1', at + 4, at + 8), png.subarray(at + 8, at + 8 + png.readUInt32BE(at)));
  }
  if ([...chunks.keys()].join() !== 'IHDR,IDAT,IEND') throw new Error(`a PNG of ${[...chunks.keys()]}`);
  const header = chunks.get('IHDR') as Buffer;
  const size = header.readUInt32BE(0);
  const form = [header.readUInt32BE(4) - size, ...header.subarray(8)].join();
  if (form !== '0,1,0,0,0,0') throw new Error(`a PNG of the form ${form}`);
  const pixels = inflateSync(chunks.get('IDAT') as Buffer);
  const rowBytes = pixels.length / size;
  return { size, isDark: (x, y) => (pixels[y * rowBytes + 1 + (x >> 3)] & (0x80 >> (x & 7))) === 0 };
}

/** Draws what the SVG of a ticket has: a white ground and dark runs, each of one row. */
export function svgPicture(svg: string): Picture {
  const scale = 6;
  const [, size] = /viewBox="0 0 (\d+) \1"/.exec(svg) ?? [];
  const [, path] = /<path d="([^"]*)" fill="#000"\/>/.exec(svg) ?? [];
  const dark = new Set<string>();
  for (const [, x, y, width] of path.matchAll(/M(\d+) (\d+)h(\d+)v1h-\3z/g)) {
    for (let i = 0; i < Number(width); i++) dark.add(`${Number(x) + i} ${y}`);
  }
  const isDark = (x: number, y: number): boolean => dark.has(`${Math.floor(x / scale)} ${Math.floor(y / scale)}`);
  return { size: Number(size) * scale, isDark };
}
