import assert from "node:assert/strict";
import { blocked, claim, complete, held, Mesh, settle, type Task } from "./mesh.ts";

const cancelled = /^🚫/;

Deno.test("cancel_task() that comes before a completion wins", async () => {
  await using mesh = await Mesh.idle();
  const { token, task, session } = await running(mesh);
  const commit = await held(mesh.session(), (tx) => tx`select cancel_task(${task.id})`);
  const completing = await blocked(mesh, session, (own) => complete(own, token, task));
  await commit();

  assert.equal((await completing.outcome).error, undefined);
  assert.notEqual((await mesh.task(task.id)).cancelled_at, null);
  assert.deepEqual(outcomes(await mesh.said(task.id)).map((text) => cancelled.test(text)), [true]);
});

Deno.test("cancel_task() that comes after a completion is refused", async () => {
  await using mesh = await Mesh.idle();
  const { token, task, session } = await running(mesh);
  const commit = await held(session, (tx) => complete(tx, token, task));
  const cancelling = await blocked(
    mesh,
    mesh.session(),
    (own) => own`select cancel_task(${task.id})`,
  );
  await commit();

  assert.equal((await cancelling.outcome).error, "task_finished");
  assert.equal((await mesh.task(task.id)).status, "complete");
  assert.equal(outcomes(await mesh.said(task.id)).length, 1);
});

Deno.test("complete_task() ends a task once when two calls come at the same time", async () => {
  await using mesh = await Mesh.idle();
  const { token, task, session } = await running(mesh);
  const commit = await held(session, (tx) => complete(tx, token, task, "first"));
  const second = await blocked(mesh, mesh.session(), (own) => complete(own, token, task, "second"));
  await commit();

  assert.equal((await second.outcome).error, "stale_claim");
  assert.deepEqual(outcomes(await mesh.said(task.id)).length, 1);
  assert.equal((await mesh.task(task.id)).result, "first");
});

Deno.test("cancel_task() of a waiting task and its claim have one winner", async () => {
  await using mesh = await Mesh.idle();
  const channel = await mesh.channel("flat_task_pipeline");
  const token = await mesh.device();
  const task = await mesh.dispatch(channel, "wanted");

  const cancelling = await held(mesh.session(), (tx) => tx`select cancel_task(${task.id})`);
  assert.deepEqual(await claim(mesh.session(), token), []);
  await cancelling();
  assert.notEqual((await mesh.task(task.id)).cancelled_at, null);

  const other = await mesh.dispatch(channel, "wanted too");
  const claiming = await held(mesh.session(), async (tx) => {
    assert.equal((await claim(tx, token)).length, 1);
  });
  const late = await blocked(mesh, mesh.session(), (own) => own`select cancel_task(${other.id})`);
  await claiming();
  assert.equal((await late.outcome).error, undefined);
  const row = await mesh.task(other.id);
  assert.equal(row.status, "running");
  assert.notEqual(row.cancel_requested_at, null);
});

Deno.test("a team's synthesis is made once when its last two subtasks end at the same time", async () => {
  await using mesh = await Mesh.idle();
  for (const architecture of ["flat_task_pipeline", "threaded_task_isolation"] as const) {
    const { teamId, token, tasks } = await team(mesh, architecture, ["a", "b", "c"]);
    await complete(mesh.sql, token, tasks[0]!);
    const commit = await held(mesh.session(), (tx) => complete(tx, token, tasks[1]!));
    const last = await blocked(mesh, mesh.session(), (own) => complete(own, token, tasks[2]!));
    await commit();
    assert.equal((await last.outcome).error, undefined);
    assert.equal(await count(mesh, teamId, "synthesis"), 1);
    assert.equal(await embeds(mesh, teamId, "Synthesizing"), 1);
    await mesh.sql`select cancel_task(${teamId})`;
  }
});

