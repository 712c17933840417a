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

/** Something of a history and the number of its line. */
export interface Entry<T> {
  readonly n: number;
  readonly line: T;
}

type List<T> = readonly Entry<T>[];
const NONE: List<never> = [];

/** All that is told of one hold. */
export class HoldFile {
  readonly id: string;
  /** The operation that was told that it made it. */
  made: Entry<HoldOperation> | null = null;
  extends: List<ExtendOperation> = NONE;
  releases: List<ReleaseOperation> = NONE;
  orders: List<OrderOperation> = NONE;
  /** The order that was made of it, if one was told of. */
  order: OrderFile | null = null;

  constructor(id: string) {
    this.id = id;
  }
}

/** All that is told of one order. */
export class OrderFile {
  readonly id: string;
  made: Entry<OrderOperation> | null = null;
  hold: HoldFile | null = null;
  cancels: List<CancelOperation> = NONE;
  pays: List<PayOperation> = NONE;
  reads: List<OrderStateOperation> = NONE;
  refunds: List<RefundOperation> = NONE;
  disputes: List<DisputeOperation> = NONE;
  moves: List<MoveOperation> = NONE;

  constructor(id: string) {
    this.id = id;
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
  readonly holds = new Map<string, HoldFile>();
  readonly orders = new Map<string, OrderFile>();
  /** Those that made a hold, and those that may have made one that nobody was told of. */
  readonly made: HoldFile[] = [];
  readonly unknownHolds: Entry<HoldOperation>[] = [];
  readonly refusedHolds: Entry<HoldOperation>[] = [];
  readonly showCancels: Entry<CancelShowOperation>[] = [];
  readonly stocks: Entry<StockOperation>[] = [];
  readonly reschedules: Entry<RescheduleOperation>[] = [];
  readonly seatReads: Entry<SeatsOperation>[] = [];
  readonly ticketReads: Entry<TicketsOperation>[] = [];
  /** By ticket. */
  readonly doors = new Map<string, DoorFile>();
  readonly uploads: Entry<ScansOperation>[] = [];
  /** The first operation under each key, and its number there by the key. */
  readonly keyed: Entry<Operation>[] = [];
  readonly keys = new Map<string, number>();
  /** Those whose key an earlier one has. */
  readonly repeated: Entry<Operation>[] = [];
  /** Answers that made a thing that had been made. */
  readonly madeAgain: Entry<Operation>[] = [];

  hold(id: string): HoldFile {
    let file = this.holds.get(id);
    if (file === undefined) {
      file = new HoldFile(id);
      this.holds.set(id, file);
    }
    return file;
  }

  order(id: string): OrderFile {
    let file = this.orders.get(id);
    if (file === undefined) {
      file = new OrderFile(id);
      this.orders.set(id, file);
    }
    return file;
  }

  door(ticket: string): DoorFile {
    let file = this.doors.get(ticket);
    if (file === undefined) {
      file = { admits: [], undos: [] };
      this.doors.set(ticket, file);
    }
    return file;
  }

  file(entry: Entry<Operation>): void {
    const { line } = entry;
    if (line.key !== undefined) {
      if (this.keys.has(line.key)) this.repeated.push(entry);
      else this.keys.set(line.key, this.keyed.push(entry) - 1);
    }
    switch (line.op) {
      case 'hold':
        this.#fileHold(entry as Entry<HoldOperation>);
        return;
      case 'extend': {
        const file = this.hold(line.hold);
        file.extends = append(file.extends, entry as Entry<ExtendOperation>);
        return;
      }
      case 'release': {
        const file = this.hold(line.hold);
        file.releases = append(file.releases, entry as Entry<ReleaseOperation>);
        return;
      }
      case 'order':
        this.#fileOrder(entry as Entry<OrderOperation>);
        return;
      case 'cancel': {
        const file = this.order(line.order);
        file.cancels = append(file.cancels, entry as Entry<CancelOperation>);
        return;
      }
      case 'pay': {
        const file = this.order(line.order);
        file.pays = append(file.pays, entry as Entry<PayOperation>);
        return;
      }
      case 'order-state': {
        const file = this.order(line.order);
        file.reads = append(file.reads, entry as Entry<OrderStateOperation>);
        return;
      }
      case 'refund': {
        const file = this.order(line.order);
        file.refunds = append(file.refunds, entry as Entry<RefundOperation>);
        return;
      }
      case 'dispute': {
        const file = this.order(line.order);
        file.disputes = append(file.disputes, entry as Entry<DisputeOperation>);
        return;
      }
      case 'move': {
        const file = this.order(line.order);
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

  #fileHold(entry: Entry<HoldOperation>): void {
    const { outcome, hold } = entry.line;
    if (outcome === 'refused') {
      this.refusedHolds.push(entry);
    } else if (outcome === 'unknown' || hold === undefined) {
      this.unknownHolds.push(entry);
    } else {
      const file = this.hold(hold);
      if (file.made !== null) {
        this.madeAgain.push(entry);
        return;
      }
      file.made = entry;
      this.made.push(file);
    }
  }

  #fileOrder(entry: Entry<OrderOperation>): void {
    const { outcome, order } = entry.line;
    const hold = this.hold(entry.line.hold);
    hold.orders = append(hold.orders, entry);
    if (outcome !== 'ok' || order === undefined) return;
    const file = this.order(order);
    if (file.made !== null) {
      this.madeAgain.push(entry);
      return;
    }
    file.made = entry;
    file.hold = hold;
    hold.order = file;
  }
}

/** All lines of one show. */
export class ShowFile {
  readonly plan: PlanLine;
  /** The line of the plan. */
  readonly n: number;
  readonly cases = new Cases();
  readonly rows: Entry<RowLine>[] = [];

  constructor(plan: PlanLine, n: number) {
    this.plan = plan;
    this.n = n;
  }
}
