// A project of an earlier version, with data and work in it, brought to this one: it is what a new project
// is, has lost nothing, and goes on.
import assert from "node:assert/strict";
import { join } from "node:path";
import { VERSION } from "../../client/version.ts";
import { supabase } from "../../stack/cli.ts";
import { migrate } from "../../stack/migrate.ts";
import { difference } from "../../stack/schema/difference.ts";
import { isReleased } from "../../stack/schema/releases.ts";
import { readSettings } from "../../stack/settings.ts";
import { Project } from "../packages/project.ts";
import { OwnStack } from "../runner/own_stack.ts";
import { columnsOf, snapshot } from "../security/beside/snapshot.ts";
import { connect, connectAdmin, type Connection } from "../stack.ts";
import { projectRows } from "../stack/project_rows.ts";
import { type Dump, keptDumps, restoreDump, takeDump } from "./dump.ts";
import { goesOn, work } from "./work.ts";

const ROOT = join(import.meta.dirname!, "../..");

/** A migration to come: a table of ours and one of an app's gain a column, a row and a function change. */
const NEXT = "20990101000000_next_step.sql";
const NEXT_TEXT = `
  alter table public.hub_channels add column topic text not null default 'none';
  comment on column public.hub_channels.topic is 'What it is about.';
  grant select (topic) on public.hub_channels to authenticated;
  alter table public.mac_tasks add column if not exists estimate interval;
  insert into hub.errors (name, status, message) values ('not_yet', 409, 'Not yet.');
  create or replace function hub.version() returns text
  language sql immutable set search_path = '' as $$ select '99.0.0' $$;
`;

/** Those of which a dump is kept. A version that is still to come changes with each chapter. */
const releases = (await keptDumps()).filter(({ version }) => isReleased(ROOT, version));

Deno.test("a release's migrations stay as they were, and its dump is kept", async () => {
  for (const { version: release, migrations } of releases) {
    for (const { version, name, text } of migrations) {
      const path = join("supabase/migrations", `${version}_${name}.sql`);
      assert(
        await Deno.readTextFile(join(ROOT, path)) === text,
        `${release} had another "${path}".`,
      );
    }
  }
  const isKept = releases.some(({ version }) => version === VERSION);
  assert.equal(isKept, isReleased(ROOT, VERSION), 'Run "npm run dump".');
});

for (const place of ["alone", "beside an app"] as const) {
  for (const dump of releases) {
    stackTest(
      `${dump.version} ${place} is upgraded to this version`,
      () => upgrades(dump, place, ROOT),
    );
  }
  stackTest(`this version ${place} is upgraded by one more migration`, async () => {
    const root = await withNext();
    await upgrades(await presentDump(), place, root);
    await Deno.remove(root, { recursive: true });
  });
}

stackTest(
  "an installed project is upgraded by aura-servers upgrade and supabase db push",
  async () => {
    await using project = await Project.with("installer");
    const aura = (command: string) => project.run("npx", "--offline", "aura-servers", command);
    await project.write("supabase/config.toml", 'project_id = "theirs"\n');
    await project.write("supabase/migrations/20400101000000_notes.sql", "create table notes ();\n");
    await aura("install");
    // Their database has what is in their folder.
    const migrations = project.list("supabase/migrations").map((name) => ({
      version: name.split("_")[0]!,
      name: name.replace(/^\d+_|\.sql$/g, ""),
      text: Deno.readTextFileSync(join(project.folder, "supabase/migrations", name)),
    }));
    const dump = { ...await presentDump(), migrations };
    await using stack = await OwnStack.start();
    await using sql = await empty(stack, "alone");
    await restoreDump(sql, dump);

    await project.write(`node_modules/aura-servers/dist/supabase/migrations/${NEXT}`, NEXT_TEXT);
    await aura("upgrade");
    await supabase(project.folder, [
      "db",
      "push",
      "--yes",
      `--remote=${stack.env.SUPABASE_DB_URL}`,
    ]);
    const [row] = await sql`select hub.version(), to_regclass('public.notes')::text as theirs`;
    assert.deepEqual({ ...row }, { version: "99.0.0", theirs: "notes" });
    await goesOn(sql);
  },
);

