// Applies supabase/migrations and supabase/seed.sql when there is something to apply, as
// `supabase db push --include-seed` does, and writes it down where that does. Not by the CLI itself, which
// takes longer to start than everything else; tests/stack compares the two.
import { join } from "node:path";
import postgres, { type Sql } from "postgres";
import { readIfThere, writePrivately } from "./files.ts";
import { readChapters } from "./schema/chapters.ts";
import type { Settings } from "./settings.ts";

const RECORDS = `
  create schema if not exists supabase_migrations;
  create table if not exists supabase_migrations.schema_migrations (
    version text not null primary key, statements text[], name text
  );
  create table if not exists supabase_migrations.seed_files (
    path text not null primary key, hash text not null
  )`;

export async function migrate(settings: Settings, admin: Sql, databaseUrl: string): Promise<void> {
  const files = settings.schema === "chapters"
    ? await chapterFiles(settings.root)
    : await migrationFiles(settings.root);
  const applied = await appliedVersions(admin);
  await warnOfEdits(settings.state, files, applied);
  requireKnown(files, applied, settings.state);
  const missing = files.filter(({ version }) => !applied.has(version));
  if (missing.length === 0) return;
  const sql = postgres(databaseUrl, { max: 1, fetch_types: false, onnotice: () => {} });
  try {
    await sql.unsafe(RECORDS).simple();
    for (const file of missing) await apply(sql, file);
    await seed(sql, settings.root);
  } finally {
    await sql.end({ timeout: 5 });
  }
  await writePrivately(
    hashesPath(settings.state),
    JSON.stringify(Object.fromEntries(files.map(({ version, hash }) => [version, hash])), null, 2),
  );
}

interface Migration {
  version: string;
  name: string;
  text: string;
  hash: string;
}

/** A chapter and its record exist together or not at all. */
async function apply(sql: Sql, { version, name, text }: Migration): Promise<void> {
  await sql.begin(async (transaction) => {
    await transaction.unsafe(text).simple();
    const title = name.slice(version.length + 1, -".sql".length);
    await transaction`
      insert into supabase_migrations.schema_migrations (version, name, statements)
      values (${version}, ${title}, array[${text}])`;
  }).catch((error) => {
    throw new Error(`"${name}" failed: ${error.message}`);
  });
}

async function seed(sql: Sql, root: string): Promise<void> {
  const path = "supabase/seed.sql";
  const bytes = await Deno.readFile(join(root, path));
  const hash = await digest(bytes);
  await sql.begin(async (transaction) => {
    const recorded = await transaction`
      insert into supabase_migrations.seed_files (path, hash) values (${path}, ${hash})
      on conflict (path) do nothing`;
    if (recorded.count > 0) await transaction.unsafe(new TextDecoder().decode(bytes)).simple();
  }).catch((error) => {
    throw new Error(`"${path}" failed: ${error.message}`);
  });
}

async function migrationFiles(root: string): Promise<Migration[]> {
  const folder = join(root, "supabase/migrations");
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name)
    .filter((name) => /^\d+_.*\.sql$/.test(name)).sort();
  return await Promise.all(
    names.map(async (name) => migrationOf(name, await Deno.readTextFile(join(folder, name)))),
  );
}

async function chapterFiles(root: string): Promise<Migration[]> {
  const chapters = await readChapters(root);
  return await Promise.all(chapters.map(({ name, text }) => migrationOf(name, text)));
}

async function migrationOf(name: string, text: string): Promise<Migration> {
  const hash = await digest(new TextEncoder().encode(text));
  return { version: name.split("_")[0]!, name, text, hash };
}

async function appliedVersions(admin: Sql): Promise<Set<string>> {
  const [row] = await admin`
    select to_regclass('supabase_migrations.schema_migrations') is not null as there`;
  if (!row?.there) return new Set();
  const rows = await admin<{ version: string }[]>`
    select version from supabase_migrations.schema_migrations`;
  return new Set(rows.map(({ version }) => version));
}

/** What a newer version, or one before the first release, has applied cannot be upgraded from here. */
function requireKnown(files: Migration[], applied: Set<string>, state: string): void {
  const known = new Set(files.map(({ version }) => version));
  const strange = [...applied].filter((version) => !known.has(version)).sort();
  if (strange.length === 0) return;
  throw new Error(
    `The database in "${state}" has the migration ${
      strange.at(-1)
    }, which this version does not know: ` +
      "use the version that made it, another AURA_STATE_DIR, or start afresh with `npm run reset`.",
  );
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
