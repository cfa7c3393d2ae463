// What REST knows of the database: tables and views with their columns and keys, how they are linked,
// and the functions. Read at once, and again after `notify pgrst, 'reload schema'`.
import { join } from "node:path";
import type { Sql } from "postgres";
import { type Link, linksOf } from "./links.ts";

export interface Column {
  name: string;
  number: number;
  /** As in SQL: `character varying(20)`, `text[]`. */
  type: string;
  /** An expression; null where there is none, and for generated columns. */
  default: string | null;
}

export interface Relation {
  id: number;
  schema: string;
  name: string;
  isView: boolean;
  columns: Map<string, Column>;
  primaryKey: string[];
  uniqueKeys: string[][];
}

export interface Parameter {
  /** Empty when it has none. */
  name: string;
  type: string;
  required: boolean;
  variadic: boolean;
  /** The table or view whose row it takes; 0 otherwise. */
  relation: number;
}

export interface Routine {
  schema: string;
  name: string;
  parameters: Parameter[];
  volatility: "i" | "s" | "v";
  returnsSet: boolean;
  returnsVoid: boolean;
  /** Rows of a table, a composite type or `table (…)`; otherwise values. */
  returnsRows: boolean;
  /** As estimated; 1 says that a set has one row at most. */
  rows: number;
  /** The table or view whose rows it returns; 0 otherwise. */
  returned: number;
}

export interface ForeignKey {
  name: string;
  from: number;
  to: number;
  columns: string[];
  targets: string[];
}

export interface Schema {
  relations: Map<string, Relation>;
  routines: Map<string, Routine[]>;
  /** By the name of the table or view that they start from. */
  links: Map<string, Link[]>;
}

export interface Catalog {
  schemas: Map<string, Schema>;
  byId: Map<number, Relation>;
  timezones: Set<string>;
  settings: ApiSettings;
}

/** What `alter role authenticator set pgrst.… = …` may change, as on hosted projects. */
export interface ApiSettings {
  schemas: string[];
  maxRows: number;
  aggregates: boolean;
  plans: boolean;
  /** Whether a request may ask for its own transaction to be rolled back. */
  rollback: boolean;
}

interface Raw {
  relations: (Omit<Relation, "columns"> & { columns: Column[] })[];
  foreignKeys: ForeignKey[];
  views: { id: number; action: string }[];
  routines: Routine[];
  timezones: string[];
  settings: Record<string, string>;
}

const QUERY = Deno.readTextFileSync(join(import.meta.dirname!, "catalog.sql"));
const EXPOSED = ["public", "graphql_public"];

/** Reads the catalog as a role that sees all of it. */
export async function readCatalog(sql: Sql): Promise<Catalog> {
  let raw = await query(sql, EXPOSED);
  const settings = settingsOf(raw.settings);
  if (settings.schemas.join() !== EXPOSED.join()) raw = await query(sql, settings.schemas);
  const relations = raw.relations.map((relation): Relation => ({
    ...relation,
    columns: new Map(relation.columns.map((column) => [column.name, column])),
  }));
  const schemas = new Map(settings.schemas.map((name): [string, Schema] => {
    const own = relations.filter(({ schema }) => schema === name);
    const routines = raw.routines.filter(({ schema }) => schema === name);
    return [name, {
      relations: new Map(own.map((relation) => [relation.name, relation])),
      routines: Map.groupBy(routines.filter(isCallable), ({ name }) => name),
      links: linksOf({ relations: own, foreignKeys: raw.foreignKeys, views: raw.views, routines }),
    }];
  }));
  const byId = new Map(relations.map((relation) => [relation.id, relation]));
  return { schemas, byId, timezones: new Set(raw.timezones), settings };
}

/** Arguments are given by name; only a function of one parameter may have none, and takes the body. */
function isCallable({ parameters }: Routine): boolean {
  const [first, ...others] = parameters;
  if (others.length === 0 && first?.name === "") {
    return /^(jsonb?|text|xml|bytea)$/.test(first.type);
  }
  return parameters.every(({ name }) => name !== "");
}

async function query(sql: Sql, schemas: string[]): Promise<Raw> {
  const literal = `{${schemas.map((name) => `"${name.replace(/["\\]/g, "\\$&")}"`).join()}}`;
  const [row] = await sql.unsafe<{ catalog: string }[]>(QUERY, [literal]);
  return JSON.parse(row!.catalog);
}

function settingsOf(set: Record<string, string>): ApiSettings {
  const maxRows = Number(set["pgrst.db_max_rows"]);
  const schemas = set["pgrst.db_schemas"]?.split(",").map((name) => name.trim()).filter(Boolean);
  return {
    schemas: schemas?.length ? schemas : EXPOSED,
    maxRows: maxRows > 0 ? maxRows : 1000,
    aggregates: set["pgrst.db_aggregates_enabled"] === "true",
    plans: set["pgrst.db_plan_enabled"] === "true",
    rollback: set["pgrst.db_tx_end"] === "commit-allow-override",
  };
}
