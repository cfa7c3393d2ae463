import assert from "node:assert/strict";
import { blocked, claim, complete, held, Mesh } from "./mesh.ts";

Deno.test("dispatch_task() and dispatch_team() that are the first of their server do not lock each other out", async () => {
  await using mesh = await Mesh.idle();
  const channel = await mesh.channel("flat_task_pipeline");
  const posting = await held(mesh.session(), (tx) => holdChannel(tx, channel));
  const task = await blocked(
    mesh,
    mesh.session(),
    (own) => own`select dispatch_task(${channel}, 'Alone', model => 'claude')`,
  );
  const team = await blocked(
    mesh,
    mesh.session(),
    (own) => own`select dispatch_team(${channel}, 'Together', '["a", "b"]', 'claude')`,
  );
  await posting();
  assert.equal((await task.outcome).error, undefined);
  assert.equal((await team.outcome).error, undefined);
});

Deno.test("a plan that ends does not lock out a first task for the models of its subtasks", async () => {
  await using mesh = await Mesh.idle();
  const channel = await mesh.channel("flat_task_pipeline");
  const token = await mesh.device();
  await mesh.sql`select dispatch_team(${channel}, 'Plan it')`;
  const [plan] = await claim(mesh.sql, token);
  // Both the subtask and the task are for a Mac, as nothing before.
  const posting = await held(mesh.session(), (tx) => holdChannel(tx, channel));
  const task = await blocked(
    mesh,
    mesh.session(),
    (own) => own`select dispatch_task(${channel}, 'Build the SwiftUI view')`,
  );
  const planning = await blocked(
    mesh,
    mesh.session(),
    (own) => complete(own, token, plan!, '["Fix the Xcode build", "Archive it with Xcode"]'),
  );
  await posting();
  assert.equal((await task.outcome).error, undefined);
  assert.equal((await planning.outcome).error, undefined);
  const [row] = await mesh.sql`
    select count(*)::integer as subtasks, (
      select count(*)::integer from hub_channel_messages
      where channel_id = ${channel} and content = 'Decomposed into 2 subtasks'
    ) as said
    from mac_tasks where channel_id = ${channel} and kind = 'subtask'`;
  assert.deepEqual({ ...row }, { subtasks: 2, said: 1 });
});

function holdChannel(tx: Mesh["sql"], channel: string) {
  return tx`select from hub_channels where id = ${channel} for no key update`;
}
