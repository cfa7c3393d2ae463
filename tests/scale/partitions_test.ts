// Messages and attempts by month: what docs/scaling.md says, done to a project in the middle of its work.
import { createClient } from "@supabase/supabase-js";
import assert from "node:assert/strict";
import { join } from "node:path";
import { AuraClient } from "../../client/index.ts";
import { migrate } from "../../stack/migrate.ts";
import { readSettings } from "../../stack/settings.ts";
import { goesOn, work } from "../release/work.ts";
import { OwnStack } from "../runner/own_stack.ts";
import { connect, connectAdmin, type Connection } from "../stack.ts";

const ROOT = join(import.meta.dirname!, "../..");

/** A migration to come, which changes both tables. */
const NEXT = `
  alter table public.hub_channel_messages add column mood text not null default 'none';
  alter table public.hub_task_attempts add column cost numeric;
  create index idx_hub_task_attempts_model on public.hub_task_attempts (model);`;

Deno.test({
  name:
    "a project at work whose messages and attempts are put into months goes on, and forgets by month",
  // postgres.js leaves timers behind that end by themselves.
  sanitizeOps: false,
  sanitizeResources: false,
  fn: async (t) => {
    await using stack = await OwnStack.start();
    await using sql = connect({ max: 1 }, stack.env);
    await work(sql);
    await sql`select cron.alter_job(jobid, active => false) from cron.job where jobname like 'hub-%'`;
    const before = { rows: await rows(sql), surface: await surface(sql) };

    await t.step("the documented files run in one transaction and lose nothing", async () => {
      const files = await documentedFiles();
      await sql.begin(async (transaction) => {
        for (const text of files) await transaction.unsafe(text).simple();
      });
      assert.deepEqual(await rows(sql), before.rows);
      assert.deepEqual(await surface(sql), before.surface);
      assert.deepEqual([...await sql`select * from hub.check()`], []);
    });
    await t.step("no partition is open to whoever has signed in", async () => {
      const open = await sql`
        select c.relname from pg_class as c
        join pg_inherits as i on i.inhrelid = c.oid and i.inhparent = any (${TABLES}::regclass[])
        where not c.relrowsecurity or has_table_privilege('anon', c.oid, 'select')
          or has_table_privilege('authenticated', c.oid, 'select')`;
      assert.deepEqual([...open], []);
    });
    await t.step("a message that is sent twice is there once", () => isThereOnce(stack, sql));
    await t.step("the next upgrade applies, and the work goes on", async () => {
      await upgrade(stack);
      await goesOn(sql);
    });
    await t.step(
      "months that are too old are dropped, and the counters follow",
      () => forgets(sql),
    );
  },
});

const TABLES = ["public.hub_channel_messages", "public.hub_task_attempts"];

/** The files that the documented command names, in its order: those of the page itself, and chapters. */
async function documentedFiles(): Promise<string[]> {
  const page = await Deno.readTextFile(join(ROOT, "docs/scaling.md"));
  const blocks = [...page.matchAll(/```sql\n-- (\w+\.sql)\n(.*?)```/gs)]
    .map(([, name, text]) => [name!, text!] as const);
  const ofPage = new Map(blocks);
  const [command] = /^psql .*--file=messages\.sql.*?[^\\]$/ms.exec(page)!;
  const names = [...command.matchAll(/--file=(\S+)/g)].map(([, name]) => name!);
  assert.deepEqual(names.filter((name) => ofPage.has(name)).sort(), [...ofPage.keys()].sort());
  return await Promise.all(
    names.map((name) =>
      ofPage.get(name) ?? Deno.readTextFile(join(ROOT, "supabase/schemas", name))
    ),
  );
}

async function rows(sql: Connection): Promise<unknown> {
  const [row] = await sql`
    select (select jsonb_agg(m order by m.id) from hub_channel_messages as m)::text as messages,
      (select jsonb_agg(a order by a.claim_id) from hub_task_attempts as a)::text as attempts`;
  assert.ok(row!.messages && row!.attempts);
  return { ...row };
}

/** What stands between people and the tables, less the keys, which cannot be the same. */
async function surface(sql: Connection): Promise<unknown> {
  const of = (query: string) =>
    sql.unsafe(query, [TABLES]).then((found) => found.map((row) => row.line));
  return {
    columns: await of(`
      select attrelid::regclass || '.' || attname || ' ' || format_type(atttypid, atttypmod) || ' ' || attnotnull
        || ' ' || coalesce(attacl::text, '') || ' ' || coalesce(col_description(attrelid, attnum), '') as line
      from pg_attribute where attrelid = any ($1::text[]::regclass[]) and attnum > 0 order by 1`),
    tables: await of(`
      select oid::regclass || ' ' || relrowsecurity || ' ' || coalesce(relacl::text, '')
        || ' ' || obj_description(oid) as line
      from pg_class where oid = any ($1::text[]::regclass[]) order by 1`),
    policies: await of(`
      select polrelid::regclass || ' ' || polname || polcmd::text || polroles::text
        || coalesce(pg_get_expr(polqual, polrelid), '') || coalesce(pg_get_expr(polwithcheck, polrelid), '') as line
      from pg_policy where polrelid = any ($1::text[]::regclass[]) order by 1`),
    triggers: await of(`
      select pg_get_triggerdef(oid) as line from pg_trigger
      where tgrelid = any ($1::text[]::regclass[]) and not tgisinternal
        and tgname <> '_200_refuse_known_message' order by 1`),
    indexes: await of(`
      select replace(pg_get_indexdef(indexrelid), ' ON ONLY ', ' ON ') as line from pg_index
      where indrelid = any ($1::text[]::regclass[]) and not indisprimary order by 1`),
    checks: await of(`
      select conrelid::regclass || ' ' || pg_get_constraintdef(oid) as line from pg_constraint
      where conrelid = any ($1::text[]::regclass[]) and contype = 'c' order by 1`),
    published: await of(`
      select schemaname || '.' || tablename as line from pg_publication_tables
      where pubname = 'supabase_realtime' and $1::text[] is not null order by 1`),
  };
}

