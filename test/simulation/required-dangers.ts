import { PHASES, type Phase } from './dangers.ts';
import { FAULTS, type FaultKind } from './schedule.ts';

/** What each fault must have struck in the midst of, in enough seeds; the others may, by chance. */
const MUST_STRIKE: Partial<Record<FaultKind, readonly Phase[]>> = {
  crash: PHASES.filter((phase) => phase !== 'joining'),
  pause: PHASES.filter((phase) => phase !== 'joining'),
  'database restarted': PHASES,
  'database cut off': ['append sent', 'append executed', 'heartbeat', 'recovery reads', 'capture under way'],
  'database deaf': ['append sent', 'append executed', 'heartbeat', 'taking shards'],
  'database mute': ['append sent', 'heartbeat'],
  'node isolated': ['request on its way to the owner', 'append sent', 'capture under way', 'buyer waits'],
  'provider away': ['payment opened', 'capture under way', 'cancellation under way', 'refund under way'],
  move: ['append sent', 'capture under way', 'refund under way', 'order awaits payment', 'plan applied', 'buyer waits'],
  drain: ['append sent', 'capture under way', 'order awaits payment', 'buyer waits'],
  'stop in order': ['append sent', 'capture under way', 'order awaits payment', 'buyer waits'],
};

/** Every fault, and every fault in these phases. */
export const REQUIRED: readonly string[] = [
  ...FAULTS,
  'snapshot torn',
  ...Object.entries(MUST_STRIKE).flatMap(([fault, phases]) => phases.map((phase) => `${fault} × ${phase}`)),
];
