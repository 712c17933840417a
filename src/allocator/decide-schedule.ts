import type { Fault } from '../errors.ts';
import type { RescheduleCommand } from './commands.ts';
import { type Decision, done, OUTCOME_DONE, refused } from './decision.ts';
import type { Show } from './show.ts';

/** The show decides: only it knows which times hold when several organisers' requests meet. A public show stays public. */
export function decideReschedule(show: Show, command: RescheduleCommand, at: number): Decision {
  if (show.cancelled !== null) return refused('SHOW_INVALID', 'The show is cancelled; its times stay as they are.');
  const { terms } = show;
  const onSaleAt = command.onSaleAt ?? terms.onSaleAt;
  const offSaleAt = command.offSaleAt ?? terms.offSaleAt;
  if (offSaleAt <= onSaleAt) return faulty('/offSaleAt', 'must be after onSaleAt');
  const asked = command.publishAt === 'now' ? at : command.publishAt;
  const isPublic = show.isPublic(at);
  if (isPublic && asked !== undefined && asked > at) return faulty('/at', 'is too late: the show is public already');
  const publishAt = isPublic || asked === terms.publishAt ? undefined : asked;
  if (onSaleAt === terms.onSaleAt && offSaleAt === terms.offSaleAt && publishAt === undefined) return OUTCOME_DONE;
  const times = { type: 'rescheduled', onSaleAt, offSaleAt } as const;
  return done(publishAt === undefined ? times : { ...times, publishAt });
}

function faulty(pointer: string, detail: string): Decision {
  const errors: Fault[] = [{ pointer, detail }];
  return {
    kind: 'refused',
    refusal: { code: 'SHOW_INVALID', detail: 'Mend what `errors` points at.', errors },
    event: null,
  };
}
