// A question and its task at the same moment from many sessions: one of them decides, and the channel says so once.
import assert from "node:assert/strict";
import type { Connection } from "../stack.ts";
import { claim, complete, held, Mesh, type Outcome, settle, type Task } from "./mesh.ts";

interface Asked {
  task: Task;
  token: string;
  question: string;
}

type Deed = (session: Connection, asked: Asked) => Promise<unknown>;

/** What may happen to a task that asks. */
const DEEDS: Record<string, Deed> = {
  allow: (sql, { question }) => sql`select answer_question(${question}, 'allow')`,
  reject: (sql, { question }) => sql`select answer_question(${question}, 'reject')`,
  cancel: (sql, { task }) => sql`select cancel_task(${task.id})`,
  expire: (sql) => sql`select hub.expire_questions()`,
  lose: (sql) => sql`select hub.reclaim_tasks()`,
  park: (sql, { task, token }) =>
    sql`select park_task(${token}, ${task.id}, ${task.claim_id}, 's')`,
  complete: (sql, { task, token }) => complete(sql, token, task),
  fail: (sql, { task, token }) =>
    sql`select fail_task(${token}, ${task.id}, ${task.claim_id}, 'No')`,
};

const REFUSALS = ["question_closed", "stale_claim", "task_finished"];

Deno.test("answer, cancellation, expiry, loss, parking and end of a task that asks: the first decides", async () => {
  await using mesh = await Mesh.idle();
  const token = await mesh.device(100);
  const channels = [
    await mesh.channel("flat_task_pipeline"),
    await mesh.channel("threaded_task_isolation"),
  ];
  const [one, two] = [mesh.session(), mesh.session()];
  for (const [first, deed] of Object.entries(DEEDS)) {
    for (const [second, other] of Object.entries(DEEDS)) {
      const asked = await ask(mesh, token, channels[(first + second).length % 2]!);
      // Due for both, so that each may come.
      await makeDue(mesh, asked, [first, second]);
      const commit = await held(one, (tx) => deed(tx, asked));
      const late = settle(other(two, asked));
      await commit();
      const outcomes = {
        [`1 ${first}`]: { value: true } as Outcome<unknown>,
        [`2 ${second}`]: await late,
      };
      await check(mesh, asked, outcomes);
    }
  }
});

Deno.test("whatever comes to a task that asks from many sessions at once, one decides and says so once", async () => {
  await using mesh = await Mesh.idle();
  const token = await mesh.device(100);
  const channels = [
    await mesh.channel("flat_task_pipeline"),
    await mesh.channel("threaded_task_isolation"),
  ];
  const sessions = mesh.sessions(Object.keys(DEEDS).length);
  for (let round = 0; round < 20; round++) {
    const asked = await ask(mesh, token, channels[round % 2]!);
    await makeDue(mesh, asked, ["expire", "lose"]);
    const outcomes = await Promise.all(
      Object.entries(DEEDS).map(async ([name, deed], n) =>
        [`${n} ${name}`, await settle(deed(sessions[n]!, asked))] as const
      ),
    );
    await check(mesh, asked, Object.fromEntries(outcomes));
  }
});

Deno.test("take_input() gives an input to one of many, and the end of its task to one follow-up", async () => {
  await using mesh = await Mesh.idle();
  const token = await mesh.device(100);
  const channel = await mesh.channel("flat_task_pipeline");
  const sessions = mesh.sessions(4);
  for (let round = 0; round < 20; round++) {
    await mesh.dispatch(channel, "Work");
    const [task] = await claim(mesh.sql, token);
    const inputs = await Promise.all(["a", "b", "c"].map(async (content) => {
      const [row] = await mesh.sql`select send_input(${
        task!.id
      }, ${content}) #>> '{input,id}' as id`;
      return row!.id as string;
    }));
    const take = (session: Connection, id: string) =>
      settle(session`select take_input(${token}, ${task!.id}, ${task!.claim_id}, ${id})`);
    const said = settle(sessions[3]!`select send_input(${task!.id}, 'd')`);
    const outcomes = await Promise.all([
      take(sessions[0]!, inputs[0]!),
      take(sessions[1]!, inputs[1]!),
      settle(complete(sessions[2]!, token, task!)),
      said,
    ]);
    for (const { error } of outcomes) {
      assert([undefined, "stale_claim", "task_finished"].includes(error));
    }
    const rows = await mesh.sql`
      select i.content, i.state, i.claim_id, t.content as follow_up from hub_task_inputs as i
      left join mac_tasks as t on t.id = i.moved_to where i.task_id = ${
      task!.id
    } order by i.created_at`;
    const moved = rows.filter(({ state }) => state === "moved");
    assert.equal(rows.length, (await said).error ? 3 : 4);
    assert.deepEqual(rows.filter(({ state }) => state === "waiting").length, 0);
    for (const { follow_up } of moved) {
      assert.equal(follow_up, moved.map(({ content }) => content).join("\n\n"));
    }
    await mesh.sql`select cancel_task(task_id) from hub.queue`;
  }
});

