/**
 * The forms of messages between nodes and of journal rows that this version reads. Messages are written in the newest,
 * except to nodes that read only an older one; rows in the newest that all nodes of the cluster read.
 *
 * | format | messages                                              | journal rows                              |
 * | ------ | ----------------------------------------------------- | ----------------------------------------- |
 * | 1      | each whole; a nudge only says that a shard is free    | first form                                |
 * | 2      | large ones in parts; a nudge names the shows to wake  | also name the incarnation that wrote them |
 * | 3      | may ask to prepare shows, and what came with refunds  | may have events that came with refunds    |
 * | 4      | stock, tickets that move, doors                       | their events                              |
 * | 5      | may ask to replace a show's plan                      | its event                                 |
 */
export const FORMAT = { oldest: 1, newest: 5 } as const;

/** Something in a form that is not known here: most often that of a newer version. */
export class FormatUnknown extends Error {
  override readonly name = 'FormatUnknown';
  readonly found: number;

  /**
   * @param what is in that form, such as `a message`.
   * @param newest the newest format that is read here; a node may be told to act as an older version.
   */
  constructor(what: string, found: number, newest: number = FORMAT.newest) {
    super(`${what} has format ${found}; this version knows formats ${FORMAT.oldest} to ${newest}`);
    this.found = found;
  }
}

/** Whether something in this form can be read by whoever reads forms up to `newest`. */
export function isKnownFormat(format: number, newest: number): boolean {
  return format >= FORMAT.oldest && format <= newest;
}
