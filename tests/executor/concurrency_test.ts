// Eight unreliable executors, five hundred tasks, and a user who cancels some of them, answers what is
// asked and says more while they run; meanwhile recovery runs, twice at once. Every session is a connection
// of its own.
//
// AURA_SEED=<number> repeats what the executors decide; the order in which they meet is the
// machine's own.
import assert from "node:assert/strict";
import type { Sql } from "postgres";
import { stackTest } from "../client/fixture.ts";
import { Random } from "../random.ts";
import { CallError, Session } from "./session.ts";
import { type Tally, UnreliableExecutor } from "./unreliable.ts";

const EXECUTORS = 8;
const TASKS = 500;
const PATIENCE = 90_000;

const MODELS = ["claude", "gemini", "codex"] as const;

stackTest("claims, leases and reports stay exact with 8 unreliable executors", async (fixture) => {
  const random = Random.fromEnvironment();
  console.log(`AURA_SEED=${random.seed}`);
  const { sql } = fixture;
  const url = Deno.env.get("SUPABASE_DB_URL")!;
  await using stack = new AsyncDisposableStack();
  await hurry(sql, stack);
  const { id } = await fixture.user();
  stack.defer(async () => void await sql`delete from mac_tasks where created_by = ${id}`);
  const user = stack.use(new Session(url, id));
  const tally: Tally = { claims: 0, completed: new Map(), taken: new Map(), stale: 0, counts: {} };
  const executors: UnreliableExecutor[] = [];
  for (let index = 0; index < EXECUTORS; index++) {
    const token = await device(user, random, stack, sql);
    const own = new Random(random.below(2 ** 32));
    executors.push(new UnreliableExecutor(stack.use(new Session(url)), token, own, tally));
  }
  const channels = [
    await fixture.channel("flat_task_pipeline"),
    await fixture.channel("flat_task_pipeline"),
    await fixture.channel("threaded_task_isolation"),
    await fixture.channel("threaded_task_isolation"),
  ].map(({ id }) => id);
  const [before] =
    await sql`select deadlocks from pg_stat_database where datname = current_database()`;

  let over = false;
  const running = executors.map((executor) => executor.run(() => over));
  const recovering = [1, 2].map(() => recover(sql, () => over));
  const people = [1, 2].map(() =>
    answer(stack.use(new Session(url, id)), sql, channels, random, () => over)
  );
  try {
    await dispatch(user, channels, random);
    await allEnded(sql, channels);
  } finally {
    over = true;
    await Promise.all([...running, ...recovering, ...people]);
  }

  console.log(tally.counts, { claims: tally.claims, stale: tally.stale });
  await everyTaskEndedOnce(sql, channels, tally);
  await everyEndWasPostedOnce(sql, channels);
  await countersAreExact(sql, channels);
  await everyTeamEndedOnce(sql, channels);
  await everyQuestionEndedOnce(sql, channels);
  await everyInputWentOnce(sql, channels, tally);
  const [after] =
    await sql`select deadlocks from pg_stat_database where datname = current_database()`;
  assert.equal(after!.deadlocks, before!.deadlocks, "Postgres has resolved a deadlock");
});

/** Leases and back-offs of seconds, so that the test sees many of them; put back at the end. */
async function hurry(sql: Sql, stack: AsyncDisposableStack): Promise<void> {
  const [usual] = await sql`
    select task_lease::text, retry_backoff::text, max_open_tasks_per_user from hub.settings`;
  stack.defer(async () => void await sql`update hub.settings set ${sql(usual!)}`);
  await sql`update hub.settings
    set task_lease = '2 s', retry_backoff = '50 ms', max_open_tasks_per_user = 10000`;
}

