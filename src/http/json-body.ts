import { isUtf8 } from 'node:buffer';
import type { FastifyBodyParser } from 'fastify';
import { RefusedError } from '../errors.ts';
import type { Random } from '../ports.ts';
import { excessIn } from './json-shape.ts';
import { BODY_BYTES_MAX } from './limits.ts';
import type { App } from './server.ts';

/**
 * Makes JSON the only body there is, read strictly: what is not UTF-8 is refused rather than mended with replacement
 * characters, and so are members that would reach an object's prototype, and large ones that would take long to parse.
 */
export function readJsonBodies(app: App, random: Random): void {
  const seed = Buffer.from(random.bytes(4)).readInt32BE();
  const parse = app.getDefaultJsonParser('error', 'error') as FastifyBodyParser<string>;
  app.removeAllContentTypeParsers();
  app.addContentTypeParser<Buffer>('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    if (!isUtf8(body)) return done(new RefusedError({ code: 'BAD_REQUEST', detail: 'The body is not valid UTF-8.' }));
    const excess = body.length > BODY_BYTES_MAX ? excessIn(body, seed) : null;
    if (excess !== null) return done(new RefusedError({ code: 'BODY_TOO_LARGE', detail: excess }));
    parse(request, body.toString(), done);
  });
}
