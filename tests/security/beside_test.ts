// Beside an app that was here first: what it has stays bit for bit as it was, its executor goes on, and
// nobody touches its tasks; installing again, or over half an install, changes nothing either.
import assert from "node:assert/strict";
import { join } from "node:path";
import type { ISql, Row, Sql } from "postgres";
import { OwnStack } from "../runner/own_stack.ts";
import { connect } from "../stack.ts";
import { chapters, install, installHalf, migrations } from "./beside/install.ts";
import { columnsOf, snapshot } from "./beside/snapshot.ts";

const HERE = join(import.meta.dirname!, "beside");
const read = (name: string) => Deno.readTextFile(join(HERE, name));

Deno.test("the migrations leave an app that was here first as it was", async (t) => {
  await using stack = await OwnStack.start();
  await using sql = connect({ max: 1, connection: { synchronous_commit: "off" } }, stack.env);
  const texts = await chapters();
  for (
    const [name, extra] of Object.entries({
      "row security": await read("rls.sql"),
      "no row security": "",
    })
  ) {
    await t.step(`with ${name}`, async () => {
      await sql.unsafe(await read("uninstall.sql")).simple();
      await sql.unsafe(await read("app.sql") + extra).simple();
      await sql`delete from auth.users`;
      await signUp(sql, "first@beside.example");
      const columns = await columnsOf(sql);
      const before = await snapshot(sql, columns);

      // Stopped in the middle of each chapter, then begun again; and all of it a second time.
      for (const text of texts) {
        await installHalf(sql, text);
        await install(sql, [text]);
      }
      await signUp(sql, "later@beside.example");
      await install(sql, texts);
      assert.deepEqual(await rolesOf(sql), { first: "admin", later: null, others: "viewer" });
      assert.deepEqual(await snapshot(sql, columns), before);
      const seen = await sightOf(sql);

      // The app's executor works on while the hub does.
      await using other = connect({ max: 1 }, stack.env);
      const [own] = await Promise.all([oldExecutorWorks(other), work(sql)]);
      if (extra) await hideTasksFromStrangers(sql);
      assert.deepEqual(await sightOf(sql), seen);
      assert.deepEqual(withoutRows(await snapshot(sql, columns), own), before);

      await sql`update hub.settings set max_attempts = 7 where id`;
      await sql`delete from hub_servers where name = 'koji-pipeline'`;
      await install(sql, texts);
      const { max_attempts, servers } = await one<{ max_attempts: number; servers: number }>(sql`
        select max_attempts, (select count(*)::int from hub_servers) as servers from hub.settings`);
      assert.deepEqual({ max_attempts, servers }, { max_attempts: 7, servers: 2 });
      assert.deepEqual(withoutRows(await snapshot(sql, columns), own), before);
    });
  }
});

Deno.test("the migrations take no function and no table of an app for their own", async () => {
  await using stack = await OwnStack.start();
  await using sql = connect({ max: 1 }, stack.env);
  const names = await sql<{ kind: string; name: string }[]>`
    select 'function' as kind, oid::regprocedure::text as name from pg_proc
    where pronamespace = 'public'::regnamespace
    union all
    select 'table', relname from pg_class
    where relnamespace = 'public'::regnamespace and relkind = 'r' and relname <> 'mac_tasks'
    order by 1, 2`;
  const [foundation] = await chapters();
  await sql.unsafe(await read("uninstall.sql")).simple();
  assert(names.length > 30);
  for (const { kind, name } of names) {
    const rest = kind === "table" ? "()" : "returns text language sql return 'own'";
    await sql.unsafe(`create ${kind} public.${name} ${rest}`);
    await assert.rejects(install(sql, [foundation!]), /would take for its own/, name);
    await sql.unsafe(`drop ${kind} public.${name}`);
  }
  assert.deepEqual(await one(sql`select to_regnamespace('hub') as hub`), { hub: null });
});

Deno.test("nor does a migration that is added later", async () => {
  await using stack = await OwnStack.start();
  await using sql = connect({ max: 1 }, stack.env);
  await sql.unsafe(await read("uninstall.sql")).simple();
  const [first, ...later] = await migrations();
  await install(sql, [first!]);
  for (const migration of later) {
    const known = await functionsOf(sql);
    // What it would bring, undone again.
    let added: string[] = [];
    await sql.begin(async (transaction) => {
      await transaction.unsafe(migration).simple();
      added = (await functionsOf(transaction)).filter((name) => !known.includes(name));
      throw new Error("undone");
    }).catch((error) => assert.equal(error.message, "undone"));
    for (const name of added) {
      await sql.unsafe(`create function ${name} returns text language sql return 'own'`);
      await assert.rejects(install(sql, [migration]), /would take for its own/, name);
      await sql.unsafe(`drop function ${name}`);
    }
    // And again, as in a project that was restored elsewhere.
    await install(sql, [migration, migration]);
  }
});

