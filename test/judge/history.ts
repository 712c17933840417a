/*
 * The lines of a history: what clients asked and were told, and, where they can be had, the journal and the provider's
 * books. `docs/history.md` says how to record one. Times (`from`, `to`, `until`) are on one clock of the recorder, in any
 * unit; `expires`, `at` and the `until` of journal events are on the server's clock, in another unit if need be.
 */

export type HistoryLine = PlanLine | Operation | RowLine | BookLine | EndLine;

export interface AreaQuantity {
  readonly id: string;
  readonly quantity: number;
}

/** One show: the first line about it. */
export interface PlanLine {
  /** The show's id. */
  readonly plan: string;
  readonly seats: readonly string[];
  readonly areas: readonly { readonly id: string; readonly capacity: number }[];
  readonly currency: string;
  /** Seats that are never for sale. */
  readonly blocked?: readonly string[];
  /** Others, whom this history does not tell of, use the show too: nothing is concluded from what it does not say. */
  readonly partial?: boolean;
  /** How long after its `until` a hold can still be ordered or paid, on the server's clock; unlimited if absent. */
  readonly grace?: number;
  /** From when and until when it sells at first, on the server's clock; unlimited if absent. */
  readonly onSale?: number;
  readonly offSale?: number;
  /** How long the answer to a key is kept, on the server's clock; for ever if absent. */
  readonly keysKept?: number;
}

/** `unknown`: it may have taken effect at any time after `from`, also after the end of the history. */
export type Outcome = 'ok' | 'refused' | 'unknown';

/** One intention of one client, from its first sending to its definite answer. */
interface Intention {
  readonly show: string;
  readonly client: string;
  readonly from: number;
  /** Absent only where the outcome is unknown. */
  readonly to?: number;
  readonly outcome: Outcome;
  /** Of a refusal. */
  readonly code?: string;
  /** What the client named this intention; no other of the show has it. The same as in the journal, if that has any. */
  readonly key?: string;
}

/** What was asked for; `best`: so many seats, whichever. */
export interface Wish {
  readonly seats?: readonly string[];
  readonly best?: number;
  readonly areas?: readonly AreaQuantity[];
}

export interface HoldOperation extends Intention {
  readonly op: 'hold';
  readonly asked?: Wish;
  /** If ok: its id, what it holds, and the earliest time at which it may end by itself. */
  readonly hold?: string;
  readonly seats?: readonly string[];
  readonly areas?: readonly AreaQuantity[];
  /** What it was told to cost. */
  readonly total?: number;
  readonly until?: number;
  /** The end as the server told it, for comparison with the journal. */
  readonly expires?: number;
  /** If refused: the seats that the refusal names as taken. */
  readonly taken?: readonly string[];
}

export interface ExtendOperation extends Intention {
  readonly op: 'extend';
  readonly hold: string;
  readonly until?: number;
  readonly expires?: number;
}

export interface ReleaseOperation extends Intention {
  readonly op: 'release';
  readonly hold: string;
}

/** A line of an order: a seat, or one place of an area. */
export interface TicketLine {
  readonly id: string;
  readonly seat?: string;
  readonly area?: string;
  readonly price: number;
  /** In the journal: the ticket of the seller from whom it is bought. */
  readonly from?: string;
}

export interface OrderOperation extends Intention {
  readonly op: 'order';
  readonly hold: string;
  /** If ok: its id, lines and sum, and, if it is later than the hold's, the earliest time at which it may end by itself. */
  readonly order?: string;
  readonly tickets?: readonly TicketLine[];
  readonly total?: number;
  readonly until?: number;
}

export interface CancelOperation extends Intention {
  readonly op: 'cancel';
  readonly order: string;
}

/** Ok: the client was told that it is paid. Anything else may have ended the order. */
export interface PayOperation extends Intention {
  readonly op: 'pay';
  readonly order: string;
}

export type OrderStatus =
  | 'awaiting_payment'
  | 'processing'
  | 'paid'
  | 'cancelled'
  | 'expired'
  | 'refunded'
  | 'partially_refunded';

/** A read of an order. */
export interface OrderStateOperation extends Intention {
  readonly op: 'order-state';
  readonly order: string;
  readonly state?: OrderStatus;
  /** Read by one who may see the orders of all. */
  readonly all?: boolean;
}

