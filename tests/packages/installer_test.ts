// `npx aura-servers`, from its package, in a Supabase project that somebody has already.
import assert from "node:assert/strict";
import { join } from "node:path";
import { supabase } from "../../stack/cli.ts";
import { OwnStack } from "../runner/own_stack.ts";
import { connect, connectAdmin } from "../stack.ts";
import { Project, ROOT } from "./project.ts";

const CONFIG = `project_id = "theirs"\n\n[functions.hello]\nverify_jwt = true\n`;
const MIGRATION = "20400101000000_notes.sql";
const TABLE = "create table public.notes (id bigint primary key, body text);\n";
const PACKAGED = "node_modules/aura-servers/dist/supabase";

async function theirProject(): Promise<Project> {
  const project = await Project.with("installer");
  await project.write("supabase/config.toml", CONFIG);
  await project.write(`supabase/migrations/${MIGRATION}`, TABLE);
  await project.write("supabase/functions/hello/index.ts", "Deno.serve(() => new Response());\n");
  await project.write("supabase/functions/_shared/client.ts", "export {};\n");
  return project;
}

const OURS = [...Deno.readDirSync(join(ROOT, "supabase/migrations"))].map(({ name }) => name)
  .sort();

/** How migrations of ours are called that come after theirs of a day. */
const numbered = (day: string, names: string[]) =>
  names.map((name, at) => `${day}${String(at + 1).padStart(6, "0")}_${name.replace(/^\d+_/, "")}`);

const aura = (project: Project, ...args: string[]) =>
  project.run("npx", "--offline", "aura-servers", ...args);

Deno.test("aura-servers install adds to a project and changes nothing of its own", async () => {
  await using project = await theirProject();
  assert.match(await aura(project, "install"), /wrote +supabase\/functions\/koji\/index\.ts/);
  const added = numbered("20400101", OURS);
  assert.deepEqual(project.list("supabase/migrations"), [MIGRATION, ...added]);
  for (const [at, name] of added.entries()) {
    assert.equal(
      await project.read(`supabase/migrations/${name}`),
      await Deno.readTextFile(join(ROOT, "supabase/migrations", OURS[at]!)),
    );
  }
  assert.equal(await project.read(`supabase/migrations/${MIGRATION}`), TABLE);
  assert.equal(await project.read("supabase/functions/_shared/client.ts"), "export {};\n");
  const config = await project.read("supabase/config.toml");
  assert(config.startsWith(CONFIG.trimEnd()));
  for (const { name, isDirectory } of Deno.readDirSync(join(ROOT, "supabase/functions"))) {
    if (!isDirectory || name.startsWith("_")) continue;
    assert(config.includes(`[functions.${name}]`), `config.toml lacks functions.${name}`);
  }
});

Deno.test("aura-servers install does nothing when it runs again", async () => {
  await using project = await theirProject();
  await aura(project, "install");
  const before = await project.read("supabase/config.toml");
  assert.match(await aura(project, "install"), /nothing was changed/);
  assert.match(await aura(project, "upgrade"), /nothing was changed/);
  assert.equal(await project.read("supabase/config.toml"), before);
  assert.equal(project.list("supabase/migrations").length, 1 + OURS.length);
});

Deno.test("aura-servers refuses what it cannot do, and writes nothing then", async () => {
  await using project = await theirProject();
  await assert.rejects(aura(project, "upgrade"), /is not installed/);
  await assert.rejects(aura(project, "remove"), /is no command/);
  await assert.rejects(aura(project, "install", "--workdir", "elsewhere"), /supabase init/);
  await project.write("supabase/functions/dispatch/index.ts", "// theirs\n");
  await assert.rejects(aura(project, "install"), /supabase\/functions\/dispatch\/index\.ts/);
  assert.equal(await project.read("supabase/functions/dispatch/index.ts"), "// theirs\n");
  assert.deepEqual(project.list("supabase/migrations"), [MIGRATION]);
  assert.equal(await project.read("supabase/config.toml"), CONFIG);
});

Deno.test("aura-servers upgrade adds what is new, after what came in between", async () => {
  await using project = await theirProject();
  await aura(project, "install");
  await project.write("supabase/migrations/20500101000000_more.sql", "select 1;\n");
  await project.write(`${PACKAGED}/migrations/20600101000000_next_step.sql`, "select 2;\n");
  await project.write(`${PACKAGED}/functions/koji/index.ts`, "// a newer one\n");
  await Deno.remove(join(project.folder, PACKAGED, "functions/recover/handler.ts"));
  const report = await aura(project, "upgrade");
  assert.match(report, /deleted +supabase\/functions\/recover\/handler\.ts/);
  assert.deepEqual(project.list("supabase/migrations").slice(1 + OURS.length), [
    "20500101000000_more.sql",
    "20500101000001_next_step.sql",
  ]);
  assert.equal(await project.read("supabase/functions/koji/index.ts"), "// a newer one\n");

  // What was changed here is kept, unless it is said that it may go.
  await project.write("supabase/functions/koji/index.ts", "// changed here\n");
  await project.write(`${PACKAGED}/functions/koji/index.ts`, "// newer still\n");
  await assert.rejects(aura(project, "upgrade"), /koji\/index\.ts/);
  await aura(project, "upgrade", "--force");
  assert.equal(await project.read("supabase/functions/koji/index.ts"), "// newer still\n");

  // And an older package leaves it alone.
  await Deno.remove(join(project.folder, PACKAGED, "migrations/20600101000000_next_step.sql"));
  await assert.rejects(aura(project, "upgrade"), /newer/);
});

Deno.test("supabase db push takes an installed project to a database", async () => {
  await using project = await theirProject();
  await aura(project, "install");
  await using stack = await OwnStack.start();
  await using admin = await connectAdmin({ ...stack.settings, ...stack.env });
  await using sql = connect({}, stack.env);
  const uninstall = await Deno.readTextFile(join(ROOT, "tests/security/beside/uninstall.sql"));
  await sql.unsafe(uninstall).simple();
  await admin`delete from supabase_migrations.schema_migrations`;

  await supabase(project.folder, ["db", "push", "--yes", `--remote=${stack.env.SUPABASE_DB_URL}`]);
  const [row] = await sql`
    select (select count(*)::int from public.hub_servers) as servers, to_regclass('public.notes')::text as theirs`;
  assert.deepEqual({ ...row }, { servers: 3, theirs: "notes" });
});