async function device(user: Session, random: Random, stack: AsyncDisposableStack, sql: Sql) {
  const first = random.below(MODELS.length);
  const { device, token } = await user.call("register_device", {
    name: `unreliable-${crypto.randomUUID()}`,
    platform: random.pick(["linux", "macos"]),
    models: MODELS.filter((_, index) => index === first || random.next() < 0.6),
    max_running: 1 + random.below(4),
  });
  stack.defer(async () => void await sql`delete from mesh_devices where id = ${device.id}`);
  return token;
}

/** Single tasks, follow-ups, teams of three; about one in twelve is cancelled some time later. */
async function dispatch(user: Session, channels: string[], random: Random): Promise<void> {
  const threads: [string, string][] = [];
  const recent: string[] = [];
  for (let made = 0; made < TASKS;) {
    const channel_id = random.pick(channels);
    const model = random.pick(["any", ...MODELS]);
    if (random.next() < 0.02) {
      const subtasks = ["one", "two", "three"];
      await user.call("dispatch_team", { channel_id, goal: "together", subtasks, model });
      made += 4;
      continue;
    }
    const follow = threads.length && random.next() < 0.15 ? random.pick(threads) : null;
    const { task, thread } = await user.call("dispatch_task", {
      channel_id: follow?.[0] ?? channel_id,
      content: `task ${made}`,
      model,
      ...(follow && { task_thread_id: follow[1] }),
      priority: random.below(3),
    });
    if (thread) threads.push([thread.channel_id, thread.id]);
    made++;
    recent.push(task.id);
    if (recent.length > 30) recent.shift();
    if (random.next() < 0.08) await cancel(user, random.pick(recent));
    if (random.next() < 0.2) await tell(user, random.pick(recent), `Say ${made}`);
    if (made % 10 === 0) await new Promise((resolve) => setTimeout(resolve, random.below(50)));
  }
}

async function cancel(user: Session, task_id: string): Promise<void> {
  try {
    await user.call("cancel_task", { task_id });
  } catch (error) {
    if (!(error instanceof CallError) || error.code !== "task_finished") throw error;
  }
}

async function tell(user: Session, task_id: string, content: string): Promise<void> {
  try {
    await user.call("send_input", { task_id, content });
  } catch (error) {
    if (!(error instanceof CallError) || error.code !== "task_finished") throw error;
  }
}

/** Somebody who answers whatever is open, beside another one who does. */
async function answer(
  user: Session,
  sql: Sql,
  channels: string[],
  random: Random,
  isOver: () => boolean,
): Promise<void> {
  while (!isOver()) {
    const open = await sql`
      select id from hub_questions where state = 'open' and channel_id in ${sql(channels)}`;
    for (const { id: question_id } of open) {
      try {
        await user.call("answer_question", {
          question_id,
          option_id: random.pick(["allow", "reject"]),
        });
      } catch (error) {
        if (!(error instanceof CallError) || error.code !== "question_closed") throw error;
      }
    }
    await new Promise((resolve) => setTimeout(resolve, random.below(200)));
  }
}

async function recover(sql: Sql, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    await sql`select hub.recover()`;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
}

