// `npm run migration [NAME]`: writes what supabase/migrations lacks of the chapters in supabase/schemas.
//
// Without a name it makes the first migration anew, which is allowed until that is released. With a name it
// adds a file with the difference between the migrations and the chapters, for somebody to read and to
// complete: rows of registries, cron jobs, and whatever is done to an app's own mac_tasks is written by hand.
import { join } from "node:path";
import { OwnStack } from "../../tests/runner/own_stack.ts";
import { connect } from "../../tests/stack.ts";
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
  const [from, to] = [migrated, whole].map(({ env }) => env.SUPABASE_DB_URL!);
  const statements = await difference(ROOT, from!, to!);
  const [known, all] = [await namesIn(migrated), await namesIn(whole)];
  const added = all.filter((name) => !known.includes(name));
  const taken = added.filter((name) => name.startsWith("public."));
  const marker = added.find((name) => name.startsWith("hub."));
  const repeatable = makeRepeatable(statements);
  return taken.length > 0 ? `${refusal(taken, marker)}\n\n${repeatable}` : repeatable;
}

/** The tables and views, and the functions with their arguments, of the schemas public and hub. */
async function namesIn({ env }: OwnStack): Promise<string[]> {
  await using sql = connect({ max: 1 }, env);
  const rows = await sql<{ name: string }[]>`
    select format('%s.%s(%s)', p.pronamespace::regnamespace, p.proname, oidvectortypes(p.proargtypes)) as name
    from pg_proc as p where p.pronamespace in ('public'::regnamespace, 'hub'::regnamespace)
    union all
    select format('%s.%s', c.relnamespace::regnamespace, c.relname) from pg_class as c
    where c.relnamespace in ('public'::regnamespace, 'hub'::regnamespace) and c.relkind in ('r', 'v', 'p')
    order by 1`;
  return rows.map(({ name }) => name);
}

/** So that it may run over what is there: a project that is restored elsewhere runs each migration again. */
function makeRepeatable(statements: string): string {
  return statements
    .replaceAll(/^(\s*ADD COLUMN) (?!IF)/gm, "$1 IF NOT EXISTS ")
    .replaceAll(/^CREATE (TABLE|(?:UNIQUE )?INDEX) (?!IF)/gm, "CREATE $1 IF NOT EXISTS ")
    .replaceAll(/^DROP (TRIGGER|FUNCTION|POLICY|INDEX|VIEW) (?!IF)/gm, "DROP $1 IF EXISTS ")
    .replaceAll(/^CREATE TRIGGER/gm, "CREATE OR REPLACE TRIGGER")
    .replaceAll(/^CREATE POLICY ("\S+") ON (\S+)/gm, "DROP POLICY IF EXISTS $1 ON $2;\n\n$&");
}

/**
 * Refuses to go on where the app has something of these names, which would be taken from it. The marker is
 * something new of our own: where it is, this migration has run before.
 */
function refusal(names: string[], marker: string | undefined): string {
  const finds = (name: string) =>
    `${name.endsWith(")") ? "to_regprocedure" : "to_regclass"}('${name}')`;
  const list = names.map((name) => `'${name}'`).join(", ");
  return `-- An app may have functions or tables of the names that are new: they stay its own.
do $$
declare
  v_taken text;
begin
  select string_agg(n.name, ', ') into v_taken
  from unnest(array[${list}]) as n (name)
  where case
    when n.name like '%)' then to_regprocedure(n.name) is not null
    else to_regclass(n.name) is not null
  end;
  if v_taken is not null${marker ? ` and ${finds(marker)} is null` : ""} then
    raise exception 'The schema public has what Aura Servers would take for its own: %.', v_taken
    using hint = 'Nothing was changed. Rename it.';
  end if;
end
$$;`;
}

function timestamp(date: Date): string {
  return date.toISOString().replace(/\D/g, "").slice(0, 14);
}
