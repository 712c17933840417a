import { expect } from 'vitest';
import type { TestNode } from './cluster-processes.ts';
import { runUsher } from './usher-process.ts';

/** A move that a command tells of, and how long its shard answered nothing. */
export interface Move {
  readonly shard: number;
  readonly from: string;
  readonly to: string;
  readonly pauseMs: number;
}

/** A plan as a dry run prints it, as far as tests look at it. */
export interface Plan {
  readonly id: string;
  readonly changes: { readonly pins: readonly { readonly shard: number; readonly node: string | null }[] };
  readonly moves: readonly { readonly shard: number }[];
}

/** The objects that a command of the command line prints, given on this node's machine; it must succeed. */
export async function printed<T>(at: TestNode, args: readonly string[]): Promise<T[]> {
  const { code, stdout, stderr } = await runUsher([...args, '--json'], at.operator);
  expect(code, `usher ${args.join(' ')}: ${stderr}`).toBe(0);
  return objects(stdout);
}

export function objects<T>(stdout: string): T[] {
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as T);
}

/**
 * Runs a command that moves shards to its end. @returns its moves, of which it has told each pause.
 * @param before moves of its plan that were told before.
 */
export async function moves(at: TestNode, args: readonly string[], before: readonly Move[] = []): Promise<Move[]> {
  const lines = await printed<Move>(at, args);
  const [told, summary] = [lines.slice(0, -1), lines.at(-1)];
  const all = [...before, ...told];
  expectPauses(all);
  const longestPauseMs = Math.max(...all.map(({ pauseMs }) => pauseMs));
  expect(summary).toMatchObject({ state: 'applied', moves: all.length, longestPauseMs });
  process.stdout.write(`usher ${args[0]}: ${all.length} moves, longest pause ${longestPauseMs} ms\n`);
  return told;
}

/** How long every one of them took is known. */
export function expectPauses(told: readonly Move[]): void {
  expect(told.filter(({ pauseMs }) => typeof pauseMs !== 'number' || pauseMs < 0)).toEqual([]);
}

/** The shards of these moves, in order. */
export function shardsIn(told: readonly { readonly shard: number }[]): number[] {
  return told.map(({ shard }) => shard).sort((a, b) => a - b);
}
