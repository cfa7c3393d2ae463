// A project in the middle of its work, with something of each kind; and that it goes on from there.
import assert from "node:assert/strict";
import type { ISql, Sql } from "postgres";

const TOKEN = "device-token-of-a-project-that-is-upgraded";
const ADA = "00000000-0000-4000-8000-00000000ada0";
const GRACE = "00000000-0000-4000-8000-000000097ace";

// deno-lint-ignore no-explicit-any -- answers of RPCs, of which a test reads what it knows
type Answer = any;

/** Calls an RPC as the owner of the database, by the names of its arguments. */
async function call(sql: ISql, name: string, args: Record<string, unknown>): Promise<Answer> {
  const names = Object.keys(args).map((key, i) => `${key} => $${i + 1}`).join(", ");
  const values = Object.values(args).map((value) =>
    typeof value === "object" ? sql.json(value as never) : value as string
  );
  const [row] = await sql.unsafe(`select public.${name}(${names}) as answer`, values);
  return row!.answer;
}

/** The same as a user does. */
function callAs(sql: Sql, user: string, name: string, args: Record<string, unknown>) {
  return sql.begin(async (transaction) => {
    await transaction`
      select set_config('role', 'authenticated', true),
        set_config('request.jwt.claims', ${
      JSON.stringify({ sub: user, role: "authenticated" })
    }, true)`;
    return await call(transaction, name, args);
  });
}

/** Fills a project that is new. */
export async function work(sql: Sql): Promise<void> {
  // A claim and a device hold as long as an upgrade and its test take.
  await sql`update hub.settings set task_lease = '1 hour', device_offline_after = '1 hour'`;
  await sql`
    insert into auth.users (id, email, email_confirmed_at)
    values (${ADA}, 'ada@example.com', now()), (${GRACE}, 'grace@example.com', now())`;
  await call(sql, "set_member_role", { user_id: ADA, role: "operator" });
  await call(sql, "set_member_role", { user_id: GRACE, role: "viewer" });
  const server = (name: string) => sql`select id from hub_servers where name = ${name}`;
  const [barista] = await server("buf-barista");
  await call(sql, "set_server_role", { server_id: barista!.id, user_id: GRACE, role: "none" });
  await sql`update hub_channels set keep_for = '90 days' where name = 'research'`;

  const { device } = await callAs(sql, ADA, "register_device", {
    ...{ name: "studio", platform: "macos", models: ["claude", "codex"], max_running: 9 },
  });
  await sql`
    update hub.device_tokens set token_hash = sha256(convert_to(${TOKEN}, 'UTF8'))
    where device_id = ${device.id}`;

  const flat = await channel(sql, "buf-barista", "bridge");
  const threaded = await channel(sql, "cloud-hub", "dispatch");
  for (const place of [flat, threaded]) await endedTasks(sql, place);
  await runningTask(sql, threaded);
  await parkedTask(sql, threaded);
  await dispatch(sql, flat, "waits for its time", {
    run_at: new Date(Date.now() + 86_400_000).toISOString(),
  });
  await teamAtWork(sql, threaded);
  await dispatch(sql, flat, "waits", { file_ids: `{${await file(sql, flat)}}` });
}

async function endedTasks(sql: Sql, place: string): Promise<void> {
  await dispatch(sql, place, "is done");
  const done = await claim(sql);
  await device(sql, "report_progress", { ...held(done), partial_output: "Half of it" });
  await device(sql, "complete_task", {
    ...{ ...held(done), result: "Whole", session_id: "done", usage: { output_tokens: 7 } },
    refusals: [{ tool: "Bash", detail: "npm publish" }],
  });
  await dispatch(sql, place, "fails");
  await device(sql, "fail_task", { ...held(await claim(sql)), error: "No", retryable: false });
  const { task } = await dispatch(sql, place, "is cancelled");
  await callAs(sql, ADA, "cancel_task", { task_id: task.id });
}

async function runningTask(sql: Sql, place: string): Promise<void> {
  const { task } = await dispatch(sql, place, "runs");
  await device(sql, "report_progress", {
    ...{ ...held(await claim(sql)), partial_output: "At it", session_id: "running" },
  });
  await callAs(sql, ADA, "send_input", { task_id: task.id, content: "and mind the tests" });
}