type Place = "alone" | "beside an app";

/** Restores the dump, upgrades it to what is in `root` as `npm start` does, and looks at everything. */
async function upgrades(dump: Dump, place: Place, root: string): Promise<void> {
  await using stack = await OwnStack.start();
  await using sql = await empty(stack, place);
  const apps = place === "alone" ? undefined : await columnsOf(sql);
  const sight = async () => apps && await snapshot(sql, apps);
  await restoreDump(sql, dump);
  await sql`select cron.alter_job(jobid, active => false) from cron.job where jobname like 'hub-%'`;
  const before = { project: await takeDump(sql), app: await sight() };

  await upgrade(stack, root);

  assert.deepEqual(missingRows(before.project, await takeDump(sql)), []);
  assert.deepEqual(await sight(), before.app);
  await isAsNew(stack, sql, place, root);
  await goesOn(sql);
}

/** The catalogue, the registries and the jobs are those of a project that begins with this version. */
async function isAsNew(
  stack: OwnStack,
  sql: Connection,
  place: Place,
  root: string,
): Promise<void> {
  await using fresh = await OwnStack.start();
  await using other = await empty(fresh, place);
  await upgrade(fresh, root);
  assert.equal(await difference(ROOT, stack.env.SUPABASE_DB_URL!, fresh.env.SUPABASE_DB_URL!), "");
  // What people change of it is theirs.
  const registries = async (sql: Connection) => {
    const { "hub.settings": _, "public.hub_channels": __, ...rest } = await projectRows(sql);
    return rest;
  };
  assert.deepEqual(await registries(sql), await registries(other));
}

/** Takes the project out of a stack's database; where it is beside an app, that was there first. */
async function empty(stack: OwnStack, place: Place): Promise<Connection> {
  const sql = connect({ max: 1 }, stack.env);
  const read = (name: string) => Deno.readTextFile(join(ROOT, "tests/security/beside", name));
  await sql.unsafe(await read("uninstall.sql")).simple();
  await sql`delete from auth.users`;
  await sql`delete from supabase_migrations.schema_migrations`;
  if (place === "beside an app") await sql.unsafe(await read("app.sql")).simple();
  return sql;
}

/** What `npm start` does with the database. */
async function upgrade(stack: OwnStack, root: string): Promise<void> {
  await using admin = await connectAdmin({ ...stack.settings, ...stack.env });
  const settings = { ...readSettings((name) => stack.settings[name]), root };
  await migrate(settings, admin, stack.env.SUPABASE_DB_URL!);
}

/** What clients could see, and is not there any more as it was. */
function missingRows(before: Dump, after: Dump): string[] {
  const tables = Object.entries(before.rows).filter(([table]) => table.startsWith("public."));
  return tables.flatMap(([table, rows]) => {
    const columns = Object.keys(rows[0] ?? {});
    const text = (row: Record<string, unknown>) => JSON.stringify(columns.map((name) => row[name]));
    const there = new Set(after.rows[table]!.map(text));
    return rows.map(text).filter((row) => !there.has(row)).map((row) => `${table}: ${row}`);
  });
}

let present: Promise<Dump> | undefined;

/** This version with work in it. */
function presentDump(): Promise<Dump> {
  return present ??= (async () => {
    await using stack = await OwnStack.start();
    await using sql = connect({ max: 1 }, stack.env);
    await work(sql);
    return await takeDump(sql);
  })();
}

/** A folder with the migrations of here and one more. */
async function withNext(): Promise<string> {
  const root = await Deno.makeTempDir();
  const folder = join(root, "supabase/migrations");
  await Deno.mkdir(folder, { recursive: true });
  for (const { name } of Deno.readDirSync(join(ROOT, "supabase/migrations"))) {
    await Deno.copyFile(join(ROOT, "supabase/migrations", name), join(folder, name));
  }
  await Deno.copyFile(join(ROOT, "supabase/seed.sql"), join(root, "supabase/seed.sql"));
  await Deno.writeTextFile(join(folder, NEXT), NEXT_TEXT);
  return root;
}

/** postgres.js leaves timers behind that end by themselves. */
function stackTest(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, sanitizeOps: false, sanitizeResources: false, fn });
}
