import { type ErrorCode, type Fault, RefusedError } from '../../errors.ts';
import { takers } from '../ownership/ownership.ts';
import { placementOf } from '../ownership/placement.ts';
import { Rendezvous } from '../ownership/rendezvous.ts';
import { SHARDS } from '../shards.ts';
import type { ClusterView, NodeRow } from '../view.ts';
import { type PinChange, withChanges } from './pin-changes.ts';
import { DRAINED_BY_OPS } from './plan-run.ts';

/** What applying a plan writes into the tables; that shards move is only its consequence. */
export interface PlanChanges {
  readonly pins: readonly PinChange[];
  /** The node to drain. */
  readonly drain: string | null;
  readonly undrain: string | null;
}

/** What a request comes to, before its consequences are worked out. */
export interface Proposal {
  readonly changes: PlanChanges;
  /** Why a shard moves, where there is more to say than follows from the changes. */
  readonly reasons?: ReadonlyMap<number, string>;
  readonly notes?: readonly string[];
  /** The note for when nothing changes and nothing moves. */
  readonly idle: string;
}

export const NO_CHANGES: PlanChanges = { pins: [], drain: null, undrain: null };

export function proposeDrain(view: ClusterView, id: string): Proposal {
  const node = nodeOf(view, id);
  const others = view.nodes.filter((other) => other.state === 'up' && other.id !== id);
  if (node.state === 'leaving')
    return { changes: NO_CHANGES, idle: `${id} is leaving, so that its shards go already.` };
  if (node.state === 'up' && others.length === 0) {
    throw refused(`No node but ${id} is up: its shards would have nowhere to go. Start or undrain another node first.`);
  }
  const notes: string[] = [];
  if (node.state === 'draining') notes.push(`${id} is draining already${because(node)}.`);
  const pinned = view.pins.filter((each) => each.node === id).length;
  if (pinned > 0) notes.push(`Pins to ${id} (${pinned}) do not count while it drains, and count again afterwards.`);
  return { changes: { ...NO_CHANGES, drain: id }, notes, idle: '' };
}

export function proposeUndrain(view: ClusterView, id: string): Proposal {
  const node = nodeOf(view, id);
  if (node.state === 'leaving') throw refused(`${id} is leaving and will end. Start it again instead.`);
  if (node.state === 'up') return { changes: NO_CHANGES, idle: `${id} is up already.` };
  // What an operator wanted does not come back by itself.
  const isWanted = node.reason === null || node.reason === DRAINED_BY_OPS;
  const notes = isWanted ? [] : [`${id} is draining${because(node)}; what made it so may do so again.`];
  return { changes: { ...NO_CHANGES, undrain: id }, notes, idle: '' };
}

export function proposeMove(view: ClusterView, shards: readonly number[], to: string): Proposal {
  checkShards(shards);
  upNodeOf(view, to);
  const pinned = new Map(view.pins.map((each) => [each.shard, each.node]));
  const moved = shards.filter((shard) => pinned.get(shard) !== to);
  const changes = changesToMove(view, moved, to);
  const kept = changes.filter((change) => change.node !== null).length;
  const notes =
    kept === 0 ? [] : [`Moved shards (${kept}) are pinned to ${to}: they stay there until they are unpinned.`];
  return proposalOfPins(changes, notes, `Placement keeps these shards on ${to} already.`);
}

/** A shard that placement puts there anyway needs no pin, only to lose the one it has. */
function changesToMove(view: ClusterView, shards: readonly number[], to: string): PinChange[] {
  const rendezvous = new Rendezvous(takers(view));
  const freed = withChanges(
    view.pins,
    shards.map((shard) => ({ shard, node: null })),
  );
  const natural = placementOf(rendezvous, freed).targets;
  const pins = shards.filter((shard) => natural[shard] !== to).map((shard) => ({ shard, node: to, exclusive: false }));
  const { targets } = placementOf(rendezvous, [...freed, ...pins]);
  if (shards.some((shard) => targets[shard] !== to)) {
    // The pins of some push others over the bound.
    return shards.map((shard) => ({ shard, node: to, exclusive: false }));
  }
  const unpinned = view.pins.filter(({ shard }) => shards.includes(shard) && natural[shard] === to);
  return [...pins, ...unpinned.map(({ shard }) => ({ shard, node: null }))];
}

