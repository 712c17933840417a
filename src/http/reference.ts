import scalar from '@scalar/fastify-api-reference';
import fastify from 'fastify';

export interface ReferenceFile {
  readonly type: string;
  readonly text: string;
}

/**
 * The reference of the API as Scalar makes it, with its script from our own packages, not from a CDN.
 * @param prefix where it will stand
 * @returns its files at these paths, by path
 */
export async function makeReference(
  prefix: `/${string}`,
  openapiPath: string,
  paths: readonly string[],
): Promise<ReadonlyMap<string, ReferenceFile>> {
  const app = fastify();
  app.register(scalar, {
    routePrefix: prefix,
    configuration: {
      url: openapiPath,
      pageTitle: 'Usher API',
      withDefaultFonts: false,
      telemetry: false,
      agent: { disabled: true },
      showDeveloperTools: 'never',
      hideClientButton: true,
    },
  });
  const files = new Map<string, ReferenceFile>();
  try {
    for (const path of paths) {
      const { statusCode, headers, payload } = await app.inject(path);
      if (statusCode !== 200) throw new Error(`Scalar answers ${path} with ${statusCode}`);
      files.set(path, { type: String(headers['content-type']), text: payload });
    }
  } finally {
    await app.close();
  }
  return files;
}