Deno.test("a team ends once however many subtasks end at the same time", async () => {
  await using mesh = await Mesh.idle();
  for (let round = 0; round < 3; round++) {
    const { teamId, token, tasks } = await team(mesh, "threaded_task_isolation", [..."abcdefgh"]);
    const sessions = mesh.sessions(tasks.length);
    const ends = await Promise.all(tasks.map((task, n) =>
      settle(
        n % 3 === 0
          ? sessions[n]!`select fail_task(${token}, ${task.id}, ${task.claim_id}, 'no', false)`
            .then(
              () => {},
            )
          : complete(sessions[n]!, token, task),
      )
    ));
    assert.deepEqual(ends.filter((end) => end.error), []);
    assert.equal(await count(mesh, teamId, "synthesis"), 1);
    const [synthesis] = await claim(mesh.sql, token);
    assert.equal(synthesis!.content.match(/FAILED:/g)?.length, 3);
    await complete(mesh.sql, token, synthesis!);
    assert.equal(await embeds(mesh, teamId, "Team Complete"), 1);
  }
});

Deno.test("retry_task() of a subtask while the last one ends leaves the team with one synthesis", async () => {
  await using mesh = await Mesh.idle();
  // The retry first: the team waits for it.
  let { teamId, token, tasks } = await team(mesh, "flat_task_pipeline", ["a", "b"]);
  await mesh.sql`select fail_task(${token}, ${tasks[0]!.id}, ${tasks[0]!.claim_id}, 'no', false)`;
  const retrying = await held(mesh.session(), (tx) => tx`select retry_task(${tasks[0]!.id})`);
  const ending = await blocked(mesh, mesh.session(), (own) => complete(own, token, tasks[1]!));
  await retrying();
  assert.equal((await ending.outcome).error, undefined);
  assert.equal(await count(mesh, teamId, "synthesis"), 0);
  const [again] = await claim(mesh.sql, token);
  await complete(mesh.sql, token, again!);
  assert.equal(await count(mesh, teamId, "synthesis"), 1);
  await mesh.sql`select cancel_task(${teamId})`;

  // The end first: the retry is refused.
  ({ teamId, token, tasks } = await team(mesh, "flat_task_pipeline", ["a", "b"]));
  await mesh.sql`select fail_task(${token}, ${tasks[0]!.id}, ${tasks[0]!.claim_id}, 'no', false)`;
  const commit = await held(mesh.session(), (tx) => complete(tx, token, tasks[1]!));
  const late = await blocked(
    mesh,
    mesh.session(),
    (own) => own`select retry_task(${tasks[0]!.id})`,
  );
  await commit();
  assert.equal((await late.outcome).error, "task_finished");
  assert.equal(await count(mesh, teamId, "synthesis"), 1);
});

Deno.test("retry_task() of a subtask and the end of another wait for each other only once", async () => {
  await using mesh = await Mesh.idle();
  for (const architecture of ["flat_task_pipeline", "threaded_task_isolation"] as const) {
    const { teamId, token, tasks } = await team(mesh, architecture, ["a", "b", "c"]);
    await mesh.sql`select fail_task(${token}, ${tasks[0]!.id}, ${tasks[0]!.claim_id}, 'no', false)`;
    const holding = await held(
      mesh.session(),
      (tx) => tx`select from hub_teams where id = ${teamId} for update`,
    );
    // The retry is the first to want the team, and posts after it; the end has posted by then.
    const retrying = await blocked(
      mesh,
      mesh.session(),
      (own) => own`select retry_task(${tasks[0]!.id})`,
    );
    const ending = await blocked(mesh, mesh.session(), (own) => complete(own, token, tasks[1]!));
    await holding();
    assert.equal((await retrying.outcome).error, undefined);
    assert.equal((await ending.outcome).error, undefined);
    assert.equal((await mesh.said(tasks[0]!.id)).filter((text) => text.startsWith("🔁")).length, 1);
    await mesh.sql`select cancel_task(${teamId})`;
  }
});

