import type { MadeShow, ShowSource } from '../actors/shows.ts';
import type { Catalogue } from './catalogue.ts';

/** What shows are made of when they wake, out of the catalogue. */
export class CatalogueShowSource implements ShowSource {
  readonly #catalogue: Pick<Catalogue, 'shows' | 'halls'>;

  constructor(catalogue: Pick<Catalogue, 'shows' | 'halls'>) {
    this.#catalogue = catalogue;
  }

  async exists(showId: string): Promise<boolean> {
    return (await this.#catalogue.shows.organiserOf(showId)) !== null;
  }

  async load(showId: string): Promise<MadeShow | null> {
    const show = await this.#catalogue.shows.get(showId);
    if (show === null) return null;
    const compiled = await this.#catalogue.halls.get(show.planId);
    if (compiled === null) throw new Error(`The plan ${show.planId} of the show ${showId} is missing`);
    if (compiled.planHash !== show.planHash)
      throw new Error(`The plan ${show.planId} is not the one that the show ${showId} was made with`);
    const { planId, planHash, currency, prices, onSaleAt, offSaleAt, perHold, perBuyer, holdSeconds, publishAt } = show;
    return {
      hall: compiled.hall,
      laterHall: async (planIds) => (await this.#catalogue.halls.later([planId, ...planIds]))?.hall ?? null,
      terms: {
        ...{ planId, planHash, currency, prices, onSaleAt, offSaleAt, perHold, perBuyer, holdSeconds },
        ...(publishAt === undefined ? undefined : { publishAt }),
      },
    };
  }
}
