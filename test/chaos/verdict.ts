import { setTimeout as pause } from 'node:timers/promises';
import { HOLD_GRACE_MS } from '../../src/allocator/show.ts';
import { buyerToken } from '../support/box-office.ts';
import type { Absence } from '../support/cluster-audit.ts';
import type { TestCluster, TestNode } from '../support/cluster-processes.ts';
import { eventually } from '../support/eventually.ts';
import { Lifetime } from '../support/lifetime.ts';
import {
  askAgain,
  changedAnswers,
  knowledgeOf,
  lostThings,
  Outside,
  seatsSoldTwice,
  unexpectedAnswers,
  wrongCounts,
} from '../support/sale-audit.ts';
import { type History, isDefinite, type Operation } from '../support/sale-history.ts';
import { runUsher } from '../support/usher-process.ts';
import { type ChaosSale, FLEETING_SECONDS } from './sale.ts';

/*
 * What is found wrong when everything has come to rest. The names of the checks stand before what they found.
 */

const AUDITORS = 16;
/** Of each check. */
const SHOWN = 10;
/** Until a request that had no definite answer has one, at rest. */
const ANSWERED_MS = 30_000;
/** Until no order is under way any more, at rest. */
const AT_REST = { timeoutMs: 60_000, intervalMs: 1_000 };
/** How much later than its time a hold may end: the grace, and what a busy machine takes. */
const ENDED_LATE_MS = HOLD_GRACE_MS + 30_000;

/** Operations that no buyer had a definite answer to. */
export function unknownOutcomes(history: History): Operation[] {
  return history.filter(({ attempts }) => !attempts.some(({ answer }) => isDefinite(answer)));
}

/** Requests that got no answer although the node that was asked was there all the time, as sentences. */
export function lostRequests(history: History, absences: readonly Absence[]): string[] {
  const faults: string[] = [];
  for (const { method, path, attempts } of history) {
    for (const { sentAt, endedAt, answer, wasSent, port } of attempts) {
      if (answer !== null || !wasSent) continue;
      if (absences.some((absence) => absence.port === port && sentAt <= absence.to && endedAt >= absence.from))
        continue;
      faults.push(`${method} ${path} at port ${port} was lost after ${Math.round(endedAt - sentAt)} ms`);
    }
  }
  return named({ lostRequests: faults });
}

/** Asks the nodes at rest about all that buyers were told, and then once more. */
export async function auditedFaults(sale: ChaosSale, at: TestNode): Promise<string[]> {
  const lifetime = new Lifetime();
  const outside = new Outside(at.port, AUDITORS, (user) =>
    user === sale.organiser.id ? Promise.resolve(sale.organiser.token) : buyerToken(user),
  );
  lifetime.atEnd(() => outside.close());
  try {
    return await faultsFoundFrom(outside, sale);
  } finally {
    await lifetime.end();
  }
}

async function faultsFoundFrom(outside: Outside, sale: ChaosSale): Promise<string[]> {
  const { history, fleetingHistory, shows, organiser } = sale;
  // Nobody asks for what these shows hold; that they end it by themselves takes its time.
  const endless = endlessHolds(sale, outside);
  const unanswered = await stillUnanswered([...history, ...fleetingHistory], outside);
  // What else could be asked is judged by answers that there are not.
  if (unanswered.length > 0) return named({ unanswered });
  await askAgain(
    history.filter(({ key }) => key !== null),
    outside,
  );
  const knowledge = knowledgeOf(history);
  return named({
    unexpectedAnswers: [...unexpectedAnswers(history), ...unexpectedAnswers(fleetingHistory)],
    changedAnswers: changedAnswers(history, 'several'),
    seatsSoldTwice: seatsSoldTwice(knowledge),
    lostThings: await lostThings(knowledge, outside),
    wrongCounts: await wrongCounts(shows, knowledge, organiser, outside),
    endlessHolds: await endless,
  });
}

