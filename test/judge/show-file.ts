import { isAsAsked } from './asked.ts';
import { Column } from './columns.ts';
import type {
  AdmitOperation,
  CancelOperation,
  CancelShowOperation,
  DisputeOperation,
  ExtendOperation,
  HoldOperation,
  MoveOperation,
  Operation,
  OrderOperation,
  OrderStateOperation,
  PayOperation,
  PlanLine,
  RefundOperation,
  ReleaseOperation,
  RescheduleOperation,
  RowLine,
  ScansOperation,
  SeatsOperation,
  StockOperation,
  TicketsOperation,
  UndoAdmissionOperation,
} from './history.ts';
import { MadeHolds, RefusedHolds } from './hold-columns.ts';
import { KeyedOperations } from './keyed-operations.ts';
import { Names } from './names.ts';

/** Something of a history and the number of its line. */
export interface Entry<T> {
  readonly n: number;
  readonly line: T;
}

type List<T> = readonly Entry<T>[];
const NONE: List<never> = [];
const NO_TICKETS: readonly number[] = [];

/** All that is told of one hold. */
export class HoldFile {
  readonly id: string;
  /** Among the holds of its show, from 0. */
  readonly number: number;
  /** The operation that was told that it made it. */
  made: Entry<HoldOperation> | null = null;
  /** Its place among the holds that were made. */
  place = -1;
  /** Whether that can be told of it at first sight. */
  isAsAsked = false;
  extends: List<ExtendOperation> = NONE;
  releases: List<ReleaseOperation> = NONE;
  orders: List<OrderOperation> = NONE;
  /** The order that was made of it, if one was told of. */
  order: OrderFile | null = null;

  constructor(id: string, number: number) {
    this.id = id;
    this.number = number;
  }
}

/** All that is told of one order. */
export class OrderFile {
  readonly id: string;
  /** Among the orders of its show, from 0. */
  readonly number: number;
  made: Entry<OrderOperation> | null = null;
  /** The tickets of the lines that it was told with, in their order. */
  tickets: readonly number[] = NO_TICKETS;
  hold: HoldFile | null = null;
  cancels: List<CancelOperation> = NONE;
  pays: List<PayOperation> = NONE;
  reads: List<OrderStateOperation> = NONE;
  refunds: List<RefundOperation> = NONE;
  disputes: List<DisputeOperation> = NONE;
  moves: List<MoveOperation> = NONE;

  constructor(id: string, number: number) {
    this.id = id;
    this.number = number;
  }
}

/** Files of one kind by id, made when first asked for. */
export class Files<T> {
  /** By number. */
  readonly all: T[] = [];
  readonly #names = new Names();
  readonly #make: (id: string, number: number) => T;
  /** What was asked for last: the next about it is often the next of all. */
  #lastId: string | null = null;
  #last = -1;

  constructor(make: (id: string, number: number) => T) {
    this.#make = make;
  }

