import type { Findings } from './findings.ts';
import type { RowEvent } from './history.ts';
import { HELD, type JournalState } from './journal-state.ts';
import { ReplayDoors } from './replay-doors.ts';
import { ReplayPlaces } from './replay-places.ts';
import { ReplaySales } from './replay-sales.ts';

/**
 * Applies the events of a journal one by one and tells which are not legal where they stand. An event that is not legal
 * is applied as far as it goes, so that what follows can be judged too.
 */
export class Replay {
  readonly #state: JournalState;
  readonly #places: ReplayPlaces;
  readonly #sales: ReplaySales;
  readonly #doors: ReplayDoors;

  constructor(state: JournalState, findings: Findings) {
    this.#state = state;
    this.#places = new ReplayPlaces(state, findings);
    this.#sales = new ReplaySales(this.#places);
    this.#doors = new ReplayDoors(this.#places);
  }

  apply(event: RowEvent, n: number, at: number | undefined): void {
    this.#places.n = n;
    this.#places.at = at;
    this.#state.position++;
    switch (event.event) {
      // First, as in a rush most events are such. It changes nothing; `askers.ts` judges keys.
      case 'refused':
        return;
      case 'held':
        this.#places.held(event);
        return;
      case 'extended': {
        const hold = this.#places.liveHold(event.hold, 'extended', 'active');
        if (hold !== null) this.#places.extend(hold, event.until);
        return;
      }
      case 'released': {
        const hold = this.#places.liveHold(event.hold, 'released', 'active');
        if (hold !== null) this.#places.free(hold, HELD, 'released');
        return;
      }
      case 'expired':
        for (const id of event.holds) this.#sales.expired(id);
        return;
      case 'ordered':
        this.#sales.ordered(event);
        return;
      case 'pending': {
        const order = this.#sales.order(event.order, 'pending', 'awaiting');
        if (order === null) return;
        this.#places.extend(order.hold, event.until);
        this.#sales.become(order, 'pending');
        return;
      }
      case 'committed':
        if (event.late === true) this.#sales.committedLate(event.order);
        else this.#sales.committed(event.order);
        return;
      case 'captured': {
        const order = this.#sales.order(event.order, 'captured', 'committed');
        if (order === null) return;
        this.#sales.paid(order, event.resold);
        return;
      }
      case 'cancelled':
      case 'rejected': {
        const states = event.event === 'cancelled' ? (['awaiting'] as const) : (['awaiting', 'pending'] as const);
        const order = this.#sales.order(event.order, event.event, ...states);
        if (order !== null) this.#sales.endUnpaid(order, event.event);
        return;
      }
      case 'declined': {
        const order = this.#sales.order(event.order, 'declined', 'expired');
        if (order !== null) this.#sales.become(order, 'declined');
        return;
      }
      case 'voided': {
        const order = this.#sales.order(event.order, 'voided', 'committed');
        if (order === null) return;
        for (const ticket of order.tickets) this.#sales.takeBack(order, ticket, 'void');
        this.#sales.become(order, 'voided');
        return;
      }
      case 'refunding':
        this.#sales.refunding(event);
        return;
      case 'disputed':
        this.#sales.disputed(event);
        return;
      case 'show-cancelled':
        this.#sales.showCancelled(event);
        return;
      case 'transferred':
      case 'transfer-accepted':
      case 'transfer-ended':
      case 'listed':
      case 'unlisted':
        this.#sales.moved(event);
        return;
      case 'admitted':
        this.#doors.admitted(event);
        return;
      case 'scanned':
        this.#doors.scanned(event);
        return;
      case 'admission-undone':
        this.#doors.undone(event);
        return;
      case 'stock-changed':
        this.#places.stockChanged(event);
        return;
      case 'rescheduled':
        this.#places.rescheduled(event);
        return;
    }
  }
}
