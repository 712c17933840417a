import { type DeathCause, HEARTBEAT_MS, LEASE_MS } from '../registry/registry.ts';
import type { ClusterView, NodeRow } from '../view.ts';

/**
 * A node whose turns have not become durable for so long, while this node's have, is stalled. Longer than a lane waits for
 * one hung connection, which it mends by itself.
 */
export const STALLED_MS = 8_000;
/** Below this a node's own journal is well. */
const WELL_MS = 1_000;
/** Only a node that got a turn or a canary durable within so long can tell that it is not the database that stalls. */
const PROVEN_MS = 5_000;
/** A node that has been cut off from the others for so long, while they reach each other, gives its shards away. */
export const CUT_OFF_MS = 2_000;
/** A node that gave its shards away by itself takes some again when it has been well for so long. */
export const RECOVERED_MS = 5_000;
/** It doubles each time, up to this: what only load brings about does not show without shards. */
const RECOVERED_MOST_MS = 300_000;
/** That it ever drained itself is forgotten when it has been up and well for so long. */
export const FORGOTTEN_MS = 600_000;
/** A difference between the database's clock and this node's, from one heartbeat to the next, that only a step explains. */
const CLOCK_STEP_MS = 500;
/** Between two heartbeats of a node that watches others: more, and it cannot say who was late. */
const STEADY_GAP_MS = 2 * HEARTBEAT_MS;

/** How often a node whose lease has ended is looked at until it may be declared dead. */
const EXPIRED_LOOK_MS = 100;

export const STALLED = 'stalled: its turns do not become durable';
export const CUT_OFF = 'cut off from the other nodes';

/** Whether a node is drained for how it is, and not because an operator wanted it. */
export function drainedItself(reason: string | null): boolean {
  return reason === STALLED || reason === CUT_OFF;
}

/** One thing to be done about a node's state. */
export type Finding =
  | { readonly do: 'declare'; readonly incarnation: string; readonly cause: DeathCause }
  | { readonly do: 'drain'; readonly incarnation: string; readonly reason: string }
  | { readonly do: 'undrain'; readonly incarnation: string };

/** What a node knows of itself when it looks at the others. */
export interface Self {
  readonly incarnation: string;
  readonly isLinked: boolean;
  readonly stalledMs: number;
  /** Since a turn or a canary of this node last became durable, ms. */
  readonly durableMsAgo: number;
}

/**
 * Watches the nodes for those that are dead, hung or cut off. It sees one view after the other, as fast as heartbeats go.
 * Who is not heard of is declared dead only by a node that itself was heard of all the time: after a pause of the
 * database or of this process everybody looks late.
 */
export class Watch {
  #steadySince = 0;
  #lastBeat = Number.NEGATIVE_INFINITY;
  #lastSentAt = Number.NEGATIVE_INFINITY;
  /** The database's clock at the last heartbeat. */
  #lastAt = 0;
  /** How often it was taken for well again, lately. */
  #undrained = 0;
  #cutOffSince: number | null = null;
  #wellSince: number | null = null;
  /** Well, and up: with its share of the load. */
  #upSince: number | null = null;
  readonly #suspects = new Set<string>();

  /** The transport says that nobody listens there any more. Only a hint. */
  suspect(incarnation: string): void {
    this.#suspects.add(incarnation);
  }

  /** Whether this node's heartbeats have come without a gap for at least the time of a lease. */
  isSteady(now: number): boolean {
    return now - this.#lastBeat <= STEADY_GAP_MS && now - this.#steadySince >= LEASE_MS;
  }

  /** Suspects that may be looked up now; each is told once for each hint. */
  suspects(now: number): string[] {
    const told = now - this.#lastBeat <= STEADY_GAP_MS ? [...this.#suspects] : [];
    this.#suspects.clear();
    return told;
  }

  /** A heartbeat that was sent at `sentAt` was acknowledged at `now` (this node's clock) with this view. */
  look(sentAt: number, now: number, view: ClusterView, self: Self): Finding[] {
    if (now - this.#lastBeat > STEADY_GAP_MS || this.#wasSet(sentAt, now, view.at)) this.#steadySince = now;
    this.#lastBeat = now;
    this.#lastSentAt = sentAt;
    this.#lastAt = view.at;
    const findings: Finding[] = [];
    const others = view.nodes.filter((node) => node.incarnation !== self.incarnation);
    if (this.isSteady(now)) {
      for (const { incarnation, ageMs } of others) {
        if (ageMs > LEASE_MS) findings.push({ do: 'declare', incarnation, cause: 'expired' });
      }
    }
    this.#lookAtOthers(findings, now, others, self);
    this.#lookAtSelf(findings, now, view, others, self);
    return findings;
  }

  /** When to look again: as soon as the lease of the node that is latest may have ended, and else with the next heartbeat. */
  nextLook(view: ClusterView, self: Self): number {
    let next = HEARTBEAT_MS;
    for (const { incarnation, ageMs } of view.nodes) {
      if (incarnation !== self.incarnation) next = Math.min(next, Math.max(EXPIRED_LOOK_MS, LEASE_MS - ageMs));
    }
    return next;
  }

  /** Whether the database's clock was set since the last heartbeat: then everybody may look late. */
  #wasSet(sentAt: number, now: number, at: number): boolean {
    const passed = at - this.#lastAt;
    return passed < sentAt - this.#lastBeat - CLOCK_STEP_MS || passed > now - this.#lastSentAt + CLOCK_STEP_MS;
  }

  #lookAtOthers(findings: Finding[], now: number, others: readonly NodeRow[], self: Self): void {
    if (self.stalledMs >= WELL_MS || self.durableMsAgo > PROVEN_MS) return;
    // After an outage of the database all have waited; whoever is served first must not take the others for ill.
    if (now - this.#steadySince < STALLED_MS) return;
    for (const { incarnation, state, stalledMs } of others) {
      if (state === 'up' && stalledMs >= STALLED_MS) findings.push({ do: 'drain', incarnation, reason: STALLED });
    }
  }

  #lookAtSelf(findings: Finding[], now: number, view: ClusterView, others: readonly NodeRow[], self: Self): void {
    const own = view.nodes.find((node) => node.incarnation === self.incarnation);
    if (own === undefined) return;
    const othersAreLinked = others.some((node) => node.isLinked && node.state === 'up' && node.ageMs <= STEADY_GAP_MS);
    if (self.isLinked || !othersAreLinked) this.#cutOffSince = null;
    else this.#cutOffSince ??= now;
    if (own.state === 'up' && this.#cutOffSince !== null && now - this.#cutOffSince >= CUT_OFF_MS) {
      findings.push({ do: 'drain', incarnation: own.incarnation, reason: CUT_OFF });
    }
    if (self.isLinked && self.stalledMs < WELL_MS) this.#wellSince ??= now;
    else this.#wellSince = null;
    if (own.state === 'up' && this.#wellSince !== null) this.#upSince ??= now;
    else this.#upSince = null;
    if (this.#upSince !== null && now - this.#upSince >= FORGOTTEN_MS) this.#undrained = 0;
    const wait = Math.min(RECOVERED_MOST_MS, RECOVERED_MS * 2 ** this.#undrained);
    if (
      own.state === 'draining' &&
      drainedItself(own.reason) &&
      this.#wellSince !== null &&
      now - this.#wellSince >= wait
    ) {
      this.#undrained++;
      findings.push({ do: 'undrain', incarnation: own.incarnation });
    }
  }
}
