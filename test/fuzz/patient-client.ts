import { setTimeout } from 'node:timers/promises';
import { type RawAnswer, RawClient, type RawRequest } from '../e2e/bad-input/raw-client.ts';

/** How often a request is sent that the server was too busy for. */
const SENT_MAX = 40;
const PAUSE_MS = 250;

/**
 * On a machine that other tests keep busy the server turns requests away before it has looked at them, as it should: they are
 * sent again. Every other answer is taken for what it is.
 */
export class PatientClient extends RawClient {
  override async send(request: RawRequest): Promise<RawAnswer> {
    for (let sent = 1; ; sent++) {
      const answer = await super.send(request);
      if (sent === SENT_MAX || !isTooBusy(answer)) return answer;
      await setTimeout(PAUSE_MS);
    }
  }
}

/** Said by what guards the whole server, not by a show or a route. */
function isTooBusy({ status, body }: RawAnswer): boolean {
  return status === 503 && body.includes('"The server is too busy; try again shortly."');
}
