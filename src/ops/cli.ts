import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { createReplays } from '../actors/replays.ts';
import { CatalogueShowSource } from '../catalog/show-source.ts';
import { RefusedError, StartError } from '../errors.ts';
import { verifyJournal } from '../journal/verify.ts';
import { readSettings } from '../settings.ts';
import { createLog } from '../system/log.ts';
import { withDatabase } from './database.ts';
import { CommandError, EXIT } from './exit-codes.ts';
import { type GenerateOptions, generatedPlan, readPlanFile } from './plan-commands.ts';
import { verifyJson, verifyText } from './verify-command.ts';

/** `usher`: data on stdout, talk on stderr; exit codes in `exit-codes.ts`. */
const program = new Command('usher').description('The command line of the box office.').exitOverride();

program
  .command('verify')
  .description('Replay every journal and prove that it is whole, unaltered and sells no seat twice')
  .option('--json', 'print one JSON object')
  .action(async ({ json }: { json?: boolean }) => {
    const settings = readSettings(process.env);
    const report = await withDatabase(settings, createLog('warn'), async ({ catalogue, journal }) =>
      verifyJournal(journal, createReplays(new CatalogueShowSource(catalogue))),
    );
    console.log(json ? verifyJson(report) : verifyText(report));
    if (report.faults.length > 0 || report.soldTwice > 0) {
      const [first] = report.faults;
      throw new CommandError(
        EXIT.failed,
        first ? `show ${first.showId}, row ${first.seq}: ${first.what}` : 'seats were sold twice',
      );
    }
  });

const plan = program.command('plan').description('Seating plans');

plan
  .command('generate <kind>')
  .description('Print a generated seating plan: theatre, arena or stadium')
  .option('--name <name>', 'name of the plan')
  .option('--seats <n>', 'numbered seats', whole)
  .option('--tiers <n>', 'tiers', whole)
  .option('--standing <n>', 'standing places on the floor', whole)
  .option('--between-aisles <n>', 'about how many seats stand between two aisles', whole)
  .option('--accessible-pairs <n>', 'pairs of an accessible and a companion seat', whole)
  .option('--categories <names>', 'names of the categories, dearest first, with commas between', (text) =>
    text.split(','),
  )
  .action((kind: string, options: GenerateOptions) => {
    console.log(generatedPlan(kind, options));
  });

plan
  .command('import <file>')
  .description('Import a seating plan for a venue, or only check it')
  .option('--venue <id>', 'the venue it belongs to')
  .option('--check', 'check the file and import nothing')
  .option('--json', 'print one JSON object')
  .action(async (file: string, { venue, check, json }: { venue?: string; check?: boolean; json?: boolean }) => {
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
  });

function whole(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('must be a whole number');
  return Number(text);
}

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : EXIT.usage;
  } else {
    const isExpected = error instanceof CommandError || error instanceof StartError || error instanceof RefusedError;
    console.error(`usher: ${isExpected ? error.message : ((error as Error).stack ?? error)}`);
    process.exitCode = error instanceof CommandError ? error.exitCode : EXIT.failed;
  }
}