/** The functions of the schema public, with their arguments. */
async function functionsOf(sql: ISql): Promise<string[]> {
  const rows = await sql<{ name: string }[]>`
    select 'public.' || oid::regprocedure as name from pg_proc
    where pronamespace = 'public'::regnamespace order by 1`;
  return rows.map(({ name }) => name);
}

/** The only row of an answer. */
async function one<T>(query: PromiseLike<Row[]>): Promise<T> {
  const rows = await query;
  assert.equal(rows.length, 1);
  return rows[0] as T;
}

/** A user of the app's. */
async function signUp(sql: Sql, email: string): Promise<void> {
  await sql`
    insert into auth.users (id, email, email_confirmed_at) values (gen_random_uuid(), ${email}, now())`;
}

/** Who was there at the installation is an admin; whoever came later is nothing but what all are. */
async function rolesOf(sql: Sql): Promise<Row> {
  const role = (name: string) =>
    sql`(
      select m.role from auth.users as u left join hub_members as m on m.user_id = u.id
      where u.email = ${`${name}@beside.example`}
    )`;
  return {
    ...await one<Row>(sql`
      select ${role("first")} as first, ${role("later")} as later, s.default_role as others
      from hub.settings as s`),
  };
}

/** All of the main job, on both kinds of task channel. */
async function work(sql: Sql): Promise<void> {
  const { token } = await one<{ token: string }>(sql`
    select register_device('mac', 'macos', '["claude", "codex", "gemini"]', 4) ->> 'token' as token`);
  for (const channel of ["buf-barista/bridge", "cloud-hub/dispatch"]) {
    const { id } = await one<{ id: string }>(sql`
      select c.id from hub_channels as c join hub_servers as s on s.id = c.server_id
      where s.name || '/' || c.name = ${channel}`);
    await sql`select dispatch_task(${id}, 'Do this')`;
    await sql`select dispatch_task(${id}, 'Do that', priority => 100)`;
    await sql`select dispatch_team(${id}, 'Do both', '["this", "that"]')`;
    const { task } = await one<{ task: string }>(sql`
      select dispatch_task(${id}, 'Do not') #>> '{task,id}' as task`);
    await sql`select cancel_task(${task})`;
    await sql`select retry_task(${task})`;
  }
  let done = 0;
  for (;;) {
    const { tasks } = await one<{ tasks: { id: string; claim_id: string; channel_id: string }[] }>(
      sql`
      select claim_tasks(${token}, 4) as tasks`,
    );
    if (tasks.length === 0) break;
    for (const { id, claim_id, channel_id } of tasks) {
      assert(channel_id, "a task of the app was claimed");
      await sql`select report_progress(${token}, ${id}, ${claim_id}, 'Half')`;
      await sql`select complete_task(${token}, ${id}, ${claim_id}, 'Whole')`;
      done++;
    }
  }
  assert.equal(done, 12);
  // Also when every lease has run out and every thread has long been silent.
  await sql`update hub_task_threads set next_transition_at = now() - interval '1 day'`;
  for (
    const tick of [
      "decay_threads",
      "decay_threads",
      "decay_threads",
      "recover",
      "prune",
      "morning_brief",
    ]
  ) {
    await sql.unsafe(`select hub.${tick}()`);
  }
  await refuseTheAppsTasks(sql, token);
  // What a channel leaves behind would be a task of the app's.
  const { channel_id } = await one<{ channel_id: string }>(sql`
    select id as channel_id from hub_channels where name = 'bridge'`);
  await sql`select dispatch_task(${channel_id}, 'Still waiting')`;
  const { tasks } = await one<{ tasks: string[] }>(sql`
    select array_agg(id) as tasks from mac_tasks where channel_id = ${channel_id}`);
  await sql`delete from hub_channels where id = ${channel_id}`;
  assert.deepEqual([...await sql`select id from mac_tasks where id = any (${tasks})`], []);
}

