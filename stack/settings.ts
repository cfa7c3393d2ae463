// What a stack is told by its environment. Everything else is derived from these few values.
import { join, resolve } from "node:path";
import { parse } from "smol-toml";

export interface Settings {
  /** The checkout this stack runs from. */
  root: string;
  /** Where this stack keeps its secrets, logs and database. */
  state: string;
  apiPort: number;
  dbPort: number;
  /** A pooler in transaction mode, through which REST and Auth reach the database. */
  poolerPort: number | undefined;
  /** http://127.0.0.1:<apiPort>, the project's URL. */
  url: string;
  /** A folder with initdb, pg_ctl and postgres; undefined means the embedded Postgres. */
  postgresBin: string | undefined;
  /** Whether the demo executor runs. */
  executor: boolean;
  /** What makes the database: supabase/migrations, or the chapters that those are made of. */
  schema: "migrations" | "chapters";
  /** In bytes: what Storage takes at most, whatever a bucket allows. */
  fileSizeLimit: number;
}

/**
 * Reads AURA_API_PORT, AURA_DB_PORT, AURA_STATE_DIR, AURA_POSTGRES_BIN and AURA_EXECUTOR; AURA_POOLER_PORT, a
 * pooler that somebody else runs; and AURA_SCHEMA, with which `npm run migration` and the tests compare the
 * chapters with the migrations.
 */
export function readSettings(env: (name: string) => string | undefined): Settings {
  const root = resolve(import.meta.dirname!, "..");
  const apiPort = port("AURA_API_PORT", env("AURA_API_PORT") || "54321");
  const postgresBin = env("AURA_POSTGRES_BIN");
  const poolerPort = env("AURA_POOLER_PORT");
  return {
    root,
    state: resolve(root, env("AURA_STATE_DIR") || join(root, ".local")),
    apiPort,
    dbPort: port("AURA_DB_PORT", env("AURA_DB_PORT") || "54322"),
    poolerPort: poolerPort ? port("AURA_POOLER_PORT", poolerPort) : undefined,
    url: `http://127.0.0.1:${apiPort}`,
    postgresBin: postgresBin ? resolve(root, postgresBin) : undefined,
    executor: env("AURA_EXECUTOR") !== "off",
    schema: env("AURA_SCHEMA") === "chapters" ? "chapters" : "migrations",
    fileSizeLimit: fileSizeLimit(join(root, "supabase/config.toml")),
  };
}

/** As `supabase start` reads it: `[storage] file_size_limit`, such as "50MiB". */
function fileSizeLimit(path: string): number {
  const { storage } = parse(Deno.readTextFileSync(path)) as {
    storage?: { file_size_limit?: string };
  };
  const [, digits, unit] = /^(\d+)([KMG])iB$/.exec(storage?.file_size_limit ?? "") ?? [];
  if (!digits) throw new Error(`"${path}" has no [storage] file_size_limit such as "50MiB".`);
  return Number(digits) * 1024 ** ("KMG".indexOf(unit!) + 1);
}

function port(name: string, text: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && number > 0 && number < 65536) return number;
  throw new Error(`${name} is "${text}"; it must be a port number from 1 to 65535.`);
}
