// What was installed into a project: kept beside it, so that the next run knows what is whose.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

export const RECORD = "aura-servers.json";

export interface Record {
  /** The version that was installed last. */
  version: string;
  /** The names of the files in the project's migrations, by the title of ours. */
  migrations: { [title: string]: string };
  /** SHA-256 of every other file as it was written, by its path below `supabase/`. */
  files: { [path: string]: string };
}

/** Undefined where nothing was installed yet. */
export function readRecord(supabase: string): Record | undefined {
  const path = join(supabase, RECORD);
  if (!existsSync(path)) return undefined;
  return JSON.parse(readFileSync(path, "utf8")) as Record;
}