async function parkedTask(sql: Sql, place: string): Promise<void> {
  await dispatch(sql, place, "asks");
  const asking = await claim(sql);
  await device(sql, "ask_question", {
    ...{ ...held(asking), kind: "approval", title: "npm publish", tool_call_id: "call-1" },
  });
  await device(sql, "park_task", { ...held(asking), session_id: "asking" });
}

async function teamAtWork(sql: Sql, place: string): Promise<void> {
  await callAs(sql, ADA, "dispatch_team", {
    ...{ channel_id: place, goal: "both", subtasks: ["one half", "other half"] },
  });
  await device(sql, "complete_task", { ...held(await claim(sql)), result: "Half" });
}

async function file(sql: Sql, place: string): Promise<string> {
  const { file } = await callAs(sql, ADA, "create_file", {
    ...{ channel_id: place, name: "notes.txt", media_type: "text/plain", size: 5 },
  });
  await sql`
    insert into storage.objects (bucket_id, name, owner, metadata)
    values ('hub-files', ${file.path}, ${ADA}, '{"size": 5, "mimetype": "text/plain"}')`;
  return file.id;
}

/** What was at work goes on, what waited is done, and nothing is counted wrong. */
export async function goesOn(sql: Sql): Promise<void> {
  assert.deepEqual([...await sql`select * from hub.check()`], []);
  const running = await sql<{ id: string; claim_id: string; content: string }[]>`
    select id, claim_id, content from mac_tasks where status = 'running' and channel_id is not null`;
  assert.deepEqual(running.map(({ content }) => content), ["runs"]);
  const heard = await device(sql, "device_heartbeat", {
    running: `{${running.map(({ id }) => id)}}`,
  });
  assert.deepEqual({ lost: heard.lost, cancel: heard.cancel }, { lost: [], cancel: [] });
  assert.deepEqual(heard.inputs.map(({ content }: Answer) => content), ["and mind the tests"]);
  await device(sql, "take_input", { ...held(running[0]!), input_id: heard.inputs[0].id });
  await device(sql, "report_progress", { ...held(running[0]!), partial_output: "At it\nAnd on" });
  await device(sql, "complete_task", { ...held(running[0]!), result: "Run to its end" });

  const [question] = await sql`select id from hub_questions where state = 'open'`;
  await callAs(sql, ADA, "answer_question", { question_id: question!.id, option_id: "allow" });
  const claimed: Answer[] = [];
  for (let task = await claim(sql); task; task = await claim(sql)) {
    claimed.push(task);
    await device(sql, "complete_task", { ...held(task), result: "Done" });
  }
  const found = (content: string) => claimed.find((task) => task.content === content);
  assert.equal(found("asks").session_id, "asking");
  assert.deepEqual(found("asks").answers.map(({ option_id }: Answer) => option_id), ["allow"]);
  assert.deepEqual(found("waits").files.map(({ name }: Answer) => name), ["notes.txt"]);
  assert.deepEqual(claimed.map(({ kind }) => kind).sort(), [
    ...["subtask", "synthesis", "task", "task"],
  ]);

  const left = await sql`
    select content from mac_tasks where status in ('pending', 'running') and channel_id is not null`;
  assert.deepEqual(left.map(({ content }) => content), ["waits for its time"]);
  await dispatch(sql, await channel(sql, "buf-barista", "bridge"), "is new");
  assert.equal((await claim(sql)).content, "is new");
  assert.deepEqual([...await sql`select * from hub.check()`], []);
}

async function channel(sql: Sql, server: string, name: string): Promise<string> {
  const [found] = await sql`
    select c.id from hub_channels as c join hub_servers as s on s.id = c.server_id
    where s.name = ${server} and c.name = ${name}`;
  return found!.id;
}

const dispatch = (sql: Sql, channel_id: string, content: string, more = {}) =>
  callAs(sql, ADA, "dispatch_task", { channel_id, content, ...more });
const device = (sql: Sql, name: string, args: Record<string, unknown>) =>
  call(sql, name, { token: TOKEN, ...args });
const claim = async (sql: Sql) => (await device(sql, "claim_tasks", { max_tasks: 1 }))[0];
const held = ({ id, claim_id }: Answer) => ({ task_id: id, claim_id });
