import { readFile } from 'node:fs/promises';
import type { Accounts } from '../accounts/accounts.ts';
import { generatePlan } from '../allocator/plan-generate.ts';
import type { Catalogue } from '../catalog/catalogue.ts';
import { RefusedError } from '../errors.ts';
import type { Clock } from '../ports.ts';
import { rfc3339 } from '../rfc3339.ts';

/** The demo's log-ins. Public, so a demo is only seeded into a new embedded database. */
export const DEMO = {
  password: 'usher-demo',
  organiser: 'organiser@usher.example',
  buyers: ['ada@usher.example', 'grace@usher.example'],
} as const;

const DAY_MS = 86_400_000;
const HALL_FILE = new URL('../../examples/la-laguna-auditorium.json', import.meta.url);

interface DemoShow {
  readonly title: string;
  readonly description: string;
  readonly performer: string;
  readonly venue: { readonly name: string; readonly street: string; readonly city: string; readonly country: string };
  readonly plan: () => Promise<unknown>;
  /** Days from now. */
  readonly startsIn: number;
  /** Minor units of EUR for the plan's categories, in their order; the last one is for all that follow. */
  readonly prices: readonly number[];
}

const SHOWS: readonly DemoShow[] = [
  {
    title: 'Chamber music at the university',
    description: 'Two string quartets in a hall of 603 seats.',
    performer: 'Teide Quartet',
    venue: {
      name: 'Auditorium of the Universidad de La Laguna',
      street: 'Avenida de la Trinidad',
      city: 'San Cristóbal de La Laguna',
      country: 'ES',
    },
    plan: async () => JSON.parse(await readFile(HALL_FILE, 'utf8')),
    startsIn: 30,
    prices: [2_500, 1_800, 3_200],
  },
  {
    title: 'Arena night',
    description: 'Fifteen thousand seats and a standing floor.',
    performer: 'The Group Commits',
    venue: { name: 'Demo Arena', street: 'Ring 1', city: 'Hamburg', country: 'DE' },
    plan: async () => generatePlan({ kind: 'arena' }),
    startsIn: 60,
    prices: [11_900, 8_900, 6_900, 4_900],
  },
  {
    title: 'Cup final',
    description: 'Eighty thousand seats in three tiers.',
    performer: 'Home and Away',
    venue: { name: 'Demo Stadium', street: 'Stadium Way 1', city: 'London', country: 'GB' },
    plan: async () => generatePlan({ kind: 'stadium' }),
    startsIn: 90,
    prices: [18_000, 14_000, 10_000, 7_000, 4_500],
  },
];

/**
 * Seeds accounts, three halls and a show in each, all on sale at once. May be repeated after a crash in the middle: what
 * is there stays, the shows that are missing are added.
 */
export async function seedDemo(accounts: Accounts, catalogue: Catalogue, clock: Clock): Promise<void> {
  const organiserId = await ensureUser(accounts, DEMO.organiser, 'organiser');
  for (const email of DEMO.buyers) await ensureUser(accounts, email, 'buyer');
  const now = clock.now();
  const present = new Set(
    await catalogue.shows.titlesOf(
      organiserId,
      SHOWS.map(({ title }) => title),
    ),
  );
  for (const show of SHOWS) {
    if (present.has(show.title)) continue;
    const { name, ...address } = show.venue;
    const venue = await catalogue.venues.create(organiserId, { name, address });
    const plan = await catalogue.plans.import(venue.id, await show.plan());
    const performer = await catalogue.performers.create({ name: show.performer });
    const prices = plan.categories.map((category, i) => [
      category.name,
      show.prices[Math.min(i, show.prices.length - 1)],
    ]);
    await catalogue.shows.create(
      { id: organiserId, admin: false },
      {
        title: show.title,
        description: show.description,
        venueId: venue.id,
        planId: plan.id,
        performerIds: [performer.id],
        startsAt: rfc3339(now + show.startsIn * DAY_MS),
        onSaleAt: rfc3339(now),
        currency: 'EUR',
        prices: Object.fromEntries(prices),
      },
    );
  }
}

async function ensureUser(accounts: Accounts, email: string, role: 'buyer' | 'organiser'): Promise<string> {
  try {
    const [firstName] = email.split('@');
    const user = await accounts.create({ email, password: DEMO.password, firstName, lastName: 'Demo', role });
    return user.id;
  } catch (error) {
    const id = await accounts.idOf(email);
    if (!(error instanceof RefusedError) || error.refusal.code !== 'EMAIL_TAKEN' || id === null) throw error;
    return id;
  }
}
