import { setTimeout as pause } from 'node:timers/promises';
import { openShows, type Person, type ShowOnSale, theatre } from '../support/box-office.ts';
import { type BuyerSetting, buy } from '../support/buyer.ts';
import type { TestCluster } from '../support/cluster-processes.ts';
import { Dice } from '../support/dice.ts';
import type { History } from '../support/sale-history.ts';

const BUYERS = 24;
const LOUNGERS = 6;
const THINK_MS = 1_200;
/** Of one user: few, so that buyers soon turn to another node and another show. */
const PURCHASES = 2;
const SHOWS = 5;
/** One more show for so many minutes, so that there is something to sell to the end. */
const MINUTES_A_SHOW = 4;
/** How many of the buyers want the same show. */
const HOT_PART = 0.35;
const [SEATS, STANDING] = [1_500, 300];
/** Holds that outlive the longest run: whatever ends one of them was not the time. */
export const LASTING_SECONDS = 3_600;
/** Holds that end while things go wrong, in shows where nobody does more than hold. */
export const FLEETING_SECONDS = 15;
const FLEETING_SHOWS = 2;

/** Buyers at all nodes, who write down what they ask and what they are told. */
export class ChaosSale {
  readonly organiser: Person;
  /** Where seats are held, ordered and paid, and no hold ends by itself. */
  readonly shows: readonly ShowOnSale[];
  /** Where seats are only held, until the holds end by themselves. */
  readonly fleeting: readonly ShowOnSale[];
  readonly history: History = [];
  readonly fleetingHistory: History = [];
  /** What made buyers give up, as sentences. */
  readonly faults: string[] = [];
  readonly #buyers: Promise<void>[] = [];
  #sells = true;

  private constructor(organiser: Person, shows: readonly ShowOnSale[], fleeting: readonly ShowOnSale[]) {
    this.organiser = organiser;
    this.shows = shows;
    this.fleeting = fleeting;
  }

  /** Opens the shows and lets buyers in. */
  static async open(
    cluster: TestCluster,
    organiser: Person,
    { seed, minutes }: { readonly seed: number; readonly minutes: number },
  ): Promise<ChaosSale> {
    const [port] = cluster.ports;
    const open = (count: number, holdSeconds: number): Promise<ShowOnSale[]> =>
      openShows(
        port,
        organiser,
        Array<never[]>(count)
          .fill([])
          .map(() => theatre(SEATS, STANDING)),
        { holdSeconds },
      );
    const shows = await open(SHOWS + Math.floor(minutes / MINUTES_A_SHOW), LASTING_SECONDS);
    const fleeting = await open(FLEETING_SHOWS, FLEETING_SECONDS);
    const sale = new ChaosSale(organiser, shows, fleeting);
    const common = { ports: cluster.ports, thinkMs: THINK_MS, looks: 0.1, leaves: 0.03, purchases: PURCHASES };
    const others = (1 - HOT_PART) / (shows.length - 1);
    const weights = shows.map((_, i) => (i === 0 ? HOT_PART : others));
    for (let i = 0; i < BUYERS; i++) {
      sale.#letIn(seed + i, { ...common, shows, weights, history: sale.history, reads: 0.3, walksAway: 0.03 });
    }
    for (let i = 0; i < LOUNGERS; i++) {
      const weights = fleeting.map(() => 1);
      const history = sale.fleetingHistory;
      sale.#letIn(seed + BUYERS + i, { ...common, shows: fleeting, weights, history, walksAway: 1 });
    }
    return sale;
  }

  /** No purchase begins any more; resolves when every one that was begun is over. */
  async end(): Promise<void> {
    this.#sells = false;
    await Promise.all(this.#buyers);
  }

  #letIn(seed: number, setting: Omit<BuyerSetting, 'dice' | 'goesOn'>): void {
    const dice = new Dice(seed);
    const goesOn = (): boolean => this.#sells;
    const sell = async (): Promise<void> => {
      while (goesOn()) {
        // Whatever it is, it goes into the verdict, and the next buyer comes.
        await buy({ ...setting, dice, goesOn }).catch((error: Error) => void this.faults.push(error.message));
        await pause(0);
      }
    };
    this.#buyers.push(sell());
  }
}
