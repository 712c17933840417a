import type { Answer } from '../actors/shows.ts';
import type { Refusal } from '../errors.ts';
import type { ListPart } from '../projector/own-lists.ts';

/** Shows asked at a time for one list. */
const SHOWS_AT_A_TIME = 16;

/** Of a scoped id, prefix, time and show: what comes before the number. */
const TIME_AND_SHOW = 40;

interface ListPage<T> {
  readonly items: T[];
  readonly total: number;
  readonly offset: number;
  readonly limit: number;
}

interface PageRequest {
  readonly offset: number;
  readonly limit: number;
}

/**
 * A user's own things of all shows, newest first: out of the read models, and of shows that are ahead of them out of the
 * shows themselves. So what was answered before this was asked is in it, whichever node answered.
 * @param behind those shows, as they were before `known` is read
 */
export async function ownList<T extends { readonly id: string }>(
  behind: readonly string[],
  known: (except: readonly string[], part: PageRequest) => Promise<ListPart<T>>,
  ask: (showId: string) => Promise<Answer<ListPart<T>>>,
  page: PageRequest,
): Promise<ListPage<T> | Refusal> {
  if (behind.length === 0) {
    const { total, items } = await known([], page);
    return { items: [...items], total, ...page };
  }
  // Any of the page may be theirs: as much is taken as the page can need.
  return listAcrossShows(behind, ask, page, await known(behind, { offset: 0, limit: page.offset + page.limit }));
}

/**
 * One list out of several shows' lists, newest first: scoped ids begin with their time, so their order is that of
 * their texts; within one show its own order stays. All or nothing: a show that cannot answer refuses the whole list,
 * because a list with holes would lie.
 * @param ask asks one show for its whole list, or for as much as the page can need
 * @param known what is known of other shows, newest first
 */
export async function listAcrossShows<T extends { readonly id: string }>(
  showIds: readonly string[],
  ask: (showId: string) => Promise<Answer<ListPart<T>>>,
  page: PageRequest,
  known: ListPart<T> = { total: 0, items: [] },
): Promise<ListPage<T> | Refusal> {
  const all: T[] = [...known.items];
  let { total } = known;
  for (let from = 0; from < showIds.length; from += SHOWS_AT_A_TIME) {
    const answers = await Promise.all(showIds.slice(from, from + SHOWS_AT_A_TIME).map(ask));
    for (const answer of answers) {
      if (!answer.ok) return answer.refusal;
      total += answer.value.total;
      for (const item of answer.value.items) all.push(item);
    }
  }
  all.sort((a, b) => {
    const left = a.id.slice(0, TIME_AND_SHOW);
    const right = b.id.slice(0, TIME_AND_SHOW);
    return left < right ? 1 : left > right ? -1 : 0;
  });
  const { offset, limit } = page;
  return { items: all.slice(offset, offset + limit), total, offset, limit };
}
