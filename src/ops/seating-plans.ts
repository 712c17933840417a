import { readFile } from 'node:fs/promises';
import { generatePlan, HALL_KINDS, type HallKind, type HallRequest } from '../allocator/plan-generate.ts';
import { importPlan } from '../allocator/plan-import.ts';
import { readSettings } from '../settings.ts';
import { createLog } from '../system/log.ts';
import { withDatabase } from './database.ts';
import { CommandError, EXIT } from './exit-codes.ts';

/** So large a plan file is read at most; the same as over HTTP. */
const PLAN_FILE_BYTES = 32 * 1024 * 1024;

export interface ImportOptions {
  readonly venue?: string;
  readonly check?: boolean;
  readonly json?: boolean;
}

export interface GenerateOptions {
  readonly name?: string;
  readonly seats?: number;
  readonly tiers?: number;
  readonly standing?: number;
  readonly betweenAisles?: number;
  readonly accessiblePairs?: number;
  readonly categories?: readonly string[];
}

/** Imports a plan file for a venue, or only checks it. Throws {@link CommandError} naming each fault. */
export async function importPlanFile(file: string, { venue, check, json }: ImportOptions): Promise<void> {
  const { document, seats, warnings } = await readPlanFile(file);
  for (const warning of warnings) console.error(`warning: ${warning}`);
  if (check === true) {
    console.log(json ? JSON.stringify({ file, seats }) : `${file} is a valid plan of ${seats} seats.`);
    return;
  }
  if (venue === undefined) throw new CommandError(EXIT.usage, 'Name the venue with --venue, or use --check.');
  const imported = await withDatabase(readSettings(process.env), createLog('warn'), async ({ catalogue }) => {
    if ((await catalogue.venues.get(venue)) === null)
      throw new CommandError(EXIT.notFound, `There is no venue ${venue}.`);
    return catalogue.plans.import(venue, document);
  });
  console.log(json ? JSON.stringify(imported) : `${imported.id} (${imported.seats} seats)`);
}

/** Reads and checks a plan file. Throws {@link CommandError} naming each fault. */
async function readPlanFile(path: string): Promise<{ document: unknown; seats: number; warnings: readonly string[] }> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new CommandError(error.code === 'ENOENT' ? EXIT.notFound : EXIT.failed, `${path}: ${error.message}`);
  });
  if (Buffer.byteLength(text) > PLAN_FILE_BYTES)
    throw new CommandError(EXIT.failed, `${path} is larger than ${PLAN_FILE_BYTES} bytes`);
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (error) {
    throw new CommandError(EXIT.failed, `${path} is not JSON: ${(error as Error).message}`);
  }
  const imported = importPlan(document);
  if (!imported.ok) {
    throw new CommandError(EXIT.failed, imported.faults.map((fault) => `${fault.pointer}: ${fault.detail}`).join('\n'));
  }
  let seats = 0;
  for (const zone of imported.plan.zones) for (const row of zone.rows) seats += row.seats.length;
  return { document, seats, warnings: imported.warnings.map((warning) => `${warning.pointer}: ${warning.detail}`) };
}

/** The generated plan as JSON text. Throws {@link CommandError} when the request cannot be met. */
export function generatedPlan(kind: string, options: GenerateOptions): string {
  if (!HALL_KINDS.includes(kind as HallKind)) {
    throw new CommandError(
      EXIT.usage,
      `There is no kind of hall ${JSON.stringify(kind)}; there are ${HALL_KINDS.join(', ')}.`,
    );
  }
  const request: HallRequest = { kind: kind as HallKind, ...options };
  try {
    return JSON.stringify(generatePlan(request));
  } catch (error) {
    if (error instanceof RangeError) throw new CommandError(EXIT.usage, error.message);
    throw error;
  }
}
