/** Shows of which a node remembers whose they are; the one that was looked up longest ago goes first. */
const REMEMBERED_MAX = 10_000;

/** The same look-up, asked once for a show: its organiser never changes. So a door asks no database for each guest. */
export function rememberedOrganisers(
  organiserOf: (showId: string) => Promise<string | null>,
): (showId: string) => Promise<string | null> {
  const known = new Map<string, string>();
  return async (showId) => {
    const remembered = known.get(showId);
    if (remembered !== undefined) return remembered;
    const organiser = await organiserOf(showId);
    if (organiser === null) return null;
    if (known.size >= REMEMBERED_MAX) {
      for (const oldest of known.keys()) {
        known.delete(oldest);
        break;
      }
    }
    known.set(showId, organiser);
    return organiser;
  };
}