async function allEnded(sql: Sql, channels: string[]): Promise<void> {
  const patience = Date.now() + PATIENCE;
  while (true) {
    const left = await sql`
      select left(id::text, 8) as task, status, attempt, claimed_by, lease_expires_at, run_at
      from mac_tasks where channel_id in ${sql(channels)} and status in ('pending', 'running')`;
    if (left.length === 0) return;
    if (Date.now() > patience) assert.fail(`${left.length} tasks hang: ${JSON.stringify(left[0])}`);
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
}

async function everyTaskEndedOnce(sql: Sql, channels: string[], tally: Tally): Promise<void> {
  const tasks = await sql`
    select t.id, t.status, t.result, t.finished_at, t.delivered_at,
      count(*) filter (where a.outcome = 'complete')::int as completions,
      count(a.claim_id) filter (where a.ended_at is null or a.outcome is null)::int as open
    from mac_tasks as t left join hub_task_attempts as a on a.task_id = t.id
    where t.channel_id in ${sql(channels)} group by t.id`;
  assert.ok(tasks.length >= TASKS, `${tasks.length} tasks`);
  for (const task of tasks) {
    const complete = task.status === "complete" ? 1 : 0;
    assert.equal(task.completions, complete, task.id);
    assert.equal(tally.completed.get(task.id) ?? 0, complete, task.id);
    assert.equal(task.open, 0, task.id);
    assert.ok(task.finished_at && task.delivered_at, task.id);
    if (complete) assert.equal(task.result, `result of ${task.id}`);
  }
}

async function everyEndWasPostedOnce(sql: Sql, channels: string[]): Promise<void> {
  const wrong = await sql`
    select t.id, t.kind, t.status, t.cancelled_at, count(m.id)::int as posts
    from mac_tasks as t
    left join hub_channel_messages as m on m.metadata ->> 'task_id' = t.id::text and not m.is_progress
      and (m.content ~ '^(✅|❌|🚫)' or m.embed_data ->> 'title' in ('Task Complete', 'Task Failed'))
    where t.channel_id in ${sql(channels)} and t.kind in ('task', 'subtask')
    group by t.id having count(m.id) <> 1`;
  assert.deepEqual([...wrong], []);
}

async function countersAreExact(sql: Sql, channels: string[]): Promise<void> {
  const wrong = await sql`
    select c.name, c.message_count, count(m.id)::int as messages
    from hub_channels as c
    left join hub_channel_messages as m on m.channel_id = c.id and m.task_thread_id is null
    where c.id in ${sql(channels)} group by c.id having c.message_count <> count(m.id)
    union all
    select t.name, t.message_count, count(m.id)::int
    from hub_task_threads as t left join hub_channel_messages as m on m.task_thread_id = t.id
    where t.channel_id in ${sql(channels)} group by t.id having t.message_count <> count(m.id)`;
  assert.deepEqual([...wrong], []);
}

async function everyTeamEndedOnce(sql: Sql, channels: string[]): Promise<void> {
  const wrong = await sql`
    select t.id, t.status,
      (select count(*)::int from mac_tasks as s where s.team_id = t.id and s.kind = 'synthesis') as syntheses
    from hub_teams as t where t.channel_id in ${sql(channels)} and (
      t.status not in ('complete', 'failed') or t.finished_at is null
      or (select count(*) from mac_tasks as s where s.team_id = t.id and s.kind = 'synthesis') <> 1
    )`;
  assert.deepEqual([...wrong], []);
}

async function everyQuestionEndedOnce(sql: Sql, channels: string[]): Promise<void> {
  const wrong = await sql`
    select q.id, q.state, array_agg(m.metadata ->> 'event') as told from hub_questions as q
    left join hub_channel_messages as m on m.metadata ->> 'question_id' = q.id::text
      and m.metadata ->> 'event' <> 'question_asked'
    where q.channel_id in ${sql(channels)} group by q.id
    having q.state not in ('answered', 'withdrawn')
      or count(m.id) <> case q.state when 'answered' then 1 else 0 end`;
  assert.deepEqual([...wrong], []);
}

async function everyInputWentOnce(sql: Sql, channels: string[], tally: Tally): Promise<void> {
  const inputs = await sql`
    select i.id, i.state, t.cancelled_at is not null as cancelled, (
      select count(*)::int from hub_channel_messages as m where m.content = i.content and m.channel_id = i.channel_id
    ) as posts, f.content like '%' || i.content || '%' as followed
    from hub_task_inputs as i join mac_tasks as t on t.id = i.task_id
    left join mac_tasks as f on f.id = i.moved_to
    where i.channel_id in ${sql(channels)}`;
  for (const { id, state, cancelled, posts, followed } of inputs) {
    assert.equal(tally.taken.get(id) ?? 0, state === "taken" ? 1 : 0, id);
    assert.equal(posts, 1, id);
    if (state === "waiting") assert.ok(cancelled, id);
    if (state === "moved") assert.ok(followed, id);
  }
}
