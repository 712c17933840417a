import type { ColumnType, JSONColumnType } from 'kysely';

interface VenueTable {
  id: string;
  organiser_id: string;
  name: string;
  street: string;
  city: string;
  state: string | null;
  country: string;
  postal_code: string | null;
  additional: string | null;
  created_at: string;
}

interface PlanDocumentTable {
  /** SHA-256 (hex) of `document`. */
  hash: string;
  /** JSON, as the importer normalised it. */
  document: string;
}

/** A category of a plan, with how much of it there is. */
export interface CategoryView {
  readonly name: string;
  readonly color?: string | undefined;
  /** Numbered seats. */
  readonly seats: number;
  /** General-admission places. */
  readonly places: number;
}

interface PlanTable {
  id: string;
  venue_id: string;
  name: string;
  hash: string;
  seats: number;
  places: number;
  categories: JSONColumnType<readonly CategoryView[]>;
  created_at: string;
}

interface PerformerTable {
  id: string;
  name: string;
  description: string | null;
  created_at: string;
}

interface ShowTable {
  id: string;
  shard: number;
  organiser_id: string;
  venue_id: string;
  plan_id: string;
  plan_hash: string;
  /** The plan in force, if it is not that one. */
  current_plan_id: ColumnType<string | null, never, string>;
  /** How many plans replaced the first. */
  plan_revision: ColumnType<number, never, number>;
  title: string;
  description: string | null;
  screen: string | null;
  starts_at: string;
  ends_at: string | null;
  on_sale_at: string;
  off_sale_at: string;
  currency: string;
  /** Minor units, by the name of the category. */
  prices: JSONColumnType<Readonly<Record<string, number>>>;
  per_hold: number;
  per_buyer: number;
  hold_seconds: number;
  media_url: string | null;
  created_at: string;
  cancelled_at: ColumnType<string | null, never, string>;
  is_draft: boolean;
  /** When a draft becomes public; null while that is not decided. */
  publish_at: string | null;
  /** How many changes of its times, of which its journal tells, the row has. */
  revision: ColumnType<number, never, number>;
  media_links: JSONColumnType<readonly string[]>;
  /** The transaction that changed the row last; set by the database. */
  changed: ColumnType<string, never, never>;
}

/** See `listing/figures-writer.ts`. */
interface ShowFiguresTable {
  show_id: string;
  version: number;
  /** ms since the epoch. */
  as_of: number;
  capacity: number;
  available: number;
  from_price: number | null;
  cancelled: boolean;
  /** By categories; null: those that the show was made with. */
  prices: JSONColumnType<Readonly<Record<string, number>>> | null;
  changed: ColumnType<string, never, never>;
}

interface ShowPerformerTable {
  show_id: string;
  performer_id: string;
  position: number;
}

/** The tables of the migrations 0003, 0008, 0023 and 0024. Times are written as RFC 3339 and read as ms, see `columns.ts`. */
export interface CatalogueTables {
  venue: VenueTable;
  plan_document: PlanDocumentTable;
  plan: PlanTable;
  performer: PerformerTable;
  show: ShowTable;
  show_performer: ShowPerformerTable;
  show_figures: ShowFiguresTable;
}
