import { hash } from 'node:crypto';
import helmet from '@fastify/helmet';
import swagger from '@fastify/swagger';
import Type from 'typebox';
import { CATALOGUE } from '../errors.ts';
import { IDEMPOTENCY_KEY_HEADER, KEY_LENGTH_MAX, VISIBLE } from './idempotency.ts';
import { ERRORS_PATH, refuse } from './problem.ts';
import type { ReferenceFile } from './reference.ts';
import { EACH_ONCE, strict } from './schemas.ts';
import type { App } from './server.ts';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Whether this route wants an `Idempotency-Key`; for its description, `readOnce` is what demands it. */
    keyed?: boolean;
  }
}

const OPENAPI_PATH = '/openapi.json';
const DOCS_PATH = '/docs';
/** Where Scalar has its page and its script. */
const REFERENCE_PATHS = [`${DOCS_PATH}/`, `${DOCS_PATH}/js/scalar.js`];

/** The header as the document shows it. Not a schema to validate with: a missing key has a code of its own. */
const KEY_HEADER = strict({
  [IDEMPOTENCY_KEY_HEADER]: Type.String({
    minLength: 1,
    maxLength: KEY_LENGTH_MAX,
    pattern: VISIBLE.source,
    description:
      'New for each intention. The same key with the same request gets the first answer again. Keys are of one user and ' +
      'one show: the same key at another show is another intention.',
  }),
});

/**
 * `/openapi.json` (from the schemas of all routes registered after this call), `/docs` (Scalar, whose script comes from
 * our own packages: no CDN) and `/docs/errors` (where the `type` of every problem points).
 */
export function registerDocs(app: App): void {
  app.register(swagger, {
    transform: ({ schema, url, route }) => ({
      url,
      schema: route.config?.keyed ? { ...schema, headers: KEY_HEADER } : schema,
    }),
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Usher',
        description: `Sell every seat once. Problems are described at [${ERRORS_PATH}](${ERRORS_PATH}).`,
        version: '1',
      },
      components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } } },
    },
  });

  // On the whole server, because the plugin that compresses looks at routes before a hook of their own scope would.
  app.addHook('onRoute', (route) => {
    if (route.url.startsWith(DOCS_PATH) && route.method !== 'HEAD') route.compress ??= {};
  });

  app.register((docs: App, _options, done) => {
    let openapi: string | undefined;
    docs.get(OPENAPI_PATH, { schema: { hide: true }, compress: {} }, (_request, reply) => {
      openapi ??= JSON.stringify(app.swagger()).replaceAll(`"${EACH_ONCE}":`, '"uniqueItems":');
      return reply.type('application/json').send(openapi);
    });

    docs.register(helmet, { contentSecurityPolicy: false });
    docs.addHook('onSend', (_request, reply, payload, next) => {
      if (typeof payload === 'string' && String(reply.getHeader('content-type')).startsWith('text/html')) {
        reply.header('content-security-policy', pagePolicy(payload));
      }
      next(null, payload);
    });
    // Browsers make addresses of it (RFC 9112, 3.2).
    docs.addHook('onRequest', (request, reply, next) => {
      if (URL.canParse(`${request.protocol}://${request.hostname}`)) next();
      else refuse(reply, { code: 'BAD_REQUEST', detail: 'The Host header is not valid.' });
    });
    docs.get(DOCS_PATH, { schema: { hide: true } }, (_request, reply) => reply.redirect(`${DOCS_PATH}/`, 301));
    const reference = referenceFiles();
    for (const path of REFERENCE_PATHS) {
      docs.get(path, { schema: { hide: true } }, async (_request, reply) => {
        const { type, text } = (await reference()).get(path) as ReferenceFile;
        return reply.type(type).send(text);
      });
    }
    const errors = errorsPage();
    docs.get(ERRORS_PATH, { schema: { hide: true } }, (_request, reply) =>
      reply.type('text/html; charset=utf-8').send(errors),
    );
    done();
  });
}

/** Scalar's files, made when somebody first asks: it is large, and few nodes are ever asked. */
function referenceFiles(): () => Promise<ReadonlyMap<string, ReferenceFile>> {
  let files: Promise<ReadonlyMap<string, ReferenceFile>> | null = null;
  return () => {
    files ??= import('./reference.ts')
      .then(({ makeReference }) => makeReference(DOCS_PATH, OPENAPI_PATH, REFERENCE_PATHS))
      .catch((error) => {
        files = null;
        throw error;
      });
    return files;
  };
}

/** A content security policy under which this page runs the inline scripts it was made with, and no others. */
function pagePolicy(html: string): string {
  const scripts = [...html.matchAll(/<script[^>]*>([\s\S]*?)<\/script>/g)].map((match) => match[1]);
  const hashes = scripts.filter((text) => text !== '').map((text) => `'sha256-${hash('sha256', text, 'base64')}'`);
  return [
    "default-src 'self'",
    `script-src 'self' ${hashes.join(' ')}`.trimEnd(),
    "style-src 'self' 'unsafe-inline'",
    "img-src 'self' data:",
    "font-src 'self' data:",
    "connect-src 'self'",
    "object-src 'none'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}

/** The page that lists every code. */
export function errorsPage(): string {
  const rows = Object.entries(CATALOGUE).map(
    ([code, [status, title]]) =>
      `<tr id="${code}"><td><code>${code}</code></td><td>${status}</td><td>${title}</td></tr>`,
  );
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Problems of the Usher API</title>
<style>body{font-family:system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}td{padding:.3rem 1rem .3rem 0;vertical-align:top}tr:target{background:#fff3c4}</style>
</head><body><h1>Problems</h1>
<p>Every refusal is an RFC 9457 document; its <code>code</code> is one of these and never changes its meaning.</p>
<table><thead><tr><th>Code</th><th>Status</th><th>Meaning</th></tr></thead><tbody>
${rows.join('\n')}
</tbody></table></body></html>
`;
}
