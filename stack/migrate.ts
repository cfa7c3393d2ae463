// Applies supabase/migrations and supabase/seed.sql through the Supabase CLI, when there is
// something to apply.
import { join } from "node:path";
import type { Sql } from "postgres";
import { readIfThere, writePrivately } from "./files.ts";
import type { Settings } from "./settings.ts";
import { supabase } from "./cli.ts";

export async function migrate(settings: Settings, admin: Sql, databaseUrl: string): Promise<void> {
  const files = await migrationFiles(settings.root);
  const applied = await appliedVersions(admin);
  await warnOfEdits(settings.state, files, applied);
  const missing = files.filter(({ version }) => !applied.has(version));
  if (missing.length === 0) return;
  await supabase(settings.root, [
    ...["db", "push", "--include-all", "--include-seed", "--yes", `--remote=${databaseUrl}`],
  ]);
  await writePrivately(
    hashesPath(settings.state),
    JSON.stringify(Object.fromEntries(files.map(({ version, hash }) => [version, hash])), null, 2),
  );
}

interface Migration {
  version: string;
  name: string;
  hash: string;
}

async function migrationFiles(root: string): Promise<Migration[]> {
  const folder = join(root, "supabase/migrations");
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name)
    .filter((name) => /^\d+_.*\.sql$/.test(name)).sort();
  return await Promise.all(names.map(async (name) => ({
    version: name.split("_")[0]!,
    name,
    hash: await digest(await Deno.readFile(join(folder, name))),
  })));
}

async function appliedVersions(admin: Sql): Promise<Set<string>> {
  const [row] = await admin`
    select to_regclass('supabase_migrations.schema_migrations') is not null as there`;
  if (!row?.there) return new Set();
  const rows = await admin<{ version: string }[]>`
    select version from supabase_migrations.schema_migrations`;
  return new Set(rows.map(({ version }) => version));
}

/** A migration that was edited after it was applied is not applied again: say so. */
async function warnOfEdits(state: string, files: Migration[], applied: Set<string>): Promise<void> {
  const known: Record<string, string> = JSON.parse(await readIfThere(hashesPath(state)) ?? "{}");
  for (const { version, name, hash } of files) {
    if (!applied.has(version) || !known[version] || known[version] === hash) continue;
    console.error(
      `"${name}" has changed since it was applied here. "npm run reset" starts afresh with it.`,
    );
  }
}

function hashesPath(state: string): string {
  return join(state, "migrations.json");
}

async function digest(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}
