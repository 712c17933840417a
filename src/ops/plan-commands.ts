import { type Command, InvalidArgumentError } from 'commander';
import type { GenerateOptions, ImportOptions } from './seating-plans.ts';

/** The commands for seating plans. */
export function planCommands(program: Command): void {
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
    .action(async (kind: string, options: GenerateOptions) => {
      const { generatedPlan } = await import('./seating-plans.ts');
      console.log(generatedPlan(kind, options));
    });

  plan
    .command('import <file>')
    .description('Import a seating plan for a venue, or only check it')
    .option('--venue <id>', 'the venue it belongs to')
    .option('--check', 'check the file and import nothing')
    .option('--json', 'print one JSON object')
    .action(async (file: string, options: ImportOptions) => {
      const { importPlanFile } = await import('./seating-plans.ts');
      await importPlanFile(file, options);
    });
}

function whole(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('must be a whole number');
  return Number(text);
}