Deno.test("cancel_task() of a team while its plan ends cancels the subtasks that come of it", async () => {
  await using mesh = await Mesh.idle();
  const channel = await mesh.channel("threaded_task_isolation");
  const token = await mesh.device(5);
  const [row] = await mesh.sql`select dispatch_team(${channel}, 'Plan it') -> 'team' as team`;
  const [plan] = await claim(mesh.sql, token);
  const planning = await held(mesh.session(), (tx) => complete(tx, token, plan!, '["a", "b"]'));
  const cancelling = await blocked(
    mesh,
    mesh.session(),
    (own) => own`select cancel_task(${row!.team.id})`,
  );
  await planning();
  assert.equal((await cancelling.outcome).error, undefined);
  const subtasks = await mesh.sql`
    select status, cancelled_at from mac_tasks where team_id = ${
    row!.team.id
  } and kind = 'subtask'`;
  assert.deepEqual(subtasks.map((task) => task.cancelled_at !== null), [true, true]);
  const [team] = await mesh.sql`select status from hub_teams where id = ${row!.team.id}`;
  assert.equal(team!.status, "failed");
  assert.equal(await embeds(mesh, row!.team.id, "Team Failed"), 1);
});

Deno.test("cancel_task() of a team by its plan and by its own id wait for each other only once", async () => {
  await using mesh = await Mesh.idle();
  const channel = await mesh.channel("threaded_task_isolation");
  const token = await mesh.device(10);
  const plan = async (): Promise<{ teamId: string; planId: string; before: string[] }> => {
    const [row] = await mesh.sql`select dispatch_team(${channel}, 'Plan it') -> 'team' as team`;
    const [task] = await claim(mesh.sql, token);
    await complete(mesh.sql, token, task!, JSON.stringify([..."abcdefgh"]));
    const rows = await mesh.sql`
      select id from mac_tasks where team_id = ${row!.team.id} and id < ${task!.id} order by id`;
    if (rows.length < 2) {
      // Its subtasks would be claimed in place of the next plan.
      await mesh.sql`select cancel_task(${row!.team.id})`;
      return await plan();
    }
    return { teamId: row!.team.id, planId: task!.id, before: rows.map(({ id }) => id) };
  };
  const { teamId, planId, before } = await plan();
  const holding = await held(
    mesh.session(),
    (tx) => tx`select from mac_tasks where id = ${before[1]!} for update`,
  );
  const cancellations = [
    await blocked(mesh, mesh.session(), (own) => own`select cancel_task(${teamId})`),
    await blocked(mesh, mesh.session(), (own) => own`select cancel_task(${planId})`),
  ];
  await holding();
  const errors = await Promise.all(cancellations.map(async ({ outcome }) => (await outcome).error));
  assert.deepEqual(errors, [undefined, "task_finished"]);
  assert.equal(await embeds(mesh, teamId, "Team Failed"), 1);
});

async function running(mesh: Mesh) {
  const channel = await mesh.channel("flat_task_pipeline");
  const token = await mesh.device();
  await mesh.dispatch(channel, "contested");
  const session = mesh.session();
  const [task] = await claim(session, token);
  return { token, task: task!, session };
}

async function team(
  mesh: Mesh,
  architecture: "flat_task_pipeline" | "threaded_task_isolation",
  subtasks: string[],
) {
  const channel = await mesh.channel(architecture);
  const token = await mesh.device(subtasks.length);
  const [row] = await mesh.sql`
    select dispatch_team(${channel}, 'Together', ${
    mesh.sql.json(subtasks)
  }) -> 'team' ->> 'id' as id`;
  const tasks: Task[] = await claim(mesh.sql, token, subtasks.length);
  assert.equal(tasks.length, subtasks.length);
  return { teamId: row!.id as string, token, tasks };
}

async function count(mesh: Mesh, teamId: string, kind: string): Promise<number> {
  const [row] = await mesh.sql`
    select count(*)::integer as count from mac_tasks where team_id = ${teamId} and kind = ${kind}`;
  return row!.count;
}

async function embeds(mesh: Mesh, teamId: string, title: string): Promise<number> {
  const [row] = await mesh.sql`
    select count(*)::integer as count from hub_channel_messages
    where metadata ->> 'team_id' = ${teamId} and embed_data ->> 'title' = ${title}`;
  return row!.count;
}

function outcomes(said: string[]): string[] {
  return said.filter((text) => /^[✅❌🚫]/u.test(text));
}