async function ask(mesh: Mesh, token: string, channel: string): Promise<Asked> {
  await mesh.dispatch(channel, "Deploy");
  const [task] = await claim(mesh.sql, token);
  const [row] = await mesh.sql`
    select ask_question(${token}, ${task!.id}, ${
    task!.claim_id
  }, 'approval', 'Go on?') #>> '{question,id}' as id`;
  return { task: task!, token, question: row!.id };
}

async function makeDue(mesh: Mesh, { task, question }: Asked, deeds: string[]): Promise<void> {
  const past = new Date(Date.now() - 60_000);
  if (deeds.includes("expire")) {
    await mesh.sql`update hub_questions set expires_at = ${past} where id = ${question}`;
  }
  if (deeds.includes("lose")) {
    await mesh.sql`update mac_tasks set lease_expires_at = ${past} where id = ${task.id}`;
  }
}

/** The task and its question fit each other and what was answered, whatever came first. */
async function check(
  mesh: Mesh,
  { task, question }: Asked,
  outcomes: Record<string, Outcome<unknown>>,
) {
  const errors = Object.values(outcomes).flatMap(({ error }) => error ?? []);
  const [row] = await mesh.sql`
    select t.status, t.cancelled_at is not null as cancelled, t.cancel_requested_at is not null as cancelling,
      q.state as queued, x.state, x.option_id,
      (select count(*)::integer from hub_task_attempts as a where a.task_id = t.id and a.ended_at is null) as open
    from mac_tasks as t
    join hub_questions as x on x.id = ${question}
    left join hub.queue as q on q.task_id = t.id
    where t.id = ${task.id}`;
  const said = await mesh.said(task.id);
  const story = JSON.stringify({ outcomes, row, said });
  const answers = ["allow", "reject"].filter((name) =>
    Object.entries(outcomes).some(([key, { error }]) => key.endsWith(` ${name}`) && !error)
  );

  assert.deepEqual(errors.filter((error) => !REFUSALS.includes(error)), [], story);
  assert.equal(
    said.filter((text) => /^(🙋|⌛)/u.test(text)).length,
    ["answered", "expired"].includes(row!.state) ? 1 : 0,
    story,
  );
  assert.equal(
    said.filter((text) => /^(✅|❌|🚫|Task (Complete|Failed))/u.test(text)).length,
    ["complete", "failed"].includes(row!.status) ? 1 : 0,
    story,
  );
  assert.deepEqual(answers, row!.state === "answered" ? [row!.option_id] : [], story);
  if (row!.status === "complete" || row!.status === "failed") {
    assert.notEqual(row!.state, "open", story);
  }
  if (row!.cancelling) assert.notEqual(row!.state, "open", story);
  if (row!.status === "pending") {
    assert.equal(row!.queued === "parked", row!.state === "open", story);
    assert(["parked", "ready", "backoff"].includes(row!.queued), story);
  }
  assert.equal(row!.open, row!.status === "running" ? 1 : 0, story);
  await mesh.sql`select cancel_task(task_id) from hub.queue`;
  await mesh.sql`update mac_tasks set status = 'failed' where status in ('pending', 'running')`;
}
