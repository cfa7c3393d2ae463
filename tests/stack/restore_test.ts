// A project that is left by a dump of its database, as docs/operations.md tells it, and goes on elsewhere.
import assert from "node:assert/strict";
import { join } from "node:path";
import { OwnStack } from "../runner/own_stack.ts";
import { connect, type Connection } from "../stack.ts";

const ROOT = join(import.meta.dirname!, "../..");
const DEBIAN = "/usr/lib/postgresql/15/bin";

/** What `supabase db dump` leaves out: the project's own schemas are dumped, those of Supabase are there. */
const SCHEMAS = ["--schema=public", "--schema=hub", "--schema=koji"];

Deno.test({
  name: "a dump that is restored into a new project has everything, and db push closes it again",
  // pg_dump comes with Debian's Postgres and must not be older than the server.
  ignore: !await exists(join(DEBIAN, "pg_dump")),
  sanitizeOps: false,
  sanitizeResources: false,
  fn: async () => {
    await using stack = await OwnStack.start({ AURA_POSTGRES_BIN: DEBIAN });
    const env = { ...stack.settings, ...stack.env };
    const url = stack.env.SUPABASE_DB_URL!;
    await using sql = connect({ max: 1 }, env);
    await sql`select cron.alter_job(jobid, active => false) from cron.job where jobname like 'hub-%'`;
    const token = await work(sql);
    const before = await state(sql);

    const folder = await Deno.makeTempDir();
    const [schema, data] = [join(folder, "schema.sql"), join(folder, "data.sql")];
    await program("pg_dump", [url, "--schema-only", ...SCHEMAS, `--file=${schema}`]);
    await program("pg_dump", [url, "--data-only", ...SCHEMAS, `--file=${data}`]);
    await empty(sql);
    await program("psql", [
      ...[
        url,
        "--quiet",
        "--set=ON_ERROR_STOP=1",
        "--command=set session_replication_role = replica",
      ],
      ...[`--file=${await withoutCommon(schema)}`, `--file=${data}`],
    ]);
    // `db push`, which finds no migration recorded in a new project.
    for (const { name } of migrations()) {
      await sql.file(join(ROOT, "supabase/migrations", name)).simple();
    }

    assert.deepEqual(await state(sql), before);
    const [row] = await sql`select count(*)::integer as wrong from hub.check()`;
    assert.equal(row!.wrong, 0);
    const [claimed] = await sql`select claim_tasks(${token}, 5) as tasks`;
    assert.deepEqual(claimed!.tasks.map((task: { content: string }) => task.content), ["waits"]);
    await Deno.remove(folder, { recursive: true });
  },
});

/** A task that has ended, one that runs, one that waits; the token of the device. */
async function work(sql: Connection): Promise<string> {
  const [made] = await sql`
    select register_device('mac-1', 'macos', '["claude"]', 3) ->> 'token' as token`;
  const token = made!.token as string;
  for (const content of ["ends", "runs", "waits"]) {
    await sql`
      select dispatch_task(c.id, ${content}) from hub_channels as c join hub_servers as s on s.id = c.server_id
      where s.name = 'cloud-hub' and c.name = 'dispatch'`;
    if (content === "waits") break;
    await sql`select claim_tasks(${token}, 1)`;
  }
  await sql`
    select complete_task(${token}, t.id, t.claim_id, 'Done') from mac_tasks as t where t.content = 'ends'`;
  return token;
}

/** All that must be the same afterwards: rows, and who may do what to them. */
async function state(sql: Connection) {
  const query = async (text: string) => [...await sql.unsafe(text)].map((row) => ({ ...row }));
  return {
    tasks: await query("select content, status, result from mac_tasks order by content"),
    counts: await query("select name, message_count from hub_channels order by server_id, name"),
    queue: await query("select task_id, state, lane_id from hub.queue order by task_id"),
    policies: await query(`
      select schemaname, tablename, policyname, permissive, roles::text, cmd, qual, with_check from pg_policies
      where schemaname in ('public', 'realtime') order by 1, 2, 3`),
    columns: await query(`
      select table_name, column_name, grantee, privilege_type from information_schema.column_privileges
      where table_schema = 'public' and grantee in ('anon', 'authenticated', 'service_role') order by 1, 2, 3, 4`),
    functions: await query(`
      select routine_schema, routine_name, grantee from information_schema.routine_privileges
      where routine_schema in ('public', 'hub', 'koji') and grantee in ('PUBLIC', 'anon', 'authenticated', 'service_role')
      order by 1, 2, 3`),
    triggers: await query(`
      select tgrelid::regclass::text as "table", tgname from pg_trigger
      where not tgisinternal and tgname like '\\_%' order by 1, 2`),
  };
}

/** Leaves what a new project has. */
async function empty(sql: Connection): Promise<void> {
  await sql`drop schema hub, koji cascade`;
  await sql`
    do $$
    declare
      v_thing text;
    begin
      for v_thing in
        select 'table ' || c.oid::regclass from pg_class as c
        where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'
        union all
        select 'function ' || p.oid::regprocedure from pg_proc as p where p.pronamespace = 'public'::regnamespace
        union all
        select format('policy %I on realtime.messages', p.policyname) from pg_policies as p where p.schemaname = 'realtime'
      loop
        execute 'drop ' || v_thing || case when v_thing not like 'policy%' then ' cascade' else '' end;
      end loop;
    end
    $$`;
}

/** The dump without what every project has, which `supabase db dump` takes out too. */
async function withoutCommon(path: string): Promise<string> {
  const text = await Deno.readTextFile(path);
  await Deno.writeTextFile(
    path,
    text.replace(
      /^(CREATE SCHEMA public;|ALTER DEFAULT PRIVILEGES FOR ROLE supabase_admin .*)$/gm,
      "",
    ),
  );
  return path;
}

function migrations() {
  return [...Deno.readDirSync(join(ROOT, "supabase/migrations"))]
    .filter(({ name }) => name.endsWith(".sql")).sort((a, b) => a.name < b.name ? -1 : 1);
}

async function program(name: string, args: string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command(join(DEBIAN, name), { args, stdin: "null" })
    .output();
  assert(success, new TextDecoder().decode(stderr));
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}