export interface RefundOperation extends Intention {
  readonly op: 'refund';
  readonly order: string;
  /** If ok: the refund's id. */
  readonly refund?: string;
  /** Ids of the tickets; all that are valid if absent. */
  readonly tickets?: readonly string[];
}

export interface CancelShowOperation extends Intention {
  readonly op: 'cancel-show';
}

/** The client gives tickets away or lists them for resale: from here on their places may be others'. */
export interface MoveOperation extends Intention {
  readonly op: 'move';
  readonly order: string;
  readonly tickets: readonly string[];
}

/** Places that are put on sale, or taken off it. */
export interface StockPlaces {
  readonly seats?: readonly string[];
  readonly areas?: readonly AreaQuantity[];
}

/** The organiser changes what is for sale. Places that are already what they are to become may be among them. */
export interface StockOperation extends Intention {
  readonly op: 'stock';
  readonly opens?: StockPlaces;
  readonly closes?: StockPlaces;
}

/** The organiser moves the times of sale. */
export interface RescheduleOperation extends Intention {
  readonly op: 'reschedule';
  /** If ok: the times in force then, on the server's clock, and how often they had been moved. */
  readonly onSale?: number;
  readonly offSale?: number;
  readonly revision?: number;
}

/** The buyer's bank claims the money back: from here on the order's seats may become free. */
export interface DisputeOperation extends Intention {
  readonly op: 'dispute';
  readonly order: string;
}

/** A read of the seat map. */
export interface SeatsOperation extends Intention {
  readonly op: 'seats';
  /** The journal row that it is of. */
  readonly version?: number;
  /** It was told that it may be old. */
  readonly stale?: boolean;
  /** A letter a seat, as the plan line has them: a free, h held, p in payment (or h), s sold, b blocked, l for resale. */
  readonly letters?: string;
  readonly areas?: readonly { readonly id: string; readonly available: number }[];
}

export interface SeenTicket {
  readonly id: string;
  readonly seat?: string;
  readonly area?: string;
  readonly order?: string;
  readonly status: string;
}

/** A read of all the tickets that a client has in the show; with `all`, of any. */
export interface TicketsOperation extends Intention {
  readonly op: 'tickets';
  readonly tickets?: readonly SeenTicket[];
  /** Read by one who may see the tickets of all. */
  readonly all?: boolean;
}

/** Somebody comes with a ticket's code; ok: they were let in. */
export interface AdmitOperation extends Intention {
  readonly op: 'admit';
  readonly ticket: string;
  readonly gate?: string;
  /** If ok: when, as the server told it. */
  readonly admittedAt?: number;
}

/** The organiser takes an admission back. */
export interface UndoAdmissionOperation extends Intention {
  readonly op: 'undo-admission';
  readonly ticket: string;
}

/** A gate that was offline tells whom it has let in; `at`: on its clock, as it told the server. */
export interface ScansOperation extends Intention {
  readonly op: 'scans';
  readonly gate: string;
  /** `result`: what became of it, if ok. */
  readonly scans: readonly { readonly ticket: string; readonly at: number; readonly result?: string }[];
}

export type Operation =
  | HoldOperation
  | ExtendOperation
  | ReleaseOperation
  | OrderOperation
  | CancelOperation
  | PayOperation
  | OrderStateOperation
  | RefundOperation
  | CancelShowOperation
  | MoveOperation
  | StockOperation
  | RescheduleOperation
  | DisputeOperation
  | SeatsOperation
  | TicketsOperation
  | AdmitOperation
  | UndoAdmissionOperation
  | ScansOperation;

/** A row of a show's journal, in the order of `seq`. */
export interface RowLine {
  /** The show's id. */
  readonly row: string;
  readonly seq: number;
  readonly epoch: number;
  /** On the server's clock; without it the lives of holds are not judged. */
  readonly at?: number;
  readonly events: readonly RowEvent[];
}

