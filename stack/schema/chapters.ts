// The chapters of supabase/schemas, which are edited, and the first migration, which is made of them.
import { join } from "node:path";

/** The first file of supabase/migrations: everything up to the first release. */
export const FIRST_MIGRATION = "20261126000000_aura_servers.sql";

export interface Chapter {
  name: string;
  text: string;
}

/** The chapters in the order in which they are run. */
export async function readChapters(root: string): Promise<Chapter[]> {
  const folder = join(root, "supabase/schemas");
  const names = [...Deno.readDirSync(folder)].map(({ name }) => name)
    .filter((name) => /^\d\d_[a-z_]+\.sql$/.test(name)).sort();
  return await Promise.all(
    names.map(async (name) => ({ name, text: await Deno.readTextFile(join(folder, name)) })),
  );
}

/** What the first migration has to hold: the chapters, one after the other. */
export async function firstMigration(root: string): Promise<string> {
  const chapters = await readChapters(root);
  const parts = chapters.map(({ name, text }) => `-- supabase/schemas/${name}\n\n${text.trim()}\n`);
  return [
    '-- Made by "npm run migration" of the chapters in supabase/schemas: edit those, not this file.\n',
    ...parts,
  ].join("\n");
}
