import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test, vi } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { temporaryDirectory } from '../support/temporary-directory.ts';
import { startServer } from '../support/usher-process.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const README = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
const OPEN_LIMIT_MS = 60_000;
const TOUR_LIMIT_MS = 60_000;

/** The shell blocks of a section, in order. */
function shellBlocks(heading: string): string[] {
  const [, section] = README.split(`## ${heading}\n`);
  const [text] = section.split('\n## ');
  return [...text.matchAll(/^```bash\n([\s\S]*?)^```$/gm)].map((match) => match[1]);
}

/** Runs a script in the project's directory, as one shell; stops at its first failing command. */
function runInShell(
  script: string,
  settings: Record<string, string>,
): Promise<{ code: number | null; output: string }> {
  const bash = spawn('bash', ['-eu', '-o', 'pipefail', '-c', script], {
    cwd: ROOT,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...settings },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  onTestFinished(() => void bash.kill('SIGKILL'));
  let output = '';
  for (const stream of [bash.stdout, bash.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  return new Promise((resolve) => bash.once('close', (code) => resolve({ code, output })));
}

test(
  "the README's tour does what it says, pasted into a shell beside a first start",
  async () => {
    const [port, dataDir] = [await freePort(), temporaryDirectory()];
    const server = startServer({ NODE_ENV: 'development', PORT: `${port}`, USHER_DATA_DIR: dataDir });
    await server.open;
    await vi.waitFor(() => expect(server.stdout()).toContain('log-ins'));
    const printed = server.stdout();
    expect(printed).toContain(`Usher is open at http://localhost:${port} (its API: http://localhost:${port}/docs)\n`);
    for (const name of ['organiser', 'ada', 'grace']) expect(printed).toContain(`${name}@usher.example`);
    expect(printed).toContain('usher-demo');

    const blocks = shellBlocks('A five-minute tour');
    expect(blocks.length).toBeGreaterThanOrEqual(8);
    const mark = (block: string, i: number) => `echo '=== ${i}'\n${block}`;
    const settings = { USHER: `http://localhost:${port}`, USHER_DATA_DIR: dataDir };
    const { code, output } = await runInShell(blocks.map(mark).join('\n'), settings);
    expect(code, output).toBe(0);
    const [, login, hall, show, hold, refusal, payment, ticket, verify] = output.split(/^=== \d\n/m);

    expect(login).toBe('');
    expect(hall).toMatch(/^Venue ven_\w{26} has plan pln_\w{26}\n$/);
    expect(JSON.parse(show)).toMatchObject({
      title: 'Opening night',
      status: 'on_sale',
      capacity: 603,
      available: 603,
    });

    const held = JSON.parse(hold);
    expect(held).toMatchObject({ status: 'active', seats: [{}, {}] });
    const [first, second] = held.seats as { id: string; price: { amount: number } }[];
    expect(held.total).toEqual({ amount: first.price.amount + second.price.amount, currency: 'EUR' });

    const [head, body] = refusal.split('\r\n\r\n');
    expect(head).toMatch(/^HTTP\/1\.1 409 /);
    expect(head).toMatch(/^content-type: application\/problem\+json\r?$/m);
    const problem = JSON.parse(body);
    expect(problem).toMatchObject({ status: 409, code: 'SEATS_TAKEN', taken: [first.id] });
    expect(problem.alternatives.length).toBeGreaterThan(0);

    expect(JSON.parse(payment)).toMatchObject({ status: 'succeeded', order: { status: 'paid', total: held.total } });
    const printedTicket = JSON.parse(ticket);
    expect(printedTicket).toMatchObject({ status: 'valid', seat: { id: first.id }, price: first.price });
    expect(printedTicket.code).toMatch(/^[\w-]{80,}$/);

    // The demo's shows have no journal yet: nobody has asked for them.
    expect(verify).toMatch(/^Replayed from the first row: 1 shows, \d+ journal rows, 603 seats and places\.$/m);
    expect(verify).toMatch(/^0 seats sold twice\nNo faults\.\n$/m);

    server.child.kill('SIGTERM');
    expect(await server.ended).toEqual({ code: 0, signal: null });
    expect(server.errors()).toEqual([]);
  },
  OPEN_LIMIT_MS + TOUR_LIMIT_MS,
);

test("the README's links lead somewhere", () => {
  const links = [...README.matchAll(/\]\(([^)#]+)\)/g)].map((match) => match[1]);
  expect(links.length).toBeGreaterThan(5);
  for (const link of links) expect(readFileSync(new URL(`../../${link}`, import.meta.url), 'utf8')).not.toBe('');
});
