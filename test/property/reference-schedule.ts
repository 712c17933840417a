import type { RescheduleCommand } from '../../src/allocator/commands.ts';
import type { ShowTerms } from '../../src/allocator/events.ts';
import { type Expected, type ReferenceState, refusedBy, told } from './reference-state.ts';
import { must } from './violation.ts';

/** The times after it, or null if they cannot be. */
function termsAfter({ at, terms, isPublic }: ReferenceState, command: RescheduleCommand): ShowTerms | null {
  const { onSaleAt = terms.onSaleAt, offSaleAt = terms.offSaleAt } = command;
  if (offSaleAt <= onSaleAt) return null;
  const asked = command.publishAt === 'now' ? at : command.publishAt;
  if (isPublic && asked !== undefined && asked > at) return null;
  // What is public already stays so, since when it was.
  const publishes = isPublic || asked === undefined ? {} : { publishAt: asked };
  return { ...terms, onSaleAt, offSaleAt, ...publishes };
}

/** From this turn on the show sells by the new times; what is held or sold stays. */
export function reschedule(state: ReferenceState, command: RescheduleCommand): Expected {
  const after = state.cancelled === null ? termsAfter(state, command) : null;
  if (after === null) return refusedBy('SHOW_INVALID');
  const { terms } = state;
  const isNews =
    after.onSaleAt !== terms.onSaleAt || after.offSaleAt !== terms.offSaleAt || after.publishAt !== terms.publishAt;
  if (isNews) {
    const event = state.take('rescheduled', () => true);
    const { onSaleAt, offSaleAt, publishAt = terms.publishAt } = event;
    must(
      onSaleAt === after.onSaleAt && offSaleAt === after.offSaleAt && publishAt === after.publishAt,
      'rules',
      () => `the times became ${JSON.stringify(event)}, not ${JSON.stringify(after)}`,
    );
    state.terms = { ...after, revision: (terms.revision ?? 0) + 1 };
  }
  return { answer: told(saleTimes(state.terms)), inTurn: isNews };
}

function saleTimes({ onSaleAt, offSaleAt, publishAt, revision = 0 }: ShowTerms): unknown {
  return publishAt === undefined ? { onSaleAt, offSaleAt, revision } : { onSaleAt, offSaleAt, revision, publishAt };
}
