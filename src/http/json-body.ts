import { isUtf8 } from 'node:buffer';
import type { FastifyBodyParser } from 'fastify';
import { RefusedError } from '../errors.ts';
import type { App } from './server.ts';

/**
 * Makes JSON the only body there is, read strictly: what is not UTF-8 is refused rather than mended with replacement
 * characters, and so are members that would reach an object's prototype.
 */
export function readJsonBodies(app: App): void {
  const parse = app.getDefaultJsonParser('error', 'error') as FastifyBodyParser<string>;
  app.removeAllContentTypeParsers();
  app.addContentTypeParser<Buffer>('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    if (isUtf8(body)) parse(request, body.toString(), done);
    else done(new RefusedError({ code: 'BAD_REQUEST', detail: 'The body is not valid UTF-8.' }));
  });
}
