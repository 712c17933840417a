import { hash } from 'node:crypto';
import { RULES } from '../../../src/actors/turns.ts';
import type { CommandId } from '../../../src/allocator/commands.ts';
import type { Decision } from '../../../src/allocator/decision.ts';
import type { ShowEvent } from '../../../src/allocator/events.ts';
import { type Apply, type Decide, NOTHING, type PlantedBugs, STRESS, withRules } from './bug.ts';

function anotherId(id: CommandId, salt: string): CommandId {
  return Buffer.from(hash('sha256', id + salt, 'buffer').subarray(0, 16)).toString('base64url');
}

const decideAgain: Decide = (show, command, at) => {
  if (command.type !== 'hold' || show.answered.find(command.once.id) < 0) return RULES.decide(show, command, at);
  const decision = RULES.decide(
    show,
    { ...command, once: { ...command.once, id: anotherId(command.once.id, 'decide') } },
    at,
  );
  if (decision.kind === 'replay' || decision.event === null) return NOTHING;
  return { ...decision, event: { ...decision.event, once: command.once } as ShowEvent } as Decision;
};

const applyAgain: Apply = (show, event, seq, ordinal, at) => {
  if ('once' in event && show.answered.find(event.once.id) >= 0) {
    const once = { ...event.once, id: anotherId(event.once.id, `${seq}/${ordinal}`) };
    RULES.apply(show, { ...event, once }, seq, ordinal, at);
  } else {
    RULES.apply(show, event, seq, ordinal, at);
  }
};

/** Requests that take effect more often than they were made. */
export const REPEAT_BUGS: PlantedBugs = {
  stress: STRESS,
  bugs: [['a duplicate command applied twice', 'I4', withRules(decideAgain, applyAgain)]],
};