export type RowEvent =
  | {
      readonly event: 'held';
      readonly hold: string;
      readonly client: string;
      readonly seats: readonly string[];
      readonly areas: readonly AreaQuantity[];
      readonly until: number;
      /** Which of the seats were for resale. */
      readonly listed?: readonly string[];
      readonly key?: string;
    }
  | { readonly event: 'extended'; readonly hold: string; readonly until: number }
  | { readonly event: 'released'; readonly hold: string }
  | { readonly event: 'expired'; readonly holds: readonly string[] }
  | {
      readonly event: 'ordered';
      readonly order: string;
      readonly hold: string;
      readonly tickets: readonly TicketLine[];
      readonly total: number;
      readonly until: number;
      /** Sellers' tickets that are void with it; of a free order, which is paid at once. */
      readonly resold?: readonly string[];
      readonly key?: string;
    }
  | { readonly event: 'pending'; readonly order: string; readonly until: number }
  | { readonly event: 'committed'; readonly order: string; readonly late?: boolean }
  | { readonly event: 'captured'; readonly order: string; readonly resold?: readonly string[] }
  /** `rejected` and `cancelled` end an unpaid order, `voided` a committed one, `declined` one that was paid too late. */
  | { readonly event: 'cancelled' | 'rejected' | 'declined' | 'voided'; readonly order: string }
  /** Takes valid tickets back; all of the order if none are named. */
  | {
      readonly event: 'refunding';
      readonly refund: string;
      readonly order: string;
      readonly tickets?: readonly string[];
      readonly key?: string;
    }
  | {
      readonly event: 'disputed';
      readonly order: string;
      readonly dispute: string;
      readonly status: 'open' | 'won' | 'lost';
    }
  | { readonly event: 'show-cancelled'; readonly holds: readonly string[] }
  /** The ticket ends; `to` takes its place, and is its sender's until it is accepted. */
  | { readonly event: 'transferred'; readonly ticket: string; readonly to: string; readonly key?: string }
  | { readonly event: 'transfer-accepted'; readonly ticket: string; readonly client: string }
  | { readonly event: 'transfer-ended'; readonly ticket: string }
  | { readonly event: 'listed'; readonly ticket: string; readonly price: number; readonly key?: string }
  | { readonly event: 'unlisted'; readonly ticket: string }
  /** `gate`: '' if none was named. */
  | {
      readonly event: 'admitted';
      readonly ticket: string;
      readonly at: number;
      readonly gate: string;
      readonly key?: string;
    }
  | {
      readonly event: 'scanned';
      readonly gate: string;
      /** `void`: the ticket was not valid. */
      readonly scans: readonly { readonly ticket: string; readonly at: number; readonly void: boolean }[];
    }
  | { readonly event: 'admission-undone'; readonly ticket: string; readonly until: number }
  /** What was free is not for sale any more, what was not is free; a seat may be closed twice. */
  | {
      readonly event: 'stock-changed';
      readonly opens?: StockPlaces;
      readonly closes?: StockPlaces;
      readonly key?: string;
    }
  /** The times of sale from now on. */
  | { readonly event: 'rescheduled'; readonly onSale: number; readonly offSale: number }
  /** Kept as the answer to this key: it never takes effect. */
  | { readonly event: 'refused'; readonly code: string; readonly key: string };

/** What the payment provider's books say of one order, in minor units. */
export interface BookLine {
  /** The order's id. */
  readonly book: string;
  readonly captured: number;
  readonly refunded: number;
  /** How many captures there were. */
  readonly captures: number;
  /** Reserved on the buyer's card, neither captured nor let go. */
  readonly authorised?: number;
  /** Taken by the buyer's bank in disputes that are open or lost. */
  readonly withdrawn?: number;
  /** By a method that the provider captures by itself, maybe before or without a sale. */
  readonly unasked?: boolean;
}

export interface EndLine {
  readonly end: true;
  /** Nothing is on its way any more: all money must balance, every order be final. */
  readonly rest: boolean;
}

export type Invariant = 'I1' | 'I2' | 'I3' | 'I4' | 'I5' | 'I7' | 'I8' | 'I9' | 'I10' | 'I11' | 'I12' | 'I14' | 'I15';

/** A promise that was not kept. */
export interface Violation {
  readonly invariant: Invariant;
  /** For a person. */
  readonly what: string;
  /** The lines that show it, from 1, in the order in which they were added. */
  readonly lines: readonly number[];
}
