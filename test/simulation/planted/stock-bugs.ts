import type { PlantedBug } from './planted-bug.ts';

/** Mistakes in what organisers make of the stock, of the plan and of the times of sale. */
export const STOCK_BUGS: readonly PlantedBug[] = [
  {
    name: 'new prices for live holds',
    does: 'Who holds seats pays what they cost now, not what the hold told.',
    file: 'allocator/stock.ts',
    find: 'for (const list of show.stock?.formerPrices ?? []) if (hold < list.before) return list.prices;',
    replace: 'if (hold < 0) return [];',
    breaks: ['I3', 'I4'],
    worlds: 'brief',
  },
  {
    name: 'held seat taken off sale',
    does: 'A seat that somebody only holds may be removed or kept back.',
    file: 'allocator/decide-stock.ts',
    find: 'if (status[seat] !== SEAT.free && status[seat] !== SEAT.blocked) {',
    replace: 'if (status[seat] !== SEAT.free && status[seat] !== SEAT.held && status[seat] !== SEAT.blocked) {',
    breaks: ['I1'],
    worlds: 'brief',
    firstSeed: 70,
  },
  {
    name: 'half of the seats kept back',
    does: 'Of the seats that the organiser keeps back the first stays on sale.',
    file: 'allocator/apply-stock.ts',
    find: 'for (const seat of seats) {\n    changeSeat(show, seat, SEAT.free, SEAT.blocked);\n    stock',
    replace: 'for (const seat of seats.slice(1)) {\n    changeSeat(show, seat, SEAT.free, SEAT.blocked);\n    stock',
    breaks: ['I1', 'I5', 'I7'],
    worlds: 'brief',
  },
  {
    name: 'former prices lost in the snapshot',
    does: 'After a recovery from a snapshot, holds cost what is asked now.',
    file: 'allocator/snapshot-stock.ts',
    find: 'stock.formerPrices = header.formerPrices;',
    replace: '',
    breaks: ['I3', 'I4', 'I6'],
    worlds: 'any',
    firstSeed: 18,
  },
  {
    name: 'former end of the sale',
    does: 'When the times of sale are moved, holds are made until the end of before.',
    file: 'allocator/apply-schedule.ts',
    find: '  show.terms = {',
    replace:
      '  const until = offSaleAt < terms.offSaleAt ? terms.offSaleAt : offSaleAt;\n' +
      '  show.isOnSale = (at) => show.cancelled === null && at >= onSaleAt && at < until;\n  show.terms = {',
    breaks: ['I3'],
    worlds: 'brief',
  },
  {
    name: 'moved times lost in the snapshot',
    does: 'After a recovery from a snapshot, a show sells until its first end.',
    file: 'allocator/snapshot.ts',
    find: '    terms: show.terms,',
    replace:
      '    terms: show.terms.revision === undefined ? show.terms :\n' +
      '      { ...show.terms, offSaleAt: show.terms.onSaleAt + 30 * 86_400_000, revision: 0 },',
    breaks: ['I3', 'I6'],
    worlds: 'brief',
  },
  {
    name: 'plan without a held seat',
    does: 'A plan may take the place of another although somebody holds seats that it has not.',
    file: 'allocator/decide-plan.ts',
    find: 'const isTaken = status[seat] !== SEAT.free && status[seat] !== SEAT.blocked;',
    replace: 'const isTaken = status[seat] === SEAT.sold || status[seat] === SEAT.inPayment;',
    breaks: ['I1'],
    worlds: 'brief',
  },
  {
    name: 'seat map of the former plan',
    does: 'After a plan was replaced, everybody is told of the seats of the one before.',
    file: 'actors/published-seats.ts',
    find: '    if (this.hall !== show.hall) this.#takeHall(show);\n',
    replace: '    if (this.hall !== show.hall) this.planId = show.planId;\n',
    breaks: ['I5', 'I7', 'crash'],
    worlds: 'brief',
  },
  {
    name: 'plans lost in the snapshot',
    does: 'A snapshot does not say that the plan was replaced.',
    file: 'allocator/snapshot.ts',
    find: '    ...(hasPlans ? { laterPlans } : {}),\n',
    replace: '',
    breaks: ['I6'],
    worlds: 'brief',
  },
];
