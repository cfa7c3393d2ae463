import assert from "node:assert/strict";
import type { Connection } from "../stack.ts";
import { blocked, claim, complete, held, Mesh, settle } from "./mesh.ts";

Deno.test("decay_threads() run twice at once moves each thread one step", async () => {
  await using mesh = await Mesh.idle();
  const channel = await mesh.channel("threaded_task_isolation");
  await mesh.sql`
    insert into hub_task_threads (channel_id, name, status, next_transition_at)
    select ${channel}, n::text, 'idle', now() - interval '1 minute' from generate_series(1, 20) as n`;

  const commit = await held(mesh.session(), (tx) => tx`select hub.decay_threads(10)`);
  const [second] = await mesh.session()`select hub.decay_threads(100) as moved`;
  assert.equal(second!.moved.decaying, 10);
  await commit();
  await Promise.all(mesh.sessions(3).map((session) => session`select hub.decay_threads()`));
  await mesh.sql`select hub.decay_threads()`;

  const [row] = await mesh.sql`
    select count(distinct t.id)::integer as threads, count(*)::integer as summaries,
      bool_and(t.status = 'archived') as archived
    from hub_task_threads as t join hub_channel_messages as m on m.task_thread_id = t.id
    where t.channel_id = ${channel}`;
  assert.deepEqual({ ...row }, { threads: 20, summaries: 20, archived: true });
});

Deno.test("decay_threads() passes by a thread in which somebody is just posting", async () => {
  await using mesh = await Mesh.idle();
  const channel = await mesh.channel("threaded_task_isolation");
  const [thread] = await mesh.sql`
    insert into hub_task_threads (channel_id, name, status, next_transition_at)
    values (${channel}, 'due', 'decaying', now() - interval '1 minute') returning id`;
  const commit = await held(mesh.session(), (tx) =>
    tx`
    insert into hub_channel_messages (channel_id, task_thread_id, content) values (${channel}, ${
      thread!.id
    }, 'Hi')`);
  await mesh.session()`select hub.decay_threads()`;
  await commit();
  const [row] = await mesh.sql`select status from hub_task_threads where id = ${thread!.id}`;
  assert.equal(row!.status, "active");
});

Deno.test("a message to a thread that a tick is archiving is refused", async () => {
  await using mesh = await Mesh.idle();
  const channel = await mesh.channel("threaded_task_isolation");
  const [thread] = await mesh.sql`
    insert into hub_task_threads (channel_id, name, status, next_transition_at)
    values (${channel}, 'due', 'decaying', now() - interval '1 minute') returning id`;
  const commit = await held(mesh.session(), (tx) => tx`select hub.decay_threads()`);
  const posting = await blocked(
    mesh,
    mesh.session(),
    (own) =>
      own`
    insert into hub_channel_messages (channel_id, task_thread_id, content) values (${channel}, ${
        thread!.id
      }, 'Hi')`,
  );
  const following = await blocked(
    mesh,
    mesh.session(),
    (own) => own`select dispatch_task(${channel}, 'More', ${thread!.id})`,
  );
  await commit();
  assert.equal((await posting.outcome).error, "thread_archived");
  assert.equal((await following.outcome).error, "thread_archived");
  const [row] = await mesh.sql`select message_count from hub_task_threads where id = ${thread!.id}`;
  assert.equal(row!.message_count, 1);
});

Deno.test("a follow-up that is being dispatched keeps its thread from being archived", async () => {
  await using mesh = await Mesh.idle();
  const channel = await mesh.channel("threaded_task_isolation");
  const [thread] = await mesh.sql`
    insert into hub_task_threads (channel_id, name, next_transition_at)
    values (${channel}, 'open', now() + interval '1 hour') returning id`;
  const commit = await held(
    mesh.session(),
    (tx) => tx`select dispatch_task(${channel}, 'More', ${thread!.id})`,
  );
  const archiving = await blocked(
    mesh,
    mesh.session(),
    (own) => own`select update_thread_status(${thread!.id}, 'archived')`,
  );
  await commit();
  assert.equal((await archiving.outcome).error, "thread_busy");
});

