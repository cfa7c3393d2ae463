// Makes a fresh cluster look like a hosted project before its first migration.
import { join } from "node:path";
import type { Sql } from "postgres";
import type { Apps } from "./api/apps.ts";
import type { Secrets } from "./secrets.ts";

const SQL = ["bootstrap.sql", "auth.sql", "storage/storage.sql"]
  .map((name) => join(import.meta.dirname!, name));

/** Runs what these files say, unless this database has seen the same before. */
export async function bootstrap(admin: Sql, apps: Apps, secrets: Secrets): Promise<void> {
  const texts = await Promise.all(SQL.map((path) => Deno.readTextFile(path)));
  const [schemas, helpers, storage] = texts as [string, string, string];
  const stamp = await stampOf([...texts, JSON.stringify(secrets)]);
  const [row] = await admin`select current_setting('aura.bootstrap', true) as seen`;
  if (row?.seen === stamp) return;
  await admin.begin(async (sql) => {
    await sql.unsafe(schemas);
    for (const [role, password] of Object.entries(passwords(secrets))) {
      await sql.unsafe(`alter role ${role} password '${password}'`);
    }
  });
  await apps.ensureAuthSchema();
  await admin.begin(async (sql) => {
    await sql.unsafe(helpers);
    await sql.unsafe(storage);
    await sql.unsafe(`alter database postgres set aura.bootstrap = '${stamp}'`);
  });
}

function passwords(secrets: Secrets): Record<string, string> {
  return {
    postgres: secrets.postgresPassword,
    authenticator: secrets.apiPassword,
    supabase_auth_admin: secrets.apiPassword,
  };
}

/** Changes with the SQL, the secrets and the version of what makes the schema auth. */
async function stampOf(texts: string[]): Promise<string> {
  const lite = await Deno.readTextFile(
    join(import.meta.dirname!, "../node_modules/@supabase/lite/package.json"),
  );
  const bytes = new TextEncoder().encode([...texts, JSON.parse(lite).version].join("\0"));
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}
