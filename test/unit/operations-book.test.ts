import { Command } from 'commander';
import { expect, test } from 'vitest';
import { moveCommands } from '../../src/ops/move-commands.ts';
import { planCommands } from '../../src/ops/plan-commands.ts';
import { rebuildCommand } from '../../src/ops/rebuild-command.ts';
import { statusCommands } from '../../src/ops/status-commands.ts';
import { userCommands } from '../../src/ops/user-commands.ts';
import { verifyCommand } from '../../src/ops/verify-command.ts';
import { projectFile } from '../support/yaml-files.ts';

const book = projectFile('docs/operations.md');

/** The command line, as `src/ops/cli.ts` puts it together. */
const usher = new Command('usher');
for (const add of [statusCommands, moveCommands, verifyCommand, rebuildCommand, planCommands, userCommands]) add(usher);

test('its commands are those of the command line, with options that they have', () => {
  const lines = [...book.matchAll(/(?:^ {4}|`)(?:npm run usher --|node src\/ops\/cli\.ts|usher) ([a-z][^`\n#]*)/gm)];
  expect(lines.length).toBeGreaterThan(10);
  for (const [, line] of lines) {
    const [name, ...words] = line.trim().split(/\s+/);
    const command = usher.commands.find((each) => each.name() === name);
    expect(command, line).toBeDefined();
    const options = command?.options.map(({ long }) => long) ?? [];
    for (const option of words.filter((word) => word.startsWith('--'))) expect(options, line).toContain(option);
  }
});

test('its links to its own chapters lead somewhere', () => {
  const anchors = [...book.matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w -]/g, '')
      .replaceAll(' ', '-'),
  );
  const links = [...book.matchAll(/\]\(#([^)]*)\)/g)].map(([, anchor]) => anchor);
  expect(links.length).toBeGreaterThan(0);
  expect(links.filter((anchor) => !anchors.includes(anchor))).toEqual([]);
});
