// `npm run migration [NAME]`: writes what supabase/migrations lacks of the chapters in supabase/schemas.
//
// Without a name it makes the first migration anew, which is allowed until that is released. With a name it
// adds a file with the difference between the migrations and the chapters, for somebody to read and to
// complete: rows of registries, cron jobs, and whatever is done to an app's own mac_tasks is written by hand.
import { join } from "node:path";
import { OwnStack } from "../../tests/runner/own_stack.ts";
import { readIfThere } from "../files.ts";
import { FIRST_MIGRATION, firstMigration } from "./chapters.ts";
import { difference } from "./difference.ts";
import { FIRST_RELEASE, isReleased } from "./releases.ts";

const ROOT = join(import.meta.dirname!, "../..");
const FOLDER = join(ROOT, "supabase/migrations");

if (import.meta.main) {
  try {
    await main(Deno.args[0]);
  } catch (error) {
    console.error((error as Error).message);
    Deno.exit(1);
  }
}

async function main(name: string | undefined): Promise<void> {
  if (name === undefined) return await writeFirst();
  if (!/^[a-z0-9_]+$/.test(name)) {
    throw new Error(`"${name}" is no name of a migration: use a-z, 0-9 and _.`);
  }
  const statements = await missingStatements();
  if (!statements) {
    return console.log("The migrations make what the chapters make: there is nothing to add.");
  }
  const path = join(FOLDER, `${timestamp(new Date())}_${name}.sql`);
  await Deno.writeTextFile(path, `${statements}\n`);
  console.log(
    `Read ${path} and complete it: rows of registries and settings, cron jobs, and an app's own mac_tasks\n` +
      "are not in it. Then run: npm test -- migration beside",
  );
}

async function writeFirst(): Promise<void> {
  const path = join(FOLDER, FIRST_MIGRATION);
  const text = await firstMigration(ROOT);
  if (text === await readIfThere(path)) return;
  const others = [...Deno.readDirSync(FOLDER)].filter(({ name }) => name !== FIRST_MIGRATION);
  if (others.length > 0 || isReleased(ROOT, FIRST_RELEASE)) {
    throw new Error(
      `"${FIRST_MIGRATION}" is released and stays as it is. For a change, name it: npm run migration NAME`,
    );
  }
  await Deno.writeTextFile(path, text);
}

async function missingStatements(): Promise<string> {
  await using migrated = await OwnStack.start({ AURA_EXECUTOR: "off" });
  await using whole = await OwnStack.start({ AURA_EXECUTOR: "off", AURA_SCHEMA: "chapters" });
  return await difference(ROOT, migrated.env.SUPABASE_DB_URL!, whole.env.SUPABASE_DB_URL!);
}

function timestamp(date: Date): string {
  return date.toISOString().replace(/\D/g, "").slice(0, 14);
}