  of(id: string): T {
    if (id !== this.#lastId) {
      this.#last = this.#names.add(id);
      this.#lastId = id;
      if (this.#last === this.all.length) this.all.push(this.#make(id, this.#last));
    }
    return this.all[this.#last];
  }

  find(id: string): T | undefined {
    if (id === this.#lastId) return this.all[this.#last];
    const number = this.#names.find(id);
    return number < 0 ? undefined : this.all[number];
  }
}

function append<T>(list: List<T>, entry: Entry<T>): List<T> {
  if (list.length === 0) return [entry];
  (list as Entry<T>[]).push(entry);
  return list;
}

/** What was asked of the doors about one ticket. */
interface DoorFile {
  readonly admits: Entry<AdmitOperation>[];
  readonly undos: Entry<UndoAdmissionOperation>[];
}

/** The operations of one show by what they are about. */
export class Cases {
  readonly holds = new Files((id, number) => new HoldFile(id, number));
  readonly orders = new Files((id, number) => new OrderFile(id, number));
  /** The tickets that somebody was told of, or that the journal has. */
  readonly tickets = new Names();
  /** By ticket: whether an order was told with it. */
  readonly #isTold: boolean[] = [];
  readonly made = new MadeHolds();
  /** Those that may have made a hold that nobody was told of. */
  readonly unknownHolds: Entry<HoldOperation>[] = [];
  readonly refusedHolds = new RefusedHolds();
  readonly showCancels: Entry<CancelShowOperation>[] = [];
  readonly stocks: Entry<StockOperation>[] = [];
  readonly reschedules: Entry<RescheduleOperation>[] = [];
  readonly seatReads: Entry<SeatsOperation>[] = [];
  readonly ticketReads: Entry<TicketsOperation>[] = [];
  /** By ticket. */
  readonly doors = new Map<string, DoorFile>();
  readonly uploads: Entry<ScansOperation>[] = [];
  readonly keyed = new KeyedOperations();
  /** Answers that made a thing that had been made. */
  readonly madeAgain: Entry<Operation>[] = [];
  readonly #seatIndex: ReadonlyMap<string, number>;

  /** `seatIndex`: the places of the seats in the plan line. */
  constructor(seatIndex: ReadonlyMap<string, number>) {
    this.#seatIndex = seatIndex;
  }

  /** Whether an order was told with this ticket. */
  isToldTicket(id: string): boolean {
    return this.#isTold[this.tickets.find(id)] === true;
  }

  #tell(ticket: string): number {
    const number = this.tickets.add(ticket);
    while (this.#isTold.length <= number) this.#isTold.push(false);
    this.#isTold[number] = true;
    return number;
  }

  door(ticket: string): DoorFile {
    let file = this.doors.get(ticket);
    if (file === undefined) {
      file = { admits: [], undos: [] };
      this.doors.set(ticket, file);
    }
    return file;
  }

  /** Line `n` is this operation. */
  file(line: Operation, n: number): void {
    const { key } = line;
    if (key !== undefined) this.keyed.add(key, line, n);
    if (line.op === 'hold') this.#fileHold(line, n);
    else this.#fileOther({ n, line });
  }

  #fileOther(entry: Entry<Exclude<Operation, HoldOperation>>): void {
    const { line } = entry;
    switch (line.op) {
      case 'extend': {
        const file = this.holds.of(line.hold);
        file.extends = append(file.extends, entry as Entry<ExtendOperation>);
        return;
      }
      case 'release': {
        const file = this.holds.of(line.hold);
        file.releases = append(file.releases, entry as Entry<ReleaseOperation>);
        return;
      }
      case 'order':
        this.#fileOrder(entry as Entry<OrderOperation>);
        return;
      case 'cancel': {
        const file = this.orders.of(line.order);
        file.cancels = append(file.cancels, entry as Entry<CancelOperation>);
        return;
      }
      case 'pay': {
        const file = this.orders.of(line.order);
        file.pays = append(file.pays, entry as Entry<PayOperation>);
        return;
      }
      case 'order-state': {
        const file = this.orders.of(line.order);
        file.reads = append(file.reads, entry as Entry<OrderStateOperation>);
        return;
      }
      case 'refund': {
        const file = this.orders.of(line.order);
        file.refunds = append(file.refunds, entry as Entry<RefundOperation>);
        return;
      }
      case 'dispute': {
        const file = this.orders.of(line.order);
        file.disputes = append(file.disputes, entry as Entry<DisputeOperation>);
        return;
      }
      case 'move': {
        const file = this.orders.of(line.order);
        file.moves = append(file.moves, entry as Entry<MoveOperation>);
        return;
      }
      case 'cancel-show':
        this.showCancels.push(entry as Entry<CancelShowOperation>);
        return;
      case 'stock':
        this.stocks.push(entry as Entry<StockOperation>);
        return;
      case 'reschedule':
        this.reschedules.push(entry as Entry<RescheduleOperation>);
        return;
      case 'seats':
        this.seatReads.push(entry as Entry<SeatsOperation>);
        return;
      case 'tickets':
        this.ticketReads.push(entry as Entry<TicketsOperation>);
        return;
      case 'admit':
        this.door(line.ticket).admits.push(entry as Entry<AdmitOperation>);
        return;
      case 'undo-admission':
        this.door(line.ticket).undos.push(entry as Entry<UndoAdmissionOperation>);
        return;
      case 'scans':
        this.uploads.push(entry as Entry<ScansOperation>);
    }
  }

  #fileHold(line: HoldOperation, n: number): void {
    const { outcome, hold } = line;
    if (outcome === 'refused') {
      this.refusedHolds.add(line, n, this.#seatIndex);
    } else if (outcome === 'unknown' || hold === undefined) {
      this.unknownHolds.push({ n, line });
    } else {
      const file = this.holds.of(hold);
      if (file.made !== null) {
        this.madeAgain.push({ n, line });
        return;
      }
      file.made = { n, line };
      file.isAsAsked = isAsAsked(line);
      file.place = this.made.add(file, line, n, this.#seatIndex);
    }
  }

  #fileOrder(entry: Entry<OrderOperation>): void {
    const { outcome, order, tickets } = entry.line;
    const hold = this.holds.of(entry.line.hold);
    hold.orders = append(hold.orders, entry);
    if (outcome !== 'ok' || order === undefined) return;
    const file = this.orders.of(order);
    if (file.made !== null) {
      this.madeAgain.push(entry);
      return;
    }
    file.made = entry;
    file.hold = hold;
    hold.order = file;
    if (tickets === undefined) return;
    file.tickets = tickets.map(({ id }) => this.#tell(id));
  }
}

/** All lines of one show. */
export class ShowFile {
  readonly plan: PlanLine;
  /** The places of the seats in the plan line. */
  readonly seatIndex: ReadonlyMap<string, number>;
  readonly cases: Cases;
  readonly rows: RowLine[] = [];
  /** The line of each row. */
  readonly rowsN = new Column();
  /** How many events the rows have. */
  events = 0;

  constructor(plan: PlanLine) {
    this.plan = plan;
    this.seatIndex = new Map(plan.seats.map((id, i) => [id, i]));
    this.cases = new Cases(this.seatIndex);
  }

  fileRow(line: RowLine, n: number): void {
    this.rows.push(line);
    this.rowsN.push(n);
    this.events += line.events.length;
  }
}