export function proposePin(view: ClusterView, shards: readonly number[], to: string, exclusive: boolean): Proposal {
  checkShards(shards);
  upNodeOf(view, to);
  const before = new Map(view.pins.map((each) => [each.shard, each]));
  const changes = shards
    .filter((shard) => before.get(shard)?.node !== to || before.get(shard)?.exclusive !== exclusive)
    .map((shard) => ({ shard, node: to, exclusive }));
  if (exclusive) {
    const { closed } = placementOf(new Rendezvous(takers(view)), withChanges(view.pins, changes));
    if (!closed.has(to)) {
      throw refused(
        `${to} cannot be for pinned shards only: no node would be left for the others. Start or undrain another node, ` +
          'or unpin the shards that have another node for themselves.',
      );
    }
  }
  return proposalOfPins(changes, [], `These shards are pinned to ${to} like that already.`);
}

export function proposeUnpin(view: ClusterView, shards: readonly number[]): Proposal {
  checkShards(shards);
  const pinned = new Set(view.pins.map((each) => each.shard));
  const changes = shards.filter((shard) => pinned.has(shard)).map((shard) => ({ shard, node: null }));
  const others = shards.filter((shard) => !pinned.has(shard));
  const notes = others.length > 0 && changes.length > 0 ? [`Not pinned anyway: ${others.join(', ')}.`] : [];
  return proposalOfPins(changes, notes, 'None of these shards is pinned.');
}

function proposalOfPins(pins: readonly PinChange[], notes: readonly string[], idle: string): Proposal {
  return { changes: { ...NO_CHANGES, pins: pins.toSorted((a, b) => a.shard - b.shard) }, notes, idle };
}

// --- refusals --------------------------------------------------------------------------------------------------------

function nodeOf(view: ClusterView, id: string): NodeRow {
  const node = view.nodes.find((each) => each.id === id);
  if (node !== undefined) return node;
  const known = view.nodes.map((each) => `${each.id} (${each.state})`).sort();
  throw refused(`No node "${id}" is alive. The nodes are ${known.join(', ') || 'none'}.`, 'NODE_UNKNOWN');
}

function upNodeOf(view: ClusterView, id: string): void {
  const node = nodeOf(view, id);
  if (node.state === 'up') return;
  const up = view.nodes.filter((each) => each.state === 'up').map((each) => each.id);
  const instead = up.length > 0 ? `choose one that is up: ${up.sort().join(', ')}` : 'start another node';
  const mend = node.state === 'draining' ? `undrain it first, or ${instead}` : instead;
  throw refused(`${id} is ${node.state}${because(node)} and takes no shards: ${mend}.`);
}

/** Throws RefusedError with a fault for each number that is no shard or stands there twice. */
function checkShards(shards: readonly number[]): void {
  if (shards.length === 0) throw refused(`Name at least one shard, by its number from 0 to ${SHARDS - 1}.`);
  const errors: Fault[] = [];
  shards.forEach((shard, i) => {
    const isShard = Number.isInteger(shard) && shard >= 0 && shard < SHARDS;
    if (!isShard) errors.push({ pointer: `/shards/${i}`, detail: `must be a whole number from 0 to ${SHARDS - 1}` });
    else if (shards.indexOf(shard) < i) errors.push({ pointer: `/shards/${i}`, detail: `names shard ${shard} again` });
  });
  if (errors.length > 0) {
    const detail = 'Mend what `errors` points at.';
    throw new RefusedError({ code: 'CLUSTER_PLAN_INVALID', detail, errors });
  }
}

function refused(detail: string, code: ErrorCode = 'CLUSTER_PLAN_INVALID'): RefusedError {
  return new RefusedError({ code, detail });
}

function because({ reason }: NodeRow): string {
  return reason === null ? '' : ` (${reason})`;
}