/** The app shows results to everybody: its own, and no channel's. */
async function hideTasksFromStrangers(sql: Sql): Promise<void> {
  const shown = await sql.begin(async (stranger) => {
    await stranger`set local role anon`;
    return await one(stranger`
      select count(*)::int as own, count(channel_id)::int as channels from mac_tasks`);
  });
  assert.deepEqual({ ...shown as Row }, { own: 12, channels: 0 });
}

/** Nothing that a client can call knows a task of the app. */
async function refuseTheAppsTasks(sql: Sql, token: string): Promise<void> {
  const { id } = await one<{ id: string }>(sql`
    select id from mac_tasks where channel_id is null and status = 'pending' and title = 'Task 4'`);
  const { channel } = await one<{ channel: string }>(sql`
    select id as channel from hub_channels where name = 'dispatch'`);
  const calls = [
    sql`select cancel_task(${id})`,
    sql`select retry_task(${id})`,
    sql`select explain_task(${id})`,
    sql`select create_task_thread(${channel}, ${id})`,
  ];
  for (const call of calls) {
    await assert.rejects(call, (error: { detail?: string }) => error.detail === "task_not_found");
  }
  await assert.rejects(
    sql`select complete_task(${token}, ${id}, gen_random_uuid(), 'Mine')`,
    (error: { detail?: string }) => error.detail === "stale_claim",
  );
}

/** The app's executor, as it always was: claims by updating. Returns the ids of what it worked on. */
async function oldExecutorWorks(sql: Sql): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`
    insert into mac_tasks (title, content, status) values ('New', 'Old work', 'pending'), ('Newer', 'Old work', 'pending')
    returning id`;
  const ids = rows.map(({ id }) => id);
  for (;;) {
    const [claimed] = await sql<{ id: string }[]>`
      update mac_tasks set status = 'running', claimed_by = 'old-mac'
      where id = (
        select id from mac_tasks where status = 'pending' and id = any (${ids}) limit 1 for update skip locked
      )
      returning id`;
    if (!claimed) break;
    await sql`update mac_tasks set partial_output = 'Half' where id = ${claimed.id}`;
    await sql`update mac_tasks set status = 'complete', result = 'Whole' where id = ${claimed.id}`;
  }
  const worked = await sql`
    select status, claimed_by, partial_output, result, project, model_preference, priority, touched,
      channel_id, claim_id, attempt, started_at, finished_at, delivered_at, error, progress_count
    from mac_tasks where id = any (${ids})`;
  for (const row of worked) {
    assert.deepEqual({ ...row }, {
      status: "complete",
      claimed_by: "old-mac",
      partial_output: "Half",
      result: "Whole",
      project: "inbox",
      model_preference: "gemini",
      priority: 5,
      touched: 3,
      channel_id: null,
      claim_id: null,
      attempt: 0,
      started_at: null,
      finished_at: null,
      delivered_at: null,
      error: null,
      progress_count: 0,
    });
  }
  assert.equal(worked.length, 2);
  return ids;
}

/** How many of the app's rows a user of the app sees and may change, of those with no channel. */
async function sightOf(sql: Sql): Promise<unknown> {
  let sight: unknown;
  await sql.begin(async (user) => {
    await user`select set_config('role', 'authenticated', true),
      set_config('request.jwt.claims', json_build_object('sub', md5('owner 1')::uuid)::text, true)`;
    const [tasks] = await user`
      with seen as (select * from mac_tasks where title like 'Task %'),
      changed as (update mac_tasks set title = title where title like 'Task %' returning id),
      made as (insert into mac_tasks (owner, title, content) values (md5('owner 1')::uuid, 'Made', 'x') returning id)
      select (select count(*) from seen) as seen, (select count(*) from changed) as changed,
        (select count(*) from made) as made, (select count(*) from hub_threads) as threads`;
    sight = { ...tasks };
    await user`select set_config('role', 'postgres', true)`;
    throw new Rollback();
  }).catch((error) => {
    if (!(error instanceof Rollback)) throw error;
  });
  return sight;
}

class Rollback extends Error {}

/** Less what the app's executor and this project added since. */
function withoutRows(
  { definitions, rows }: Awaited<ReturnType<typeof snapshot>>,
  ids: string[],
): unknown {
  const tasks = rows.mac_tasks!.filter((row) =>
    row.includes(',"Task ') && !ids.some((id) => row.includes(id))
  );
  return { definitions, rows: { ...rows, mac_tasks: tasks } };
}
