import { resolve } from 'node:path';
import { envSchema } from 'env-schema';
import { type Static, Type } from 'typebox';
import { StartError } from './errors.ts';
import { LOG_LEVELS, type LogLevel } from './system/log.ts';

/** What the operator decides; everything else is a named constant beside the code that it governs. */
export interface Settings {
  /** The Postgres to use, or null for the embedded one. */
  readonly databaseUrl: string | null;
  /** Where the public listener is; 0 for any free port. */
  readonly port: number;
  /** Absolute. */
  readonly dataDir: string;
  /** Signs the access tokens; null when it is to be generated and kept in the data directory. */
  readonly jwtSecret: string | null;
  readonly logLevel: LogLevel;
}

const Environment = Type.Object({
  DATABASE_URL: Type.Optional(Type.String({ pattern: '^postgres(ql)?://' })),
  PORT: Type.Integer({ minimum: 0, maximum: 65_535, default: 8080 }),
  USHER_DATA_DIR: Type.String({ minLength: 1, default: './data' }),
  JWT_SECRET: Type.Optional(Type.String({ minLength: 32 })),
  USHER_LOG_LEVEL: Type.Union(
    LOG_LEVELS.map((level) => Type.Literal(level)),
    { default: 'info' },
  ),
});
type Environment = Static<typeof Environment>;

/** What each setting has to be, in the words of the message that refuses another value. */
const EXPECTED: Readonly<Record<keyof Environment, string>> = {
  DATABASE_URL:
    'an address such as postgresql://user:password@host:5432/database, or not set for the embedded Postgres',
  PORT: 'a port number from 0 to 65535 (0 takes any free one)',
  USHER_DATA_DIR: 'the path of a directory',
  JWT_SECRET: 'at least 32 characters, or not set to have one generated',
  USHER_LOG_LEVEL: `one of ${LOG_LEVELS.join(', ')}`,
};

/**
 * The settings in `environment`; an empty value counts as not set.
 * Throws {@link StartError} naming every setting that is wrong and what it has to be, never its value, which may be secret.
 */
export function readSettings(environment: Readonly<Record<string, string | undefined>>): Settings {
  const data: Record<string, string> = {};
  for (const name of Object.keys(EXPECTED)) {
    const value = environment[name];
    if (value !== undefined && value !== '') data[name] = value;
  }
  const checked = check(data);
  return {
    databaseUrl: checked.DATABASE_URL ?? null,
    port: checked.PORT,
    dataDir: resolve(checked.USHER_DATA_DIR),
    jwtSecret: checked.JWT_SECRET ?? null,
    logLevel: checked.USHER_LOG_LEVEL,
  };
}

function check(data: Record<string, string>): Environment {
  try {
    return envSchema<Environment>({ schema: Environment, data, env: false });
  } catch (error) {
    const faults = (error as { errors?: readonly { instancePath: string }[] }).errors ?? [];
    const names = new Set(faults.map(({ instancePath }) => instancePath.slice(1) as keyof Environment));
    if (names.size === 0) throw error;
    const sentences = [...names].map((name) => `${name} must be ${EXPECTED[name]}.`);
    throw new StartError(sentences.join('\n'), { cause: error });
  }
}