/** Sends what had no definite answer again, until it has one; what has none in time, as sentences. */
async function stillUnanswered(history: History, outside: Outside): Promise<string[]> {
  const faults: string[] = [];
  for (const until = performance.now() + ANSWERED_MS; ; ) {
    const open = history.filter((operation) => !isSettled(operation));
    if (open.length === 0) return faults;
    if (performance.now() > until) {
      return open.map(({ kind, method, path, attempts }) => {
        const answers = attempts.slice(-2).map(({ answer }) => answer);
        return `${kind} ${method} ${path} has no definite answer at rest: ${JSON.stringify(answers)}`;
      });
    }
    await askAgain(open, outside);
    await pause(100);
  }
}

/** The money of an order that was just paid is on its way for a moment. */
function isSettled({ kind, attempts }: Operation): boolean {
  const answer = attempts.map((attempt) => attempt.answer).find(isDefinite);
  if (answer === undefined) return false;
  return kind !== 'confirm' || (answer.body as { status?: unknown }).status !== 'processing';
}

/** Every hold of the shows where nobody orders ends by itself. */
async function endlessHolds(sale: ChaosSale, outside: Outside): Promise<string[]> {
  const faults: string[] = [];
  const limits = { timeoutMs: FLEETING_SECONDS * 1_000 + ENDED_LATE_MS, intervalMs: 1_000 };
  await outside.forEach(sale.fleeting, async (show, ask) => {
    const check = async (): Promise<void> => {
      const { body } = await ask(sale.organiser.id, 'GET', `/v1/shows/${show.id}`);
      const { available } = body as { available: number };
      if (available !== show.capacity)
        throw new Error(`${show.id}: ${show.capacity - available} places are held for ever`);
    };
    await eventually(check, limits).catch((error: Error) => void faults.push(error.message));
  });
  return faults;
}

/**
 * Cancels every order that its buyer left unpaid, so that all comes to rest.
 * @returns the cancellations, as operations that the buyers might have asked for
 */
export async function cancelUnpaid(sale: ChaosSale, at: TestNode): Promise<History> {
  const unpaid = [...knowledgeOf(sale.history).orders.values()].filter(({ status }) => status === 'awaiting_payment');
  const history = unpaid.map(({ user, showId, order }): Operation => {
    const path = `/v1/orders/${order.id}/cancel`;
    const request = { method: 'POST', path, key: null, requestBody: null } as const;
    return { kind: 'cancel', user, showId, ...request, expected: ['200'], attempts: [] };
  });
  const outside = new Outside(at.port, AUDITORS, buyerToken);
  await stillUnanswered(history, outside).finally(() => outside.close());
  return history;
}

/** What `usher verify` and `usher verify --payments` find, once no order is under way. */
export async function verifiedFaults(cluster: TestCluster): Promise<string[]> {
  const faults: string[] = [];
  const verify = async (...args: string[]): Promise<string> => {
    const lifetime = new Lifetime();
    const { code, stdout, stderr } = await runUsher(['verify', ...args, '--json'], cluster.settings, lifetime.atEnd);
    await lifetime.end();
    if (code !== 0) faults.push(`usher verify ${args.join(' ')} (exit code ${code}): ${stderr}${stdout}`);
    return stdout;
  };
  const requireRest = async (): Promise<void> => {
    faults.length = 0;
    const stdout = await verify('--payments');
    if (faults.length > 0) throw new Error('verify --payments has found something');
    const { underWay } = JSON.parse(stdout) as { underWay: number };
    if (underWay > 0) throw new Error(`${underWay} orders are under way at rest`);
  };
  const atRest = await eventually(requireRest, AT_REST).then(
    () => [],
    (error: Error) => [error.message, ...faults],
  );
  faults.length = 0;
  await verify();
  return [...atRest, ...faults];
}

function named(found: Readonly<Record<string, readonly string[]>>): string[] {
  return Object.entries(found).flatMap(([check, faults]) => {
    const shown = faults.slice(0, SHOWN).map((fault) => `${check}: ${fault}`);
    return faults.length > SHOWN ? [...shown, `${check}: and ${faults.length - SHOWN} more`] : shown;
  });
}