Deno.test("recover() run twice at once takes back, ends and delivers each task once", async () => {
  await using mesh = await Mesh.idle();
  const channels = [
    await mesh.channel("flat_task_pipeline"),
    await mesh.channel("threaded_task_isolation"),
  ];
  const token = await mesh.device(40);
  for (let n = 0; n < 20; n++) await mesh.dispatch(channels[n % 2]!, `t${n}`);
  const tasks = await claim(mesh.sql, token, 40);
  assert.equal(tasks.length, 20);
  await mesh.sql`
    update mac_tasks set lease_expires_at = now() - interval '1 second' where claim_id is not null`;

  const recover = async (session: Connection) => {
    const [row] = await session`select hub.recover() as report`;
    return row!.report.requeued as number;
  };
  const reports = await Promise.all(mesh.sessions(3).map(recover));
  // What each held of the other's was skipped by both.
  const rest = await recover(mesh.sql);
  assert.equal(reports.reduce((sum, count) => sum + count, rest), 20);
  for (const task of tasks) {
    const said = await mesh.said(task.id);
    assert.equal(said.filter((text) => text.startsWith("🔁")).length, 1);
  }
});

Deno.test("recover() and a completion of the expired task have one winner", async () => {
  await using mesh = await Mesh.idle();
  const channel = await mesh.channel("flat_task_pipeline");
  const token = await mesh.device();
  const expire = (id: string) =>
    mesh.sql`update mac_tasks set lease_expires_at = now() - interval '1 second' where id = ${id}`;

  await mesh.dispatch(channel, "recovered first");
  const session = mesh.session();
  const [lost] = await claim(session, token);
  await expire(lost!.id);
  const recovering = await held(mesh.session(), (tx) => tx`select hub.recover()`);
  const late = await blocked(mesh, session, (own) => complete(own, token, lost!));
  await recovering();
  assert.equal((await late.outcome).error, "stale_claim");
  assert.equal((await mesh.task(lost!.id)).status, "pending");
  const [again] = await claim(session, token);
  await complete(session, token, again!);

  await mesh.dispatch(channel, "completed first");
  const [kept] = await claim(session, token);
  await expire(kept!.id);
  const completing = await held(session, (tx) => complete(tx, token, kept!));
  await mesh.session()`select hub.recover()`;
  await completing();
  assert.equal((await mesh.task(kept!.id)).status, "complete");
});

Deno.test("dispatch_task() with one key makes one task in however many sessions at once", async () => {
  await using mesh = await Mesh.idle();
  for (const architecture of ["flat_task_pipeline", "threaded_task_isolation"] as const) {
    const channel = await mesh.channel(architecture);
    const answers = await Promise.all(
      mesh.sessions(5).map(async (session) => {
        const [row] = await session`
        select dispatch_task(${channel}, 'Once', idempotency_key => 'key') as answer`;
        return row!.answer;
      }),
    );
    assert.equal(new Set(answers.map((answer) => JSON.stringify(answer))).size, 1);
    const [row] = await mesh.sql`
      select count(*)::integer as tasks from mac_tasks where channel_id = ${channel}`;
    assert.equal(row!.tasks, 1);
    const teams = await Promise.all(
      mesh.sessions(3).map(async (session) => {
        const [row] = await session`
        select dispatch_team(${channel}, 'Once', '["a", "b"]', idempotency_key => 'key') as answer`;
        return row!.answer.team.id;
      }),
    );
    assert.equal(new Set(teams).size, 1);
  }
});

Deno.test("dispatch_task() keeps a user's limit in however many sessions at once", async () => {
  await using mesh = await Mesh.idle();
  const channel = await mesh.channel("flat_task_pipeline");
  const user = crypto.randomUUID();
  const [settings] = await mesh.sql`select max_open_tasks_per_user as most from hub.settings`;
  await mesh.sql`insert into auth.users (id, email) values (${user}, ${user + "@example.com"})`;
  await mesh.sql`insert into hub_members (user_id, role) values (${user}, 'operator')`;
  await mesh.sql`update hub.settings set max_open_tasks_per_user = 3`;
  try {
    const outcomes = await Promise.all(
      mesh.sessions(8).map((session) =>
        settle(session.begin(async (tx) => {
          await tx`select set_config('role', 'authenticated', true),
          set_config('request.jwt.claims', ${JSON.stringify({ sub: user })}, true)`;
          await tx`select dispatch_task(${channel}, 'One more')`;
        }))
      ),
    );
    assert.equal(outcomes.filter((outcome) => !outcome.error).length, 3);
    const refusals = outcomes.filter((outcome) => outcome.error);
    assert.deepEqual(
      new Set(refusals.map((outcome) => outcome.error)),
      new Set(["too_many_open_tasks"]),
    );
  } finally {
    await mesh.sql`update hub.settings set max_open_tasks_per_user = ${settings!.most}`;
    await mesh.sql`delete from auth.users where id = ${user}`;
  }
});
