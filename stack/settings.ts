// What a stack is told by its environment. Everything else is derived from these few values.
import { join, resolve } from "node:path";

export interface Settings {
  /** The checkout this stack runs from. */
  root: string;
  /** Where this stack keeps its secrets, logs and database. */
  state: string;
  apiPort: number;
  dbPort: number;
  /** http://127.0.0.1:<apiPort>, the project's URL. */
  url: string;
  /** A folder with initdb, pg_ctl and postgres; undefined means the embedded Postgres. */
  postgresBin: string | undefined;
  /** Whether the demo executor runs. */
  executor: boolean;
  /** What makes the database: supabase/migrations, or the chapters that those are made of. */
  schema: "migrations" | "chapters";
}

/**
 * Reads AURA_API_PORT, AURA_DB_PORT, AURA_STATE_DIR, AURA_POSTGRES_BIN and AURA_EXECUTOR; and AURA_SCHEMA,
 * with which `npm run migration` and the tests compare the chapters with the migrations.
 */
export function readSettings(env: (name: string) => string | undefined): Settings {
  const root = resolve(import.meta.dirname!, "..");
  const apiPort = port("AURA_API_PORT", env("AURA_API_PORT") || "54321");
  const postgresBin = env("AURA_POSTGRES_BIN");
  return {
    root,
    state: resolve(root, env("AURA_STATE_DIR") || join(root, ".local")),
    apiPort,
    dbPort: port("AURA_DB_PORT", env("AURA_DB_PORT") || "54322"),
    url: `http://127.0.0.1:${apiPort}`,
    postgresBin: postgresBin ? resolve(root, postgresBin) : undefined,
    executor: env("AURA_EXECUTOR") !== "off",
    schema: env("AURA_SCHEMA") === "chapters" ? "chapters" : "migrations",
  };
}

function port(name: string, text: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && number > 0 && number < 65536) return number;
  throw new Error(`${name} is "${text}"; it must be a port number from 1 to 65535.`);
}