/** As after lost answers: the same id sent by several requests at once, and again later. */
async function isThereOnce(stack: OwnStack, sql: Connection): Promise<void> {
  const supabase = createClient(stack.env.SUPABASE_URL!, stack.env.SUPABASE_PUBLISHABLE_KEY!, {
    auth: { persistSession: false, autoRefreshToken: false },
  });
  const { data, error } = await supabase.auth.signUp({
    email: "ida@example.com",
    password: crypto.randomUUID(),
  });
  if (error) throw error;
  await sql`select set_member_role(${data.user!.id}, 'operator')`;
  const [channel] = await sql`select id, message_count from hub_channels where name = 'bridge'`;
  const aura = new AuraClient(supabase);
  const id = crypto.randomUUID();
  const post = () => aura.postChannelMessage(channel!.id, "once", { id });
  const first = await Promise.all([post(), post(), post(), post()]);
  for (const message of [...first, await post()]) assert.deepEqual(message, first[0]);
  const [found] = await sql`select count(*)::integer from hub_channel_messages where id = ${id}`;
  const [counted] = await sql`select message_count from hub_channels where id = ${channel!.id}`;
  assert.equal(found!.count, 1);
  assert.equal(counted!.message_count, channel!.message_count + 1);
}

/** Applies one more migration, as `npm start` does. */
async function upgrade(stack: OwnStack): Promise<void> {
  const root = await Deno.makeTempDir();
  const folder = join(root, "supabase/migrations");
  await Deno.mkdir(folder, { recursive: true });
  for (const { name } of Deno.readDirSync(join(ROOT, "supabase/migrations"))) {
    await Deno.copyFile(join(ROOT, "supabase/migrations", name), join(folder, name));
  }
  await Deno.copyFile(join(ROOT, "supabase/seed.sql"), join(root, "supabase/seed.sql"));
  await Deno.writeTextFile(join(folder, "20990101000000_next_step.sql"), NEXT);
  await using admin = await connectAdmin({ ...stack.settings, ...stack.env });
  const settings = { ...readSettings((name) => stack.settings[name]), root };
  await migrate(settings, admin, stack.env.SUPABASE_DB_URL!);
  await Deno.remove(root, { recursive: true });
}

/** Work of the next months, seen from a year later. */
async function forgets(sql: Connection): Promise<void> {
  const days = (count: number) =>
    sql`date_trunc('month', now(), 'UTC') + interval '1 month' + ${`${count} days`}::interval`;
  await sql`
    insert into hub_channel_messages (channel_id, content, created_at)
    select id, 'of next month', ${days(1)} from hub_channels where name = 'bridge'`;
  assert.deepEqual([...await sql`select * from hub.check()`], []);
  const claims = async () =>
    (await sql`select claim_id from hub_task_attempts`).map((row) => row.claim_id as string).sort();
  const before = await claims();
  const attempt = async (started: number, ended: number | null) => {
    const [made] = await sql`
      insert into hub_task_attempts (claim_id, task_id, attempt, device, model, started_at, ended_at, outcome)
      select gen_random_uuid(), id, 1, 'studio', 'claude', ${days(started)},
        ${ended && days(ended)}, ${ended && "complete"}
      from mac_tasks where channel_id is not null limit 1
      returning claim_id`;
    return made!.claim_id as string;
  };
  await attempt(1, 2);
  const atWork = await attempt(40, null);

  await sql`select hub.keep_months(now() + interval '1 year')`;
  assert.deepEqual(await claims(), [...before, atWork].sort());
  await sql`
    update hub_task_attempts set ended_at = now(), outcome = 'complete' where claim_id = ${atWork}`;
  await sql`select hub.keep_months(now() + interval '1 year')`;
  // What was there before the months is pruned row by row.
  assert.deepEqual(await claims(), before);

  const [month] = await sql`
    select tableoid::regclass::text as name from hub_channel_messages where content = 'of next month'`;
  assert.match(month!.name, /^hub\.messages_\d{4}_\d\d$/);
  await sql.unsafe(`drop table ${month!.name}`);
  const wrong = await sql`select what from hub.check()`;
  assert.deepEqual(wrong.map(({ what }) => what), ["channel"]);
  await sql`select hub.repair()`;
  assert.deepEqual([...await sql`select * from hub.check()`], []);
}
